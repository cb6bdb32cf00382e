"""Which decisions of the architectures matter, as far as the queries tell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

FEWEST = 8
"""Queries below which a forest has nothing to split."""
RANGES = 4
"""Numbers that hardly repeat are put into so many ranges, with about as many queries each."""
MOST_OPTIONS = 12
"""A decision with more options among the queries is left out: hardly one has two queries."""


@dataclass(frozen=True)
class Decision:
    """A decision, and what the queries were worth by its options.

    Args:
        name: Its name.
        options: The options that queries have, in words.
        means: The mean value of the queries with each option.
        counts: How many these are.
        points: (place of the query, place of its option).
        share: The part of the variance of the values that splits on it explain; None for fewer than eight queries, or
            if all have the same value.
    """

    name: str
    options: tuple[str, ...]
    means: tuple[float, ...]
    counts: tuple[int, ...]
    points: tuple[tuple[int, int], ...]
    share: float | None = None


def decisions(params: Mapping[int, Mapping[str, Any]], values: Mapping[int, float]) -> list[Decision]:
    """Compares the values of queries by each of their decisions, the one that explains most first.

    Decisions that not all queries have, or that are the same for all, are left out.

    Args:
        params: Place of a query -> its decisions (`SearchSpace.to_params`) and hyper-parameters.
        values: Place of a query -> its value.

    Example:
        >>> found = decisions({1: {"width": 8}, 2: {"width": 16}, 3: {"width": 16}}, {1: 1.0, 2: 2.0, 3: 4.0})
        >>> found[0].name, found[0].options, found[0].means, found[0].counts
        ('width', ('8', '16'), (1.0, 3.0), (1, 2))
    """
    places = [place for place in values if place in params]
    names = [name for name in (params[places[0]] if places else ()) if all(name in params[p] for p in places)]
    found = list[Decision]()
    for name in names:
        told = _in_ranges({place: _plain(params[place][name]) for place in places})
        options = sorted({*told.values()}, key=_order)
        if not 2 <= len(options) <= MOST_OPTIONS:
            continue
        points = tuple((place, options.index(option)) for place, option in told.items())
        groups = [[values[place] for place, at in points if at == k] for k in range(len(options))]
        found.append(
            Decision(
                name,
                tuple(map(_said, options)),
                tuple(sum(group) / len(group) for group in groups),
                tuple(map(len, groups)),
                points,
            )
        )
    shares = _shares(found, values) if len(places) >= FEWEST and len({values[p] for p in places}) > 1 else {}
    made = [Decision(one.name, one.options, one.means, one.counts, one.points, shares.get(one.name)) for one in found]
    return sorted(made, key=lambda one: -(one.share or 0.0))


def _shares(found: Sequence[Decision], values: Mapping[int, float]) -> dict[str, float]:
    """Mean decrease in impurity of a random forest, by Optuna."""
    import optuna
    from optuna.importance import MeanDecreaseImpurityImportanceEvaluator, get_param_importances

    if not found:
        return {}
    kinds: dict[str, Any] = {
        str(k): optuna.distributions.CategoricalDistribution(range(len(one.options))) for k, one in enumerate(found)
    }
    options = [dict(one.points) for one in found]
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        study = optuna.create_study()
        for place in options[0]:
            chosen = {str(k): at[place] for k, at in enumerate(options)}
            study.add_trial(optuna.trial.create_trial(params=chosen, distributions=kinds, value=values[place]))
        shares = get_param_importances(study, evaluator=MeanDecreaseImpurityImportanceEvaluator(seed=0))
    finally:
        optuna.logging.set_verbosity(before)
    return {found[int(k)].name: float(share) for k, share in shares.items()}


def _in_ranges(told: Mapping[int, Any]) -> Mapping[int, Any]:
    """Numbers as (least, greatest) of the range that each is in, if most are numbers of their own."""
    numbers = sorted({one for one in told.values() if isinstance(one, int | float) and not isinstance(one, bool)})
    if len(numbers) < len({*told.values()}) or len(numbers) <= max(RANGES, len(told) / 3):
        return told
    ordered = sorted(told.values())
    ends = [ordered[-(-len(ordered) * (k + 1) // RANGES) - 1] for k in range(RANGES)]
    place = {one: next(k for k, end in enumerate(ends) if one <= end) for one in numbers}
    ranges = {k: [one for one in numbers if place[one] == k] for k in {*place.values()}}
    return {at: (ranges[place[one]][0], ranges[place[one]][-1]) for at, one in told.items()}


def _said(option: Any) -> str:
    if isinstance(option, tuple):
        low, high = (f"{end:.3g}" for end in option)
        return low if low == high else f"{low} … {high}"
    return f"{option:.4g}" if isinstance(option, float) else str(option)


def _plain(option: Any) -> Any:
    return option if isinstance(option, bool | int | float) else str(option)


def _order(option: Any) -> tuple[bool, Any]:
    return (isinstance(option, str), option)
