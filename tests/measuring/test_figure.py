"""Names of figures, and what cannot be measured here."""

import sys

import pytest
import torch

from untrained.errors import InputError
from untrained.measuring import is_figure, read_figure, unit_of
from untrained.runtime.cores import cores


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("params", "params"),
        ("latency()", "latency"),
        ("latency(threads=1, batch=1, runtime=eager, device=cpu)", "latency"),
        ("latency(runtime=onnx, batch=4)", "latency(batch=4,runtime=onnx)"),
        ("memory(batch=8)", "memory(batch=8)"),
    ],
)
def test_a_figure_has_one_name(given: str, name: str) -> None:
    assert read_figure(given).name == name
    assert is_figure(given)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("latenzy", "did you mean 'latency'"),
        ("latency(runtime=tflite)", "runtime='tflite' must be eager or compile or onnx"),
        ("latency(treads=2)", "no option 'treads': it has runtime, threads, batch, device"),
        ("latency(threads=0)", "threads=0: give at least 1"),
        ("latency(batch=two)", "batch='two' must be a whole number"),
        ("latency(threads=1,threads=2)", "given twice"),
        ("latency(ms)", r"write options as name\(option=value\)"),
        ("flops(batch=2)", "figure 'flops' has no option 'batch'"),
    ],
)
def test_what_is_no_figure_is_told(given: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_figure(given)


def test_units() -> None:
    assert [unit_of(name) for name in ("params", "memory(batch=2)", "latency(runtime=onnx)")] == ["M", "MB", "ms"]


def test_more_threads_than_cores_are_refused() -> None:
    with pytest.raises(InputError, match=f"this machine has {cores()} cores: give threads={cores()} or fewer"):
        read_figure("latency(threads=4096)").check()


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(InputError, match=r"latency\(device=cuda\): device 'cuda' cannot be used on this machine"):
        read_figure("latency(device=cuda)").check()


def test_a_runtime_that_is_not_installed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(InputError, match=r"needs onnxruntime: pip install 'untrained\[onnx\]'"):
        read_figure("latency(runtime=onnx)").check()
