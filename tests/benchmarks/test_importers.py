"""Tables as users have them."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from untrained.benchmarks import import_table
from untrained.errors import InputError
from untrained.scores import ScoreTable
from untrained.spaces import NASBench201, SearchSpace, TransNASMacro, TransNASMicro


def write_json(path: Path, document: Any) -> Path:
    path.write_text(json.dumps(document))
    return path


def row(**scores: float | None) -> dict[str, Any]:
    return {"idx": "7", "val_accuracy": 80.5} | {name: {"score": s, "time": 0.1} for name, s in scores.items()}


def test_json_of_the_suite(tmp_path: Path) -> None:
    document = {
        # NASLib numbers edges by where they leave, operations as skip, none, 3x3, 1x1, pool.
        "cifar10": {
            "(0, 2, 3, 1, 4, 0)": row(snip=1.5, zen=-1e8),
            "(1, 1, 1, 1, 1, 1)": row(snip=float("nan"), zen=2.0),
        },
        "cifar100": {},
    }
    path = write_json(tmp_path / "zc.json", document)
    table = import_table(path, tmp_path / "out.parquet", space=NASBench201(), task="cifar10")
    assert table.to_pydict() == {
        "arch": [
            "|skip_connect~0|+|nor_conv_3x3~0|none~1|+|nor_conv_1x1~0|avg_pool_3x3~1|skip_connect~2|",
            "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|",
        ],
        "val_accuracy": [80.5, 80.5],
        "snip": [1.5, None],
        "zen": [None, 2.0],
    }
    assert ScoreTable.load(tmp_path / "out.parquet", ["snip", "zen"]).values[0, 0] == 1.5


def test_the_published_layout_gives_the_published_table(shared_data: Path, tmp_path: Path) -> None:
    """The same scores came to the shared tables by another way."""
    out = tmp_path / "out.parquet"
    import_table(shared_data / "zc_nasbench201_subset.json", out, space=NASBench201(), task="cifar100")
    ours = ScoreTable.load(out, ["synflow", "grasp", "params"])
    theirs = ScoreTable.load(shared_data / "nasbench201_metrics_cifar100_subset.parquet", ours.metrics)
    assert len(ours) == 725
    assert (ours.values == theirs.select(ours.archs).values).all()
    import_table(shared_data / "zc_nasbench201_subset.json", out, space=NASBench201(), task="cifar10")
    params = ScoreTable.load(out, ["params"])
    whole = ScoreTable.load(shared_data / "nasbench201_metrics_cifar10.parquet", ["params"])
    both = [arch for arch in params.archs if arch in whole.index]
    assert len(both) > 400
    assert (params.select(both).values == whole.select(both).values).all()


@pytest.mark.parametrize(
    ("space", "text", "arch"),
    [
        (TransNASMicro(), "(1, 0, 2, 3, 3, 3)", "64-41414-1_02_333"),
        (TransNASMicro(), "64-41414-1_02_333", "64-41414-1_02_333"),
        (TransNASMacro(), "[4, 1, 1, 1, 0, 0]", "64-4111-basic"),
        (TransNASMacro(), "64-4111-basic", "64-4111-basic"),
    ],
)
def test_digits_are_read_as_each_space_means_them(tmp_path: Path, space: SearchSpace, text: str, arch: str) -> None:
    path = write_json(tmp_path / "zc.json", {"class_object": {text: row(snip=1.0)}})
    assert import_table(path, tmp_path / "out.parquet", space=space)["arch"].to_pylist() == [arch]


def test_another_numbering_is_found_out_by_the_parameters(tmp_path: Path) -> None:
    space, arch = TransNASMicro("jigsaw"), "64-41414-1_02_333"
    right = write_json(tmp_path / "right.json", {"jigsaw": {arch: row(params=space.sizes(arch)["params"])}})
    import_table(right, tmp_path / "out.parquet", space=space)
    for wrong in (TransNASMicro("normal"), space):
        path = write_json(tmp_path / "wrong.json", {"jigsaw": {"(3, 0, 2, 3, 3, 1)": row(params=5.0)}})
        with pytest.raises(InputError, match=r"'64-41414-3_02_331' has .* M parameters for task .*, not 5.0"):
            import_table(path, tmp_path / "out.parquet", space=wrong)


def test_csv(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("net,snip,acc,note\n64-4111-basic,1,90.5,x\n64-2311-basic,,-100000000,y\n")
    out = tmp_path / "folder" / "out.parquet"
    import_table(path, out, space=TransNASMacro(), arch_column="net")
    assert pq.read_table(out).to_pydict() == {
        "arch": ["64-4111-basic", "64-2311-basic"],
        "snip": [1.0, None],
        "acc": [90.5, None],
    }
    path.write_text("arch,snip\n64-4111-basic,inf\n64-2311-basic,2\n")
    import_table(path, out, space=TransNASMacro())
    assert pq.read_table(out)["snip"].to_pylist() == [None, 2.0]
    with pytest.raises(InputError, match=r"task 'jigsaw': a \.csv file is of one task"):
        import_table(path, out, task="jigsaw", space=NASBench201())
    path.write_text("note,snip\nx,1\ny,2\n")
    import_table(path, out, arch_column="note")  # without a space, any string will do
    assert pq.read_table(out)["arch"].to_pylist() == ["x", "y"]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.json", '{"cifar10": {"(1', "a.json is not a readable JSON file"),
        ("a.json", "[1, 2]", "not laid out as a zc_"),
        ("a.json", '{"cifar10": {"x": 3}}', "not laid out as in a zc_"),
        ("a.json", '{"cifar10": {}}', "not laid out as in a zc_"),
        ("a.json", '{"a": {"x": {}}, "b": {"x": {}}}', "give one task: it has a, b"),
        ("a.csv", "net,acc\nx,1\n", "no column 'arch': it has net, acc"),
        ("a.csv", "arch,acc\nx,1\n,2\n", "row 2 names no architecture"),
        ("a.csv", "arch,acc\nx,1\ny,n/a?\n", r"column 'acc' holds 'n/a\?' among its numbers: leave a cell"),
        ("a.csv", "arch,by\nx,ann\ny,bob\n", "no column of numbers beside 'arch'"),
        ("a.csv", "arch,acc\nx,1,2\n", "not a readable CSV file"),
        ("a.csv", "arch,acc,acc\na,1,2\n", "column 'acc' stands twice"),
        ("a.csv", "arch,acc\n", "a header and no rows"),
        ("a.csv", "", "not a readable CSV file"),
        ("a.csv", "arch,acc\nx,1\nx,2\n", "'x' stands twice"),
        ("a.pth", "", "neither a .json nor a .csv file"),
    ],
)
def test_broken_files_are_named(tmp_path: Path, name: str, text: str, says: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(InputError, match=says) as refusal:
        import_table(path, tmp_path / "out.parquet")
    assert "\n" not in str(refusal.value)
    assert not (tmp_path / "out.parquet").exists()


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    path = write_json(tmp_path / "zc.json", {"jigsaw": {"(1, 2)": row(snip=1.0)}})
    for space in (NASBench201(), TransNASMicro(), TransNASMacro()):
        with pytest.raises(InputError, match="architecture"):
            import_table(path, tmp_path / "out.parquet", space=space)
    with pytest.raises(InputError, match="no task 'normal': it has jigsaw"):
        import_table(path, tmp_path / "out.parquet", task="normal")
    with pytest.raises(InputError, match="no file"):
        import_table(tmp_path / "none.csv", tmp_path / "out.parquet")
    with pytest.raises(InputError, match=r"'out.csv' is not a .parquet file"):
        import_table(path, "out.csv")


def test_a_column_of_names_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("arch,by,acc\nx,ann,1\ny,bob,\n")
    assert import_table(path, tmp_path / "out.parquet").column_names == ["arch", "acc"]


def test_an_unknown_architecture_is_found_in_its_file(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("arch,acc\nx,1\n")
    with pytest.raises(InputError, match=r"t\.csv: .*'x'"):
        import_table(path, tmp_path / "out.parquet", space=NASBench201())
