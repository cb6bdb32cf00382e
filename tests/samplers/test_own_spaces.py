"""Every sampler in a space with all kinds of decisions and a rule, in a storage, stopped and gone on with."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.samplers import RandomSampler
from optuna.storages import InMemoryStorage
from torch import nn

from untrained.samplers import SAMPLERS
from untrained.scores import ScoreTable
from untrained.searching.search import search
from untrained.spaces import SearchSpace

pytestmark = pytest.mark.filterwarnings("ignore:Choices for a categorical distribution")


class Mixed(SearchSpace):
    """Tuples, strings with commas, None beside "None", steps, logarithmic integers; not every combination."""

    @property
    def distributions(self) -> Mapping[str, BaseDistribution]:
        given: dict[str, Any] = {
            "kernel": [(3, 3), (5, 5), (1, (3, 1))],
            "block": ["conv,relu", "relu,conv", None, "None"],
            "drop": FloatDistribution(0, 0.7, step=0.1),
            "width": IntDistribution(4, 64, log=True),
        }
        return given

    def valid(self, params: Mapping[str, Any]) -> bool:
        return not (params["kernel"] == (5, 5) and params["drop"] > 0.35)

    def build(self, arch: str) -> nn.Module:
        raise NotImplementedError


SPACE = Mixed()
ARCHS = SPACE.pool(60)


def value(arch: str) -> float:
    params = SPACE.to_params(arch)
    assert SPACE.valid(params)
    return params["width"] * (1 - params["drop"]) + params["kernel"][0]


NAMES = [name for name, info in SAMPLERS.items() if not (info.metrics or info.takes_metric)]


@pytest.mark.parametrize("name", NAMES)
def test_a_search_that_was_stopped_goes_on_as_it_would_have(name: str, tmp_path: Path) -> None:
    table = ScoreTable(tuple(ARCHS), ("m", "n"), np.random.default_rng(0).normal(size=(60, 2)))

    def stop(query: Any, done: int, budget: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    def run(**options: Any) -> list[str]:
        result = search(SPACE, value, budget=8, sampler=name, scores=table, **options)
        return [query.architecture for query in result.queries]

    # A file keeps choices as JSON; that is the slower storage, and the same for all samplers.
    kept = {"out": tmp_path} if name == "tpe" else {"storage": InMemoryStorage()}
    with pytest.raises(KeyboardInterrupt):
        run(**kept, on_query=stop)
    found = run(**kept)
    assert len(set(found)) == 8
    assert set(found) <= set(ARCHS)
    assert found == run()  # undisturbed


def test_a_foreign_sampler_never_trains_what_the_space_excludes() -> None:
    """Optuna's samplers know nothing of the rule, and so that one proposal in six is excluded."""
    table = ScoreTable(tuple(ARCHS), ("m",), np.arange(60.0)[:, None])
    result = search(SPACE, value, budget=30, sampler=RandomSampler(seed=3), scores=table)
    assert len({query.architecture for query in result.queries}) == 30
    skipped = [trial for trial in result.study.trials if "not a valid" in trial.user_attrs.get("skipped", "")]
    assert skipped
