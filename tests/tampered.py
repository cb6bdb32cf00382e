"""Files as a broken disk or a stranger leaves them."""

import random
from collections.abc import Iterator


def tampered(content: bytes, count: int, seed: int = 0) -> Iterator[bytes]:
    """Yields copies of a file that are cut, or have some bytes flipped, set to an edge, or replaced by others."""
    rng = random.Random(seed)
    for number in range(count):
        copy = bytearray(content)
        if number % 4 == 0:
            del copy[rng.randrange(len(copy)) :]
        for _ in range(rng.choice([1, 1, 3, 20]) if number % 4 and copy else 0):
            place = rng.randrange(len(copy))
            if number % 4 == 1:
                copy[place] ^= 1 << rng.randrange(8)
            elif number % 4 == 2:
                copy[place] = rng.choice([0, 127, 128, 255])
            else:
                copy[place : place + rng.randrange(6)] = rng.randbytes(rng.randrange(1, 6))
        yield bytes(copy)
