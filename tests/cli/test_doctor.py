"""`untrained doctor` says what is there, compared with what other tools say of the same machine."""

import json
import os
import platform
import re
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import torch

from command_line import refused, untrained_cli
from untrained.report import doctor

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]


def told(*args: str, cwd: Path | None = None) -> dict[str, Any]:
    done = untrained_cli("doctor", *args, "--json", cwd=cwd)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_extras_are_those_of_the_project() -> None:
    written = {
        name: tuple(re.split(r"[>\[]", requirement)[0] for requirement in wanted)
        for name, wanted in PROJECT["optional-dependencies"].items()
        if name not in ("test", "docs", "browser", "dev")  # of those who work on the project
    }
    assert written == doctor.EXTRAS


def test_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "nasbench201_accuracy.parquet").touch()
    found = told("--data-dir", str(tmp_path), cwd=tmp_path)
    assert found["python"] == platform.python_version()
    assert found["packages"]["torch"] == version("torch")
    assert found["cores"] == (len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count())
    assert 0 < found["memory"]["available"] <= found["memory"]["physical"]
    assert [one["name"] for one in found["devices"] if one["name"].startswith("cuda")] == [
        f"cuda:{index}" for index in range(torch.cuda.device_count())
    ]
    assert found["tables"]["there"] == ["nasbench201_accuracy.parquet"]
    assert found["writable"] == {"folder": str(tmp_path), "reason": None}
    assert list(tmp_path.iterdir()) == [tmp_path / "nasbench201_accuracy.parquet"]
    text = untrained_cli("doctor", cwd=tmp_path).stdout
    assert version("optuna") in text
    assert "UNTRAINED_DATA" in text


def test_an_extra_that_is_missing_comes_with_the_line_that_adds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(doctor.EXTRAS, "draw", ("matplotlib", "no-such-package-xyz"))
    done = untrained_cli("doctor", "draw")
    assert done.returncode == 1
    assert done.stderr == "missing: pip install 'untrained[draw]'\n"
    assert "no-such-package-xyz missing" in done.stdout
    monkeypatch.setitem(doctor.EXTRAS, "draw", ("numpy",))
    assert told("draw")["extras"]["draw"] == {"packages": {"numpy": version("numpy")}, "complete": True, "adds": None}


def test_gpus_and_folders_that_cannot_be_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = "torch.cuda."
    monkeypatch.setattr(f"{cuda}is_available", lambda: True)
    monkeypatch.setattr(f"{cuda}device_count", lambda: 1)
    monkeypatch.setattr(f"{cuda}mem_get_info", lambda _: (2**30, 80 * 2**30))
    monkeypatch.setattr(f"{cuda}get_device_capability", lambda _: (9, 0))
    monkeypatch.setattr(f"{cuda}get_device_name", lambda _: "Made-Up 100")

    def refuses(**_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("untrained.report.doctor.TemporaryFile", refuses)
    monkeypatch.setenv("CUDA_MPS_PIPE_DIRECTORY", str(tmp_path))
    text = " ".join(untrained_cli("doctor").stdout.split())
    assert "cuda:0: Made-Up 100, compute capability 9.0, 80.0 GiB (1.0 GiB free); processes share it in turns" in text
    (tmp_path / "control").touch()
    assert "processes share it side by side (CUDA MPS)" in " ".join(untrained_cli("doctor").stdout.split())
    assert "cannot be written to (Permission denied)" in text


def test_bad_input_is_one_line(tmp_path: Path) -> None:
    refused("doctor", "onnxx", says="no extra 'onnxx': choose from onnx")
    refused("doctor", "--data-dir", str(tmp_path / "none"), says="no folder")
