"""Tables as users have them."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from untrained.benchmarks import import_table
from untrained.errors import InputError, InputWarning
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
        "idx": [7, 7],
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
        with pytest.raises(InputError, match=r"'64-41414-3_02_331' has .* M parameters for .*, not 5.0"):
            import_table(path, tmp_path / "out.parquet", space=wrong)


def test_csv(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("net,snip,acc\n64-4111-basic,1,90.5\n64-2311-basic,,-100000000\n")
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
    with pytest.raises(InputError, match=r"task 'jigsaw': .*t.csv is of one task"):
        import_table(path, out, task="jigsaw", space=NASBench201())
    path.write_text("note,snip\nx,1\ny,2\n")
    import_table(path, out, arch_column="note")  # without a space, any string will do
    assert pq.read_table(out)["arch"].to_pylist() == ["x", "y"]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.json", '{"cifar10": {"(1', "a.json is not a readable JSON file"),
        ("a.json", '{"a": {"x": {"acc": 1}}, "b": {"x": {"acc": 1}}}', "give one task .*: it has a, b"),
        ("a.json", '{"a": {"acc": "high"}}', "no numbers beside 'arch': 'acc' .'high' in row 1"),
        ("a.json", '{"a": {"acc": null}}', "no numbers beside 'arch': every cell is empty"),
        ("a.json", json.dumps({"t": {"a": {"snip": 10**400}}}), "no numbers"),
        ("a.csv", "arch,acc\nx,1\ny,n/a?\n", r"no numbers beside 'arch': 'acc' \('n/a\?' in row 2 is no number"),
        ("a.csv", "arch\nx\n", "no numbers"),
        ("a.csv", "arch,acc\nx,1\nx,2\n", "'x' stands twice"),
        ("a.pth", "", "not a readable Parquet file"),
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


def test_columns_that_are_left_out_are_named(tmp_path: Path) -> None:
    path, out = tmp_path / "t.csv", tmp_path / "out.parquet"
    path.write_text("arch,by,acc,hash,x,y\nx,ann,1,3f,a,b\ny,7,,12,a,b\n")
    with pytest.warns(InputWarning, match=r"t\.csv: left out 'by' \('ann' in row 1 .*'hash' .* and 1 more") as caught:
        assert import_table(path, out).column_names == ["arch", "acc"]
    assert len(caught) == 1
    assert import_table(path, out, columns=["acc"]).column_names == ["arch", "acc"]  # nothing was lost unasked
    with pytest.raises(InputError, match="column 'by' is not numbers: 'ann' in row 1"):
        import_table(path, out, columns=["by"])
    path.write_text("arch;n\nx;1,204\n")
    with pytest.warns(InputWarning, match="n: commas are taken for the decimal sign"):
        assert import_table(path, out)["n"].to_pylist() == [1.204]


def test_one_architecture_in_two_ways_of_writing(tmp_path: Path) -> None:
    rows = {"(4, 1, 1, 1, 0, 0)": row(snip=1.0), "64-4111-basic": row(snip=2.0)}
    path = write_json(tmp_path / "zc.json", {"jigsaw": rows})
    with pytest.raises(InputError, match="'64-4111-basic' stands twice"):
        import_table(path, tmp_path / "out.parquet", space=TransNASMacro())


def test_the_published_files_of_other_layouts(shared_data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    with pytest.warns(InputWarning, match="left out 'test_acc'"):
        macro = import_table(shared_data / "nas-bench-macro_cifar10.json", out)
    assert (macro.num_rows, macro.column_names) == (6561, ["arch", "mean_acc", "std", "params", "flops"])
    assert macro["mean_acc"][0].as_py() == pytest.approx((89.47000122 + 88.94999695 + 89.16999817) / 3)
    suite = import_table(shared_data / "zc_nasbench101.json", out)
    assert (suite.num_rows, suite.num_columns) == (500, 13)


def test_an_unknown_architecture_is_found_in_its_file(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("arch,acc\nx,1\n")
    with pytest.raises(InputError, match=r"t\.csv: .*'x'"):
        import_table(path, tmp_path / "out.parquet", space=NASBench201())
