"""What the history of a search depends on, and what two searches that share a folder must have in common."""

import functools
import inspect
import json
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from importlib.metadata import version
from types import FunctionType
from typing import Any

from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler

from untrained.errors import InputError
from untrained.objectives import Objective
from untrained.objectives.given import AdaptedObjective, FunctionObjective
from untrained.runtime.identity import code_of, described, difference, readable
from untrained.samplers import PoolSampler
from untrained.scores import ScoreTable
from untrained.spaces import SearchSpace

EVALUATION = (
    "space",
    "space_options",
    "space_code",
    "space_state",
    "objective",
    "objective_code",
    "objective_state",
    "direction",
)
"""Keys of an identity that decide what an architecture's value is."""

CHANGED = {
    "space_code": "the code of the space has changed",
    "space_state": "what the code of the space was made with, or reads from its module, has changed",
    "objective_code": "the code of the objective has changed, or what it was made with or reads from its module",
}
"""What to say if two hashes differ."""

PACKAGES = ("untrained", "torch", "optuna")


def evaluation_identity(space: SearchSpace, objective: Objective) -> dict[str, Any]:
    """Describes what the value of an architecture depends on: the space, the objective and their code (JSON).

    Args:
        space: The space of the architectures.
        objective: What evaluates them.

    Returns:
        A JSON object, equal if and only if values may be shared.

    Raises:
        InputError: The objective is made for another space.
    """
    own = getattr(objective, "space", None)
    if isinstance(own, SearchSpace) and own is not space:
        other = changed(_of_space(own), _of_space(space))
        if other:
            raise InputError(f"the objective is made for another space than is searched ({other}): give both the same")
    code, state = _of_objective(objective)
    return {
        **_of_space(space),
        "objective": {key: described(value) for key, value in objective.identity.items()},
        "objective_code": code,
        "objective_state": state,
        "direction": objective.direction,
    }


def how_chosen(
    sampler: BaseSampler, pruner: BasePruner | None, scores: ScoreTable, where: Sequence[object] = (), grow: int = 0
) -> dict[str, Any]:
    """Describes what decides which architectures are evaluated, and for how long (JSON)."""
    return {
        "sampler_code": code_of(type(sampler)),
        "sampler_options": sampler.options if isinstance(sampler, PoolSampler) else made_with(sampler),
        "pruner": None if pruner is None else {"name": type(pruner).__name__, **made_with(pruner)},
        "metrics": list(scores.metrics),
        "scores": scores.fingerprint,
        "where": list(map(str, where)) or None,
        "grow": grow or None,
    }


def trunk(identity: Mapping[str, Any], recipe: Sequence[str]) -> dict[str, Any]:
    """Takes the part of an identity that all searches of a folder share: the evaluation without its recipe."""
    shared = {key: identity.get(key) for key in EVALUATION}
    objective = shared["objective"]
    if isinstance(objective, Mapping):
        shared["objective"] = {key: value for key, value in objective.items() if key not in recipe}
    state = shared["objective_state"]
    if isinstance(state, Mapping):
        shared["objective_state"] = {key: value for key, value in state.items() if key not in recipe}
    return shared


def changed(found: Any, wanted: Mapping[str, Any]) -> str:
    """Describes the first entry in which two identities differ, or "" (see `difference`)."""
    other = difference(found, wanted)
    return next((text for key, text in CHANGED.items() if other.startswith(f'{key} "')), other)


def made_with(thing: object) -> dict[str, Any]:
    """Describes the arguments that an object was made with, as far as it still has them under their names.

    Counters, caches and open files, which an object gathers later, are no part of it; nor are callbacks (`on_step`) and
    values that cannot be told from others.
    """
    try:
        names = list(inspect.signature(type(thing).__init__).parameters)[1:]
    except (TypeError, ValueError):  # a class of C
        return {}
    state = getattr(thing, "__dict__", {})
    own = {name: attribute for name in names for attribute in (name, f"_{name}") if attribute in state}
    found = {name: described(state[attribute]) for name, attribute in own.items() if not name.startswith("on_")}
    return {name: value for name, value in found.items() if readable(value)}


def versions() -> dict[str, str]:
    """Looks up the versions of the packages that a history depends on."""
    return {name: version(name) for name in PACKAGES}


def short_hash(identity: Mapping[str, Any]) -> str:
    """Computes six hex digits that stand for an identity."""
    return blake2b(json.dumps(identity, sort_keys=True).encode(), digest_size=3).hexdigest()


def _of_objective(objective: Objective) -> tuple[Any, dict[str, Any]]:
    """The code of an objective and, if it is a class of the user's, what it was made with."""
    if isinstance(objective, FunctionObjective):
        return described(objective.function), {}
    own = objective.given if isinstance(objective, AdaptedObjective) else objective
    if not code_of(own):
        return "", {}
    return described(type(own)), made_with(own) | _hidden(own)


def _hidden(own: object) -> dict[str, Any]:
    """The rest of an object's state, if it does not keep its arguments under their names; and its functions."""
    state = {
        name: part for name, part in getattr(own, "__dict__", {}).items() if not name.lstrip("_").startswith("on_")
    }
    names = list(inspect.signature(type(own).__init__).parameters.values())[1:]
    named = [one.name for one in names if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)]
    is_kept = all(name.startswith("on_") or name in state or f"_{name}" in state for name in named)
    functions = {name for name, part in state.items() if isinstance(part, FunctionType | functools.partial)}
    found = {name: described(part) for name, part in state.items() if name in functions or not is_kept}
    return {name: told for name, told in found.items() if name in functions or readable(told)}


def _of_space(space: SearchSpace) -> dict[str, Any]:
    options = {key: described(value) for key, value in space.options.items()}
    code = code_of(space.source)
    state = described(space.source) if code else None
    return {"space": space.name, "space_options": options, "space_code": code, "space_state": state}
