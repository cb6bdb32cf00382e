"""Code that does not come to an end is stopped, and nothing else is."""

import contextlib
import threading
import time

import pytest

from untrained.runtime.patience import OutOfTime, at_most


def spin() -> None:
    while True:
        with contextlib.suppress(Exception):  # code of a user's that takes every error for its own
            time.sleep(0.001)


def test_code_that_catches_every_error_is_stopped() -> None:
    with pytest.raises(OutOfTime), at_most(0.05):
        spin()


def test_in_another_thread() -> None:
    stopped = list[bool]()

    def work() -> None:
        try:
            with at_most(0.05):
                spin()
        except OutOfTime:
            stopped.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(30)
    assert stopped == [True]


def test_what_ends_in_time_is_left_alone() -> None:
    """Also if the time is up just then: nothing arrives behind the block."""
    ended = stopped = 0
    for _ in range(200):
        try:
            with at_most(0.0005):
                time.sleep(0.0004)
            ended += 1
        except OutOfTime:
            stopped += 1
        time.sleep(0.0003)  # here nothing may be raised
    assert ended + stopped == 200


def test_errors_of_the_block_come_out_as_they_are() -> None:
    with pytest.raises(KeyError, match="mine"), at_most(5):
        raise KeyError("mine")
