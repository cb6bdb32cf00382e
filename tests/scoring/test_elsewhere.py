"""Scores from the workers of an executor."""

from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from untrained.errors import InputError
from untrained.metrics import METRICS
from untrained.scoring.pool import Scoring
from untrained.spaces import NASBench201

SPACE = NASBench201(N=1, C=4)
BATCH = (torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(1)), torch.tensor([0, 1, 2, 3]))
# Of transformers and recurrent networks.
OF_TOKENS = {name for name, m in METRICS.items() if m.function.__module__.endswith(("transformer", "recurrent"))}
ALL = [name for name in METRICS if name not in {"latency", *OF_TOKENS}]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize(
    "make", [lambda: ThreadPoolExecutor(2), lambda: ProcessPoolExecutor(2, mp_context=get_context("fork"))]
)
def test_the_scores_are_those_of_this_process_to_the_bit(make: Any, tmp_path: Path) -> None:
    archs = SPACE.pool(2)
    options: dict[str, Any] = {"batch": BATCH, "second_batch": (BATCH[0].flip(3), BATCH[1])}
    before = torch.get_rng_state()
    here = Scoring(ALL, **options).scores(SPACE, archs)
    seen = list[tuple[int, int]]()
    there = Scoring(ALL, **options, workers=2, executor=make).scores(
        SPACE, archs, path=tmp_path / "scores.parquet", progress=lambda *done: seen.append(done)
    )
    assert there.archs == here.archs
    assert not np.isnan(here.values).all(0).any()
    assert np.array_equal(there.values, here.values, equal_nan=True)
    assert seen == [(0, 2), (1, 2), (2, 2)]
    assert torch.equal(torch.get_rng_state(), before)


def test_a_network_whose_workers_are_lost_has_no_score_and_says_why() -> None:
    archs = SPACE.pool(6)

    class Losing(ThreadPoolExecutor):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
            future = super().submit(fn, *args, **kwargs)
            if archs[2].encode() in args[1]:
                lost = type(future)()
                lost.set_exception(ConnectionError("gone"))
                return lost
            return future

    with pytest.warns(UserWarning, match="snip: 1 of 6 missing"):
        table = Scoring(["snip"], BATCH, executor=Losing(1)).scores(SPACE, archs)
    assert np.isnan(table.values[:, 0]).tolist() == [False, False, True, False, False, False]
    assert "lost 2 times (ConnectionError: gone)" in table.reasons[archs[2]]["snip"]


def test_a_limit_does_not_reach_an_executor() -> None:
    with pytest.raises(InputError, match="a limit for each network"):
        Scoring(["snip"], BATCH, limit_seconds=3, executor="ray").scores(SPACE, SPACE.pool(1))
