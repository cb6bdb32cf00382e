"""Devices other than the CPU: what can be told of them on a machine that has none."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from untrained.errors import InputError
from untrained.runtime.devices import exact_kernels, usable_device, without_cudnn

PROGRAM = Path(__file__).with_name("second_device.py")


def found_by(program: str) -> dict[str, Any]:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, PROGRAM, program]
    run = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_a_score_is_the_same_on_another_device() -> None:
    found = found_by("networks")
    assert len(found) == 15
    for network, (on_cpu, there) in found.items():
        precision = 1e-9 if "double" in network else 1e-4
        numbers = {name: score for name, score in on_cpu.items() if not isinstance(score, str)}
        assert len(numbers) >= 7, network
        assert {name: there[name] for name in numbers} == pytest.approx(numbers, rel=precision, abs=1e-6), network
        reasons = {name: why for name, why in on_cpu.items() if name not in numbers}
        assert {name: there[name] for name in reasons} == reasons, network


def test_a_network_that_draws_on_another_device_draws_the_same_each_time() -> None:
    found = found_by("drawing")
    assert found["first"] == found["second"]
    assert "draws random numbers" in found["first, chunks"]["grad_norm"]
    assert found["left_alone"]


@pytest.mark.skipif(not hasattr(torch.backends.cudnn, "conv"), reason="before PyTorch 2.9 the setting is another")
def test_convolutions_on_cuda_are_exact_inside_only() -> None:
    cudnn: Any = torch.backends.cudnn

    def settings() -> tuple[Any, ...]:
        return cudnn.deterministic, cudnn.benchmark, cudnn.conv.fp32_precision, cudnn.rnn.fp32_precision

    before = settings()
    with exact_kernels(torch.device("cuda", 1)):
        assert settings() == (True, False, "ieee", "ieee")
    assert settings() == before
    with exact_kernels(torch.device("cpu")):
        assert settings() == before
    with pytest.raises(KeyError), exact_kernels(torch.device("cuda")):
        raise KeyError
    assert settings() == before


def test_cudnn_is_off_inside_only() -> None:
    with without_cudnn(True):
        assert not torch.backends.cudnn.enabled
    with without_cudnn(False):
        assert torch.backends.cudnn.enabled
    assert torch.backends.cudnn.enabled


def test_automatic_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    def there(cuda: bool, mps: bool) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    there(cuda=False, mps=True)
    assert usable_device("auto").type == "mps"
    assert usable_device("auto", double=True).type == "cpu"  # metrics sum in double precision
    there(cuda=True, mps=False)
    assert usable_device("auto", double=True).type == "cuda"
    with pytest.raises(InputError, match="device 'nonsense' cannot be used on this machine: give auto, cpu or cuda"):
        usable_device("nonsense", double=True)
    monkeypatch.setattr(torch, "empty", lambda _, device: SimpleNamespace(device=torch.device(device)))
    assert usable_device("mps").type == "mps"
    with pytest.raises(InputError, match="device 'mps' has no double precision, in which metrics sum: give auto, cpu"):
        usable_device("mps", double=True)
