"""The pool of a search and its scores."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from optuna.samplers import BaseSampler

from untrained.data import Data
from untrained.errors import InputError, InputWarning, shown, warn
from untrained.metrics import get_metrics
from untrained.objectives import Objective
from untrained.samplers import check_sampler, sampler_info
from untrained.scores import ScoreTable
from untrained.scoring.pool import Progress, Scoring
from untrained.searching import BATCH, POOL
from untrained.searching.allowed import NOTHING, Allowed
from untrained.spaces import SearchSpace
from untrained.spaces.pools import limited_pool

SCORES_FILE = "scores.parquet"
CHECKED = 20_000
"""Of a larger table, so many architectures are looked at beforehand; any other one before it is evaluated."""


def whole(name: str, given: Any) -> int:
    """Reads a whole number that may also be written as "10" or 10.0.

    Args:
        name: What messages call it.
        given: The number.

    Returns:
        The number.

    Raises:
        InputError: It is no whole number.
    """
    is_number = isinstance(given, int | float | np.integer | np.floating) and not isinstance(given, bool)
    if is_number and float(given).is_integer():
        return int(given)
    if isinstance(given, str) and given.strip().lstrip("+-").isdecimal():
        return int(given)
    raise InputError(f"{name} {given!r:.60}: give a whole number")


def scores_seed(folder: str | Path | None, seed: int) -> int:
    """Finds the seed of the scores in a folder: a search with another seed keeps these scores.

    Args:
        folder: The folder of a search, or None.
        seed: The answer if it holds no scores yet.

    Returns:
        The seed.
    """
    path = None if folder is None else Path(folder) / SCORES_FILE
    if path is None or not path.is_file():
        return seed
    return ScoreTable.load(path).provenance.get("seed", seed)


def chosen_pool(
    space: SearchSpace, pool: Any, seed: int, allowed: Allowed = NOTHING, on_measured: Progress | None = None
) -> list[str]:
    """Draws or reads the pool of a search.

    Args:
        space: The space of the architectures.
        pool: A list of them; or how many to draw; None for `POOL` of them, or all of a smaller space.
        seed: Decides which are drawn.
        allowed: Which ones may be in it.
        on_measured: Called with (architectures found, how many are asked for) while their networks are run.

    Returns:
        Distinct architectures.

    Raises:
        InputError: One is not of the space, or there are not so many.
    """
    is_list = isinstance(pool, Sequence) and not isinstance(pool, str)
    if allowed and not is_list:
        most = POOL if pool is None else whole("pool", pool)
        meets = allowed.allows
        if on_measured and allowed.is_slow:
            meets = _counted(meets, most, on_measured)
        found, drawn = limited_pool(space, most, seed, meets, listable=space.is_listable())
        if not found:
            raise allowed.none_of(drawn)
        allowed.warn_unknown()
        if pool is not None and len(found) < most:
            few = f"{len(found)} of the {drawn} architectures drawn meet {shown(str(allowed))}"
            raise InputError(f"pool of {most} architectures: {few}: ask for at most {len(found)}")
        return found
    if pool is None:
        return space.pool(POOL, seed, at_most=True)
    if not is_list:
        return space.pool(whole("pool", pool), seed)
    return left_in(list(dict.fromkeys(map(space.canonical, pool))), allowed)


def _counted(meets: Callable[[str], bool], most: int, progress: Progress) -> Callable[[str], bool]:
    """The same condition, which tells how many have met it."""
    found = itertools.count(1)

    def told(arch: str) -> bool:
        met = meets(arch)
        if met:
            progress(next(found), most)
        return met

    return told


def left_in(archs: Sequence[str], allowed: Allowed) -> list[str]:
    """Leaves out the given architectures that are not allowed, and warns of how many these are.

    Args:
        archs: The architectures.
        allowed: Which ones may stay.

    Returns:
        The others, in order.

    Raises:
        InputError: None is left.
    """
    if not allowed:
        return list(archs)
    found = allowed.chosen(archs)
    if len(found) < len(archs) and allowed.limits:
        out = f"{len(archs) - len(found)} of {len(archs)} architectures are left out"
        warn(f"{out}: they do not meet {allowed}", InputWarning)
    allowed.warn_unknown()
    return found


def check_pool(objective: Objective, archs: Sequence[str], budget: int) -> None:
    """Makes sure that a pool can be searched, before anything is spent.

    Args:
        objective: What will evaluate the architectures.
        archs: The pool.
        budget: Number of queries.

    Raises:
        InputError: The budget is above it, or one of it cannot be evaluated.
    """
    if budget > len(archs):
        most = f"give at most {len(archs)}, or a larger pool if the space has more"
        raise InputError(f"budget {budget} is above the pool's {len(archs)} architectures: {most}")
    for arch in archs:
        objective.check(arch)


def completed(given: Scoring | None, space: SearchSpace, objective: Objective, sampler: object, seed: int) -> Scoring:
    """Completes how to score a pool: by the data and the loss of the objective, and the metrics that the sampler needs.

    Args:
        given: What the caller says; None for nothing.
        space: The space of the architectures.
        objective: Knows the loss and has data.
        sampler: A name from `SAMPLERS`, or a sampler.
        seed: Decides which samples of the objective are the batch.

    Returns:
        How to score.

    Raises:
        InputError: The metrics do not suffice for the sampler.
    """
    given = given or Scoring()
    groups = sampler_info(sampler).metrics if isinstance(sampler, str) else ()
    metrics = [group[0] for group in groups] or None if given.metrics is None else given.metrics
    chosen = None if metrics is None else get_metrics(metrics)
    if isinstance(sampler, str) and chosen is not None:
        check_sampler(sampler, [metric.name for metric in chosen], space)
    found = replace(given, metrics=chosen, loss=given.loss or objective.loss)
    if given.batch is not None:
        return found
    pairs = any("second batch" in metric.needs for metric in chosen or ())
    size = _batch_size(objective, 2 if pairs else 1)
    second = objective.second_batch(size, seed) if pairs else None
    return replace(found, batch=objective.batch(size, seed), second_batch=second)


def _batch_size(objective: Objective, batches: int) -> int:
    """`BATCH`, or what small data have for so many batches."""
    data = getattr(objective, "data", None)
    return min(BATCH, max(len(data.split("train")) // batches, 1)) if isinstance(data, Data) else BATCH


def check_types(sampler: object, scores: object, pool: object) -> None:
    """Makes sure that a search was given things of the kinds that it takes.

    Args:
        sampler: A name or an Optuna sampler.
        scores: A `ScoreTable`, a `Scoring` or None.
        pool: As in `chosen_pool`.

    Raises:
        InputError: One is of another kind; or there is a pool beside a table, which has one of its own.
    """
    if not isinstance(sampler, str | BaseSampler):
        raise InputError(f"{shown(sampler)} is no sampler: give a name (untrained samplers) or an Optuna sampler")
    if not isinstance(scores, ScoreTable | Scoring | None):
        raise InputError(f"scores {shown(scores)}: give a ScoreTable, or Scoring(metrics=[...])")
    if isinstance(scores, ScoreTable) and pool is not None:
        raise InputError("a table of scores is its own pool: leave pool out, or give scores.select(pool)")


def check_scored(given: ScoreTable, space: SearchSpace, sampler: object) -> None:
    """Checks a table that the caller gives, and warns of each metric that cannot read some of the networks.

    Args:
        given: The table.
        space: The space of the architectures.
        sampler: A name from `SAMPLERS`, or a sampler.

    Raises:
        InputError: An architecture is none of the space's (in a large table, one of `CHECKED`), a metric has no score
            at all, or the metrics do not suffice for the sampler.
    """
    if isinstance(sampler, str):
        check_sampler(sampler, given.metrics, space)
    for arch in given.archs if len(given) <= CHECKED else given.archs[:: len(given) // CHECKED]:
        space.to_params(arch)
    for name, why in given.idle.items():
        if np.isnan(given.values[:, given.metrics.index(name)]).all():
            raise InputError(f"metric {name!r} {why}: leave it out")
    for k, name in enumerate(given.metrics):
        if given.unread[:, k].any():  # what is computed here is told by the scoring itself
            warn(f"{name}: {given.missing[name]}")


def kept_scores(given: ScoreTable, folder: Path | None) -> ScoreTable:
    """Writes a table that the caller gives to the folder of the search, if that has none.

    Args:
        given: The table.
        folder: The folder; None for a search that keeps nothing.

    Returns:
        The table.
    """
    if folder is not None and not (folder / SCORES_FILE).exists():
        given.save(folder / SCORES_FILE)
    return given
