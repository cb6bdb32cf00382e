"""Tables as people have them: what is found in them, what is told, what is refused."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from pyarrow import csv

from untrained.data import TableData, load_data
from untrained.data.tabular import load_table
from untrained.errors import InputError, InputWarning


def table(**columns: Any) -> pa.Table:
    """40 rows: numbers `x`, and `columns`."""
    x = np.random.default_rng(0).normal(size=40).round(3)
    return pa.table({"x": x, **columns})


KINDS = np.arange(40) % 2


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "diabetes"])
def test_tables_of_scikit_learn_come_back_from_csv(name: str, tmp_path: Path) -> None:
    from sklearn import datasets

    bunch: Any = getattr(datasets, f"load_{name}")(as_frame=True)
    bunch.frame.to_csv(tmp_path / "own.csv")  # with the numbers of rows, as pandas does unless told not to
    data, own = load_data(name), load_data(tmp_path / "own.csv")
    assert data.facts == own.facts == {"num_classes": data.task.outputs, "in_features": bunch.data.shape[1]}
    assert torch.equal(data.inputs, own.inputs)
    assert torch.equal(own.inputs, torch.tensor(bunch.data.to_numpy(np.float32, copy=True)))
    assert data.task.kind == own.task.kind == ("regression" if name == "diabetes" else "classification")
    if name == "diabetes":
        assert np.array_equal(own.target.values[:, 0], bunch.target)
    else:
        names = np.array(data.task.classes)[data.target.values]
        assert np.array_equal(names, np.array(bunch.target_names)[bunch.target])


def test_regression_targets_are_learnt_standardised_and_kept_in_their_own_units() -> None:
    data = load_data("diabetes")
    raw: Any = data.raw("train")
    targets = raw.tensors[1]
    assert data.task.mean == pytest.approx([targets.mean().item()])
    assert data.task.std == pytest.approx([targets.std(correction=0).item()])
    _, learnt = data.split("train")[list(range(len(raw)))]
    assert learnt.shape == (len(raw), 1)
    assert learnt.mean().item() == pytest.approx(0, abs=1e-5)
    assert learnt.std(correction=0).item() == pytest.approx(1, abs=1e-4)
    assert torch.allclose(data.task.restored(learnt), targets, atol=1e-3)


@pytest.mark.parametrize(
    ("target", "options", "kind", "classes"),
    [
        (["yes", "no"] * 20, {}, "classification", ("no", "yes")),
        ([True, False] * 20, {}, "classification", ("false", "true")),
        ([3, 8] * 20, {}, "classification", ("3", "8")),
        ([0.0, 1.0] * 20, {}, "classification", ("0", "1")),
        ([0.5, 1.5] * 20, {}, "regression", ()),
        ([3, 8] * 20, {"task": "regression"}, "regression", ()),
        ([0.5, 1.5] * 20, {"task": "classification"}, "classification", ("0.5", "1.5")),
        (list(range(40)), {}, "regression", ()),
        (list(range(20)) * 2, {}, "regression", ()),  # two rows a class
    ],
    ids=["text", "booleans", "few integers", "0.0 and 1.0", "floats", "told", "told", "many integers", "few rows"],
)
def test_the_target_tells_the_task(target: list[Any], options: dict[str, Any], kind: str, classes: Any) -> None:
    task = load_table(table(target=target), **options).task
    assert (task.kind, task.classes) == (kind, classes)


def test_several_targets_are_labels_or_numbers() -> None:
    two = table(a=KINDS, b=1 - KINDS, c=np.linspace(0, 1, 40))
    labels = load_table(two, target=["a", "b"])
    assert (labels.task.kind, labels.task.classes, labels.facts["num_classes"]) == ("multi-label", ("a", "b"), 2)
    numbers = load_table(two, target="a, c")
    assert (numbers.task.kind, numbers.task.outputs, len(numbers.task.mean)) == ("regression", 2, 2)


@pytest.mark.parametrize("name", ["target", "Label", "class", "y"])
def test_the_target_is_found_by_its_name(name: str) -> None:
    assert load_table(table(**{name: KINDS})).target.columns == (name,)


def test_columns_that_tell_nothing_are_left_out_and_told() -> None:
    others = {"id": np.arange(40), "name": [f"n{i}" for i in range(40)], "unit": ["cm"] * 40, "gone": [None] * 40}
    with pytest.warns(InputWarning) as told:
        data = load_table(table(y=KINDS, **others))
    assert data.preparation.features == ("x",)
    message = str(told[0].message)
    for part in (
        "'id' (the number of the row)",
        "'name' (another text in",
        "'unit' (always the same)",
        "'gone' (empty)",
    ):
        assert part in message
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        chosen = load_table(table(y=KINDS, **others), inputs="x, unit")
    assert chosen.preparation.features == ("x", "unit=cm")


def test_dates_become_days_and_booleans_numbers() -> None:
    days = [f"2024-01-{day + 1:02}" for day in range(20)] * 2
    flags = ["true", "", "false", "True"] * 10
    with pytest.warns(InputWarning, match="dates become days since 1970: 'day'"):
        data = load_table(table(day=days, flag=flags, y=KINDS))
    assert data.inputs[:2, 1].tolist() == [19723, 19724]  # 54 years with 13 leap days
    assert data.inputs[:4, 2].nan_to_num(-7).tolist() == [1, -7, 0, 1]
    zoned = [f"2024-01-0{day + 1}T12:00:00+12:00" for day in range(8)] * 5
    with pytest.warns(InputWarning, match="dates"):
        data = load_table(table(day=zoned, y=KINDS))
    assert data.inputs[:8, 1].tolist() == list(range(19723, 19731))


def test_numbers_that_single_precision_cannot_tell_apart_are_told() -> None:
    with pytest.warns(InputWarning, match=r"single precision.*'time'"):
        load_table(table(time=1.7e9 + np.arange(40) % 7, y=KINDS))


def test_a_few_words_among_numbers_are_told() -> None:
    cells = [str(number) for number in np.arange(40) / 7]
    cells[3] = "many"
    with pytest.warns(InputWarning, match=r"left out: 'a' \('many' in row 4 is no number\)"):
        load_table(table(a=cells, y=KINDS))
    cells = [str(number) for number in np.arange(40) % 7 / 2]
    cells[3] = "many"
    with pytest.warns(InputWarning, match=r"mostly numbers.*'a' \('many' in row 4 is no number\)"):
        assert load_table(table(a=cells, y=KINDS)).preparation.columns[1].holds == "text"


def test_no_number_stands_for_a_missing_one() -> None:
    cells = ["-1e8", "nan", "?", "5"] * 10
    data = load_table(table(a=cells, y=KINDS))
    assert data.inputs[:4, 1].nan_to_num(-7).tolist() == [-1e8, -7, -7, 5]


def test_whole_floats_may_be_classes_and_that_is_told() -> None:
    with pytest.warns(InputWarning, match=r"'y' has 4 values, all whole.*task='classification'"):
        assert load_table(table(y=np.arange(40.0) % 4)).task.kind == "regression"


def test_a_split_column_decides_the_splits() -> None:
    parts = np.array(["train"] * 20 + ["val"] * 10 + ["test"] * 10)
    data = load_table(table(Split=parts, y=KINDS))
    assert {name: sorted(rows) for name, rows in data.splits.items()} == {
        "train": list(range(20)),
        "valid": list(range(20, 30)),
        "test": list(range(30, 40)),
    }
    assert data.preparation.features == ("x",)
    data = load_table(table(split=np.array(["train"] * 30 + ["test"] * 10), y=KINDS))
    assert sorted(data.splits["test"]) == list(range(30, 40))
    assert len(data.splits["valid"]) == 6
    with pytest.raises(InputError, match="'tset' in column 'split' is no split"):
        load_table(table(split=np.array(["train"] * 39 + ["tset"]), y=KINDS))


def test_a_test_table_of_its_own() -> None:
    other = table(y=KINDS)
    data = load_table(table(y=KINDS), other)
    assert sorted(data.splits["test"]) == list(range(40, 80))
    assert {name: len(rows) for name, rows in data.splits.items()} == {"train": 32, "valid": 8, "test": 40}
    with pytest.raises(InputError, match="no column 'y'"):
        load_table(table(y=KINDS), table())


@pytest.mark.parametrize(
    ("columns", "options", "said"),
    [
        ({"quality": KINDS}, {}, "which column is to be predicted.*x, quality"),
        ({"y": KINDS}, {"target": "quality"}, "no column 'quality': it has x, y"),
        ({"y": [1, None, 0, None] * 10}, {}, "row 2 .*19 more.* no value of the target 'y'"),
        ({"y": ["a"] * 40}, {}, r"target 'y' is 'a' in every row"),
        ({"y": [2.5] * 40}, {}, r"target 'y' is 2.5 in every row"),
        ({"y": [f"n{i}" for i in range(40)]}, {}, "40 classes in 40 rows"),
        ({"y": ["a", "b"] * 20}, {"task": "regression"}, "'y' of a regression holds text, not numbers"),
        ({"y": KINDS}, {"task": "guess"}, "task 'guess' of a table: choose from classification"),
        ({"y": KINDS}, {"inputs": ["y"]}, "'y' is the target"),
        ({"y": KINDS}, {"inputs": ["z"]}, "no column 'z'"),
        ({"y": KINDS, "z": [[1, 2]] * 40}, {}, "column 'z' holds list"),
        ({"y": KINDS, "z": [1e300, 0.0] * 20}, {}, r"column 'z' is 1e\+300, too large, in row 1"),
        ({"y": KINDS, "z": [float("inf")] * 40}, {}, "column 'z' is infinite in row 1"),
        (
            {"y": KINDS, "z": np.linspace(0, 1, 40)},
            {"target": ["y", "x"], "task": "multi-label"},
            "'x' .*must be 0 or 1",
        ),
    ],
)
def test_what_is_wrong_is_told_in_one_line(columns: dict[str, Any], options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        load_table(table(**columns), **options)
    assert len(str(caught.value)) <= 300


def test_files_that_are_no_tables_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"\0\1\2")
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    (tmp_path / "twice.csv").write_text("a,a\n1,2\n")
    (tmp_path / "only.csv").write_text("y\n" + "1\n0\n" * 10)
    for name, said in {
        "a.csv": "not a readable CSV",
        "a.parquet": "cannot be read as",
        "twice.csv": "'a' stands twice",
        "only.csv": "no column to learn from",
        "gone.csv": "no file",
    }.items():
        with pytest.raises(InputError, match=said):
            load_data(tmp_path / name)


def test_the_fingerprint_is_of_all_cells_and_of_the_target() -> None:
    before = load_table(table(y=KINDS)).fingerprint
    assert load_table(table(y=KINDS)).fingerprint == before
    assert load_table(table(y=1 - KINDS)).fingerprint != before
    assert load_table(table(y=KINDS, z=KINDS), inputs="x").fingerprint == before
    changed = table(y=KINDS).to_pandas()
    changed.loc[39, "x"] += 0.001
    assert load_table(changed).fingerprint != before


def test_parquet_and_csv_of_the_same_rows_are_the_same_data(tmp_path: Path) -> None:
    rows = table(colour=["red", "blue", None, "red"] * 10, y=["a", "b"] * 20)
    pq.write_table(rows, tmp_path / "t.parquet")
    csv.write_csv(rows, tmp_path / "t.csv")
    both: list[TableData] = [load_data(tmp_path / name) for name in ("t.parquet", "t.csv")]
    assert both[0].fingerprint == both[1].fingerprint
    assert both[0].preparation.features == ("x", "colour=", "colour=blue", "colour=red")
