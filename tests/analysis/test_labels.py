"""A ranking learnt from a few labels."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from untrained.analysis.labels import predicted
from untrained.errors import InputError
from untrained.objectives import TabularObjective
from untrained.scores import ScoreTable
from untrained.spaces import ArchitectureList


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
    found = predicted(table, space, objective, labels=30, budget=5, draws=2)
    assert abs(np.corrcoef(metric, np.nan_to_num(accuracy, nan=80))[0, 1]) < 0.3
    assert found.spearman.value > 0.8
    assert found.spearman.low <= found.spearman.value <= found.spearman.high
    with pytest.raises(InputError, match="148 labels: give 1 to 147"):
        predicted(table, space, objective, labels=148, budget=1)
    with pytest.raises(InputError, match="budget 120: give 1 to 119"):
        predicted(table, space, objective, labels=30, budget=120)
    with pytest.raises(InputError, match="0 draws: give 1"):
        predicted(table, space, objective, labels=30, budget=1, draws=0)
