"""The one verb: search a space for the best architecture within a budget of real evaluations."""

import fcntl
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.samplers import BaseSampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from safetensors import safe_open
from safetensors.torch import load_file
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from torch import Tensor

from untrained.errors import InputError
from untrained.metrics import METRICS, ROBOT_METRICS, Metric, Probe
from untrained.objectives import EvaluationFailed, Objective, TabularObjective
from untrained.provenance import difference
from untrained.result import (
    COST,
    IDENTITY,
    REASON,
    SCORES_FILE,
    SECONDS,
    STUDY_FILE,
    TRAINED,
    WEIGHTS_FILE,
    Result,
    best_query,
    queries,
    save_weights,
)
from untrained.samplers import PoolSampler, get_sampler
from untrained.samplers.base import ARCHITECTURE, SKIPPED
from untrained.scores import ScoreTable, compute_scores
from untrained.scores.compute import Progress
from untrained.spaces import SearchSpace

STUDY_NAME = "untrained"
POOL = 256
"""Architectures to score where the caller does not say how many."""
MOST_SKIPPED = 1_000
"""A sampler that proposes so many known or impossible architectures in a row is given up."""

OnQuery = Callable[[FrozenTrial, int, int], None]
"""Called with (a finished query, queries done, budget)."""


def search(
    space: SearchSpace,
    objective: Objective,
    *,
    budget: int,
    sampler: str | BaseSampler = "robot",
    scores: ScoreTable | None = None,
    batch: tuple[Tensor, Tensor | None] | None = None,
    metrics: Sequence[str | Metric] = ROBOT_METRICS,
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
    None, or all of a smaller space) are scored with `metrics` on `batch`, in `workers` processes.
    sampler: a name from `SAMPLERS`, or any Optuna sampler; one that proposes an architecture again is told its value
    at no cost. The budget counts distinct architectures that were really evaluated, failures included.
    storage: an Optuna storage or its URL; by default `study.db` in `out`, or memory. One process at a time.
    out: folder for the study, the scores, `best.json` and `best.safetensors`.

    Called again with the same `out` or `storage`, it goes on where it was; a query that was cut off is made anew.
    A larger budget goes on from a finished search. Raises `InputError`, before anything is spent, for a budget below 1
    or above the pool, and for a storage that holds another search.
    """
    start = time.perf_counter()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if budget < 1:
        raise InputError(f"budget {budget}: give at least 1 query")
    folder = None if out is None else Path(out)
    with _only_search_in(folder):
        if scores is None:
            if pool is None:
                pool = space.pool(POOL, seed, at_most=True)
            archs = space.pool(pool, seed) if isinstance(pool, int) else pool
            archs = list(dict.fromkeys(map(space.canonical, archs)))
            _check_budget(budget, len(archs))
            path = None if folder is None else folder / SCORES_FILE
            scores = compute_scores(space, archs, metrics, batch, seed, workers=workers, path=path, progress=on_scored)
        elif folder is not None and not (folder / SCORES_FILE).exists():
            scores.save(folder / SCORES_FILE)
        _check_budget(budget, len(scores))
        for arch in scores.archs:
            objective.check(arch)
        if isinstance(sampler, str):
            sampler_name, sampler = sampler, get_sampler(sampler, scores, space, budget, seed)
        else:
            sampler_name = type(sampler).__name__
        identity = {
            "space": space.name,
            "space_options": space.options,
            "sampler": sampler_name,
            "sampler_options": sampler.options if isinstance(sampler, PoolSampler) else {},
            "seed": seed,
            "metrics": list(scores.metrics),
            "objective": objective.identity,
            "scores": scores.fingerprint,
        }
        if storage is None and folder is not None:
            storage = f"sqlite:///{folder / STUDY_FILE}"
        study = _open_study(study_name, storage, objective, sampler, pruner, identity)
        study.set_user_attr("budget", max(budget, study.user_attrs.get("budget", 0)))
        study.set_user_attr("pool", len(scores))
        weights = _Weights(None if folder is None else folder / WEIGHTS_FILE)
        _run(study, space, objective, budget, weights, on_query)
        best = best_query(study)
        if best is None:
            reasons = (t.user_attrs[REASON] for t in queries(study) if REASON in t.user_attrs)
            raise InputError(f"none of the {budget} queries gave a value: {next(reasons, 'no reason known')}")
        arch = best.user_attrs[ARCHITECTURE]
        trained = weights.of(arch)
        if trained is None and best.user_attrs[TRAINED]:  # its file is lost, or the study lies elsewhere
            trained = objective(arch).weights
            assert trained is not None
            weights.keep(arch, trained)
        example = objective.example if batch is None else batch[0][:1]
        result = Result(
            study,
            space,
            arch,
            best.values[0],
            reported=objective.report(arch, trained),
            sizes={} if example is None else _sizes(space, arch, example),
            rank=objective.rank(arch, scores.archs) if isinstance(objective, TabularObjective) else None,
            weights=trained,
            seconds=time.perf_counter() - start,
        )
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
            with safe_open(self.path, "pt") as file:
                kept = (file.metadata() or {}).get("architecture", "")
            self._kept = (kept, load_file(self.path))
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
    known = {t.user_attrs[ARCHITECTURE]: t for t in queries(study)}
    skipped = 0
    while len(known) < budget:
        trial = study.ask(dict(space.distributions))
        arch = space.to_arch(trial.params)
        trial.set_user_attr(ARCHITECTURE, arch)
        if why := _no_query(arch, known, objective):
            skipped += 1
            if skipped == MOST_SKIPPED:
                raise InputError(f"the sampler proposed {skipped} architectures in a row of which none is new: {why}")
            trial.set_user_attr(SKIPPED, why)
            values = known[arch].values if arch in known else None
            study.tell(trial, values, state=TrialState.FAIL if values is None else TrialState.COMPLETE)
            continue
        skipped = 0
        known[arch] = _query(study, trial, arch, objective, weights)
        if on_query:
            on_query(known[arch], len(known), budget)


def _query(study: optuna.Study, trial: optuna.Trial, arch: str, objective: Objective, weights: _Weights) -> FrozenTrial:
    """Evaluates `arch` and tells the study."""
    start = time.perf_counter()
    try:
        evaluation = objective(arch, trial)
        if not math.isfinite(evaluation.value):
            raise EvaluationFailed(f"the objective is {evaluation.value}")
    except KeyboardInterrupt:
        trial.set_user_attr(SKIPPED, "interrupted")
        study.tell(trial, state=TrialState.FAIL)
        raise
    except Exception as error:
        # A failed or pruned training is a result: it is recorded with its reason, and the search goes on.
        pruned = isinstance(error, optuna.TrialPruned)
        trial.set_user_attr(SECONDS, time.perf_counter() - start)
        trial.set_user_attr(REASON, str(error) if pruned else f"{type(error).__name__}: {error}")
        return study.tell(trial, state=TrialState.PRUNED if pruned else TrialState.FAIL)
    trial.set_user_attr(SECONDS, time.perf_counter() - start)
    trial.set_user_attr(COST, evaluation.cost_seconds)
    trial.set_user_attr(TRAINED, evaluation.weights is not None)
    best = best_query(study)
    sign = -1 if study.direction == StudyDirection.MINIMIZE else 1
    if evaluation.weights is not None and (best is None or sign * evaluation.value > sign * best.values[0]):
        # Before the value is told: a kill in between makes the query again and overwrites them.
        weights.keep(arch, evaluation.weights)
    return study.tell(trial, evaluation.value)


def _no_query(arch: str, known: Mapping[str, FrozenTrial], objective: Objective) -> str:
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
    objective: Objective,
    sampler: BaseSampler,
    pruner: optuna.pruners.BasePruner | None,
    identity: dict[str, Any],
) -> optuna.Study:
    """The study of this very search, new or resumed; queries that a killed process left open are closed."""
    try:
        study = optuna.create_study(
            study_name=name,
            storage=storage,
            sampler=sampler,
            pruner=pruner or optuna.pruners.NopPruner(),
            direction=objective.direction,
            load_if_exists=True,
        )
    except (SQLAlchemyError, ValueError, ImportError) as error:
        raise InputError(f"storage {_shown(storage)} cannot be used: {str(error).splitlines()[0]}") from error
    trials = study.get_trials(deepcopy=False)
    if IDENTITY not in study.user_attrs and not trials:
        study.set_user_attr(IDENTITY, identity)
    elif other := difference(study.user_attrs.get(IDENTITY), identity):
        raise InputError(f"{_shown(storage)} holds another search ({other}): give another folder or storage")
    for trial in trials:
        if not trial.state.is_finished():
            study._storage.set_trial_user_attr(trial._trial_id, SKIPPED, "interrupted")
            study.tell(trial.number, state=TrialState.FAIL)
    return study


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
        yield
    except BlockingIOError as error:
        raise InputError(
            f"another search is writing to {str(folder)!r}: wait for it, or give another folder"
        ) from error
    finally:
        os.close(handle)


def _check_budget(budget: int, pool: int) -> None:
    if budget > pool:
        raise InputError(f"budget {budget} is above the pool's {pool} architectures: give at most {pool}")


def _sizes(space: SearchSpace, arch: str, example: Tensor) -> dict[str, float]:
    """`params` and `flops` of the network, in millions."""
    probe = Probe(space.build(arch), example)
    return {name: METRICS[name](probe) for name in ("params", "flops")}
