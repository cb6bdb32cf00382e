"""A ranking learnt from a few labels."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.stats import rankdata
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, DotProduct, Matern

from untrained.analysis import predictor
from untrained.analysis.labels import predicted
from untrained.analysis.predictor import features, predict
from untrained.errors import InputError
from untrained.objectives import TabularObjective
from untrained.scores import ScoreTable
from untrained.spaces import ArchitectureList, NASBench201


def test_labels_tell_what_metrics_do_not(tmp_path: Path) -> None:
    """The objective falls on both sides of the middle of a metric: its rank says nothing, a few labels say all."""
    rng = np.random.default_rng(0)
    metric = rng.permutation(150) / 149
    archs = tuple(f"a{i}" for i in range(150))
    accuracy = 90 - 40 * (metric - 0.5) ** 2
    accuracy[3] = np.nan
    pq.write_table(pa.table({"arch": archs, "acc": accuracy}), tmp_path / "table.parquet")
    objective = TabularObjective(tmp_path / "table.parquet", "acc")
    table = ScoreTable(archs, ("m",), metric[:, None])
    space = ArchitectureList(list(archs))
    found = predicted(table, space, objective, labels=30, budget=5, draws=1)
    assert abs(np.corrcoef(metric, np.nan_to_num(accuracy, nan=80))[0, 1]) < 0.3
    assert found.spearman.value > 0.8
    assert found.spearman.low <= found.spearman.value <= found.spearman.high
    with pytest.raises(InputError, match="148 labels: give 1 to 147"):
        predicted(table, space, objective, labels=148, budget=1)
    with pytest.raises(InputError, match="budget 120: give 1 to 119"):
        predicted(table, space, objective, labels=30, budget=120)
    with pytest.raises(InputError, match="0 draws: give 1"):
        predicted(table, space, objective, labels=30, budget=1, draws=0)


def test_without_metrics_the_encoding_is_learnt() -> None:
    """Accuracy is the number of 3x3 convolutions, of which no metric tells."""
    space = NASBench201()
    archs = space.pool(300)
    count = np.array([space.canonical(arch).count("nor_conv_3x3") for arch in archs], dtype=float)
    flat = ScoreTable(tuple(archs), ("flat",), np.ones((300, 1)))
    rows = np.arange(60)
    found = predict(features(flat, space), rows, count[rows])
    assert np.corrcoef(rankdata(found[60:]), rankdata(count[60:]))[0, 1] > 0.9


def test_the_process_is_scikit_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same covariance and labels give the same mean, where nothing is fitted."""
    rng = np.random.default_rng(0)
    x, rows = rng.normal(size=(50, 2)), np.arange(20)
    y = rng.normal(size=20)
    monkeypatch.setattr(predictor, "STEPS", 0)
    kernel = Matern(length_scale=2**0.5, nu=2.5) + ConstantKernel(np.exp(-2) / 2) * DotProduct(
        1e-9, sigma_0_bounds="fixed"
    )
    noise: Any = {"alpha": np.exp(-3) + predictor.JITTER, "optimizer": None}
    process = GaussianProcessRegressor(kernel, **noise).fit(x[rows], y)
    found = predictor._process([x], rows, y, rows)
    np.testing.assert_allclose(found, process.predict(x), rtol=1e-5, atol=1e-6)
