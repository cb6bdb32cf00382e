"""One reader for Parquet, CSV and JSON: the same table from each, and one line for what is none."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from untrained.data.tables import first_twice, open_table, read_table
from untrained.errors import InputError

ROWS = {"a": {"acc": 90.5, "note": "x"}, "b": {"acc": None, "note": "y"}}
PAIRS = list(ROWS.items())
TABLE = {"arch": ["a", "b"], "acc": [90.5, None]}


def written(path: Path, content: Any) -> Path:
    """Text as UTF-8, bytes as they are, columns as Parquet if the file is called so, all else as JSON."""
    if path.suffix == ".parquet":
        pq.write_table(pa.table(content), path)
    else:
        text = content if isinstance(content, str | bytes) else json.dumps(content)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.parquet", {**TABLE, "note": ["x", "y"]}),
        ("t.parquet", {**TABLE, "arch": pa.array(["a", "b"]).dictionary_encode(), "note": ["x", "y"]}),
        ("t.csv", "arch,acc,note\na,90.5,x\nb,,y\n"),
        ("T.CSV", "arch;acc;note\r\na;90,5;x\r\nb;;y\r\n"),
        ("t.tsv", "note\tacc\tarch\nx\t90.5\ta\ny\tfailed\tb\n"),
        ("t.csv", '\n"arch", acc ,note,\n"a",90.5,x,1\n"b","",y,2\n'),
        ("t.csv", b"\xef\xbb\xbfarch,acc,note\na,90.5,x\nb,NaN,y\n"),
        ("t.csv", "arch,acc,note\na,90.5,x\nb,,y\n".encode("utf-16")),
        ("t.csv", "arch,acc,note\na,90.5,\xe9\nb,,y\n".encode("latin-1")),
        ("t.json", ROWS),
        ("t.json", {"cifar10": ROWS}),
        ("t.json", {"space": {"cifar10": ROWS}}),
        ("t.json", {"cifar10": {arch: {"acc": {"score": row["acc"], "time": 1}, "note": "x"} for arch, row in PAIRS}}),
        ("t.json", [{"arch": arch, **row} for arch, row in PAIRS]),
        ("t.json", {**TABLE, "note": ["x", "y"]}),
        ("t.json", b"\xef\xbb\xbf" + json.dumps(ROWS).encode()),
    ],
)  # fmt: skip
def test_every_format_gives_the_same_table(tmp_path: Path, name: str, content: Any) -> None:
    path = written(tmp_path / name, content)
    assert read_table(path, ["acc"]).to_pydict() == TABLE
    file = open_table(path)
    assert (file.numeric, list(file.others)) == (("acc",), ["note"])
    assert file.read([], ["note"]).column_names == ["arch", "note"]
    for column, says in (
        ("acc2", "no column 'acc2': it has arch, acc, note"),
        ("note", "column 'note' is not numbers"),
    ):
        with pytest.raises(InputError, match=says):
            read_table(path, [column])
    assert open_table(file) is file


def test_one_of_several_tasks(tmp_path: Path) -> None:
    other = {"c": {"acc": 1.0}}
    path = written(tmp_path / "t.json", {"nb101": {"cifar10": ROWS}, "nb201": {"cifar10": other, "svhn": other}})
    assert open_table(path, task="svhn").read(["acc"])["arch"].to_pylist() == ["c"]
    assert open_table(path, task="nb101/cifar10").read(["acc"])["arch"].to_pylist() == ["a", "b"]
    assert open_table(path, task="nb101").read(["acc"])["arch"].to_pylist() == ["a", "b"]
    for task, says in (
        (None, r"give one task .*: it has nb101/cifar10, nb201/cifar10, nb201/svhn"),
        ("cifar10", "task 'cifar10' is any of nb101/cifar10, nb201/cifar10"),
        ("imagenet", "no task 'imagenet': it has nb101/cifar10"),
    ):
        with pytest.raises(InputError, match=says):
            open_table(path, task=task)


def test_architectures_under_another_name(tmp_path: Path) -> None:
    for name, content in (
        ("t.parquet", {"net": ["a"], "acc": [1.0]}),
        ("t.csv", "net,acc\na,1\n"),
        ("t.json", [{"net": "a", "acc": 1}]),
        ("t.json", {"net": ["a"], "acc": [1]}),
    ):
        path = written(tmp_path / name, content)
        assert open_table(path, arch_column="net").read(["acc"]).to_pydict() == {"arch": ["a"], "acc": [1.0]}
        with pytest.raises(InputError, match="arch"):
            open_table(path)
    path = written(tmp_path / "t.json", [{"arch": [0, 1, 2], "acc": 1}])
    assert read_table(path, [])["arch"].to_pylist() == ["(0, 1, 2)"]


def test_integers_beyond_doubles_are_rounded(tmp_path: Path) -> None:
    """Identifiers and nanoseconds beside the figures stop nobody."""
    path = written(tmp_path / "t.parquet", {"arch": ["a"], "id": pa.array([2**60 + 1]), "acc": [1.0]})
    assert read_table(path, ["acc"])["acc"].to_pylist() == [1.0]
    assert read_table(path, ["id"])["id"].to_pylist() == [float(2**60)]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("t.csv", "", "not a readable CSV file: it is empty"),
        ("t.csv", "arch,acc\n", "a header and no rows"),
        ("t.csv", "arch,acc\na,1,2\n", "not a readable CSV file"),
        ("t.csv", "arch,acc,acc\na,1,2\n", "column 'acc' stands twice"),
        ("t.csv", "arch,acc\na,1\n,2\n", "row 2 names no architecture"),
        ("t.csv", "net,acc\na,1\n", "no column 'arch': it has net, acc"),
        ("t.csv", "arch,acc\na,1\na,2\n", "'a' stands twice"),
        ("t.csv", ",".join(f"column_{i}" for i in range(10_000)), "column_9 and 9990 more"),
        ("t.csv", b"arch,acc\na,\x001\n", "zero bytes"),
        ("t.csv", b"\xff\xfea", "not a readable CSV file"),
        ("t.json", '{"cifar10": {"(1', "not a readable JSON file"),
        ("t.json", "[" * 100_000, "not a readable JSON file"),
        ("t.json", "1" * 10_000, "not a readable JSON file"),
        ("t.json", [1, 2], "record 1 names no architecture 'arch': it is 1"),
        ("t.json", [{"arch": "a"}, {"acc": 1}], "record 2 names no architecture 'arch': it has acc"),
        ("t.json", {"arch": ["a", "b"], "acc": [1]}, "not lists of 2 values each"),
        ("t.json", [], "no architectures"),
        ("t.json", {}, "no architectures"),
        ("t.json", {"cifar10": {}}, "no architectures"),
        ("t.json", {"cifar10": {"a": 3}, "x": 1}, "not laid out as a table"),
        ("t.json", '{"a": {"acc": 1}, "a": {"acc": 2}}', "'a' stands twice"),
        ("t.json", {str(i): {"b": {"c": {"d": 1}}} for i in range(1000)}, "give one task .* and 990 more"),
        ("t.parquet", {"arch": [1]}, "one string in every row"),
        ("t.parquet", {"arch": ["a", None]}, "one string in every row"),
    ],
)
def test_what_is_no_table_is_told_in_one_line(tmp_path: Path, name: str, content: Any, says: str) -> None:
    path = written(tmp_path / name, content)
    with pytest.raises(InputError, match=says) as caught:
        open_table(path).read([])
    assert len(str(caught.value)) <= 300
    assert "\n" not in str(caught.value)


def test_first_twice() -> None:
    assert first_twice([]) is None
    assert first_twice(map(str, range(100_000))) is None
    assert first_twice(["a", "b", "c", "b", "a"]) == "b"
