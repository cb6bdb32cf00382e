"""The time that something takes, and how sure it is."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

WARM_UP = 3
"""Passes that are not measured: they allocate memory and choose kernels."""
REPEATS = (11, 33, 99)
"""How many passes an attempt measures; the next one is made if the passes of one differ too much."""
SPREAD = 0.2
"""The most that the passes may differ: the 90th less the 10th percentile, as a part of the median."""
WAITED = 0.1
"""A pass that waited for a core for this part of its time is another program's time, and does not count."""
LONG_ENOUGH, TOO_LONG = 0.02, 2.0
"""Seconds that the passes of an attempt take together at least, and after which it ends with what it has."""
MOST = 500
"""Passes of an attempt."""


class Unsteady(Exception):
    """A time could not be measured: other programs use the machine, or the passes differ too much."""


@dataclass(frozen=True)
class Timing:
    """A time that was measured.

    Args:
        median: Of the passes, in milliseconds.
        spread: The 90th less the 10th percentile of the passes, as a part of the median.
        passes: How many there were.
        disturbed: How many others did not count, as another program had the core meanwhile.
    """

    median: float
    spread: float
    passes: int
    disturbed: int = 0


def timed(
    run: Callable[[], object], *, own_core: bool = True, clock: Callable[[], tuple[float, float]] | None = None
) -> Timing:
    """Measures how long a call takes, by the clock on the wall.

    Other programs only ever make a call slower. Two things keep their time out of the figure. If the call works on one
    core, the time that this thread had a core is read as well, and a pass in which it waited for more than a tenth of
    the time does not count. And the passes that do count must agree: if they differ by more than a fifth (90th less
    10th percentile, over the median), all are measured again, three times as many, and again, and then refused.

    Args:
        run: The call; it returns when all is done.
        own_core: Whether it works in this thread alone, so that waiting can be told.
        clock: Seconds on the wall, and seconds that this thread had a core; for tests.

    Returns:
        The median of the passes, and how much they differ.

    Raises:
        Unsteady: They differ too much, or hardly a pass had a core to itself.

    Example:
        >>> ticks = iter(range(1_000))  # a clock that is read twice in each pass, a millisecond apart
        >>> round(timed(lambda: None, clock=lambda: (next(ticks) / 1e3,) * 2).median, 6)
        1.0
    """
    clock = clock or _clock
    for _ in range(WARM_UP):
        run()
    why = ""
    for repeats in REPEATS:
        passes, disturbed = _passes(run, repeats, own_core, clock)
        if len(passes) < min(REPEATS):
            of = len(passes) + disturbed
            had = f"in {disturbed} of {of} passes, other programs had the core"
            why = f"the machine is too busy: {had}: wait, or use fewer jobs"
            continue
        low, median, high = np.percentile(passes, (10, 50, 90))
        spread = float((high - low) / median)
        if spread <= SPREAD:
            return Timing(1e3 * float(median), spread, len(passes), disturbed)
        why = (
            f"the machine is not steady: the middle 80 % of {len(passes)} passes spread over {spread:.0%} of "
            f"{1e3 * median:.3g} ms, and not {SPREAD:.0%}: wait, or use fewer jobs"
        )
    raise Unsteady(why)


def _passes(
    run: Callable[[], object], repeats: int, own_core: bool, clock: Callable[[], tuple[float, float]]
) -> tuple[list[float], int]:
    """The seconds of each pass that counts, and the number of those that do not."""
    found, disturbed, total = list[float](), 0, 0.0
    while len(found) + disturbed < MOST:
        wall, core = clock()
        run()
        done, core_done = clock()
        seconds = done - wall
        total += seconds
        if own_core and core_done - core < (1 - WAITED) * seconds:
            disturbed += 1
        else:
            found.append(seconds)
        if len(found) >= repeats and sum(found) >= LONG_ENOUGH:
            break
        if total >= TOO_LONG and len(found) + disturbed >= min(REPEATS):
            break
    return found, disturbed


def _clock() -> tuple[float, float]:
    return time.perf_counter(), time.thread_time()
