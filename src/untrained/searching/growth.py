"""A pool that grows while the search learns: relatives of the sampler's favourites join it before each query."""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import optuna

from untrained.errors import InputError, InputWarning, warn
from untrained.objectives import Objective, TrainingObjective
from untrained.runtime.seeding import derive_seed
from untrained.samplers import PoolSampler, sampler_info
from untrained.samplers.base import choosing
from untrained.samplers.query import Query, read_history
from untrained.scores import ScoreTable
from untrained.scoring.pool import Progress, Scoring
from untrained.searching.allowed import NOTHING, Allowed
from untrained.searching.studies import GROWN
from untrained.spaces import SearchSpace

PARENTS = 32
"""So many favourites have children."""
TRIES = 50
"""Relatives that are drawn for each child, at most: most of them may be known, or not allowed."""
OWN = 16
"""Children for each query, if what an evaluation costs is not known."""
MOST = 64
"""Children for each query at most, however long a training is."""
SHARE = 0.1
"""The children's scores take this part of the time of a training."""
COST = 200
"""A network is scored in the time in which about so many samples are trained on (experiments/speed/growth_cost.py)."""

FEW = 8
"""So few children are scored in this process: they are done before others have started."""


class Growth:
    """What joins the pool of a search, when, and in what order.

    Growth k takes place once k queries have begun. Its children are a function of (seed, k, what is in the pool,
    history); they are written to the study before they are scored, and whoever comes to growth k again finds them
    there. So a search that is killed anywhere goes on with the same pools.

    Args:
        study: Remembers the children.
        space: Has mutation and crossover.
        sampler: Has favourites, and takes the larger tables.
        table: The scores of the pool that was drawn.
        scored: Adds the scores of architectures to a table: those that can be built stand below the others.
        children: How many join the pool at each growth.
        objective: Knows which architectures can be evaluated.
        allowed: Knows which may be.
    """

    def __init__(
        self,
        study: optuna.Study,
        space: SearchSpace,
        sampler: PoolSampler,
        table: ScoreTable,
        scored: Callable[[ScoreTable, Sequence[str]], ScoreTable],
        children: int,
        objective: Objective,
        allowed: Allowed = NOTHING,
    ) -> None:
        self.study = study
        self.space = space
        self.sampler = sampler
        self.table = table
        self.scored = scored
        self.children = children
        self.objective = objective
        self.allowed = allowed
        self._done = 0
        self._seen = {*table.archs, *table.provenance.get("unbuilt", ())}

    def reach(self, begun: int) -> None:
        """Lets the pool grow to what it is to be after so many queries.

        Args:
            begun: How many queries have begun.

        Raises:
            InputError: The scores cannot be kept, or the storage failed.
            KeyboardInterrupt: After Ctrl-C, SIGTERM or SIGHUP.
        """
        if begun <= self._done:
            return
        history = read_history(self.study, self.space, type(self.sampler).__name__)
        for k in range(self._done + 1, begun + 1):
            children = self.study.user_attrs.get(f"{GROWN}{k}")
            if children is None:
                children = self._children(k, history)
                self.study.set_user_attr(f"{GROWN}{k}", children)
            self._seen.update(children)
            table = self.scored(self.table, children) if children else self.table
            if len(table) > len(self.table):
                with choosing():
                    self.sampler.grow(table, history[:k])
                self.table = table
            self._done = k

    def _children(self, k: int, history: Sequence[Query]) -> list[str]:
        with choosing():
            parents = self.sampler.favourites(history, PARENTS)
        rng = random.Random(derive_seed(self.sampler.seed, "growth", k))
        return children(self.space, parents, self.children, rng, self._seen, self._fits)

    def _fits(self, arch: str) -> bool:
        try:
            self.objective.check(arch)
        except InputError:
            return False
        return self.allowed.allows(arch)


def extended(
    how: Scoring,
    space: SearchSpace,
    seed: int,
    path: Path | None,
    progress: Progress | None,
    table: ScoreTable,
    more: Sequence[str],
) -> ScoreTable:
    """Scores further architectures as those of a table were scored.

    Args:
        how: How they were.
        space: Builds the networks.
        seed: That of the scores.
        path: The file of the scores, which gains the new ones; None for none.
        progress: Called with (architectures scored, architectures in all).
        table: The table.
        more: Further architectures.

    Returns:
        The table with a row for each of `more` that can be built.
    """
    how = replace(how, metrics=list(table.metrics) if how.metrics is None else how.metrics)
    if len(more) <= FEW and how.executor is None:
        how = replace(how, workers=1)
    archs = [*table.archs, *more]
    # What a metric does not read, or what cannot be built, was told of the pool that was drawn.
    found = how.scores(space, archs, seed, path=path, progress=progress, note=lambda line: None, known=table)
    _warn_of_lost(found, more)
    return found


def _warn_of_lost(table: ScoreTable, joined: Sequence[str]) -> None:
    """Warns of architectures without any score, as when their workers were lost: the sampler knows nothing of them."""
    lost = [arch for arch in joined if arch in table.index and np.isnan(table.values[table.index[arch]]).all()]
    if lost:
        why = next(iter(table.reasons[lost[0]].values()))
        text = f"{len(lost)} of {len(joined)} architectures that join the pool have no score: {why}"
        warn(text, InputWarning)


def children(
    space: SearchSpace,
    parents: Sequence[str],
    n: int,
    rng: random.Random,
    known: Iterable[str] = (),
    fits: Callable[[str], bool] = lambda arch: True,
) -> list[str]:
    """Draws new relatives of some architectures, by mutation and crossover.

    Args:
        space: The space of the architectures.
        parents: The best first; the better one is, the more children it has.
        n: How many children.
        rng: The source of random numbers.
        known: Architectures that are no children.
        fits: Whether an architecture may be a child; it is asked once for each.

    Returns:
        Distinct canonical architectures; fewer than `n` if no more are found in `TRIES` draws for each.

    Example:
        >>> from untrained import NASBench201
        >>> space = NASBench201()
        >>> parents = space.pool(2)
        >>> found = children(space, parents, 3, random.Random(0), known=parents)
        >>> len(found), set(found) & set(parents)
        (3, set())
    """
    seen, found = set(known), list[str]()
    for child in _relatives(space, parents, rng, TRIES * n):
        if child in seen:
            continue
        seen.add(child)
        found += [child] * fits(child)
        if len(found) == n:
            break
    return found


def _relatives(space: SearchSpace, parents: Sequence[str], rng: random.Random, most: int) -> Iterator[str]:
    """Half of them mutants, of one decision or a few; half of them mixtures, of which half are mutated too."""
    for _ in range(most if parents else 0):
        one, other = (parents[int(len(parents) * rng.random() ** 2)] for _ in range(2))
        mixed = one != other and rng.random() < 0.5
        child = space.crossover(one, other, rng) if mixed else space.mutate(one, rng)
        while rng.random() < 0.5:
            child = space.mutate(child, rng)
        yield space.canonical(child)


def children_for(
    grow: int | None, space: SearchSpace, objective: Objective, archs: Sequence[str], *, is_drawn: bool
) -> int:
    """Decides how many children each query is worth.

    Args:
        grow: What the caller says; None for what is usual.
        space: The space of the architectures.
        objective: Trains on data, or evaluates in a way of its own.
        archs: The pool.
        is_drawn: Whether it was drawn, and not listed by the caller.

    Returns:
        0 if the pool is the whole space. By default, 0 for a list of the caller's; for trainings as many as can be
        scored in `SHARE` of the time of one, `MOST` at most; else `OWN`.
    """
    if grow == 0 or (grow is None and not is_drawn) or is_whole(space, archs):
        return 0
    if grow is not None:
        return grow
    if not isinstance(objective, TrainingObjective):
        return OWN
    samples = len(objective.data.split("train")) * objective.training.epochs
    return min(int(SHARE * samples / COST), MOST)


def check_grow(grow: int | None, sampler: object, *, is_table: bool, is_front: bool = False) -> bool:
    """Finds out whether the pool of a search can grow, before anything is spent.

    Args:
        grow: Children for each query, as the caller says; None for what is usual.
        sampler: The sampler, or its name.
        is_table: Whether the caller gives the scores.
        is_front: Whether a front is looked for.

    Returns:
        Whether it can: the search scores architectures itself, and makes a sampler that takes further ones.

    Raises:
        InputError: It is to, and cannot.
    """
    if grow is not None and grow < 0:
        raise InputError(f"grow {grow}: give at least 0, for a pool that stays as it is")
    if grow and is_table:
        raise InputError(f"grow {grow}: a table of scores is its own pool: leave grow out")
    if grow and is_front:
        raise InputError(f"grow {grow}: a search for a front keeps to the pool that was drawn: leave grow out")
    can = isinstance(sampler, str) and getattr(sampler_info(sampler).make, "grows", False)
    if grow and not can:
        name = sampler if isinstance(sampler, str) else type(sampler).__name__
        why = "keeps to the pool that was drawn" if isinstance(sampler, str) else "was made for a pool"
        raise InputError(f"grow {grow}: sampler {name!r} {why}: leave grow out")
    return can and not (is_table or is_front)


def without_growth(grow: int | None) -> int:
    """The children of a search that several processes make: none, as each would let the pool grow in another way.

    Args:
        grow: Children for each query, as the caller says; None for what is usual.

    Raises:
        InputError: There are to be some.
    """
    if grow:
        raise InputError(f"grow {grow}: several processes search one pool, which stays as it is: leave grow out")
    return 0


def is_whole(space: SearchSpace, archs: Sequence[str]) -> bool:
    """Whether a pool is all of its space."""
    held = set(archs)
    return space.is_listable() and all(space.canonical(arch) in held for arch in space)
