"""Where torch computes."""

import torch

from untrained.errors import InputError


def usable_device(name: str) -> torch.device:
    """The device called `name`; "auto" takes CUDA, then Apple's MPS, then the CPU.

    Raises `InputError` where this machine has no such device.
    """
    if name != "auto":
        try:
            return torch.empty(0, device=name).device
        except (RuntimeError, AssertionError) as error:
            raise InputError(f"device {name!r} cannot be used on this machine: give auto, cpu, cuda or mps") from error
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
