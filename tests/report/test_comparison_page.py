"""The page on several searches side by side."""

import json
from pathlib import Path
from typing import Any

import pytest

from command_line import refused, untrained_cli
from report.pages import NASTY, Parsed, parsed
from searching.searches import SCORES, SPACE, value_of
from untrained import InputError, search, write_report
from untrained.objectives import Evaluation

NAMED = NASTY.replace("/", "|")
"""A folder whose name is a script."""


def width_and_depth(arch: str) -> Evaluation:
    return Evaluation(value_of(arch), 1.5)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three searches for one objective, the name of one a script; one for another; and a folder without any."""
    root = tmp_path_factory.mktemp("runs")
    made = {"a": (0, "random", 6), "b": (1, "random", 4), NAMED: (2, "robot", 5)}
    for name, (seed, sampler, budget) in made.items():
        search(SPACE, width_and_depth, budget=budget, scores=SCORES, sampler=sampler, seed=seed, out=root / name)
    search(SPACE, width_and_depth, budget=2, scores=SCORES, direction="minimize", out=root / "less")
    (root / "empty").mkdir()
    return root


@pytest.fixture(scope="module")
def page(root: Path) -> Parsed:
    return parsed(write_report([root / "a", root / "b", root / NAMED], root / "all.html"))


def summary(folder: Path) -> Any:
    return json.loads((folder / "best.json").read_text())


def test_the_best_so_far_of_each(root: Path, page: Parsed) -> None:
    lines = [trace for trace in page.figures["progress"]["data"] if trace["mode"] == "lines"]
    assert len(lines) == 3
    for name, line in zip(("a", "b"), lines, strict=False):
        values = [query["value"] for query in summary(root / name)["queries"]]
        assert line["y"] == [max(values[: k + 1]) for k in range(len(values))]
        assert line["name"] == name
    assert len({line["line"]["color"] for line in lines}) == len({line["line"]["dash"] for line in lines}) == 3


def test_what_is_beside_each_other(root: Path, page: Parsed) -> None:
    assert page.tags.count("svg") >= 3  # the picks
    for words in (
        "3 searches",
        "Settings that differ",
        "sampler",
        "Found and spent",
        "seconds of trainings",
        NAMED,
    ):
        assert words in page.text
    best = max(summary(root / name)["best"]["value"] for name in ("a", "b", NAMED))
    assert f"{best:.4g}" in page.text
    assert {"progress", "seconds", "cost-0", "agreement"} <= page.figures.keys()
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert "img" not in page.tags


def test_by_default_it_is_written_here(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    done = untrained_cli("report", "a", "b", cwd=root)
    assert (done.returncode, done.stdout) == (0, "report: comparison.html\n"), done.stderr
    assert "2 searches" in parsed(root / "comparison.html").text


def test_bad_input(root: Path) -> None:
    before = sorted(path.name for path in root.rglob("*"))
    refused("report", "a", "less", says="do not have one objective: value .*maximize.*minimize", cwd=root)
    refused("report", "a", "empty", says="no search in 'empty'", cwd=root)
    refused("report", "a", "nowhere", says="no folder 'nowhere'", cwd=root)
    refused("report", "a", "b", "--study", "x", says="--study and --space go with one search", cwd=root)
    with pytest.raises(InputError, match="nothing to report on"):
        write_report([])
    assert sorted(path.name for path in root.rglob("*")) == before
