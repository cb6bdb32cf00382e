"""The end of a search: the pick, its weights and its test figures. A failure here costs no query."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import optuna
from optuna.trial import FixedTrial
from torch import Tensor

from untrained.data import Data
from untrained.errors import InputError, one_line, warn
from untrained.metrics import METRICS
from untrained.objectives import Objective
from untrained.objectives.given import AdaptedObjective
from untrained.objectives.outcome import Evaluator
from untrained.probe import Probe
from untrained.probe.packing import packed
from untrained.runtime.identity import described
from untrained.runtime.seeding import seeded
from untrained.samplers.query import Query, best_queries, queries
from untrained.searching.allowed import NOTHING, Allowed
from untrained.searching.attributes import ENDED, IDENTITY, PLAN
from untrained.searching.interface import Interface
from untrained.searching.readable import tell_pick
from untrained.searching.remembered import remember
from untrained.searching.result import Result
from untrained.searching.studies import TOTAL_SECONDS, best_elsewhere
from untrained.searching.tradeoffs import Axis, kept_order, keys_to_keep
from untrained.searching.weights import KeptWeights
from untrained.spaces import SearchSpace

T = TypeVar("T")


def make_result(
    study: optuna.Study,
    space: SearchSpace,
    objective: Objective,
    evaluator: Evaluator,
    pool: tuple[str, ...],
    weights: KeptWeights,
    example: Any,
    allowed: Allowed = NOTHING,
) -> Result:
    """Makes the result of a search from the best query of its study, and saves it.

    Args:
        study: With its budget spent.
        space: Builds the network.
        objective: Reports the test figures.
        evaluator: Trains lost weights again.
        pool: The architectures that were scored.
        weights: Has those of the best query; lost ones are trained again.
        example: An input of the network as a batch of one, to count FLOPs with.
        allowed: Knows the limited figures of the pick.

    Raises:
        InputError: No query gave a value, or a file cannot be written.
    """
    order, made = kept_order(best_queries(study), allowed.axes), queries(study)
    best = next(iter(order), None)
    if best is None or best.value is None:
        why = next((query.reason for query in made if query.reason is not None), "no reason known")
        raise InputError(f"none of the {len(made)} queries gave a value: {why}")
    arch, objective = best.architecture, objective.fixed(best.hyperparameters)
    trained = weights.of(best.key)
    if trained is None and best.trained:  # its file is lost, or the study lies elsewhere
        trained = _or_warned("the weights of the pick are lost", lambda: _trained(evaluator, best), None)
    if trained is not None and not weights.is_filed(best.key):
        weights.keep(best.key, trained, place=1)
    _drop_left(study, weights, allowed.axes)
    data = data_of(objective)
    identity, top = objective.identity, order[: weights.most]
    limited, columns = _or_warned("no limited figures", lambda: allowed.figures_of(arch), ({}, {}))
    sizes = {} if example is None else _or_warned("no sizes", lambda: _sizes(space, arch, example), {})
    result = Result(
        study,
        space,
        arch,
        best.value,
        reported=_or_warned("no test figures", lambda: _figures(objective.report(arch, trained)), {}),
        sizes=sizes | {name: value for name, value in limited.items() if name not in sizes},
        columns=columns,
        rank=objective.rank(arch, pool),
        weights=trained,
        seconds=study.user_attrs.get(TOTAL_SECONDS, 0.0),
        folder=weights.folder,
        interface=Interface.of(data, example),
        hyperparameters=best.hyperparameters,
        kept={query.architecture: file for query in top if (file := weights.file_of(query.key))},
        recipe={key: described(identity[key]) for key in objective.recipe if key in identity} if data else {},
    )
    if ENDED in study.user_attrs:  # not of an earlier version, whose study is left as it is
        _or_warned("the study lacks its pick", lambda: tell_pick(study, arch, result.reported), None)
    if weights.folder is not None:
        if data is not None:
            remember(weights.folder, data)  # again, if a search of an earlier version had not
        result.save(weights.folder)
    return result


def _drop_left(study: optuna.Study, weights: KeptWeights, axes: Sequence[Axis]) -> None:
    """Deletes the weights that a search has left that was killed after its last value.

    A result may be asked for with fewer to keep than the search had: what is there by right stays.
    """
    most = study.user_attrs.get(PLAN, {}).get("keep")
    if most is None:  # of an earlier version
        return

    def needed() -> set[str]:
        keep = max(most, weights.most)
        return keys_to_keep(study, keep, axes) | best_elsewhere(study, study.user_attrs[IDENTITY], keep)

    weights.drop_all_but(needed)


def data_of(objective: Objective) -> Data | None:
    """Finds the data that an objective trains on; None if it has none."""
    own = objective.given if isinstance(objective, AdaptedObjective) else objective
    found = getattr(own, "data", None)
    return found if isinstance(found, Data) else None


def _or_warned(what: str, function: Callable[[], T], default: T) -> T:
    """What `function` gives; if it breaks, a warning and the default: the budget is spent, the result is kept."""
    try:
        return function()
    except Exception as error:  # whatever an objective of the user's raises
        warn(f"{what}: {one_line(error)}")
        return default


def _trained(evaluator: Evaluator, best: Query) -> Mapping[str, Tensor] | None:
    """Evaluates the pick again, with the same hyper-parameters."""
    trial: Any = FixedTrial(dict(best.hyperparameters), best.number)
    evaluator.begin(best.architecture, trial)
    return evaluator.end().evaluation.weights


def _figures(reported: Mapping[str, float]) -> dict[str, float]:
    return {str(name): float(value) for name, value in reported.items()}


def _sizes(space: SearchSpace, arch: str, example: Any) -> dict[str, float]:
    """`params` and `flops` of the network, in millions, as far as the space can, by its own count of parameters: that
    leaves out what only trainings have, such as an auxiliary head.
    """
    with seeded(0):
        probe = Probe(*packed(space.build(arch), example))
    measured = {name: METRICS[name](probe) for name in ("params", "flops")}
    return measured | {name: value for name, value in space.sizes(arch).items() if name == "params"}
