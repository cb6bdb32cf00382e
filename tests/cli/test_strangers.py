"""What a folder of a search may have been made by anybody: no command runs code that a file in it names."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from command_line import refused, untrained_cli
from searching.searches import SCORES, SPACE
from toy import toy_batch, training_objective
from untrained import InputError, load_network, search

STRANGE = "open({ran!r}, 'a').write('ran ')\nclass Space: pass\nclass Sampler: pass\ndef f(*_, **__): pass\n"
AUDIT = """
import sys
def told(event, arguments):
    if event == "pickle.find_class":
        print("UNPICKLED", arguments, file=sys.stderr)
sys.addaudithook(told)
from untrained.cli import main
main()
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("found") / "run"
    data = toy_batch(12, 1), toy_batch(12, 2), toy_batch(12, 3)
    search(SPACE, training_objective(SPACE, *data, epochs=1), budget=2, scores=SCORES, sampler="random", out=folder)
    return folder


def strange(found: Path, home: Path) -> Path:
    """A folder whose files name a module that lies in it, and in the current folder."""
    folder = Path(shutil.copytree(found, home / "run"))
    for place in (home, folder):
        (place / "evil.py").write_text(STRANGE.format(ran=str(home / "ran")))
    best = json.loads((folder / "best.json").read_text())
    best |= {"space": "evil:Space", "sampler": "evil:Sampler"}
    best["objective"] |= {"loss": "evil:f", "space": "evil:Space"}
    (folder / "best.json").write_text(json.dumps(best))
    options = {"--space": "evil:Space", "--loss": f"{home}/evil.py:f", "--data": "evil:f", "--metrics": "snip, evil:f"}
    write_run(folder, home, [word for pair in options.items() for word in pair])
    return folder


def write_run(folder: Path, home: Path, arguments: list[str], storage: str | None = None) -> None:
    run = {"command": "search", "arguments": arguments, "folder": str(home), "storage": storage, "has_password": False}
    (folder / "run.json").write_text(json.dumps(run))


def test_no_command_runs_what_a_folder_names(found: Path, tmp_path: Path) -> None:
    strange(found, tmp_path)
    (tmp_path / "x.npy").write_bytes(b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'fortran_order': False, 'shape': (1,)}\n")
    commands = [
        ["show", "run"],
        ["runs", "."],
        ["report", "run"],
        ["draw", "run"],
        ["measure", "run"],
        ["export", "run", "--out", "x.onnx"],
        ["predict", "run", "x.npy"],
        ["resume", "run"],
        ["train", "run"],
    ]
    for command in commands:
        done = untrained_cli(*command, cwd=tmp_path)
        assert "Traceback" not in done.stderr, command
        assert not (tmp_path / "ran").exists(), command
    assert "evil" not in sys.modules


@pytest.mark.parametrize("command", [["resume", "run"], ["train", "run"]])
def test_what_runs_code_asks_for_trust(found: Path, tmp_path: Path, command: list[str]) -> None:
    folder = strange(found, tmp_path)
    refused(*command, says=r"names code .*evil:Space.*add --trust", cwd=tmp_path)
    untrained_cli(*command, "--trust", cwd=tmp_path)
    assert (tmp_path / "ran").exists()
    write_run(folder, tmp_path, ["--space", "nasbench201", "--data", "digits", "--executor", "dask://10.0.0.1:1"])
    refused(*command, says="dask://10.0.0.1:1.*add --trust", cwd=tmp_path)


def test_a_storage_that_a_file_names_is_not_opened_unasked(found: Path, tmp_path: Path) -> None:
    folder = strange(found, tmp_path)
    write_run(folder, tmp_path, ["--space", "nasbench201", "--data", "digits"], storage=f"sqlite:///{tmp_path}/new.db")
    refused("resume", "run", says="new.db.*add --trust", cwd=tmp_path)
    assert not (tmp_path / "new.db").exists()


def test_an_interrupt_tells_of_trust_where_it_is_needed(found: Path, tmp_path: Path) -> None:
    from untrained.cli.resume import InterruptedSearch

    folder = strange(found, tmp_path)
    assert str(InterruptedSearch(folder)) == f"untrained resume {folder} --trust goes on where it was"
    write_run(folder, tmp_path, ["--space", "nasbench201", "--metrics", "snip, synflow", "--where", "params <= 2"])
    assert str(InterruptedSearch(folder)) == f"untrained resume {folder} goes on where it was"


@pytest.mark.parametrize("name", ["../other.safetensors", "/dev/zero", "weights", "x/../../other.safetensors"])
def test_weights_are_those_in_the_folder(found: Path, tmp_path: Path, name: str) -> None:
    folder = Path(shutil.copytree(found, tmp_path / "run"))
    shutil.copy(folder / "best.safetensors", tmp_path / "other.safetensors")
    best = json.loads((folder / "best.json").read_text())
    best["network"]["weights"] = name
    (folder / "best.json").write_text(json.dumps(best))
    with pytest.raises(InputError, match="names weights outside of it"):
        load_network(folder, SPACE)
    best["network"]["weights"] = "best.safetensors"
    (folder / "best.json").write_text(json.dumps(best))
    load_network(folder, SPACE)


def test_nothing_is_unpickled(found: Path, tmp_path: Path) -> None:
    """An audit hook of Python's own sees every class that a pickle finds, whoever reads it."""
    shutil.copytree(found, tmp_path / "run")
    code = f"{AUDIT.rstrip()}\n"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for command in (["show", "run"], ["report", "run", "--out", "page.html"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *command], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert "UNPICKLED" not in done.stderr
