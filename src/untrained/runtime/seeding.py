"""Seeds that depend on what is seeded, and not on the order in which things are done."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from typing import Any

import numpy as np
import torch
from torch import Generator

from untrained.errors import InputError

CPU = torch.device("cpu")


def check_seed(seed: int) -> None:
    """Checks a seed that a user gave.

    Args:
        seed: From 0 to 2^32 - 1, which is what numpy's generators take.

    Raises:
        InputError: If it is another number.
    """
    if not 0 <= seed < 2**32:
        raise InputError(f"seed {seed}: give a whole number from 0 to {2**32 - 1}")


def derive_seed(seed: int, *what: object) -> int:
    """Makes the seed of one thing from the seed of all.

    Args:
        seed: The user's.
        what: What tells the thing from others, such as a purpose and an architecture.

    Returns:
        63 bits, the same on every machine and in every process.

    Example:
        >>> derive_seed(0, "init", "width=8") == derive_seed(0, "init", "width=8")
        True
    """
    text = "\x1f".join(map(str, (seed, *what)))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


@contextmanager
def seeded(seed: int, device: torch.device = CPU) -> Iterator[None]:
    """Starts every stream of random numbers that a network or a data set may draw from anew, inside the block.

    These are torch's on the CPU and on `device`, Python's and numpy's. After the block each goes on as if nothing had
    happened. The streams of other devices are never touched.

    Args:
        seed: Any number of up to 63 bits.
        device: The device of the network.

    Example:
        >>> with seeded(7):
        ...     first = torch.rand(3)
        >>> with seeded(7):
        ...     torch.equal(first, torch.rand(3))
        True
    """
    states = random.getstate(), np.random.get_state()
    devices = [] if device.type == "cpu" else [device]
    with torch.random.fork_rng(devices, device_type=device.type):
        # Not torch.manual_seed, which seeds every device there is.
        torch.default_generator.manual_seed(seed)
        for one in devices:
            state = Generator(one).manual_seed(seed).get_state()
            torch.get_device_module(one).set_rng_state(state, one)
        random.seed(seed)
        np.random.seed(seed % 2**32)
        try:
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])


def random_states(device: torch.device) -> tuple[Any, ...]:
    """The state of each stream that `seeded` starts anew, to find out whether anything was drawn."""
    _, keys, *position = np.random.get_state(legacy=True)
    return *_torch_states(device), random.getstate(), np.asarray(keys).tobytes(), position


def _torch_states(device: torch.device) -> list[bytes]:
    states = [torch.get_rng_state()]
    if device.type != "cpu":
        states.append(torch.get_device_module(device).get_rng_state(device))
    return [state.numpy().tobytes() for state in states]
