"""Optuna's own contract tests for samplers, as far as the installed Optuna ships them."""

from collections.abc import Callable

import numpy as np
import pytest
from optuna.samplers import BaseSampler

from untrained.samplers import Mixture
from untrained.scores import ScoreTable
from untrained.spaces import ArchitectureList

shipped = pytest.importorskip("optuna.testing.pytest_samplers", reason="this Optuna ships no tests for samplers")

POOL = tuple(f"{n}" for n in range(24))


class TestMixture(shipped.BasicSamplerTestCase, shipped.RelativeSamplerTestCase, shipped.SingleOnlySamplerTestCase):
    """A sampler of a pool whose study asks for other parameters alone.

    `MultiObjectiveSamplerTestCase` is left out: it is for samplers of several objectives.
    """

    @pytest.fixture
    def sampler(self) -> Callable[[], BaseSampler]:
        table = ScoreTable(POOL, ("metric",), np.arange(24.0)[:, None])
        return lambda: Mixture(table, ArchitectureList(POOL), budget=20)
