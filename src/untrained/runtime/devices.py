"""Where torch computes, and how exactly."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from untrained.errors import InputError


def usable_device(name: str, double: bool = False) -> torch.device:
    """The device called `name`; "auto" takes CUDA, then Apple's MPS, then the CPU.

    double: one that computes in double precision, as Apple's do not.
    Raises `InputError` where this machine has no such device.
    """
    if name != "auto":
        choices = "auto, cpu or cuda" if double else "auto, cpu, cuda or mps"
        try:
            device = torch.empty(0, device=name).device
        except (RuntimeError, AssertionError) as error:
            raise InputError(f"device {name!r} cannot be used on this machine: give {choices}") from error
        if double and device.type == "mps":
            raise InputError(f"device {name!r} has no double precision, in which metrics sum: give {choices}")
        return device
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() and not double else "cpu")


@contextmanager
def exact_kernels(device: torch.device) -> Iterator[None]:
    """Convolutions and recurrent layers on CUDA in the precision of their tensors, by kernels that give the same sums
    every time. Left to itself, cuDNN rounds single precision to TF32, ten bits, and picks what is fastest.
    """
    if device.type != "cuda":
        yield
        return
    cudnn: Any = torch.backends.cudnn
    settings = [(cudnn, "deterministic", True), (cudnn, "benchmark", False)]
    if hasattr(cudnn, "conv"):  # PyTorch 2.9 and later; the older setting must not be mixed with these
        settings += [(cudnn.conv, "fp32_precision", "ieee"), (cudnn.rnn, "fp32_precision", "ieee")]
    else:
        settings += [(cudnn, "allow_tf32", False)]
    with _set(settings):
        yield


@contextmanager
def without_cudnn(wanted: bool) -> Iterator[None]:
    """`wanted`: as PyTorch's own operations; its recurrent ones have two derivatives, and one in evaluation mode."""
    with _set([(torch.backends.cudnn, "enabled", False)] if wanted else []):
        yield


@contextmanager
def default_dtype(dtype: torch.dtype | None) -> Iterator[None]:
    """Inside, of what tensors are made that no type is asked for; None leaves it."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype or before)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextmanager
def _set(settings: list[tuple[Any, str, Any]]) -> Iterator[None]:
    before = [getattr(owner, name) for owner, name, _ in settings]
    try:
        for owner, name, value in settings:
            setattr(owner, name, value)
        yield
    finally:
        for (owner, name, _), value in zip(settings, before, strict=True):
            setattr(owner, name, value)
