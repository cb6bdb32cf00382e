"""Tables and images as people have them, at the command line."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from command_line import refused, untrained_cli
from data.pictures import black, write_parquet

ARCHS = [f"net{i}" for i in range(12)]


def test_a_search_of_tables_in_any_format(tmp_path: Path) -> None:
    """The same search, whatever the format; identifiers that no double holds are passed over."""
    values = np.random.default_rng(0).permutation(12)
    columns = {"arch": ARCHS, "acc": values / 8, "snip": values + 1.0, "id": pa.array([2**60 + 1] * 12)}
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    rows = [(arch, value / 8, value + 1) for arch, value in zip(ARCHS, values.tolist(), strict=True)]
    (tmp_path / "t.csv").write_text(
        "arch;acc;snip;by\n" + "".join(f"{a};{v}%;{s};me\n".replace(".", ",") for a, v, s in rows)
    )
    (tmp_path / "t.json").write_text(json.dumps({"task": {a: {"acc": v, "snip": {"score": s}} for a, v, s in rows}}))
    found = []
    for table, scores in (("t.parquet", "t.parquet"), ("t.csv", "t.json"), ("t.json", "t.csv")):
        paths = ["--table", str(tmp_path / table), "--scores", str(tmp_path / scores)]
        done = untrained_cli("search", *paths, "--column", "acc", "--metrics", "snip", "--budget", "3", "--json")
        assert done.returncode == 0, done.stderr
        found.append([(query["architecture"], query["value"]) for query in json.loads(done.stdout)["queries"]])
    assert found[0] == found[1] == found[2]
    by = ["search", "--table", str(tmp_path / "t.csv"), "--budget", "3"]
    refused(*by, "--column", "by", "--metrics", "snip", says="column 'by' is not numbers: 'me' in row 1")
    refused(*by, "--column", "acc", "--metrics", "by", says="no metric column 'by'.*'me' in row 1.*: choose")


def test_columns_that_an_import_leaves_out_are_said(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("arch,acc,by\na,1,me\nb,2,you\n")
    out = ["--out", str(tmp_path / "o.parquet")]
    done = untrained_cli("data", "import", str(tmp_path / "t.csv"), *out)
    assert done.returncode == 0, done.stderr
    warning, told = done.stderr.splitlines()
    assert "warning" in warning
    assert "left out 'by' ('me' in row 1 is no number)" in warning
    assert "2 architectures x 1 columns" in told
    done = untrained_cli("data", "import", str(tmp_path / "t.csv"), *out, "--columns", "acc")
    assert len(done.stderr.splitlines()) == 1


def test_images_that_cannot_be_read(tmp_path: Path) -> None:
    score = ["score", "--space", "nasbench201", "--pool", "1", "--out", str(tmp_path / "o.parquet"), "--data"]
    for wrong, says in ((b"torn", r"row 0 \(not a readable picture\)"), (black(20_000, 10_000), r"row 0 \(too large")):
        path = write_parquet(tmp_path / "i.parquet", [wrong] * 12, [0, 1] * 6)
        refused(*score, str(path), says=says)


def test_columns_of_a_table(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("arch,acc,by\na,1,me\nb,3,you\nc,,you\n")
    found = untrained_cli("data", "columns", str(tmp_path / "t.csv"), "--json")
    (file,) = json.loads(found.stdout)
    assert file["architectures"] == 3
    assert file["columns"] == {"acc": {"numbers": 2, "least": 1, "median": 2, "most": 3}}
    assert list(file["not_numbers"]) == ["by"]
    assert "valid_accuracy" in untrained_cli("data", "columns", "digits-201").stdout
    refused("data", "columns", "nope", says="no file 'nope', and unknown benchmark 'nope'")
