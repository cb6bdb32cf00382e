"""A table that answers for a training."""

from pathlib import Path
from typing import Any

import optuna
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from untrained.errors import InputError
from untrained.objectives import EvaluationFailed, EvaluationPruned, TabularObjective


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "accuracy.parquet"
    columns = {
        "arch": ["a", "b", "c", "d"],
        "val": [1.0, 3.0, None, 3.0],
        "test": [10, 30, 20, 31],
        "note": list("wxyz"),
    }
    columns |= {"inf": [1.0, float("inf"), 2.0, 3.0], "empty": pa.array([None] * 4, pa.float64())}
    pq.write_table(pa.table(columns), path)
    return path


def test_values_costs_and_test_figures(path: Path) -> None:
    objective = TabularObjective(path, "val", report_column="test", cost_column="test")
    evaluation = objective("b")
    assert (evaluation.value, evaluation.cost_seconds, evaluation.weights) == (3.0, 30.0, None)
    assert objective.report("b", None) == {"test": 30.0}
    assert TabularObjective(path, "val").report("b", None) == {}
    with pytest.raises(EvaluationFailed, match="val is empty"):
        objective("c")


def test_fidelities(path: Path) -> None:
    """Without a pruner only the last training is made, and paid for; with one, each of them."""
    objective = TabularObjective(path, "test", fidelities={200: "test", 12: "val"}, cost_column="test", cost_epochs=12)
    assert objective.steps == (12, 200)
    assert objective("b").cost_seconds == pytest.approx(30 * 200 / 12)
    assert TabularObjective(path, "test").steps == ()
    study = optuna.create_study(direction="maximize", pruner=optuna.pruners.ThresholdPruner(lower=2))
    with pytest.raises(EvaluationPruned, match="stopped after 12 epochs of 200") as caught:
        objective("a", study.ask())
    assert caught.value.cost_seconds == pytest.approx(10)
    trial = study.ask()
    evaluation = objective("b", trial)
    assert (evaluation.value, evaluation.cost_seconds) == (30, pytest.approx(30 + 30 * 200 / 12))
    assert study.trials[-1].intermediate_values == {12: 3.0}
    assert objective("c", study.ask()).value == 20  # no figure after 12 epochs: nothing to stop it by
    plain, other = TabularObjective(path, "test").identity, objective.identity
    assert "fidelities" not in plain
    assert other["fidelities"] == {"12": "val", "200": "test"}
    for wrong in ({12: "test", 200: "val"}, {0: "test"}):
        with pytest.raises(InputError, match=r"fidelities .*: give whole epochs from 1, the most of them for 'test'"):
            TabularObjective(path, "test", fidelities=wrong)
    with pytest.raises(InputError, match="unknown direction 'up': choose from maximize, minimize"):
        TabularObjective(path, "test", direction="up")  # pyright: ignore[reportArgumentType]


def test_ranks(path: Path) -> None:
    up, down = TabularObjective(path, "val"), TabularObjective(path, "val", direction="minimize")
    pool = ("a", "b", "c", "d")
    assert [up.rank(arch, pool) for arch in "abd"] == [3, 1, 1]  # equals share the better rank
    assert [down.rank(arch, pool) for arch in "abd"] == [1, 2, 2]
    assert up.rank("a", ("a", "b")) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"column": "acc"}, r"no column 'acc': it has arch, val, test"),
        ({"column": "note"}, "column .note. is not numbers: it holds string"),
        ({"column": "val", "report_column": "tset"}, "no column 'tset'"),
        ({"column": "inf"}, "inf is inf for 'b'"),
        ({"column": "empty"}, "has no value at all"),
        ({"column": "test", "cost_column": "val"}, "val is nan for 'c': give its seconds"),
    ],
)
def test_bad_columns_are_named(path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        TabularObjective(path, **options)


def test_unknown_and_double_architectures_are_named(path: Path) -> None:
    with pytest.raises(InputError, match="'e' is not in"):
        TabularObjective(path, "val").check("e")
    pq.write_table(pa.table({"arch": ["a", "a"], "val": [1, 2]}), path)
    with pytest.raises(InputError, match="'a' stands twice"):
        TabularObjective(path, "val")
