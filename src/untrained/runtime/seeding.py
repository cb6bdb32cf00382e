"""Seeds that depend on what is seeded, not on when."""

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
    """Raises `InputError` where numpy's generators cannot take `seed`."""
    if not 0 <= seed < 2**32:
        raise InputError(f"seed {seed}: give a whole number from 0 to {2**32 - 1}")


def derive_seed(seed: int, *what: object) -> int:
    """A 63-bit seed for `what` (an architecture, a purpose) under the user's `seed`; the same on every machine."""
    text = "\x1f".join(map(str, (seed, *what)))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


@contextmanager
def seeded(seed: int, device: torch.device = CPU) -> Iterator[None]:
    """Inside, the streams of random numbers that a network or a data set may draw from begin at `seed`: torch's on the
    CPU and on `device`, Python's and numpy's. Afterwards each is where it was, and another device's was never touched.
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
    """Where the streams that `seeded` seeds stand."""
    _, keys, *position = np.random.get_state(legacy=True)
    return *_torch_states(device), random.getstate(), np.asarray(keys).tobytes(), position


def _torch_states(device: torch.device) -> list[bytes]:
    states = [torch.get_rng_state()]
    if device.type != "cpu":
        states.append(torch.get_device_module(device).get_rng_state(device))
    return [state.numpy().tobytes() for state in states]
