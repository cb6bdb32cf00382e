"""Gives a target many inputs, and notes those that it does not take well."""

import random
import time
import traceback
import warnings
from dataclasses import dataclass, field

from fuzzing.targets import Target
from untrained import InputError

SLOW = 20.0
"""Seconds of processor time after which an input counts as one that hangs."""
LONGEST = 600
"""Characters of a message."""


@dataclass
class Outcome:
    """What came of the inputs.

    Args:
        inputs: How many there were.
        refused: How many were refused.
        found: What went wrong, by where it did, with an input.
    """

    inputs: int = 0
    refused: int = 0
    found: dict[str, str] = field(default_factory=dict)


def fuzz(target: Target, seeds: range) -> Outcome:
    """Gives a target the inputs of some seeds; each is what it is, whatever came before.

    Args:
        target: What reads.
        seeds: Of the inputs.
    """
    outcome = Outcome()
    for seed in seeds:
        given = target.draw(random.Random(seed))
        begun = time.process_time()
        outcome.inputs += 1
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                target.read(given)
            except InputError as error:
                outcome.refused += 1
                text = str(error)
                if "\n" in text or len(text) > LONGEST or not text.isprintable():
                    outcome.found.setdefault(f"not one plain line: {text[:60]!r}", f"seed {seed}: {given[:300]!r}")
            except Exception as error:
                place = traceback.extract_tb(error.__traceback__)[-1]
                ours = [f for f in traceback.extract_tb(error.__traceback__) if "/untrained/" in f.filename] or [place]
                where = f"{type(error).__name__} in {ours[-1].filename.rpartition('/untrained/')[2]}:{ours[-1].lineno}"
                outcome.found.setdefault(where, f"seed {seed}: {given[:300]!r}: {str(error)[:200]}")
        if time.process_time() - begun > SLOW:
            outcome.found.setdefault("hangs", f"seed {seed}: {given[:300]!r}")
    return outcome
