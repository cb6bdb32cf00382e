"""Optuna's pruners by name, with arguments that suit the epochs."""

from collections.abc import Callable, Sequence

from optuna.pruners import BasePruner, MedianPruner, PercentilePruner, SuccessiveHalvingPruner

from untrained.errors import InputError, shown
from untrained.runtime.lookup import look_up
from untrained.samplers.encoded import hyperband

Steps = Sequence[int]


def _asha(steps: Steps) -> BasePruner:
    return SuccessiveHalvingPruner(min_resource=steps[0], reduction_factor=3)


def _median(steps: Steps) -> BasePruner:
    return MedianPruner(n_startup_trials=5, n_warmup_steps=steps[-1] // 4)


def _percentile(steps: Steps) -> BasePruner:
    return PercentilePruner(25.0, n_startup_trials=5, n_warmup_steps=steps[-1] // 4)


PRUNERS: dict[str, Callable[[Steps], BasePruner]] = {
    "asha": _asha,
    "hyperband": hyperband,
    "median": _median,
    "percentile": _percentile,
}
"""Name -> the steps at which values are reported -> a pruner."""


def get_pruner(given: str | BasePruner, steps: Steps) -> BasePruner:
    """Finds a pruner.

    Args:
        given: A name from `PRUNERS`, `file.py:Name` of a pruner or of its class; or a pruner.
        steps: The steps at which an evaluation reports values, rising.

    Returns:
        The pruner. `asha` lets a third of the trainings go on after 1, 3, 9, ... epochs, `hyperband` in brackets that
        begin later; `median` stops what is worse than the median of those before it, `percentile` what is not in
        the best quarter, both after 5 whole trainings and a quarter of the epochs.

    Raises:
        InputError: There is no such pruner, or nothing for it to stop.

    Example:
        >>> type(get_pruner("asha", (1, 2, 3))).__name__
        'SuccessiveHalvingPruner'
    """
    if isinstance(given, str):
        name, found = given, look_up("pruner", given, PRUNERS)
        if len(steps) < 2:
            raise InputError(f"pruner {name!r} stops what reports several values, and here there is one: leave it out")
        given = PRUNERS[name](steps) if name in PRUNERS else found() if isinstance(found, type) else found
    if not isinstance(given, BasePruner):
        raise InputError(f"pruner {shown(given)}: choose from {', '.join(PRUNERS)}, or give a pruner of Optuna")
    return given
