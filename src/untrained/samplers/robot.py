"""RoBoT: robustify the training-free metrics, then boost the search with them.

He, Shu, Dai & Low, "Robustifying and Boosting Training-Free Neural Architecture Search", ICLR 2024, algorithm 2.

| name | shape | what |
|---|---|---|
| M | n x K | scores of the pool, each metric scaled to [0, 1] |
| w | K | weights in [-1, 1] |
| M w | n | the robust metric; its argmax is the architecture that w proposes |
| T, T0 | | budget, and how many different architectures the T proposals hit |
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from untrained.errors import InputError
from untrained.samplers.base import Choice, PoolSampler, check_learnable, known_values
from untrained.samplers.query import Query
from untrained.samplers.representatives import representatives
from untrained.scores import Scaling, ScoreTable
from untrained.spaces import SearchSpace

Array = NDArray[np.float64]
Acquisition = Literal["ucb", "ei", "random"]
MOST = 100
"""The most proposals that the Gaussian process learns from: its time grows with their third power."""


class RoBoT(PoolSampler):
    """RoBoT: Bayesian optimisation of the weights of the metrics, then down the ranking that the best weights give.

    *Explore*: a Gaussian process models the value of argmax M w as a function of w, and proposes T weight vectors in
    all. A proposal whose architecture is known costs no query, and still informs the process; so T0 <= T queries are
    spent exploring. The process learns from all proposals as long as there are no more than `MOST`; of more, from some
    (`representatives`), so that the time of a query does not grow with the history. *Exploit*: the other T - T0 queries
    go down the ranking of the w with the best value. The defaults are as published.

    A failed query counts as the worst value seen. The random numbers depend on (seed, number of proposals made): they
    are the stream that bayesian-optimization 1.2.0 draws from numpy's `RandomState(seed)`, with the weights in the
    alphabetical order of the metrics, so a seed means the same here and in the authors' scripts.

    Args:
        table: The scores to learn from.
        space: The search space of its architectures.
        budget: T. Queries beyond it go on down the ranking.
        seed: Decides every random draw.
        scaling: How metrics are scaled over the pool; the paper's is "minmax".
        proposals: How many proposals are made; None makes T, as the paper does.
        acquisition: What proposes w: "ucb", the upper confidence bound of the paper; "ei", expected improvement; or
            "random", uniform draws.
        kappa: The weight of the uncertainty in the upper confidence bound.

    Raises:
        InputError: If no metric has a score, or an option is out of range.

    Example:
        >>> from untrained import ArchitectureList, ScoreTable, search
        >>> table = ScoreTable(("a", "bb", "ccc"), ("m",), np.array([[1.0], [2.0], [3.0]]))
        >>> space = ArchitectureList(["a", "bb", "ccc"])
        >>> sampler = RoBoT(table, space, budget=2)
        >>> result = search(space, lambda arch: len(arch), budget=2, sampler=sampler, scores=table)
        >>> result.architecture
        'ccc'
    """

    def __init__(
        self,
        table: ScoreTable,
        space: SearchSpace,
        *,
        budget: int,
        seed: int = 0,
        scaling: Scaling = "minmax",
        proposals: int | None = None,
        acquisition: Acquisition = "ucb",
        kappa: float = 2.576,
    ) -> None:
        super().__init__(table, space, seed=seed)
        check_learnable(table, budget)
        if proposals is not None and proposals < 1:
            raise InputError(f"proposals {proposals}: give at least 1")
        if acquisition not in get_args(Acquisition):
            raise InputError(f"unknown acquisition {acquisition!r}: choose from {', '.join(get_args(Acquisition))}")
        self.budget = budget
        self.scaling: Scaling = scaling
        self.proposals = proposals
        self.acquisition: Acquisition = acquisition
        self.kappa = kappa
        # The state of the random stream after so many proposals: saves drawing it from the start, changes no digit.
        self._passed: tuple[int, Any] = (0, np.random.RandomState(seed).get_state(legacy=False))

    @property
    def options(self) -> dict[str, Any]:
        """Scaling, number of proposals, acquisition function and its kappa."""
        return {
            "scaling": self.scaling,
            "proposals": self.proposals,
            "acquisition": self.acquisition,
            "kappa": self.kappa,
        }

    @cached_property
    def _features(self) -> Array:
        """M, n x K."""
        return self.table.scaled(self.scaling)

    def choose(self, history: Sequence[Query]) -> Choice:
        known = known_values(history)
        made: list[tuple[list[float], str]] = [(w, arch) for query in history for w, arch in query.sampler_state or ()]
        record: list[tuple[list[float], str]] = []
        total = self.budget if self.proposals is None else self.proposals
        while len(made) < total:
            weights = self._propose(made, known)
            arch = self.table.archs[int(np.argmax(self._features @ weights))]
            made.append((weights.tolist(), arch))
            record.append(made[-1])
            if arch not in known:
                return Choice(arch, "explore", self._named(weights), record)
        best = max(range(len(made)), key=lambda i: (known[made[i][1]], i))  # the last of equals
        weights = np.array(made[best][0])
        merit = self._features @ weights
        merit[[self.table.index[arch] for arch in known if arch in self.table.index]] = -np.inf
        arch = self.table.archs[int(np.argmax(merit))]
        return Choice(arch, "exploit", self._named(weights), record)

    def _propose(self, made: Sequence[tuple[list[float], str]], known: dict[str, float]) -> Array:
        from untrained.samplers.ucb import propose  # with SciPy's optimiser, which takes long to import

        rng = self._stream(len(made))
        if not made or self.acquisition == "random":
            return rng.uniform(-1, 1, len(self.table.metrics))[self._from_alphabetical]
        x = np.array([w for w, _ in made])[:, self._alphabetical]
        y = np.array([known[arch] for _, arch in made])
        learnt = representatives(y, MOST, self.seed).places
        x, y = x[learnt], y[learnt]
        return propose(x, y, -1, 1, self.kappa if self.acquisition == "ucb" else None, rng)[self._from_alphabetical]

    @cached_property
    def _alphabetical(self) -> NDArray[np.intp]:
        return np.argsort(np.array(self.table.metrics))

    @cached_property
    def _from_alphabetical(self) -> NDArray[np.intp]:
        return np.argsort(self._alphabetical)

    def _stream(self, proposals: int) -> np.random.RandomState:
        """The random stream in its state after so many proposals."""
        from untrained.samplers.ucb import draws

        k = len(self.table.metrics)
        start, state = self._passed
        rng = np.random.RandomState(self.seed)
        if start <= proposals:
            rng.set_state(state)
        else:
            start = 0
        for t in range(start, proposals):
            rng.random_sample(draws(k) if t else k)
        self._passed = (proposals, rng.get_state(legacy=False))
        return rng

    def _named(self, weights: Array) -> dict[str, float]:
        return dict(zip(self.table.metrics, weights.tolist(), strict=True))
