"""On which device torch computes, and with which settings."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import torch

from untrained.errors import InputError


def usable_device(name: str, double: bool = False) -> torch.device:
    """Returns the device called `name`, if this machine can compute on it.

    Args:
        name: "cpu", "cuda", "cuda:1", "mps", ...; "auto" takes CUDA if there is one, then Apple's MPS, then the CPU.
        double: Whether the device has to compute in double precision, which Apple's do not.

    Raises:
        InputError: If this machine has no such device.

    Example:
        >>> usable_device("cpu")
        device(type='cpu')
    """
    if name != "auto":
        there = [*(["cuda"] if torch.cuda.is_available() else []), *(["mps"] if _has_mps() and not double else [])]
        choices = ", ".join(["auto", *there]) + " or cpu"
        try:
            device = torch.empty(0, device=name).device
        except (RuntimeError, AssertionError) as error:
            raise InputError(f"device {name!r} cannot be used on this machine: give {choices}") from error
        if double and device.type == "mps":
            raise InputError(f"device {name!r} has no double precision, in which metrics sum: give {choices}")
        return device
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if _has_mps() and not double else "cpu")


def one_gpu(number: int) -> dict[str, str]:
    """What a process of several finds in its environment to see one of the GPUs, the first one the first.

    Args:
        number: Of the process, from 0. If there are more processes than GPUs, some share one.

    Returns:
        Variables of its environment; none if there is one GPU, or none at all.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    names = visible.split(",") if visible else [str(index) for index in range(torch.cuda.device_count())]
    return {"CUDA_VISIBLE_DEVICES": names[number % len(names)].strip()} if len(names) > 1 else {}


def shared_at_once() -> bool:
    """Whether CUDA's Multi-Process Service runs, by which processes compute on a GPU side by side, not in turns."""
    return (Path(os.environ.get("CUDA_MPS_PIPE_DIRECTORY", "/tmp/nvidia-mps")) / "control").exists()


def _has_mps() -> bool:
    return torch.backends.mps.is_available()


def exact_kernels(device: torch.device) -> AbstractContextManager[None]:
    """Runs convolutions and recurrent layers on CUDA in full precision, with the same sums every time.

    By default cuDNN rounds single precision to TF32, which keeps ten bits, and picks the kernel that is fastest today.
    """
    if device.type != "cuda":
        return temporarily()
    cudnn: Any = torch.backends.cudnn
    settings = [(cudnn, "deterministic", True), (cudnn, "benchmark", False)]
    if hasattr(cudnn, "conv"):  # PyTorch 2.9 and later; the older setting must not be mixed with these
        settings += [(cudnn.conv, "fp32_precision", "ieee"), (cudnn.rnn, "fp32_precision", "ieee")]
    else:
        settings += [(cudnn, "allow_tf32", False)]
    return temporarily(*settings)


def without_cudnn(wanted: bool) -> AbstractContextManager[None]:
    """Runs recurrent layers by PyTorch's own operations, if `wanted`.

    cuDNN's have no second derivative, and none at all in evaluation mode.
    """
    return temporarily(*([(torch.backends.cudnn, "enabled", False)] if wanted else []))


@contextmanager
def default_dtype(dtype: torch.dtype | None) -> Iterator[None]:
    """Sets torch's default dtype inside the block; None leaves it unchanged."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype or before)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextmanager
def temporarily(*settings: tuple[Any, str, Any]) -> Iterator[None]:
    """Sets attributes, each given as (owner, name, value), and puts the former values back after the block.

    Example:
        >>> import math
        >>> with temporarily((math, "tau", 6.28)):
        ...     math.tau
        6.28
        >>> math.tau
        6.283185307179586
    """
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in settings]
    try:
        for owner, name, value in settings:
            setattr(owner, name, value)
        yield
    finally:
        for owner, name, value in reversed(before):
            setattr(owner, name, value)
