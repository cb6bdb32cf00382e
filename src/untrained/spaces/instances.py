"""What a space was made with."""

import inspect
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import cached_property
from typing import Any


def state_of(space: Any) -> dict[str, Any]:
    """What tells one instance of a class from another: see `SearchSpace.options`."""
    if is_dataclass(space):
        return {field.name: getattr(space, field.name) for field in fields(space)}
    kind = type(space)
    derived = {name for name in dir(kind) if isinstance(getattr(kind, name, None), cached_property)}
    state = {name: value for name, value in vars(space).items() if name not in derived}
    kept = {name: f"_{name}" if f"_{name}" in state else name for name in arguments(kind)}
    if takes_any(kind) or not set(kept.values()) <= state.keys():
        return state
    public = {name: value for name, value in state.items() if not name.startswith("_")}
    return {name: state[attribute] for name, attribute in kept.items()} | public


def arguments(kind: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The arguments that a class or function takes by name."""
    parameters = inspect.signature(kind).parameters.values()
    return {p.name: p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}


def takes_any(kind: Callable[..., Any]) -> bool:
    """Whether a class or function takes arguments that its signature does not name."""
    return any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in inspect.signature(kind).parameters.values())
