"""The preparation of a table does what scikit-learn's own transform does, and comes back from JSON."""

import json
import pickle
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from untrained.data.preparation import preparation_of
from untrained.data.tabular import TableData, TablePreparation, load_table
from untrained.data.tabular.fit import MOST_CATEGORIES
from untrained.data.tabular.preparation import TableColumn
from untrained.errors import InputError, InputWarning


def people(n: int = 200, seed: int = 0) -> pa.Table:
    """Ages and colours with gaps, incomes over magnitudes, years, many towns, and whether somebody buys."""
    rng = np.random.default_rng(seed)
    ages: Any = rng.normal(40, 12, n)
    ages[::7] = np.nan
    towns = [f"town {int(number)}" for number in rng.zipf(1.3, n) % 60]
    return pa.table(
        {
            "age": pa.array(ages, from_pandas=True),
            "income": np.exp(rng.normal(10, 1, n)),
            "year": rng.integers(2000, 2003, n),
            "colour": pa.array([["red", "green", None][i] for i in rng.integers(0, 3, n)]),
            "town": pa.array(towns),
            "buys": pa.array(rng.random(n) < 0.5),
        }
    )


def by_scikit_learn(table: pa.Table, train: np.ndarray) -> np.ndarray:
    """Every row as scikit-learn prepares it, fitted on the training rows."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    frame, missing = table.to_pandas(), cast(Any, None)
    texts = make_pipeline(
        SimpleImputer(strategy="constant", fill_value="", missing_values=missing),
        OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=MOST_CATEGORIES, sparse_output=False),
    )
    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    both = ColumnTransformer([("n", numbers, ["age", "income", "year"]), ("t", texts, ["colour", "town"])])
    frame[["colour", "town"]] = frame[["colour", "town"]].astype(object).where(frame[["colour", "town"]].notna(), None)
    return cast(Any, both.fit(frame.iloc[train]).transform(frame))


@pytest.fixture(scope="module")
def data() -> TableData:
    with pytest.warns(InputWarning, match=r"rarest of more than 32 categories .*'town'"):
        return load_table(people(), target="buys", name="people")


def test_the_module_does_what_scikit_learn_does(data: TableData) -> None:
    expected = by_scikit_learn(people(), data.splits["train"])
    found = data.preparation.module()(data.inputs)
    assert found.dtype == torch.float32
    assert found.shape[1] == len(data.preparation.features) == expected.shape[1]
    assert np.abs(found.numpy() - expected).max() < 1e-5


def test_features_have_names(data: TableData) -> None:
    features = data.preparation.features
    assert features[:7] == ("age", "income", "year", "age missing", "colour=", "colour=green", "colour=red")
    assert features[-1] == "town=others"
    assert sum(feature.startswith("town=") for feature in features) == MOST_CATEGORIES


def test_json_makes_the_same_preparation_again(data: TableData) -> None:
    again = preparation_of(json.loads(json.dumps(data.preparation.to_json())))
    assert again == data.preparation
    assert torch.equal(again.module()(data.inputs), data.preparation.module()(data.inputs))
    assert pickle.loads(pickle.dumps(again)) == again


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_rows_of_a_file_are_read_as_they_were_for_training(data: TableData, tmp_path: Path, ending: str) -> None:
    path, table = tmp_path / f"new.{ending}", people().drop_columns(["buys"]).append_column("other", [["x"] * 200])
    write = pyarrow.csv.write_csv if ending == "csv" else pyarrow.parquet.write_table
    write(table.select(table.column_names[::-1]), path)  # in any order
    rows = data.preparation.read([path, path])
    assert rows.shape == (400, 5)
    assert torch.equal(rows[:200].nan_to_num(-7), data.inputs.nan_to_num(-7))


def test_categories_that_are_new_count_as_none_of_the_known_ones(data: TableData, tmp_path: Path) -> None:
    path = tmp_path / "new.csv"
    path.write_text("age,income,year,colour,town\n40,1,2000,pink,nowhere\n")
    with pytest.warns(InputWarning, match="new.csv: 'pink' in column 'colour' was not in the training data") as told:
        rows = data.preparation.read([path])
    assert len(told) == 1  # towns have a category for all others
    assert rows[0, 3:].tolist() == [-1, -1]
    inputs = dict(zip(data.preparation.features, data.preparation.module()(rows)[0].tolist(), strict=True))
    assert [inputs[f"colour={c}"] for c in ("", "green", "red")] == [0, 0, 0]
    assert inputs["town=others"] == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("age,income\n1,2\n", "new.csv has no column 'year', 'colour', 'town': it has age, income"),
        ("age,income,year,colour,town\nold,1,2,red,x\n", "column 'age' must hold numbers: 'old' in row 1"),
        ("age,income,year,colour,town\ninf,1,2,red,x\n", "column 'age' is infinite in row 1"),
        ("age,income,year,colour,town\n", "new.csv has no rows"),
    ],
)
def test_rows_that_do_not_fit_are_told(data: TableData, tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "new.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        data.preparation.read([path])


def test_a_missing_file_and_a_picture_are_told(data: TableData, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no file .*gone\.csv"):
        data.preparation.read([tmp_path / "gone.csv"])
    with pytest.raises(InputError, match=r"cat\.png is no table"):
        data.preparation.read([tmp_path / "cat.png"])


@given(
    mean=st.floats(-1e7, 1e7),
    std=st.floats(1e-2, 1e3),
    steps=st.floats(-5, 5),
)
@settings(max_examples=200, deadline=None)
def test_numbers_close_to_their_mean_lose_nothing(mean: float, std: float, steps: float) -> None:
    number = np.float32(mean + steps * std)
    module = TablePreparation((TableColumn("x", "number", mean, mean, std),)).module()
    expected = (float(number) - mean) / std
    assert module(torch.tensor([[number]])).item() == pytest.approx(expected, rel=1e-5, abs=1e-5)


def test_it_can_be_exported(data: TableData) -> None:
    module = data.preparation.module()
    batch = torch.export.Dim("n")
    program = torch.export.export(module, (data.inputs[:4],), dynamic_shapes=({0: batch},))
    assert torch.equal(program.module()(data.inputs), module(data.inputs))
    assert not list(module.state_dict())


@pytest.mark.filterwarnings("ignore")
def test_onnx_prepares_rows_as_scikit_learn_does(data: TableData, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
    path, sizes = tmp_path / "rows.onnx", ({0: torch.export.Dim("n")},)
    torch.onnx.export(data.preparation.module(), (data.inputs[:4],), path, dynamic_shapes=sizes, verbose=False)
    session = onnxruntime.InferenceSession(path)
    (found,) = session.run(None, {session.get_inputs()[0].name: data.inputs.numpy()})
    assert np.abs(found - by_scikit_learn(people(), data.splits["train"])).max() < 1e-5
