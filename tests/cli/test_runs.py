"""`untrained runs` and `untrained compare`: what folders of searches tell, without a change to them."""

import json
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

import optuna
import pytest

from command_line import refused, untrained_cli
from documented import printed_by, python_blocks
from searching.searches import ARCHS, SCORES, Counted, run, value_of
from untrained import ArchitectureList, ScoreTable, TabularObjective, search

FEW = list(ARCHS[::6])
FEW_SCORES = ScoreTable(tuple(FEW), SCORES.metrics, SCORES.values[::6])


class Stopped(BaseException):
    """What ends a search in the middle."""


def told(*args: str) -> dict[str, Any]:
    done = untrained_cli(*args, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def content(folder: Path) -> dict[str, tuple[str, int]]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): (sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns) for path in files}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Searches of one objective in `a`, two in `b/c`, one that was stopped; and a search of a table."""
    root = tmp_path_factory.mktemp("runs")
    run(out=root / "a", budget=4)
    run(out=root / "b" / "c", budget=3)
    run(out=root / "b" / "c", budget=5, seed=1)
    with pytest.raises(Stopped):
        run(Counted(lambda _, call: Stopped() if call == 2 else None), out=root / "stopped")
    (root / "t.csv").write_text("arch,loss,test\n" + "".join(f'"{a}",{i / 10},0.5\n' for i, a in enumerate(FEW)))
    objective = TabularObjective(root / "t.csv", "loss", report_column="test", direction="minimize")
    search(ArchitectureList(FEW), objective, scores=FEW_SCORES, sampler="random", budget=4, out=root / "table")
    (root / "empty").mkdir()
    return root


def test_every_search_is_listed_and_none_is_touched(folder: Path) -> None:
    before = content(folder)
    listed = told("runs", str(folder))
    assert content(folder) == before
    assert listed["others"] == {}
    by_folder = {(Path(one["folder"]).relative_to(folder).as_posix(), one["seed"]): one for one in listed["runs"]}
    assert by_folder.keys() == {("a", 0), ("b/c", 0), ("b/c", 1), ("stopped", 0), ("table", 0)}
    assert [one["queries"] for one in by_folder.values()] == [4, 3, 5, 2, 4]
    assert [one["finished"] for one in by_folder.values()] == [True, True, True, False, True]
    assert by_folder["a", 0]["best"]["value"] == value_of(by_folder["a", 0]["best"]["architecture"])
    best = by_folder["table", 0]
    assert (best["measure"], best["best"]["architecture"], best["best"]["value"]) == ("loss", FEW[0], 0.0)
    assert (best["data"], best["best"]["reported"]) == ("t.csv", {"test": 0.5})
    # A second derivation, by Optuna alone.
    study = optuna.load_study(study_name=None, storage=f"sqlite:///{folder / 'stopped' / 'study.db'}")
    values = [t.value for t in study.trials if t.state == optuna.trial.TrialState.COMPLETE]
    assert by_folder["stopped", 0]["best"]["value"] == max(v for v in values if v is not None)
    text = untrained_cli("runs", str(folder)).stdout
    assert "5 searches" in text
    assert "2 of 5" in text
    assert text.count("unfinished") == 1


def test_a_broken_folder_hides_no_other(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "a", tmp_path / "good")
    for name, text in (("json", "{"), ("fields", '{"study": "s"}'), ("types", '{"study": 1, "queries": 3}')):
        (tmp_path / name).mkdir()
        (tmp_path / name / "best.json").write_text(text)
    (tmp_path / "fresh").mkdir()
    (tmp_path / "fresh" / "run.json").write_text("{}")
    listed = told("runs", str(tmp_path))
    assert [Path(one["folder"]).name for one in listed["runs"]] == ["good"]
    assert {Path(name).name for name in listed["others"]} == {"json", "fields", "types", "fresh"}
    assert "not begun" in listed["others"][str(tmp_path / "fresh")]


def test_code_that_a_folder_names_is_not_run(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "a", tmp_path / "a")
    document = json.loads((tmp_path / "a" / "best.json").read_text()) | {"space": "evil:Space\x1b[2J"}
    (tmp_path / "a" / "best.json").write_text(json.dumps(document))
    (tmp_path / "evil.py").write_text("import pathlib\npathlib.Path('was_run').touch()\n")
    done = untrained_cli("runs", ".", cwd=tmp_path)
    assert done.returncode == 0
    assert "evil:Space?[2J" in done.stdout  # nor does it move the cursor
    assert not (tmp_path / "was_run").exists()


def test_runs_of_one_objective_are_ranked_and_their_settings_told_apart(folder: Path) -> None:
    compared = told("compare", str(folder / "a"), str(folder / "b" / "c"))
    assert compared["same_objective"]
    assert compared["best"] == 1
    assert compared["differs"]["seed"] == [0, 1]
    assert compared["differs"]["budget"] == [4, 5]
    assert not {"space", "sampler", "scores", "objective.kind"} & compared["differs"].keys()
    assert [one["figures"]["seconds of trainings"] for one in compared["runs"]] == [4 * 1.5, 5 * 1.5]
    both = told("compare", str(folder / "b" / "c"))
    assert [one["seed"] for one in both["runs"]] == [0, 1]
    assert len({one["label"] for one in both["runs"]}) == 2
    text = untrained_cli("compare", str(folder / "a"), str(folder / "stopped")).stdout
    assert "2 of 5, unfinished" in text


def test_values_of_different_measures_are_not_ranked(folder: Path) -> None:
    compared = told("compare", str(folder / "a"), str(folder / "table"))
    assert not compared["same_objective"]
    assert compared["best"] is None
    assert "not ranked" in untrained_cli("compare", str(folder / "a"), str(folder / "table")).stdout


def test_less_is_better_if_the_objective_says_so(folder: Path, tmp_path: Path) -> None:
    objective = TabularObjective(folder / "t.csv", "loss", direction="minimize")
    one = search(ArchitectureList(FEW), objective, scores=FEW_SCORES, sampler="random", budget=1, out=tmp_path / "one")
    assert one.value > 0  # by this seed, not the best
    assert told("compare", str(tmp_path / "one"), str(folder / "table"))["best"] == 1


def test_the_documented_list_of_runs(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        shutil.copytree(folder / "a", tmp_path / "runs" / name)
    block = next(block for block in python_blocks("docs/guides/keeping_track.md") if "find_runs" in block)
    assert printed_by(block) == "[('value', True), ('value', True)]\n"


def test_bad_input_is_one_line(folder: Path) -> None:
    refused("runs", str(folder / "none"), says="no folder")
    refused("runs", str(folder / "empty"), says="no search in")
    refused("compare", str(folder / "a"), says="holds one search")
    refused("compare", str(folder / "a"), str(folder / "none"), says="no folder")
    refused("compare", str(folder / "a"), str(folder / "empty"), says="no search in")
