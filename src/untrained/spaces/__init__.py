"""Search spaces: architecture <-> Optuna parameters <-> network."""

from importlib import import_module
from typing import Any

from untrained.errors import InputError
from untrained.spaces.base import ArchitectureList, SearchSpace
from untrained.spaces.nasbench201 import NASBench201
from untrained.spaces.transnas101 import TransNASMacro, TransNASMicro

__all__ = [
    "SPACES",
    "ArchitectureList",
    "NASBench201",
    "SearchSpace",
    "TransNASMacro",
    "TransNASMicro",
    "get_space",
]

SPACES: dict[str, type[SearchSpace]] = {
    "nasbench201": NASBench201,
    "transnas101-micro": TransNASMicro,
    "transnas101-macro": TransNASMacro,
}
"""The spaces that the command line knows by name."""

DATA_OPTIONS = {"num_classes", "in_channels"}
"""Options that the command line takes from the data."""


def get_space(name: str, **options: Any) -> SearchSpace:
    """The space called `name`, or the class at `package.module:Class`, made with `options`.

    Options that describe the data (`num_classes`, `in_channels`) are dropped where the space has no such field.
    Raises `InputError` where the space or an option is unknown.
    """
    kind = SPACES.get(name) or _imported(name)
    fields = getattr(kind, "__dataclass_fields__", {})
    for option in options.keys() - fields.keys() - DATA_OPTIONS:
        raise InputError(f"space {name!r} has no option {option!r}: it has {', '.join(fields) or 'none'}")
    try:
        return kind(**{option: value for option, value in options.items() if option in fields})
    except InputError:
        raise
    except (Exception, SystemExit) as error:  # a space of one's own may refuse its options in any way
        raise InputError(f"space {name!r} cannot be made: {str(error).splitlines()[0]}") from error


def _imported(name: str) -> type[SearchSpace]:
    module, colon, attribute = name.partition(":")
    if not colon:
        raise InputError(f"unknown space {name!r}: choose from {', '.join(SPACES)}, or give package.module:Class")
    try:
        kind = getattr(import_module(module), attribute)
    except (Exception, SystemExit) as error:  # whatever the user's module raises
        raise InputError(f"space {name!r} cannot be imported: {error}") from error
    if not (isinstance(kind, type) and issubclass(kind, SearchSpace)):
        raise InputError(f"{name!r} is not a SearchSpace")
    return kind
