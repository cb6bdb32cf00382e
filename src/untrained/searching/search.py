"""The one verb: search a space for the best architecture within a budget of real evaluations."""

import fcntl
import os
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import torch
import torch.nn.functional as F
from optuna.samplers import BaseSampler
from optuna.study import StudyDirection
from optuna.trial import TrialState
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from torch import Tensor

from untrained.errors import InputError
from untrained.metrics import METRICS, ROBOT_METRICS, Given, get_metrics
from untrained.objectives import (
    Direction,
    EvaluationFailed,
    EvaluationPruned,
    Objective,
    as_evaluation,
    as_objective,
)
from untrained.probe import Loss, Probe
from untrained.runtime.provenance import difference
from untrained.runtime.seeding import check_seed, seeded
from untrained.runtime.threads import torch_threads
from untrained.samplers import PoolSampler, check_sampler, get_sampler, sampler_info
from untrained.samplers.query import (
    ARCHITECTURE,
    COST,
    REASON,
    SECONDS,
    SKIPPED,
    TRAINED,
    Query,
    best_query,
    queries,
)
from untrained.scores import ScoreTable
from untrained.scoring.one_network import Batch, Precision
from untrained.scoring.pool import Progress, compute_scores
from untrained.searching.result import (
    BEST_FILE,
    BUDGET,
    IDENTITY,
    POOL_SIZE,
    SCORES_FILE,
    STUDY_FILE,
    TOTAL_SECONDS,
    WEIGHTS_FILE,
    Result,
    save_weights,
    sqlite_url,
)
from untrained.spaces import SearchSpace

STUDY_NAME = "untrained"
POOL = 256
"""Architectures to score where the caller does not say how many."""
MOST_SKIPPED = 1_000
"""A sampler that proposes so many known or impossible architectures in a row is given up."""

OnQuery = Callable[[Query, int, int], None]
"""Called with (a finished query, queries done, budget)."""


def search(
    space: SearchSpace,
    objective: Any,
    *,
    budget: int,
    direction: Direction | None = None,
    sampler: str | BaseSampler = "mixture",
    scores: ScoreTable | None = None,
    batch: Batch | None = None,
    second_batch: Batch | None = None,
    loss: Loss = F.cross_entropy,
    metrics: str | Sequence[Given] = ROBOT_METRICS,
    strict: bool = False,
    precision: Precision | None = None,
    pool: int | Sequence[str] | None = None,
    seed: int = 0,
    workers: int = 1,
    storage: str | optuna.storages.BaseStorage | None = None,
    study_name: str = STUDY_NAME,
    pruner: optuna.pruners.BasePruner | None = None,
    out: str | Path | None = None,
    on_scored: Progress | None = None,
    on_query: OnQuery | None = None,
) -> Result:
    """Scores a pool, lets `sampler` spend `budget` evaluations of `objective`, and returns the best.

    scores: the table to learn from; where None, `pool` architectures (a list, or a number drawn with `seed`; POOL where
    None, or all of a smaller space) are scored with `metrics` on `batch`, in `workers` processes; `second_batch`,
    `loss`, `strict` and `precision` are as in `compute_scores`.
    sampler: a name from `SAMPLERS`, by default the robust one and not the paper's `robot`; or any Optuna sampler. One
    that proposes an architecture again is told its value at no cost. The budget counts distinct architectures that
    were really evaluated, failures included.
    pruner: stops evaluations that report intermediate values; by default the one that belongs to the sampler, if any.
    A stopped one counts as a query, costs what it had cost by then, and is never the best.
    storage: an Optuna storage or its URL; by default `study.db` in `out`, or memory. One process at a time.
    out: folder for the study, the scores, `best.json` and `best.safetensors`.

    Called again with the same `out` or `storage`, it goes on where it was; a query that was cut off is made anew.
    A larger budget goes on from a finished search. Raises `InputError`, before anything is spent, for a budget below 1
    or above the pool, for a metric without any score in a given table, and for a storage that holds another search.
    Warns of a metric that is constant, or fails, over the whole pool.
    """
    start = time.perf_counter()
    objective = as_objective(objective, space, direction)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if budget < 1:
        raise InputError(f"budget {budget}: give at least 1 query")
    check_seed(seed)
    names = [m.name for m in get_metrics(metrics)] if scores is None else list(scores.metrics)
    if isinstance(sampler, str):
        check_sampler(sampler, names, space)
        if pruner is None and (own := sampler_info(sampler).pruner):
            pruner = own(objective.steps)
    folder = None if out is None else Path(out)
    with _only_search_in(folder):
        if scores is not None:
            archs = list(scores.archs)
            for name, why in scores.idle.items():
                if np.isnan(scores.values[:, scores.metrics.index(name)]).all():
                    raise InputError(f"metric {name!r} {why}: leave it out")
        else:
            if pool is None:
                pool = space.pool(POOL, seed, at_most=True)
            archs = space.pool(pool, seed) if isinstance(pool, int) else pool
            archs = list(dict.fromkeys(map(space.canonical, archs)))
        if budget > len(archs):
            raise InputError(
                f"budget {budget} is above the pool's {len(archs)} architectures: give at most {len(archs)}"
            )
        for arch in archs:
            space.to_params(arch)
            objective.check(arch)
        identity: dict[str, Any] = {
            "space": space.name,
            "space_options": space.options,
            "sampler": sampler if isinstance(sampler, str) else type(sampler).__name__,
            "seed": seed,
            "metrics": names,
            "objective": objective.identity,
        }
        where = _shown(storage) if folder is None or storage is not None else str(folder)
        if storage is None and folder is not None:
            storage = sqlite_url(folder / STUDY_FILE)
        study = _open_study(study_name, storage, where, objective, pruner)
        _check_identity(study, where, identity)  # before the pool is scored, which can take long
        if scores is None:
            path = None if folder is None else folder / SCORES_FILE
            scores = compute_scores(
                space,
                archs,
                metrics,
                batch,
                seed,
                second_batch=second_batch,
                loss=loss,
                strict=strict,
                precision=precision,
                workers=workers,
                path=path,
                progress=on_scored,
            )
        elif folder is not None and not (folder / SCORES_FILE).exists():
            scores.save(folder / SCORES_FILE)
        for name, why in scores.idle.items():
            warnings.warn(f"metric {name!r} {why}: it cannot tell them apart", stacklevel=2)
        study.sampler = get_sampler(sampler, scores, space, budget, seed) if isinstance(sampler, str) else sampler
        if isinstance(study.sampler, PoolSampler):
            identity["sampler_options"] = study.sampler.options
        _check_identity(study, where, identity | {"scores": scores.fingerprint})
        if folder is not None and len(queries(study)) < budget:
            (folder / BEST_FILE).unlink(missing_ok=True)  # soon out of date
        study.set_user_attr(BUDGET, max(budget, study.user_attrs.get(BUDGET, 0)))
        study.set_user_attr(POOL_SIZE, len(scores))
        weights = _Weights(None if folder is None else folder / WEIGHTS_FILE)
        _run(study, space, objective, budget, weights, on_query)
        best = best_query(study)
        if best is None or best.value is None:
            reasons = (query.reason for query in queries(study) if query.reason is not None)
            raise InputError(f"none of the {budget} queries gave a value: {next(reasons, 'no reason known')}")
        arch = best.architecture
        trained = weights.of(arch)
        if trained is None and best.trained:  # its file is lost, or the study lies elsewhere
            trained = objective(arch).weights
            assert trained is not None
            weights.keep(arch, trained)
        example = objective.example if batch is None else batch[0][:1]
        result = Result(
            study,
            space,
            arch,
            best.value,
            reported=objective.report(arch, trained),
            sizes={} if example is None else _sizes(space, arch, example),
            rank=objective.rank(arch, scores.archs),
            weights=trained,
            seconds=study.user_attrs.get(TOTAL_SECONDS, 0.0) + time.perf_counter() - start,
        )
        study.set_user_attr(TOTAL_SECONDS, result.seconds)
        if folder is not None:
            result.save(folder)
    return result


class _Weights:
    """The trained weights of the best query so far, in `path` and in memory."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._kept: tuple[str, Mapping[str, Tensor]] | None = None

    def keep(self, arch: str, weights: Mapping[str, Tensor]) -> None:
        self._kept = (arch, weights)
        if self.path is not None:
            save_weights(self.path, arch, weights)

    def of(self, arch: str) -> Mapping[str, Tensor] | None:
        if self._kept is None and self.path is not None and self.path.is_file():
            try:
                with safe_open(self.path, "pt") as file:
                    kept = (file.metadata() or {}).get("architecture", "")
                self._kept = (kept, load_file(self.path))
            except SafetensorError:
                return None  # as good as lost: the pick is trained again
        return self._kept[1] if self._kept is not None and self._kept[0] == arch else None


def _run(
    study: optuna.Study,
    space: SearchSpace,
    objective: Objective,
    budget: int,
    weights: _Weights,
    on_query: OnQuery | None,
) -> None:
    """Spends what is left of the budget."""
    known = {query.architecture: query for query in queries(study)}
    skipped = 0
    while len(known) < budget:
        trial = study.ask(space.study_distributions())
        arch = space.arch_of_trial(trial.params)
        trial.set_user_attr(ARCHITECTURE, arch)
        if why := _no_query(arch, known, objective):
            skipped += 1
            if skipped == MOST_SKIPPED:
                raise InputError(f"the sampler proposed {skipped} architectures in a row of which none is new: {why}")
            trial.set_user_attr(SKIPPED, why)
            value = known[arch].value if arch in known else None
            study.tell(trial, value, state=TrialState.FAIL if value is None else TrialState.COMPLETE)
            continue
        skipped = 0
        known[arch] = _query(study, trial, arch, objective, weights)
        if on_query:
            on_query(known[arch], len(known), budget)


def _query(study: optuna.Study, trial: optuna.Trial, arch: str, objective: Objective, weights: _Weights) -> Query:
    """Evaluates `arch` and tells the study."""
    start = time.perf_counter()
    try:
        with torch_threads(objective.threads):
            returned = objective(arch, trial)
        evaluation = as_evaluation(returned, time.perf_counter() - start)
    except KeyboardInterrupt:
        trial.set_user_attr(SKIPPED, "interrupted")
        study.tell(trial, state=TrialState.FAIL)
        raise
    except (InputError, SQLAlchemyError):
        raise  # nothing that this architecture is to blame for
    except Exception as error:
        # A failed or pruned training is a result: it is recorded with its reason, and the search goes on. But where the
        # very first fails in a way that no objective foresees, the set-up is at fault, and no budget is spent on it.
        expected = isinstance(error, EvaluationFailed | optuna.TrialPruned | MemoryError | torch.OutOfMemoryError)
        if not expected and not queries(study):
            trial.set_user_attr(SKIPPED, "the first query broke")
            study.tell(trial, state=TrialState.FAIL)
            raise InputError(f"the first query broke: {type(error).__name__}: {_line(error)}") from error
        pruned = isinstance(error, optuna.TrialPruned)
        trial.set_user_attr(SECONDS, time.perf_counter() - start)
        if isinstance(error, EvaluationPruned):
            trial.set_user_attr(COST, error.cost_seconds)
        trial.set_user_attr(REASON, str(error) if pruned else f"{type(error).__name__}: {error}")
        return _told(study, trial, None, TrialState.PRUNED if pruned else TrialState.FAIL)
    trial.set_user_attr(SECONDS, time.perf_counter() - start)
    trial.set_user_attr(COST, evaluation.cost_seconds)
    trial.set_user_attr(TRAINED, evaluation.weights is not None)
    best, value = best_query(study), evaluation.value
    sign = -1 if study.direction == StudyDirection.MINIMIZE else 1
    if evaluation.weights is not None and (best is None or best.value is None or sign * value > sign * best.value):
        # Before the value is told: a kill in between makes the query again and overwrites them.
        weights.keep(arch, evaluation.weights)
    return _told(study, trial, value, TrialState.COMPLETE)


def _told(study: optuna.Study, trial: optuna.Trial, value: float | None, state: TrialState) -> Query:
    query = Query.from_trial(study.tell(trial, value, state=state))
    assert query is not None
    return query


def _no_query(arch: str, known: Mapping[str, Query], objective: Objective) -> str:
    """Why `arch` is not to be evaluated; empty where it is."""
    if arch in known:
        return "repeated"
    try:
        objective.check(arch)
    except InputError as error:
        return str(error)
    return ""


def _open_study(
    name: str,
    storage: str | optuna.storages.BaseStorage | None,
    where: str,
    objective: Objective,
    pruner: optuna.pruners.BasePruner | None,
) -> optuna.Study:
    """The study called `name`, new or as it was left."""
    try:
        return optuna.create_study(
            study_name=name,
            storage=storage,
            pruner=pruner or optuna.pruners.NopPruner(),
            direction=objective.direction,
            load_if_exists=True,
        )
    except (SQLAlchemyError, ValueError, ImportError) as error:
        raise InputError(f"storage {where} cannot be used: {_line(error)}") from error


def _check_identity(study: optuna.Study, where: str, identity: Mapping[str, Any]) -> None:
    """Makes sure that the study is of this very search, and closes queries that a killed process left open."""
    trials = study.get_trials(deepcopy=False)
    if not trials:
        study.set_user_attr(IDENTITY, dict(identity))
    elif other := difference(study.user_attrs.get(IDENTITY), identity):
        raise InputError(f"{where} holds another search ({other}): give another folder or storage")
    for trial in trials:
        if not trial.state.is_finished():
            study._storage.set_trial_user_attr(trial._trial_id, SKIPPED, "interrupted")
            study.tell(trial.number, state=TrialState.FAIL)


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0]


def _shown(storage: str | optuna.storages.BaseStorage | None) -> str:
    """The storage's URL without its password."""
    if not isinstance(storage, str):
        return type(storage).__name__
    try:
        return make_url(storage).render_as_string(hide_password=True)
    except SQLAlchemyError:
        return repr(storage)


@contextmanager
def _only_search_in(folder: Path | None) -> Iterator[None]:
    """Makes `folder` and holds it, so that no second search writes there meanwhile."""
    if folder is None:
        yield
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {str(folder)!r}: {error.strerror}") from error
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        raise InputError(
            f"another search is writing to {str(folder)!r}: wait for it, or give another folder"
        ) from error
    try:
        yield
    finally:
        os.close(handle)


def _sizes(space: SearchSpace, arch: str, example: Tensor) -> dict[str, float]:
    """`params` and `flops` of the network, in millions."""
    with seeded(0):
        probe = Probe(space.build(arch), example)
    return {name: METRICS[name](probe) for name in ("params", "flops")}
