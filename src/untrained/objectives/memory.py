"""Memory of a device, and running out of it."""

import math

import torch

from untrained.objectives.base import EvaluationFailed


def free_memory(device: torch.device) -> float:
    """Bytes that are free on a device; infinitely many on the CPU, in whose memory the data is already."""
    if device.type == "cuda":
        return float(torch.cuda.mem_get_info(device)[0])
    return math.inf


def out_of_memory(error: BaseException) -> bool:
    """Tells whether an error of torch is for want of memory."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and "not enough memory" in str(error)
    )


def no_memory_left(device: torch.device, batch_size: int) -> EvaluationFailed:
    """Frees what is cached on a device.

    Args:
        device: The device.
        batch_size: Samples of a batch, for the message.

    Returns:
        What to raise.
    """
    if device.type == "cuda":
        torch.cuda.empty_cache()
    return EvaluationFailed(f"out of memory on {device.type} with batch_size {batch_size}: give a smaller one")
