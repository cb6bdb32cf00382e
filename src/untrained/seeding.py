"""Seeds that depend on what is seeded, not on when."""

from hashlib import blake2b

from untrained.errors import InputError


def check_seed(seed: int) -> None:
    """Raises `InputError` where numpy's generators cannot take `seed`."""
    if not 0 <= seed < 2**32:
        raise InputError(f"seed {seed}: give a whole number from 0 to {2**32 - 1}")


def derive_seed(seed: int, *what: object) -> int:
    """A 63-bit seed for `what` (an architecture, a purpose) under the user's `seed`; the same on every machine."""
    text = "\x1f".join(map(str, (seed, *what)))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") >> 1
