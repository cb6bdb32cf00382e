"""Search spaces: architecture <-> Optuna parameters <-> network."""

from collections.abc import Mapping
from typing import Any

from untrained.errors import InputError, listed, one_line, shown
from untrained.runtime.lookup import look_up
from untrained.spaces.base import SearchSpace
from untrained.spaces.instances import arguments, takes_any
from untrained.spaces.lists import ArchitectureList, read_archs
from untrained.spaces.mlp import MLPs
from untrained.spaces.nasbench201 import NASBench201
from untrained.spaces.resnet import ResNets
from untrained.spaces.transformer import Transformers
from untrained.spaces.transnas101 import TransNASMacro, TransNASMicro
from untrained.spaces.unet import UNets

__all__ = [
    "SPACES",
    "ArchitectureList",
    "MLPs",
    "NASBench201",
    "ResNets",
    "SearchSpace",
    "TransNASMacro",
    "TransNASMicro",
    "Transformers",
    "UNets",
    "as_space",
    "get_space",
    "read_archs",
    "remade_space",
]

SPACES: dict[str, type[SearchSpace]] = {
    "nasbench201": NASBench201,
    "transnas101-micro": TransNASMicro,
    "transnas101-macro": TransNASMacro,
    "resnet": ResNets,
    "mlp": MLPs,
    "unet": UNets,
    "transformer": Transformers,
}
"""The spaces that come with the package, by name."""


def get_space(name: str, suggested: Mapping[str, Any] | None = None, /, **options: Any) -> SearchSpace:
    """Makes the space that a user calls `name`.

    Args:
        name: a name of `SPACES`, `file.py:Name`, `package.module:Name`, or the entry point `untrained.spaces` of an
            installed package. It stands for a class, for a function that returns a space, or for a space.
        suggested: options that are used if the space has them, such as `num_classes` and `in_channels` of the data.
        options: arguments of the class; they count before `suggested`.

    Returns:
        The space.

    Raises:
        InputError: if there is no such space, if it has no such option, or if it refuses a value.

    Example:
        >>> get_space("nasbench201", {"num_classes": 7, "task": "jigsaw"}, N=1).options
        {'N': 1, 'C': 16, 'num_classes': 7, 'in_channels': 3}
    """
    found = look_up("space", name, SPACES)
    if isinstance(found, SearchSpace) and not options:
        return found
    if not callable(found):
        raise InputError(f"{name!r} is {shown(found)}: a space is a subclass of SearchSpace")
    if isinstance(found, type) and not issubclass(found, SearchSpace):
        raise InputError(f"{name!r} is the class {found.__name__}: a space is a subclass of SearchSpace")
    takes = arguments(found)
    if not takes_any(found):
        for option in options.keys() - takes.keys():
            raise InputError(f"space {name!r} has no option {option!r}: it has {listed(takes)}")
    used = {option: value for option, value in (suggested or {}).items() if option in takes} | options
    try:
        made = found(**used)
    except InputError:
        raise
    except (Exception, SystemExit) as error:  # a space of one's own may refuse its options in any way
        raise InputError(f"space {name!r} cannot be made: {one_line(error)}") from error
    if not isinstance(made, SearchSpace):
        raise InputError(f"{name!r} gives {shown(made)}: a space is a subclass of SearchSpace")
    return made


def as_space(given: Any) -> SearchSpace:
    """Finds the space that something given to `search` or `compute_scores` stands for.

    Args:
        given: a space, a class of one that needs no argument, or a name for `get_space`.

    Returns:
        The space.

    Raises:
        InputError: if it is none of these.

    Example:
        >>> as_space(NASBench201) == as_space("nasbench201") == as_space(NASBench201())
        True
    """
    if isinstance(given, SearchSpace):
        return given
    if isinstance(given, str):
        return get_space(given)
    if not (isinstance(given, type) and issubclass(given, SearchSpace)):
        raise InputError(f"{shown(given)} is not a space: give an instance of a subclass of SearchSpace")
    try:
        return given()
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"a space is wanted, and {given.__name__} is a class: give {given.__name__}(...): {one_line(error)}"
        ) from error


def remade_space(name: str, options: Mapping[str, Any]) -> SearchSpace:
    """Makes a space again from what a study, a table or a folder remembers of it.

    Args:
        name: its name, as `get_space` takes it.
        options: its `options`.

    Returns:
        The space, with these options.

    Raises:
        InputError: if it cannot be made, or comes out with other options.

    Example:
        >>> remade_space("nasbench201", NASBench201(N=1).options) == NASBench201(N=1)
        True
    """
    found = look_up("space", name, SPACES)
    takes = arguments(found) if callable(found) else {}
    space = get_space(name, **{option: value for option, value in options.items() if option in takes})
    if space.options != dict(options):
        raise InputError(f"space {name!r} cannot be made again from its options: give the space itself")
    return space
