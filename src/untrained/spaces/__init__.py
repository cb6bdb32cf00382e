"""Search spaces: architecture <-> Optuna parameters <-> network."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from untrained.errors import InputError, one_line, shown
from untrained.runtime.lookup import look_up
from untrained.spaces.base import SearchSpace
from untrained.spaces.bert import BERTs
from untrained.spaces.choosing import choice, repeat
from untrained.spaces.darts import DARTS
from untrained.spaces.gpt import GPTs
from untrained.spaces.instances import arguments
from untrained.spaces.lists import ArchitectureList, read_archs
from untrained.spaces.making import space_of
from untrained.spaces.mlp import MLPs
from untrained.spaces.mnasnet import MnasNets
from untrained.spaces.mobilenet import MobileNets
from untrained.spaces.nasbench101 import NASBench101
from untrained.spaces.nasbench201 import NASBench201
from untrained.spaces.natsbench_size import NATSBenchSize
from untrained.spaces.resnet import ResNets
from untrained.spaces.transformer import Transformers
from untrained.spaces.transnas101 import TransNASMacro, TransNASMicro
from untrained.spaces.unet import UNets
from untrained.spaces.vit import ViTs

__all__ = [
    "DARTS",
    "SPACES",
    "ArchitectureList",
    "BERTs",
    "GPTs",
    "MLPs",
    "MnasNets",
    "MobileNets",
    "NASBench101",
    "NASBench201",
    "NATSBenchSize",
    "ResNets",
    "SearchSpace",
    "TransNASMacro",
    "TransNASMicro",
    "Transformers",
    "UNets",
    "ViTs",
    "as_space",
    "choice",
    "get_space",
    "read_archs",
    "remade_space",
    "repeat",
    "space",
]

SPACES: dict[str, type[SearchSpace]] = {
    "nasbench201": NASBench201,
    "transnas101-micro": TransNASMicro,
    "transnas101-macro": TransNASMacro,
    "resnet": ResNets,
    "mlp": MLPs,
    "unet": UNets,
    "transformer": Transformers,
    "mnasnet": MnasNets,
    "mobilenet": MobileNets,
    "vit": ViTs,
    "natsbench-size": NATSBenchSize,
    "darts": DARTS,
    "gpt": GPTs,
    "nasbench101": NASBench101,
    "bert": BERTs,
}
"""The spaces that come with the package, by name."""


def get_space(name: str, suggested: Mapping[str, Any] | None = None, /, **options: Any) -> SearchSpace:
    """Makes the space that a user calls `name`.

    Args:
        name: a name of `SPACES`, `file.py:Name`, `package.module:Name`, or the entry point `untrained.spaces` of an
            installed package. It stands for a class, for a function that returns a space, for a space, or for a
            function that builds a network (see `space`).
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
    return space_of(look_up("space", name, SPACES), repr(name), suggested or {}, options)


def space(given: Any, /, **options: Any) -> SearchSpace:
    """Makes a search space of a function that builds a network, or of whatever else stands for one.

    The function asks a trial of Optuna's kind for its decisions, in conditions and loops, too, and returns a module.
    An architecture is the string of those that it asked for. Which those are is found by running the function without
    allocating its weights; `trial.suggest_...` and `choice` must be the only source of what it does. To exclude a
    combination, it raises `optuna.TrialPruned`.

    Args:
        given: one of:

            - a function with a parameter `trial`, or whose first parameter has no default;
            - a function, or a class of modules, with `choice` and `repeat` inside;
            - a `SearchSpace`, its class, or a name for `get_space`.
        options: its other parameters. Those that are facts of the data (`num_classes`, `in_channels`, `image_size`,
            `in_features`, `length`) are given by a search, if they are not given here.

    Returns:
        The space.

    Raises:
        InputError: if it is none of these, or has no such option.

    Example:
        >>> import untrained
        >>> def build(trial, num_classes=10):
        ...     layers, width = [nn.Flatten()], 64
        ...     for i in range(trial.suggest_int("depth", 1, 4)):
        ...         layers.append(nn.Linear(width, width := trial.suggest_categorical(f"width{i}", [8, 16])))
        ...         layers.append(nn.ReLU())
        ...     return nn.Sequential(*layers, nn.Linear(width, num_classes))
        >>> space = untrained.space(build, num_classes=3)
        >>> space.size, space.pool(2)
        (30, [...])
        >>> space.to_params("depth=2,width0=8,width1=16")
        {'depth': 2, 'width0': 8, 'width1': 16}
    """
    return as_space(given, **options)


def as_space(given: Any, suggested: Mapping[str, Any] | None = None, /, **options: Any) -> SearchSpace:
    """Finds the space that something given to `search` or `compute_scores` stands for.

    Args:
        given: a space, a class of one that needs no argument, a function that builds a network (see `space`), or a
            name for `get_space`.
        suggested: options that are used if the space has them, such as the facts of the data; a space stays as it is.
        options: options that count before `suggested`.

    Returns:
        The space.

    Raises:
        InputError: if it is none of these.

    Example:
        >>> as_space(NASBench201) == as_space("nasbench201") == as_space(NASBench201())
        True
    """
    if isinstance(given, SearchSpace) and not options:
        return given
    if isinstance(given, str):
        return get_space(given, suggested, **options)
    is_space = isinstance(given, type) and issubclass(given, SearchSpace)
    if not (callable(given) or isinstance(given, SearchSpace | nn.Module)) or (
        isinstance(given, type) and not (is_space or issubclass(given, nn.Module))
    ):
        raise InputError(f"{shown(given)} is not a space: give an instance of a subclass of SearchSpace, or a function")
    called = getattr(given, "__name__", None) or shown(given, 60)
    try:
        return space_of(given, called, suggested or {}, options)
    except InputError as error:
        cause = error.__cause__
        if is_space and not options and cause is not None and not isinstance(cause, InputError):
            raise InputError(
                f"a space is wanted, and {called} is a class: give {called}(...): {one_line(cause)}"
            ) from cause
        raise


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
