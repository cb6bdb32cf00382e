"""The table and its scalings."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.stats import rankdata

from untrained.errors import InputError
from untrained.scores import Scaling, ScoreTable

NAN = float("nan")


def scaled(column: list[float], scaling: Scaling) -> list[float]:
    table = ScoreTable(tuple(f"a{i}" for i in range(len(column))), ("m",), np.array(column)[:, None])
    return table.scaled(scaling)[:, 0].tolist()


def test_minmax_by_hand() -> None:
    assert scaled([3.0, 1.0, 5.0], "minmax") == [0.5, 0.0, 1.0]
    assert scaled([NAN, 2.0, 6.0, 4.0], "minmax") == [0.0, 0.0, 1.0, 0.5]  # a leading NaN spoils nothing
    assert scaled([float("inf"), 2.0, 6.0], "minmax") == [0.0, 0.0, 1.0]  # nor does an infinity
    assert scaled([7.0, 7.0], "minmax") == [7.0, 7.0]  # a constant metric is left alone
    assert scaled([NAN, NAN], "minmax") == [0.0, 0.0]


def test_rank_by_hand() -> None:
    assert scaled([10.0, -1.0, 1e30], "rank") == [0.5, 0.0, 1.0]
    assert scaled([5.0, 5.0, 9.0], "rank") == [0.25, 0.25, 1.0]  # ranks 1.5, 1.5, 3 of 3
    assert scaled([4.0, NAN, 9.0], "rank") == [0.0, 0.0, 1.0]


def test_ranks_are_scipys() -> None:
    rng = np.random.default_rng(0)
    for column in (
        rng.normal(size=50),
        rng.integers(0, 6, 50).astype(float),
        np.array([3.0]),
        np.array([1e308, -1e308]),
    ):
        known = column.copy()
        known[rng.random(len(column)) < 0.2] = np.nan
        expected = np.full(len(column), 0.0)
        there = ~np.isnan(known)
        expected[there] = (rankdata(known[there]) - 1) / max(there.sum() - 1, 1)
        assert scaled(known.tolist(), "rank") == pytest.approx(expected.tolist(), abs=1e-15)


def test_log_by_hand() -> None:
    # s = 1: ln 2, ln 4, ln 8 -> 0, 1/2, 1
    assert scaled([1.0, 3.0, 7.0], "log") == pytest.approx([0.0, 0.5, 1.0])
    # s = 1: -ln 2, 0, ln 2
    assert scaled([-1.0, 0.0, 1.0], "log") == pytest.approx([0.0, 0.5, 1.0])
    spread = scaled([1e-300, 1.0, 1e300], "log")
    assert spread == pytest.approx([0.0, 0.5, 1.0], abs=1e-3)  # raw min-max would give 0, 0, 1
    assert scaled([0.0, 0.0], "log") == [0.0, 0.0]


def test_an_unknown_scaling_is_named() -> None:
    table = ScoreTable(("a",), ("m",), np.ones((1, 1)))
    with pytest.raises(InputError, match=r"'zscore': choose from minmax, rank, log"):
        table.scaled("zscore")  # pyright: ignore[reportArgumentType]


def test_the_table_is_frozen() -> None:
    values = np.ones((1, 1))
    table = ScoreTable(("a",), ("m",), values)
    values[0, 0] = 2
    assert table.values[0, 0] == 1
    with pytest.raises(ValueError, match="read-only"):
        table.values[0, 0] = 3


def test_metrics_that_tell_nothing_apart_are_named(tmp_path: Path) -> None:
    values = np.array([[1.0, 2.0, NAN, 5.0], [3.0, 2.0, NAN, NAN]])
    table = ScoreTable(("a", "b"), ("fine", "same", "failed", "half"), values, {"a": {"failed": "no ReLU"}})
    assert table.idle == {
        "same": "is 2 for all of the 2 architectures",
        "failed": "has no score for any of the 2 architectures (no ReLU)",
    }
    assert ScoreTable(("a",), ("one",), np.ones((1, 1))).idle == {}
    # Asked for by name, an empty column is an error; among others, it is just there.
    table.save(tmp_path / "t.parquet")
    assert ScoreTable.load(tmp_path / "t.parquet").idle == table.idle
    with pytest.raises(InputError, match=r"t.parquet: metric column 'failed' is empty in all of its 2 rows"):
        ScoreTable.load(tmp_path / "t.parquet", ["fine", "failed"])


def test_a_damaged_file_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    rng = np.random.default_rng(0)
    ScoreTable(tuple(map(str, range(50))), ("m",), rng.normal(size=(50, 1)), {"3": {"m": "why"}}).save(path)
    whole = path.read_bytes()
    for cut in (1, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:cut])
        with pytest.raises(InputError, match=r"t.parquet' is not a readable Parquet file"):
            ScoreTable.load(path)
    scores = whole.index(np.float64(ScoreTable.load(_written(path, whole)).values[7, 0]).tobytes())
    path.write_bytes(whole[:scores] + bytes([whole[scores] ^ 1]) + whole[scores + 1 :])  # one bit of one score
    with pytest.raises(InputError, match=r"t.parquet' is not a readable Parquet file: .*CRC"):
        ScoreTable.load(path)


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_select_and_its_errors() -> None:
    table = ScoreTable(("a", "b", "c"), ("m", "n"), np.arange(6.0).reshape(3, 2), {"b": {"m": "why", "n": "so"}})
    part = table.select(["c", "b"], ["n"])
    assert part.values.tolist() == [[5.0], [3.0]]
    assert part.reasons == {"b": {"n": "so"}}
    with pytest.raises(InputError, match="'d' is not in"):
        table.select(["d"])
    with pytest.raises(InputError, match=r"no metric 'o': it has m, n"):
        table.select(metrics=["o"])


def test_any_parquet_with_arch_and_numbers_is_a_table(tmp_path: Path) -> None:
    path = tmp_path / "published.parquet"
    pq.write_table(pa.table({"arch": ["a", "b"], "snip": [1, 2], "note": ["x", "y"], "zen": [0.5, None]}), path)
    table = ScoreTable.load(path)
    assert table.metrics == ("snip", "zen")
    assert np.array_equal(table.values, [[1.0, 0.5], [2.0, NAN]], equal_nan=True)
    assert not table.provenance
    with pytest.raises(InputError, match=r"no numbers in metric column 'note': it has snip, zen"):
        ScoreTable.load(path, ["note"])
    with pytest.raises(InputError, match=r"no metric column 'fisher': it has snip, zen"):
        ScoreTable.load(path, ["fisher"])
    with pytest.raises(InputError, match=r"published\.parquet/t\.parquet cannot be written: "):
        table.save(path / "t.parquet")


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: None, "no file"),
        (lambda path: path.write_bytes(b"PAR1 not really"), "not a readable Parquet file"),
        (lambda path: path.write_bytes(b""), "not a readable Parquet file"),
        (lambda path: path.mkdir(), "is a folder: give a Parquet, CSV or JSON file"),
        (lambda path: path.write_text("arch,m\na,1\n"), "table.parquet' is not a readable Parquet file"),
        (
            lambda path: pq.write_table(pa.table({"arch": ["a"], "m": [1.0], "reasons": ["why"]}), path),
            "table.parquet: the reasons or the provenance are not those",
        ),
        (lambda path: pq.write_table(pa.table({"cell": ["a"]}), path), "no column 'arch': it has cell"),
        (lambda path: pq.write_table(pa.table({"arch": [1]}), path), "one string in every row"),
        (lambda path: pq.write_table(pa.table({"arch": ["a", None]}), path), "one string in every row"),
        (
            lambda path: pq.write_table(pa.table({"arch": ["a", "a"], "m": [1, 2]}), path),
            "table.parquet: architecture 'a' stands twice",
        ),
        (
            lambda path: pq.write_table(pa.Table.from_arrays([pa.array(["a"])] * 2, ["arch", "arch"]), path),
            "table.parquet: column 'arch' stands twice",
        ),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, write, message: str) -> None:
    path = tmp_path / "table.parquet"
    write(path)
    with pytest.raises(InputError, match=message) as caught:
        ScoreTable.load(path)
    assert "\n" not in str(caught.value)


def test_directions_are_kept_and_known_by_name(tmp_path: Path) -> None:
    names = ("snip", "ntk_condition_number(mode=train)", "nwot", "mine", "theirs")
    values = np.arange(10.0).reshape(2, 5)
    table = ScoreTable(("a", "b"), names, values)
    assert table.directions == (1, -1, 1, 1, 1)  # registered ones by their names, 1 where nothing is known
    turned = ScoreTable(("a", "b"), names, values, directions=(1, -1, 1, -1, 1))
    assert turned.upward.tolist() == [[0, -1, 2, -3, 4], [5, -6, 7, -8, 9]]
    assert turned.select(metrics=["mine", "snip"]).directions == (-1, 1)
    assert turned.fingerprint != table.fingerprint
    turned.save(tmp_path / "t.parquet")
    assert ScoreTable.load(tmp_path / "t.parquet").directions == turned.directions
    assert ScoreTable.load(tmp_path / "t.parquet", ["mine"]).directions == (-1,)
    pq.write_table(pa.table({"arch": ["a"], "ntk_condition_number": [2.0], "other": [1.0]}), tmp_path / "p.parquet")
    assert ScoreTable.load(tmp_path / "p.parquet").directions == (-1, 1)
    for wrong in ((1,), (1, 1, 1, 1, 0)):
        with pytest.raises(InputError, match="give 1 or -1 for each"):
            ScoreTable(("a", "b"), names, values, directions=wrong)


def test_what_a_metric_cannot_read_is_neither_good_nor_bad() -> None:
    values = np.array([[1.0], [2.0], [9.0], [NAN], [NAN], [NAN]])
    reasons = {"d": {"m": "ValueError: the network calls no ReLU"}, "e": {"m": "ValueError: the score is -inf"}}
    table = ScoreTable(tuple("abcdef"), ("m",), values, reasons, directions=(-1,))
    # The median of 1, 2, 9; the worst for a number that is not finite, and for what nobody knows the reason of.
    assert np.array_equal(table.merits[:, 0], [-1, -2, -9, -2, NAN, NAN], equal_nan=True)
    assert np.array_equal(table.upward[:, 0], [-1, -2, -9, NAN, NAN, NAN], equal_nan=True)
    assert table.scaled("minmax")[:, 0].tolist() == [0, 1 / 8, 1, 1 / 8, 0, 0]
    assert table.scaled("rank")[:, 0].tolist() == [0, 0.5, 1, 0.5, 0, 0]
    assert table.missing == {"m": "3 of 6 missing: the network calls no ReLU"}
    nothing = ScoreTable(("a", "b"), ("m",), np.full((2, 1), NAN), {"a": {"m": "no ReLU"}})
    assert nothing.scaled().tolist() == [[0.0], [0.0]]
    assert np.isnan(nothing.merits).all()
    assert nothing.fingerprint != ScoreTable(("a", "b"), ("m",), np.full((2, 1), NAN)).fingerprint


def test_missing_counts_the_most_frequent_reason() -> None:
    reasons = {"a": {"m": "rare"}, "b": {"m": "frequent"}, "c": {"m": "frequent"}}
    table = ScoreTable(tuple("abcd"), ("m", "n"), np.array([[NAN, 1]] * 3 + [[1, 1]]), reasons)
    assert table.missing == {"m": "3 of 4 missing: frequent"}


@pytest.mark.parametrize(
    ("reason", "unread"),
    [
        ("ValueError: the network calls no ReLU module", True),
        ("ValueError: a block does not depend on the one before it: they stand on parallel branches", True),
        ("RuntimeError: expected 4-dimensional input", True),
        ("ValueError: the score is -inf", False),
        ("ValueError: the network's numbers are not all finite: ...", False),
        ("ValueError: the kernel is singular: two samples switch on the same units, or there are too few units", False),
        ("ValueError: the kernel is zero: the outputs do not depend on the parameters", False),
        ("ValueError: the value is 0: it has no logarithm", False),
    ],
)
def test_a_network_whose_numbers_are_to_blame_is_not_excused(reason: str, unread: bool) -> None:
    table = ScoreTable(("a", "b"), ("m",), np.array([[NAN], [1.0]]), {"a": {"m": reason}})
    assert bool(table.unread[0, 0]) is unread


def test_csv_is_text_that_is_read_back(tmp_path: Path) -> None:
    reasons = {"b,c": {"snip": 'the network said "no"'}}
    table = ScoreTable(("a", "b,c"), ("snip", "zen"), np.array([[1.5, -2.0], [np.nan, 3e-300]]), reasons)
    table.save(tmp_path / "scores.csv")
    first, *_ = (tmp_path / "scores.csv").read_text().splitlines()
    assert first == '"arch","snip","zen","reasons"'
    again = ScoreTable.load(tmp_path / "scores.csv", ["snip", "zen"])
    assert again.archs == table.archs
    assert np.array_equal(again.values, table.values, equal_nan=True)
