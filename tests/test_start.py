"""What docs/start.md shows runs, on less."""

import re
import shlex
from pathlib import Path

import pytest

from command_line import untrained_cli
from documented import ROOT, printed_by, python_blocks
from untrained.objectives import TrainingObjective

PAGE = "docs/start.md"
TEXT = (ROOT / PAGE).read_text()
LESS = {
    "--budget 8": "--budget 2 --pool 3 --epochs 1 --grow 0 --workers 1 --metrics snip,synflow",
    "--budget 10": "--budget 3",
    "--top 2 --seeds 2": "--top 1 --seeds 1",
    "--format onnx": "--format state-dict",
}
"""What takes too long for a test, and what it runs instead."""


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(TrainingObjective, "apart", False)  # starting a process takes seconds


def test_the_commands_work_one_after_the_other() -> None:
    own = TEXT.index("## Your own data")  # from there on the files are the reader's
    joined = TEXT[:own].replace("\\\n", " ")
    lines = [line for line in re.findall(r"^untrained .*", joined, re.MULTILINE) if "doctor" not in line]
    for few, fewer in LESS.items():
        assert any(few in line for line in lines), few
        lines = [line.replace(few, fewer) for line in lines]
    pictures = python_blocks(PAGE)[0]
    assert f"```text\n{printed_by(pictures)}```" in TEXT
    for line in lines:
        _, *options = shlex.split(line, comments=True)
        options = [name for o in options for name in (sorted(map(str, Path().glob(o))) if "*" in o else [o])]
        done = untrained_cli(*options)
        assert done.returncode == 0, done.stderr
    kept = {"best.json", "best.safetensors", "report.html", "trained.json", "network.safetensors"}
    assert kept <= {file.name for file in Path("runs/digits").iterdir()}
    assert len(lines) == 7
    assert "digit2.png" in untrained_cli("predict", "runs/digits", "digit2.png").stdout


def test_the_python_works() -> None:
    pictures, search, own = python_blocks(PAGE)
    printed_by(pictures)
    less = search.replace(
        "budget=8", "budget=1, pool=2, scores=untrained.Scoring(['params']), recipe=untrained.Recipe(epochs=1)"
    )
    assert less != search
    assert re.fullmatch(r"\|.*\| tensor\(\[\d, \d\]\)\n", printed_by(less))
    less = own.replace("pool=9", "pool=9, scores=untrained.Scoring(['params'])")
    assert re.fullmatch(r"2 \S+\n", printed_by(less))
