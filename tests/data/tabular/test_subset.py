"""Parts of a table: classes and numbers have their share in each."""

import numpy as np
import pandas as pd
import pytest

from untrained.data.tabular import load_table
from untrained.errors import InputError, InputWarning


def test_a_subset_of_rows_has_its_share_of_each_class() -> None:
    rows = pd.DataFrame({"x": np.arange(300) / 7, "y": np.repeat([0, 1], [225, 75])})
    data = load_table(rows, subset=80)
    assert {name: len(part) for name, part in data.splits.items()} == {"train": 48, "valid": 16, "test": 16}
    used = np.concatenate(list(data.splits.values()))
    assert np.bincount(data.target.values[used]).tolist() == [60, 20]
    with pytest.raises(InputError, match="subset 301: the table has 300 rows"):
        load_table(rows, subset=301)


def test_each_split_of_a_regression_has_small_and_large_numbers() -> None:
    data = load_table(pd.DataFrame({"x": np.arange(200) % 13, "y": np.arange(200) ** 2 / 3}))
    for part in data.splits.values():
        tenth = np.argsort(np.argsort(data.target.values[:, 0])) // 20
        assert set(np.bincount(tenth[part])) == {len(part) // 10}


def test_a_rare_class_stays_in_the_training_rows_and_is_told() -> None:
    rows = pd.DataFrame({"x": np.arange(41) / 7, "y": ["a", "b"] * 20 + ["rare"]})
    with pytest.warns(InputWarning, match=r"rare \(1 row\).* too few rows"):
        data = load_table(rows)
    assert 40 in data.splits["train"]
