"""Search spaces: architecture <-> Optuna parameters <-> network."""

from typing import Any

from untrained.errors import InputError
from untrained.spaces.base import ArchitectureList, SearchSpace
from untrained.spaces.nasbench201 import NASBench201

__all__ = ["SPACES", "ArchitectureList", "NASBench201", "SearchSpace", "get_space"]

SPACES: dict[str, type[SearchSpace]] = {"nasbench201": NASBench201}
"""The spaces that the command line knows by name."""


def get_space(name: str, **options: Any) -> SearchSpace:
    """The space called `name`, made with `options`; raises `InputError` where either is unknown."""
    if name not in SPACES:
        raise InputError(f"unknown space {name!r}: choose from {', '.join(SPACES)}")
    fields = getattr(SPACES[name], "__dataclass_fields__", {})
    for option in options:
        if option not in fields:
            raise InputError(f"space {name!r} has no option {option!r}: it has {', '.join(fields)}")
    return SPACES[name](**options)
