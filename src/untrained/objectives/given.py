"""What may be given as an objective: an `Objective`, something like one, its class, or a plain function."""

import inspect
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Literal, cast

import optuna
from torch import nn
from torch.utils.data import Dataset

from untrained.data import Data
from untrained.data.content import content_of
from untrained.errors import InputError
from untrained.objectives.base import Direction, Evaluation, Objective, as_evaluation, check_direction
from untrained.runtime.identity import described
from untrained.runtime.seeding import derive_seed, seeded
from untrained.spaces import SearchSpace

Takes = Literal["architecture", "network"]

NAMES: dict[str, tuple[str, ...]] = {
    "architecture": ("arch", "architecture"),
    "network": ("network", "net", "model", "module"),
}
"""What the first parameter of a function is called that takes the one or the other."""
DATA = "data"
"""What a further parameter is called that takes the data of the search."""


def as_objective(given: Any, space: SearchSpace, direction: Direction | None = None, data: Any = None) -> Objective:
    """Makes an `Objective` of what a user gave.

    Args:
        given: One of:

            - an `Objective`, or its class if it can be made without arguments;
            - an object with `__call__(arch)` or `__call__(arch, trial)` and an `identity`: whatever else of an
              `Objective` it has is used, too;
            - a function of one parameter, the architecture;
            - a function of two, a built network and the trial, or of three, with the data, too: see
              `FunctionObjective`.
        space: The space of the architectures.
        direction: "maximize" or "minimize", for what does not say so itself; None is "maximize".
        data: What a function is to have as its `data`.

    Returns:
        An `Objective`; the given one if it is one.

    Raises:
        InputError: It is none of these, or contradicts `direction`.

    Example:
        >>> from untrained import ArchitectureList
        >>> as_objective(len, ArchitectureList(["a", "bb"]), "minimize")("bb").value
        2.0
    """
    if direction is not None:
        check_direction(direction)
    if isinstance(given, type):
        given = _instance(given)
    if not callable(given):
        raise InputError(f"objective {given!r:.60} is a {type(given).__name__}: give a function or an Objective")
    if isinstance(given, Objective):
        objective = given
    elif hasattr(given, "identity"):
        objective = AdaptedObjective(given, direction or "maximize")
    else:
        return FunctionObjective(given, space, direction or "maximize", data)
    if data is not None:
        raise InputError(
            f"data= beside {type(given).__name__}, which has its own: leave it out, or give a function of data"
        )
    check_direction(objective.direction)
    if direction not in (None, objective.direction):
        raise InputError(f"direction {direction!r}, but the objective says {objective.direction!r}: leave it out")
    return objective


class AdaptedObjective(Objective):
    """An object with `__call__` and `identity`, completed by what every objective has.

    Args:
        given: The object.
        direction: Which way is better, if the object does not say so.
    """

    def __init__(self, given: Any, direction: Direction) -> None:
        self.given = given
        self.direction = getattr(given, "direction", direction)
        parameters = _parameters(given)
        required = [p for p in parameters if p.default is p.empty]
        self._takes_trial = len(required) == 2 or any(p.name == "trial" for p in parameters[1:])
        for name in ("check", "batch", "second_batch", "rank", "report", "loss", "threads", "apart", "recipe", "space"):
            if hasattr(given, name):
                setattr(self, name, getattr(given, name))

    def __call__(self, arch: str, trial: optuna.Trial | None = None) -> Evaluation:
        return self.given(arch, trial) if self._takes_trial else self.given(arch)

    @property
    def identity(self) -> Mapping[str, Any]:
        found = self.given.identity
        return cast(Any, found() if callable(found) else found)

    @property
    def steps(self) -> tuple[int, ...]:
        return getattr(self.given, "steps", ())

    @property
    def example(self) -> Any:
        return getattr(self.given, "example", None)


class FunctionObjective(Objective):
    """A plain function as an objective.

    A function of one parameter gets the architecture as a string. A function of two gets the built network and the
    trial, as it would a training; the network's weights after the call are kept as the trained ones. The name or
    annotation of the first parameter decides otherwise: `arch` or `str` gets the string, `network`, `net`, `model` or
    `nn.Module` the network. A parameter `data` gets the data of the search. Further parameters must have defaults.

    In a call, the random numbers of torch (on the CPU), numpy and Python are seeded by the architecture, so that the
    same architecture has the same value after an interruption. The study remembers the function's code and the values
    that it uses.

    Args:
        function: Returns a number, or an `Evaluation`.
        space: Builds the networks.
        direction: Which way is better.
        data: What the function gets as `data`, as it stands. If it is a `Data`, metrics take their batches of it. With
            data, the function is held to be a training: it runs in a process of its own.

    Raises:
        InputError: The function takes other parameters, or data that are not given.

    Example:
        >>> from untrained import NASBench201
        >>> objective = FunctionObjective(lambda arch: arch.count("nor_conv_3x3"), NASBench201())
        >>> objective(NASBench201().pool(1)[0]).value
        1.0
    """

    def __init__(
        self, function: Callable[..., Any], space: SearchSpace, direction: Direction = "maximize", data: Any = None
    ) -> None:
        self.function = function
        self.space = space
        self.direction = direction
        self.data = data
        self.apart = data is not None
        self._takes, self._takes_trial = _meant(function)
        wanted = next((p for p in _parameters(function)[1:] if p.name == DATA), None)
        if wanted is not None and wanted.default is wanted.empty and data is None:
            raise InputError(f"the objective {_name(function)!r} takes data: give search(..., data=...)")
        self._takes_data = wanted is not None and data is not None

    @property
    def identity(self) -> Mapping[str, Any]:
        own = {"kind": "function", "name": _name(self.function), "direction": self.direction}
        return own if self.data is None else own | {"data": self._content}

    @cached_property
    def _content(self) -> Any:
        if isinstance(self.data, Data):
            return [self.data.name, self.data.fingerprint]
        return content_of(self.data) if isinstance(self.data, Dataset) else described(self.data)

    def batch(self, n: int, seed: int = 0) -> tuple[Any, Any] | None:
        return self.data.batch(n, seed) if isinstance(self.data, Data) else None

    def second_batch(self, n: int, seed: int = 0) -> tuple[Any, Any] | None:
        return self.data.second_batch(n, seed) if isinstance(self.data, Data) else None

    @property
    def example(self) -> Any:
        return self.data.example if isinstance(self.data, Data) else None

    def __call__(self, arch: str, trial: optuna.Trial | None = None) -> Evaluation:
        start = time.perf_counter()
        with seeded(derive_seed(0, "training", arch)):
            network = self.space.build(arch) if self._takes == "network" else None
            given = [arch if network is None else network, *([trial] if self._takes_trial else [])]
            named = {"data": self.data} if self._takes_data else {}
            returned = self.function(*given, **named)
        found = as_evaluation(returned, time.perf_counter() - start)
        if network is None or found.weights is not None:
            return found
        return Evaluation(found.value, found.cost_seconds, network.state_dict())


def _instance(given: type) -> Any:
    try:
        return given()
    except TypeError as error:
        raise InputError(
            f"the objective is the class {given.__name__}: give an instance, {given.__name__}(...)"
        ) from error


def _meant(function: Callable[..., Any]) -> tuple[Takes, bool]:
    """What a function takes first, and whether it takes the trial, too."""
    parameters = [p for k, p in enumerate(_parameters(function)) if not (k and p.name == DATA)]
    required = [p for p in parameters if p.default is p.empty]
    by_position = [p for p in parameters if p.kind != p.KEYWORD_ONLY]
    if not by_position or len(required) > 2 or any(p not in by_position for p in required):
        raise _unclear(function, f"takes {', '.join(p.name for p in parameters) or 'nothing'}")
    first, *others = by_position
    takes_trial = len(required) == 2 or any(p.name == "trial" for p in others[:1])
    if _is(first, "architecture", str):
        return "architecture", takes_trial
    if _is(first, "network", nn.Module):
        return "network", takes_trial
    if not takes_trial:
        return "architecture", False
    if others[0].name != "trial" and not _is(others[0], "trial", optuna.Trial):
        raise _unclear(function, f"takes ({first.name}, {others[0].name}), which may mean anything")
    return "network", True


def _is(parameter: inspect.Parameter, what: str, kind: type) -> bool:
    """Whether the name or the annotation of a parameter says that it is a `what`."""
    annotation = parameter.annotation
    if isinstance(annotation, type):
        return issubclass(annotation, kind)
    is_written = isinstance(annotation, str) and annotation.rpartition(".")[2] == kind.__name__
    return is_written or parameter.name in NAMES.get(what, ())


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters but for *args and **kwargs."""
    try:
        found = inspect.signature(function).parameters.values()
    except (TypeError, ValueError) as error:
        raise _unclear(function, "does not tell its parameters") from error
    return [p for p in found if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]


def _unclear(function: Callable[..., Any], why: str) -> InputError:
    forms = "f(arch), f(arch, trial), f(network, trial) or f(network, trial, data)"
    return InputError(f"the objective {_name(function)!r} {why}: write it as {forms}")


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__qualname__", None) or type(function).__qualname__
