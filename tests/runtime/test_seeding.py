"""Streams of random numbers."""

import random

import numpy as np
import pytest
import torch

from untrained.runtime.seeding import CPU, random_states, seeded


def drawn() -> tuple[float, float, float]:
    return torch.rand(()).item(), random.random(), float(np.random.rand())


def test_streams_begin_at_the_seed_and_go_on_where_they_were() -> None:
    with seeded(5):
        first = drawn()
    before = random_states(CPU)
    with seeded(5):
        assert drawn() == first
    assert random_states(CPU) == before
    with seeded(6):
        assert not set(drawn()) & set(first)
    torch.manual_seed(5)
    assert torch.rand(()).item() == first[0]


def test_seeding_the_cpu_leaves_all_other_devices_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def touched(_seed: int) -> None:
        raise AssertionError("a GPU's stream is seeded")

    monkeypatch.setattr(torch.cuda, "manual_seed_all", touched)
    with seeded(5):
        drawn()


@pytest.mark.parametrize(
    "draw", [lambda: torch.rand(()), random.random, np.random.rand], ids=["torch", "random", "numpy"]
)
def test_a_draw_from_any_stream_shows(draw: object) -> None:
    assert callable(draw)
    with seeded(0):
        before = random_states(CPU)
        assert random_states(CPU) == before
        draw()
        assert random_states(CPU) != before
