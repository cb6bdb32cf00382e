"""Times by a clock of the test's own: what counts, what is refused."""

from collections.abc import Callable, Iterable, Iterator

import pytest

from untrained.measuring.timing import Unsteady, timed


class Clock:
    """Gives passes of the lengths that are told, in milliseconds; and of each, how long the thread had a core."""

    def __init__(self, passes: Iterable[tuple[float, float]]) -> None:
        self._passes = iter(passes)
        self._now = self._core = 0.0
        self.calls = 0

    def run(self) -> None:
        wall, core = next(self._passes)
        self._now += wall / 1e3
        self._core += core / 1e3
        self.calls += 1

    def __call__(self) -> tuple[float, float]:
        return self._now, self._core


def alone(*milliseconds: float) -> Iterator[tuple[float, float]]:
    return ((one, one) for one in milliseconds)


def test_the_median_is_that_of_the_passes_after_the_warm_up() -> None:
    clock = Clock(alone(500, 400, 300, *[10] * 5, 10.5, *[11] * 5))
    found = timed(clock.run, clock=clock)
    assert found.median == pytest.approx(10.5)
    assert found.spread == pytest.approx(1 / 10.5)  # 10th percentile 10, 90th 11
    assert (found.passes, found.disturbed) == (11, 0)


def test_short_passes_are_repeated_until_they_take_long_enough() -> None:
    clock = Clock(alone(*[1.0] * 3, *[0.5] * 100))
    assert timed(clock.run, clock=clock).passes in (40, 41)  # 20 ms; 40 halves of a millisecond may add up to less


def disturbed() -> Iterator[tuple[float, float]]:
    yield from [(10, 10)] * 3
    while True:
        yield from [(10, 10), (60, 10), (10, 9.5)]


def test_passes_that_waited_for_a_core_do_not_count() -> None:
    clock = Clock(disturbed())
    found = timed(clock.run, clock=clock)
    assert (found.median, found.spread) == (pytest.approx(10), pytest.approx(0, abs=1e-9))
    assert (found.passes, found.disturbed) == (11, 5)  # two of three count: the 11th is the 16th


def test_of_several_threads_waiting_cannot_be_told() -> None:
    clock = Clock(disturbed())
    with pytest.raises(Unsteady, match="spread over 500% of 10 ms"):  # 10th percentile 10, 90th 60
        timed(clock.run, own_core=False, clock=clock)


def test_a_machine_that_others_use_is_refused() -> None:
    clock = Clock((50, 10) for _ in range(1_000))
    with pytest.raises(Unsteady, match=r"too busy: in (40 of 40|41 of 41) passes"):  # 2 seconds of them
        timed(clock.run, clock=clock)


def every(*lengths: float) -> Callable[[int], Iterator[tuple[float, float]]]:
    return lambda n: alone(*(lengths[k % len(lengths)] for k in range(n)))


def test_passes_that_differ_are_made_again_and_then_refused() -> None:
    clock = Clock(every(8, 10, 12)(1_000))
    # 10th percentile 8 and 90th 12, whose difference is 40 % of the median.
    with pytest.raises(Unsteady, match="99 passes spread over 40% of 10 ms, and not 20%"):
        timed(clock.run, clock=clock)
    assert clock.calls == 3 + 11 + 33 + 99


def test_a_later_attempt_counts_if_it_is_steady() -> None:
    clock = Clock([*every(8, 10, 12)(14), *alone(*[10] * 33)])
    found = timed(clock.run, clock=clock)
    assert (found.passes, found.median) == (33, pytest.approx(10))
