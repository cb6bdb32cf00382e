"""The one verb: search a space for the best architecture within a budget of real evaluations."""

import re
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage

from untrained.errors import InputError
from untrained.metrics import ROBOT_METRICS, Given, get_metrics
from untrained.objectives import Direction, as_objective
from untrained.probe import Loss
from untrained.runtime.identity import code_of
from untrained.runtime.interrupts import interruptible
from untrained.runtime.seeding import check_seed
from untrained.samplers import PoolSampler, check_sampler, get_sampler, sampler_info
from untrained.samplers.query import queries
from untrained.scores import ScoreTable
from untrained.scoring.one_network import Batch, Precision
from untrained.scoring.pool import Progress, compute_scores
from untrained.searching.claims import only_search_in, only_search_of
from untrained.searching.finish import make_result
from untrained.searching.identity import evaluation_identity, made_with, short_hash, versions
from untrained.searching.pool import SCORES_FILE, check_scored, chosen_pool, scores_seed, whole
from untrained.searching.result import BEST_FILE, Result
from untrained.searching.saved import RUN_FILE, STUDY_FILE
from untrained.searching.spend import OnQuery, Spender
from untrained.searching.storage import open_storage, shown_storage, sqlite_url, unguarded
from untrained.searching.studies import (
    TOTAL_SECONDS,
    begin,
    check_same,
    check_shared,
    check_versions,
    choose_study,
    known_elsewhere,
    open_study,
)
from untrained.searching.weights import KeptWeights
from untrained.spaces import SearchSpace, as_space

BATCH = 32
"""Training samples of the objective that metrics see, unless they are given a batch."""


def search(
    space: SearchSpace | type[SearchSpace] | str,
    objective: Any,
    *,
    budget: int,
    direction: Direction | None = None,
    sampler: str | BaseSampler = "mixture",
    scores: ScoreTable | None = None,
    batch: Batch | None = None,
    second_batch: Batch | None = None,
    loss: Loss | None = None,
    metrics: str | Sequence[Given] = ROBOT_METRICS,
    strict: bool = False,
    precision: Precision | None = None,
    pool: int | Sequence[str] | None = None,
    seed: int = 0,
    workers: int = 1,
    storage: str | BaseStorage | None = None,
    study_name: str | None = None,
    pruner: BasePruner | None = None,
    out: str | Path | None = None,
    on_begin: Callable[[], None] | None = None,
    on_scored: Progress | None = None,
    on_query: OnQuery | None = None,
) -> Result:
    """Scores a pool, lets a sampler spend a budget of evaluations on it, and returns the best architecture.

    Called again with the same `out` or `storage`, it goes on where it was; a query that was cut off is made anew. What
    changed in between decides:

    - a larger `budget` goes on;
    - another sampler, seed, smaller budget, larger pool, or another recipe of the trainings (such as `epochs`) starts
      another study in the same folder, on the same scores; an architecture that was evaluated in the same way before
      is not evaluated again, its outcome is taken over (`Query.reused`);
    - another space, other data, another loss or metric, or edited code of these is refused, as is anything whose code
      cannot be read (defined in a notebook).

    Args:
        space: Where the architectures come from: a space, its class, or a name from `SPACES`.
        objective: What evaluates an architecture: an `Objective`, or a function of an architecture, or of a network and
            a trial (see `as_objective`).
        budget: How many distinct architectures to evaluate, failures included.
        direction: "maximize" (the default) or "minimize", for an objective that does not say so itself.
        sampler: A name from `SAMPLERS`, by default the robust one and not the paper's `robot`; or any Optuna sampler.
            One that proposes an architecture again is told its value at no cost.
        scores: The table to learn from; None to score a pool.
        pool: What to score: a list of architectures, or how many to draw with `seed`; by default 256, or all of a
            smaller space.
        seed: Decides the pool, the initial weights of the networks that are scored, and the sampler.
        storage: An Optuna storage or its URL; by default `study.db` in `out`, or memory. One process at a time works on
            a study.
        study_name: A study of one's own; by default one is named after sampler and seed.
        pruner: Stops evaluations that report intermediate values; by default the one that belongs to the sampler. A
            stopped query counts, costs what it had cost by then, and is never the best.
        out: A folder for the study, the scores, `best.json` and `best.safetensors`.
        on_begin: Called once nothing stands against the search any more, before anything is written or scored.
        on_scored: Called with (architectures scored, architectures in all).
        on_query: Called with (a finished query, queries done, budget).

    Returns:
        The best architecture, its trained weights if there are any, and the whole history.

    Raises:
        InputError: Something given cannot be used, or stands against what the folder holds. Nothing was spent.
        StorageFailed: The storage failed in the middle. What was told before is kept.
        KeyboardInterrupt: After Ctrl-C, SIGTERM or SIGHUP, between two networks, training steps or queries.

    Warns:
        UserWarning: A metric is the same, or fails, on the whole pool; the test figures cannot be had.

    Example:
        >>> from untrained import NASBench201, load_data, search
        >>> space, data = NASBench201(N=1, C=4, in_channels=1), load_data("digits")
        >>> def fewest_weights(network, trial):
        ...     return sum(p.numel() for p in network.parameters())
        >>> result = search(space, fewest_weights, direction="minimize", budget=3, pool=8, metrics="params",
        ...                 batch=data.batch(8))
        >>> result.value == min(query.value for query in result.queries)
        True
    """
    start = time.perf_counter()
    budget, seed = whole("budget", budget), whole("seed", seed)
    if budget < 1:
        raise InputError(f"budget {budget}: give at least 1 query")
    check_seed(seed)
    space = as_space(space)
    objective = as_objective(objective, space, direction)
    evaluation = evaluation_identity(space, objective)
    names = [m.name for m in get_metrics(metrics)] if scores is None else list(scores.metrics)
    if isinstance(sampler, str):
        check_sampler(sampler, names, space)
        if pruner is None and (own := sampler_info(sampler).pruner):
            pruner = own(objective.steps)
    folder = None if out is None else Path(out)
    where = shown_storage(storage) if folder is None or storage is not None else str(folder)
    if storage is None and folder is not None:
        storage = sqlite_url(folder / STUDY_FILE)
    with _quiet_optuna(), only_search_in(folder), interruptible("step"):
        drawn_with = seed if scores is not None else scores_seed(folder, seed)
        if drawn_with != seed:
            warnings.warn(
                f"the scores in {folder} are of seed {drawn_with} and stay: seed {seed} is for the sampler only",
                stacklevel=2,
            )
        if scores is None:
            archs = chosen_pool(space, pool, drawn_with)
        else:
            check_scored(scores)
            archs = list(scores.archs)
            for arch in archs:
                space.to_params(arch)
        if budget > len(archs):
            raise InputError(
                f"budget {budget} is above the pool's {len(archs)} architectures: give {len(archs)} at most"
            )
        for arch in archs:
            objective.check(arch)
        opened = open_storage(storage, where)
        check_shared(opened, study_name, evaluation, objective.recipe, where)
        if on_begin:
            on_begin()
        if scores is None:
            scores = compute_scores(
                space,
                archs,
                metrics,
                objective.batch(BATCH, drawn_with) if batch is None else batch,
                drawn_with,
                second_batch=objective.second_batch(BATCH, drawn_with) if batch is None else second_batch,
                loss=loss or objective.loss,
                strict=strict,
                precision=precision,
                workers=workers,
                path=None if folder is None else folder / SCORES_FILE,
                progress=on_scored,
            )
        elif folder is not None and not (folder / SCORES_FILE).exists():
            scores.save(folder / SCORES_FILE)
        for name, why in scores.idle.items():
            warnings.warn(f"metric {name!r} {why}: it cannot tell them apart", stacklevel=2)
        label = sampler if isinstance(sampler, str) else type(sampler).__name__
        chosen = get_sampler(sampler, scores, space, budget, seed) if isinstance(sampler, str) else sampler
        identity = {
            **evaluation,
            "sampler": label,
            "sampler_code": code_of(type(chosen)),
            "sampler_options": chosen.options if isinstance(chosen, PoolSampler) else made_with(chosen),
            "pruner": None if pruner is None else {"name": type(pruner).__name__, **made_with(pruner)},
            "seed": seed,
            "metrics": names,
            "scores": scores.fingerprint,
        }
        name = study_name or choose_study(opened, identity, budget, _name(label, seed, identity))
        study = open_study(opened, name, objective.direction, pruner)
        study.sampler = chosen
        check_same(study, identity, where)
        weights = KeptWeights(folder, name, short_hash(evaluation | versions()))
        done = len(queries(study))
        if done < budget:
            with only_search_of(study, where):
                check_versions(study, versions(), where)
                begin(study, identity, versions(), budget, len(scores))
                if folder is not None:
                    (folder / BEST_FILE).unlink(missing_ok=True)  # soon out of date
                    if on_begin is None:
                        (folder / RUN_FILE).unlink(missing_ok=True)  # of an earlier search, from the command line
                elsewhere = {} if pruner else known_elsewhere(study, identity)
                Spender(study, space, objective, weights, elsewhere, on_query).spend(budget)
                spent = study.user_attrs.get(TOTAL_SECONDS, 0.0) + time.perf_counter() - start
                study.set_user_attr(TOTAL_SECONDS, spent)
        example = objective.example if batch is None else batch[0][:1]
        result = make_result(study, space, objective, scores.archs, weights, example)
        study._storage = unguarded(study._storage)
    return result


def _name(label: str, seed: int, identity: Mapping[str, Any]) -> str:
    return f"{re.sub(r'[^A-Za-z0-9_.=-]+', '_', label)}-seed{seed}-{short_hash(identity)}"


@contextmanager
def _quiet_optuna() -> Iterator[None]:
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)
