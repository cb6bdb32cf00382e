"""The one verb: search a space for the best architecture within a budget of real evaluations."""

import math
import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import optuna
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage
from torch.utils import _pytree as pytree

from untrained.errors import InputError, warn
from untrained.objectives import Direction, Objective, Recipe
from untrained.objectives.apart import evaluator
from untrained.runtime.cores import cores
from untrained.runtime.executors import AnExecutor, executors_of, is_local
from untrained.runtime.files import removed
from untrained.runtime.interrupts import interruptible
from untrained.runtime.seeding import check_seed
from untrained.samplers import PoolSampler, get_sampler, sampler_info
from untrained.samplers.query import queries
from untrained.scores import ScoreTable
from untrained.scoring.batch import as_batch
from untrained.scoring.pool import Progress, Scoring
from untrained.searching import KEEP
from untrained.searching.allowed import Where
from untrained.searching.attributes import BEFORE, BEGUN, ENDED
from untrained.searching.callbacks import check_callbacks
from untrained.searching.claims import alone_for_now_in, among_searches_in, lift_ended, only_search_in, only_search_of
from untrained.searching.finish import data_of, make_result
from untrained.searching.folder import BEST_FILE, RUN_FILE, STUDY_FILE
from untrained.searching.goal import budgets, goal
from untrained.searching.growth import Growth, check_grow, children_for, extended, without_growth
from untrained.searching.identity import evaluation_identity, how_chosen, short_hash, versions
from untrained.searching.owners import Owners, check_alike, check_joins, one_of_the_owners
from untrained.searching.pool import (
    SCORES_FILE,
    check_pool,
    check_scored,
    check_types,
    chosen_pool,
    completed,
    kept_scores,
    left_in,
    scores_seed,
    whole,
)
from untrained.searching.pruners import get_pruner
from untrained.searching.readable import Readable, name_metric, tell_pick
from untrained.searching.readable import study_name as named
from untrained.searching.remembered import remember
from untrained.searching.result import Result
from untrained.searching.spend import OnQuery, Spender
from untrained.searching.storage import open_storage, shown_storage, sqlite_url, unguarded
from untrained.searching.studies import (
    TOTAL_SECONDS,
    begin,
    begin_with,
    best_elsewhere,
    check_same,
    check_shared,
    check_versions,
    choose_study,
    grown,
    known_elsewhere,
    open_study,
)
from untrained.searching.together import OneOfSpenders
from untrained.searching.tradeoffs import check_sampler_takes, read_objectives
from untrained.searching.weights import KeptWeights
from untrained.spaces import SearchSpace


def search(
    space: SearchSpace | type[SearchSpace] | str | Callable[..., Any],
    objective: Any = None,
    *,
    data: Any = None,
    recipe: Recipe | None = None,
    tune: Any = None,
    budget: int | None = None,
    direction: Direction | None = None,
    sampler: str | BaseSampler = "mixture",
    scores: ScoreTable | Scoring | None = None,
    pool: int | Sequence[str] | None = None,
    where: Any = None,
    objectives: Any = None,
    grow: int | None = None,
    seed: int = 0,
    storage: str | BaseStorage | None = None,
    study_name: str | None = None,
    join: bool = False,
    pruner: BasePruner | str | None = None,
    timeout: float | None = None,
    training_limit: float | None = None,
    isolate: bool | None = None,
    jobs: int = 1,
    executor: AnExecutor | None = None,
    keep: int = KEEP,
    out: str | Path | None = None,
    on_begin: Callable[[], None] | None = None,
    on_study: Callable[[optuna.Study], None] | None = None,
    on_measured: Progress | None = None,
    on_scored: Progress | None = None,
    on_query: OnQuery | None = None,
    callbacks: Any = None,
) -> Result:
    """Scores a pool, lets a sampler spend a budget of evaluations on it, and returns the best architecture.

    Called again with the same `out` or `storage`, it goes on from there; a query that was cut off is made anew. What
    changed in between decides:

    - a larger `budget` goes on;
    - another sampler, seed, smaller budget, larger pool, or another recipe of the trainings (such as `epochs`) starts
      another study in the same folder, on the same scores; an architecture that was evaluated in the same way before
      is not evaluated again, its outcome is taken over (`Query.reused`);
    - another space, other data, another loss or metric, or edited code of these is refused, as is anything whose code
      cannot be read (defined in a notebook).

    Args:
        space: The space of the architectures: a space, its class, a function that builds a network (see `space`), or a
            name from `SPACES`.
        objective: What evaluates an architecture: an `Objective`, or a function of an architecture, or of a network and
            a trial, and data (see `as_objective`). By default networks are trained on the data (`TrainingObjective`).
        data: What `as_data` takes. The space is told its facts, such as the number of classes. An own function that
            takes `data` gets it as `Data`, or as it stands if it is something else.
        recipe: How networks are trained on the data.
        tune: Fields of the recipe that are searched for beside the architecture, and between what: text such as
            "lr=1e-4..1e-1 log, batch_size=32|64", or a mapping of fields to such values or to Optuna's distributions
            (see `untrained.objectives.tuning.read_tune`). A function of one's own asks its trial instead.
        budget: How many distinct architectures to evaluate, failures included; by default 20, or as many as there is
            time for if there is a `timeout` (the sampler then plans for 20).
        direction: "maximize" (the default) or "minimize", for an objective that does not say so itself.
        sampler: A name from `SAMPLERS`, by default the robust one and not the paper's `robot`; or any Optuna sampler.
            One that proposes an architecture again is told its value at no cost.
        scores: The table to learn from; or how to score the pool. The batch (32 training samples) and the loss are the
            objective's unless a `Scoring` has its own. By default, with data, on all cores.
        pool: What to score: a list of architectures, or how many to draw with `seed`; by default 256, or all of a
            smaller space.
        where: Limits that every architecture evaluated must meet, such as "params <= 2, latency <= 5" (see
            `read_limits`). `params` and `flops` are millions, `memory` megabytes and `latency` milliseconds of an
            inference with one example; or columns of a table of scores or results. A drawn pool is drawn until it has
            as many as are asked for; what is given is filtered.
        objectives: Several objectives, such as "accuracy, latency" (see `read_objectives`): that of the search, and
            figures that are known before an evaluation, as those of `where`; of a column, say which way is better, as
            in "val_top1, throughput max". The search looks for a front (`Result.front`) instead of one best; it still
            picks the best of its own objective.
        grow: How many architectures join a drawn pool before each query: relatives of those that the sampler makes most
            of, scored as the others. 0 for none. By default, as many as a tenth of the time of a training pays for,
            64 at most, and 16 if the objective is your own; none if the pool is the whole space, given as a list or a
            table, if a front is looked for, or if the sampler keeps to what was drawn, as all but "mixture" do.
        seed: Decides the pool, the initial weights of the networks that are scored, and the sampler.
        storage: An Optuna storage or its URL (see `open_storage`); by default `study.db` in `out`, or memory. One
            process at a time works on a study, unless all of them `join`.
        study_name: A study of one's own; by default one is named after space, data, sampler and seed.
        join: Whether any number of processes, each called with the same arguments, make this search together: they
            spend one budget, and no architecture is evaluated twice. Of one that dies, the others make the query anew.
            The pool does not grow (`grow` is 0).
        pruner: Stops evaluations that report intermediate values: a name (asha, hyperband, median, percentile) or one
            of Optuna's; by default the one that belongs to the sampler. A stopped query counts, costs what it had
            cost by then, and is never the best.
        timeout: Seconds, scoring included, after which no further query begins. The first one is made in any case;
            called again, the search goes on.
        training_limit: Seconds that one evaluation may take. One that takes longer is ended, and is a failed query.
        isolate: Whether architectures are evaluated in a process of its own, which may hang, die or run out of memory
            at the cost of one failed query. The values are the same to the bit. By default trainings are
            (`Objective.apart`), and functions of one's own only with a `training_limit`: what else they change than
            their value and their trial, they change in that process.
        jobs: How many architectures are evaluated at once, each in a process of its own. The sampler takes the running
            ones into account; with more than one, what it proposes depends on which ends first.
        executor: Where architectures are evaluated instead, `jobs` at a time, and networks scored, unless `scores` says
            where: a `concurrent.futures.Executor`, a function that makes one, or a name: "ray", "ray://host:port",
            "dask://host:port", "slurm:partition=gpu", "mpi". The values are the same to the bit. No pruner, callback or
            `training_limit` reaches there.
        keep: Of how many of the best queries the folder keeps the trained weights.
        out: A folder for the study, the scores, `best.json`, `best.safetensors` and the weights of the next best.
        on_begin: Called once nothing stands against the search any more, before anything is written or scored.
        on_study: Called with the study of the search before its next query; not if none is left to be made.
        on_measured: Called with (architectures measured, architectures in all), if networks are run for their figures.
        on_scored: Called with (architectures scored, architectures in all).
        on_query: Called with (a finished query, queries done, budget).
        callbacks: Functions of (study, trial) that are called after each query, as Optuna calls its own; `TensorBoard`
            and `MLflow` are some. One that breaks is told of, and costs nothing else.

    Returns:
        The best architecture, its trained weights if there are any, and the whole history.

    Raises:
        InputError: Something given cannot be used, or stands against what the folder holds. Nothing was spent.
        StorageFailed: The storage failed in the middle. What was told before is kept.
        KeyboardInterrupt: After Ctrl-C, SIGTERM or SIGHUP, between two networks, training steps or queries.

    Warns:
        UserWarning: A metric is the same, or fails, on the whole pool; the test figures cannot be had.

    Example:
        >>> from untrained import NASBench201, Scoring, load_data, search
        >>> space, data = NASBench201(N=1, C=4, in_channels=1), load_data("digits")
        >>> def fewest_weights(network, trial):
        ...     return sum(p.numel() for p in network.parameters())
        >>> scoring = Scoring(metrics=["params", "synflow"], batch=data.batch(8))
        >>> result = search(space, fewest_weights, direction="minimize", budget=3, pool=8, scores=scoring)
        >>> result.value == min(query.value for query in result.queries)
        True
    """
    start = time.perf_counter()
    seed, keep, jobs = whole("seed", seed), whole("keep", keep), whole("jobs", jobs)
    budget = None if budget is None else whole("budget", budget)
    deadline = math.inf if timeout is None else time.monotonic() + timeout
    until = None if timeout is None else time.time() + timeout
    if budget is not None and budget < 1:
        raise InputError(f"budget {budget}: give at least 1 query")
    if jobs < 1:
        raise InputError(f"jobs {jobs}: give at least 1")
    if keep < 1:
        raise InputError(f"keep {keep}: give at least 1, the weights of the best network")
    if timeout is not None and not timeout > 0:
        raise InputError(f"timeout {timeout}: give seconds above 0")
    if training_limit is not None and not training_limit > 0:
        raise InputError(f"training_limit {training_limit}: give seconds above 0")
    check_seed(seed)
    check_types(sampler, scores, pool)
    called = check_callbacks(callbacks)
    limits, wanted = Where.of(where), read_objectives(objectives)
    check_sampler_takes(sampler, wanted)
    grow = None if grow is None else whole("grow", grow)
    grow = without_growth(grow) if join else grow
    can_grow = check_grow(grow, sampler, is_table=isinstance(scores, ScoreTable), is_front=bool(wanted))
    if data is not None and scores is None:
        scores = Scoring(workers=1 if multiprocessing.current_process().daemon else cores())
    space, objective = goal(space, objective, data, recipe, direction, tune)
    evaluation = evaluation_identity(space, objective)
    if isinstance(sampler, str) and pruner is None and (own := sampler_info(sampler).pruner):
        pruner = own(objective.steps)
    pruner = None if pruner is None else get_pruner(pruner, objective.steps)
    if pruner is not None and not is_local(executor):
        raise InputError("a pruner looks at trainings while they run, which those on an executor cannot be")
    folder = None if out is None else Path(out)
    place = shown_storage(storage) if folder is None or storage is not None else str(folder)
    if storage is None and folder is not None:
        storage = sqlite_url(folder / STUDY_FILE)
    with (
        _quiet_optuna(),
        among_searches_in(folder) if join else only_search_in(folder),
        interruptible("step"),
        executors_of(executor, jobs) as executors,
        closing(evaluator(objective, isolate, training_limit, jobs, executors)) as evaluates,
        ExitStack() as stack,
    ):
        alone = stack.enter_context(ExitStack())
        if join:
            alone.enter_context(alone_for_now_in(folder))
        drawn_with = seed if isinstance(scores, ScoreTable) else _told_seed(folder, seed)
        if isinstance(scores, ScoreTable):
            how = scores
            check_scored(scores, space, sampler)
        else:
            how = completed(scores, space, objective, sampler, drawn_with)
            if executors is not None and how.executor is None:
                how = replace(how, executor=executors, workers=jobs)
        example = _example(objective, None if isinstance(how, ScoreTable) else how.batch)
        kept = folder is not None or storage is None
        allowed = limits.allowed(
            space, objective, how, example, folder, evaluation, can_measure=kept, objectives=wanted
        )
        stack.callback(allowed.figures.close)
        is_table = isinstance(how, ScoreTable)
        archs = left_in(how.archs, allowed) if is_table else chosen_pool(space, pool, drawn_with, allowed, on_measured)
        most, planned = budgets(budget, len(archs), is_timed=timeout is not None)
        check_pool(objective, archs, most)
        opened = open_storage(storage, place)
        check_shared(opened, study_name, evaluation, objective.recipe, place)
        if isinstance(how, ScoreTable):
            if on_begin:
                on_begin()
            table = kept_scores(how, folder)
            table = table.select(archs) if allowed else table
        else:
            path = None if folder is None else folder / SCORES_FILE
            table = how.scores(space, archs, drawn_with, path=path, begin=on_begin, progress=on_scored)
            most, planned = budgets(budget, len(table), is_timed=timeout is not None)
            check_pool(objective, table.archs, most)  # without those that cannot be built
        alone.close()
        for name, why in table.idle.items():
            warn(f"metric {name!r} {why}: it cannot tell them apart")
        label = sampler if isinstance(sampler, str) else type(sampler).__name__
        costs, axes = allowed.costs(table.archs), allowed.axes
        chosen = get_sampler(sampler, table, space, planned, seed, costs) if isinstance(sampler, str) else sampler
        is_drawn = not isinstance(pool, Sequence) or isinstance(pool, str)
        more = children_for(grow, space, objective, archs, is_drawn=is_drawn) if can_grow else 0
        way = how_chosen(chosen, pruner, table, allowed.limits, more)
        identity = evaluation | {"sampler": label, "seed": seed} | way
        identity |= {"objectives": [[axis.name, axis.direction] for axis in axes]} if axes else {}
        if join:
            check_joins(opened, identity, most, place)
        name = study_name or choose_study(opened, identity, most, named(identity, short_hash(identity)))
        study = open_study(opened, name, objective.direction, pruner)
        study.sampler = chosen
        check_same(study, identity, place)
        weights = KeptWeights(folder, name, short_hash(evaluation | versions()), keep)
        if len(queries(study)) < most:
            plan = {"until": until, "counted": budget is not None or timeout is None, "jobs": jobs, "keep": keep}

            def begin_it(owners: Owners | None = None) -> None:
                if owners is not None:
                    check_alike(owners, identity)
                check_versions(study, versions(), place)
                is_alone = owners is None or not owners.at_work()
                begin(study, identity, versions(), most, len(table), plan, is_alone=is_alone)
                name_metric(study, identity)
                tell_pick(study)
                _forget_outdated(folder, keep_run=on_begin is not None)
                if folder is not None and (data := data_of(objective)) is not None:
                    remember(folder, data)
                if is_alone:
                    begin_with(study, objective.usual_values())

            with one_of_the_owners(study, place, begin_it) if join else only_search_of(study, place) as owners:
                if owners is None:
                    begin_it()
                elsewhere = {} if pruner else known_elsewhere(study, identity)
                weights.elsewhere = best_elsewhere(study, identity, keep)
                if on_study is not None:
                    on_study(study)
                growth = None
                if more:
                    assert isinstance(how, Scoring)
                    assert isinstance(chosen, PoolSampler)
                    path = None if folder is None else folder / SCORES_FILE
                    scored = partial(extended, how, space, drawn_with, path, on_scored)
                    growth = Growth(study, space, chosen, table, scored, more, objective, allowed)
                readable = Readable(space, objective, lambda: growth.table if growth else table, example, allowed)
                given = (study, space, objective, evaluates, weights, elsewhere)
                given += (on_query, deadline, allowed, growth, readable, called)
                spender = Spender(*given) if owners is None else OneOfSpenders(*given, owners=owners)
                spender.spend(most)
                _tell_end(study, owners, most, time.perf_counter() - start)
        else:
            lift_ended(study)
        result = make_result(
            study, space, objective, evaluates, (*table.archs, *grown(study)), weights, example, allowed
        )
        study._storage = unguarded(study._storage)
    return result


def _tell_end(study: optuna.Study, owners: Owners | None, budget: int, seconds: float) -> None:
    """Writes how long the search took, and that it is over: unless others go on with it."""
    held = study.user_attrs
    spent = held.get(TOTAL_SECONDS, 0.0) + seconds
    if owners is not None:
        of_all = max(time.time() - held[BEGUN], seconds)  # a clock may have been put back
        spent = max(held.get(TOTAL_SECONDS, 0.0), held.get(BEFORE, 0.0) + of_all)
    study.set_user_attr(TOTAL_SECONDS, spent)
    if owners is None or len(queries(study)) >= budget or not owners.others():
        study.set_user_attr(ENDED, time.time())


def _example(objective: Objective, batch: Any) -> Any:
    """An input of the networks as a batch of one; None if there is none."""
    if objective.example is not None or batch is None:
        return objective.example
    return pytree.tree_map(lambda part: part[:1], as_batch(batch)[0])


def _forget_outdated(folder: Path | None, *, keep_run: bool) -> None:
    """Removes what a folder says of the result before, and of a command line that is not the one at work."""
    if folder is not None:
        removed(folder / BEST_FILE)
        if not keep_run:
            removed(folder / RUN_FILE)


def _told_seed(folder: Path | None, seed: int) -> int:
    """The seed of the scores, which those in the folder keep."""
    drawn_with = scores_seed(folder, seed)
    if drawn_with != seed:
        text = f"the scores in {folder} are of seed {drawn_with} and stay: seed {seed} is for the sampler only"
        warn(text)
    return drawn_with


@contextmanager
def _quiet_optuna() -> Iterator[None]:
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)
