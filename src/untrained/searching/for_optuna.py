"""A sampler for a study of Optuna's user: nothing of this package around it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial
from torch.utils import _pytree as pytree

from untrained.errors import InputError, shown
from untrained.metrics import get_metrics
from untrained.runtime.seeding import check_seed
from untrained.samplers import PoolSampler, check_sampler, get_sampler, sampler_info
from untrained.scoring.batch import as_batch
from untrained.scoring.pool import Progress, Scoring
from untrained.searching.allowed import NOTHING, Allowed
from untrained.searching.figures import Figures
from untrained.searching.limits import read_limits
from untrained.searching.pool import chosen_pool, whole
from untrained.spaces import as_space


def sampler_for(
    build: Any,
    batch: Any,
    *,
    budget: int,
    sampler: str = "mixture",
    metrics: Any = None,
    pool: int | Sequence[str] | None = None,
    where: Any = None,
    seed: int = 0,
    workers: int = 1,
    path: str | Path | None = None,
    constraints_func: Callable[[FrozenTrial], Sequence[float]] | None = None,
    on_scored: Progress | None = None,
) -> BaseSampler:
    """Makes a sampler for a study whose objective builds its network by a function of the trial.

    The function is run without weights to find out what it asks for, a pool of architectures is drawn, and each is
    scored without training: all this happens here, before the study begins. The study then proposes architectures of
    the pool, each once, and the objective asks for them by calling `build(trial)`. Whatever else it asks its trial for,
    such as a learning rate, is left to Optuna's TPE, which sees these parameters alone.

    Args:
        build: A function of a trial that returns a network (see `space`), or a space, or its name.
        batch: (inputs, targets) for the training-free metrics, a few dozen samples; or a `Scoring`, which also says on
            which device and with which loss.
        budget: How many trials the study is to have. The sampler plans with it; a study may go on beyond.
        sampler: A name from `SAMPLERS`: "mixture" (robust), "robot" (as published), ...
        metrics: Names or functions; None for those that the sampler is made for, else RoBoT's six or what stands for
            them on such networks.
        pool: How many architectures to score, or which; None for 256, or all of a smaller space.
        where: Limits of the architectures, such as "params <= 2, flops <= 100" (millions), "memory" (MB), "latency"
            (ms). Latencies differ from one process to the next, and so may the pools at the limit.
        seed: Decides the pool, the scored initial weights, and every draw. Processes of one study give the same.
        workers: Processes that score; with more than one, the script must be importable (`if __name__ == "__main__"`).
        path: A Parquet file to keep the scores in: another process, or another day, reads them there.
        constraints_func: As Optuna's samplers have it: called with a finished trial, gives numbers of which none above
            0 means that it is feasible. Others count as failed.
        on_scored: Called with (architectures scored, architectures in all).

    Returns:
        A sampler for one study at a time, with any storage, pruner and number of jobs.

    Raises:
        InputError: Something given cannot be used.

    Example:
        >>> import optuna, torch, untrained
        >>> from torch import nn
        >>> def build(trial):
        ...     width = trial.suggest_categorical("width", [8, 16, 32])
        ...     act = trial.suggest_categorical("act", ["ReLU", "GELU"])
        ...     return nn.Sequential(nn.Linear(4, width), getattr(nn, act)(), nn.Linear(width, 3))
        >>> batch = torch.randn(16, 4), torch.arange(16) % 3
        >>> sampler = untrained.sampler_for(build, batch, budget=4, metrics=["params", "synflow"])
        >>> study = optuna.create_study(direction="maximize", sampler=sampler)
        >>> def objective(trial):
        ...     rate = trial.suggest_float("rate", 1e-4, 1e-1, log=True)
        ...     return sum(p.numel() for p in build(trial).parameters()) - rate
        >>> study.optimize(objective, n_trials=4)
        >>> len({(trial.params["width"], trial.params["act"]) for trial in study.trials})
        4
    """
    budget, seed = whole("budget", budget), whole("seed", seed)
    check_seed(seed)
    if not isinstance(sampler, str):
        raise InputError(f"sampler {shown(sampler, 60)}: give a name (untrained samplers)")
    limits, groups = read_limits(where), sampler_info(sampler).metrics
    how = batch if isinstance(batch, Scoring) else Scoring(batch=batch, workers=workers)
    chosen = metrics if metrics is not None else how.metrics
    if chosen is None:
        chosen = [group[0] for group in groups] or None
    own = None if chosen is None else get_metrics(chosen)
    space = as_space(build)
    if own is not None:
        check_sampler(sampler, [metric.name for metric in own], space)
    example = None if how.batch is None else pytree.tree_map(lambda part: part[:1], as_batch(how.batch)[0])
    allowed = Allowed(limits, Figures(space, example)) if limits else NOTHING
    archs = chosen_pool(space, pool, seed, allowed)
    if not 1 <= budget <= len(archs):
        raise InputError(f"budget {budget}: give 1 to {len(archs)} trials, as the pool has so many architectures")
    table = replace(how, metrics=own).scores(space, archs, seed, path=path, progress=on_scored)
    found = get_sampler(sampler, table, space, min(budget, len(table)), seed)
    if constraints_func is not None:
        if not isinstance(found, PoolSampler):
            raise InputError(f"sampler {sampler!r} is Optuna's own: give it its constraints_func itself")
        found.constraints_func = constraints_func
    return found
