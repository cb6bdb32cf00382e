"""What a search space is: Optuna distributions, strings, networks."""

import math
import random
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import asdict, is_dataclass
from itertools import product
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from torch import nn

from untrained.errors import InputError

ENUMERABLE = 1_000_000
"""Spaces up to this many architectures are enumerated; larger ones are sampled."""


class SearchSpace(ABC):
    """Architectures as canonical strings, and how to turn one into Optuna parameters or into a network.

    A space of one's own needs `distributions` and `build`; everything else has a default that follows from them. An
    architecture is then the string `key=value,key=value`. A frozen dataclass is the natural form: its fields are
    the options that a study and a score table remember.
    """

    @property
    def name(self) -> str:
        """What the command line and the provenance of a table call this space: `package.module:Class`."""
        return f"{type(self).__module__}:{type(self).__qualname__}"

    @property
    def options(self) -> dict[str, Any]:
        """The fields that change what `build` returns."""
        return asdict(self) if is_dataclass(self) else {}

    @property
    @abstractmethod
    def distributions(self) -> Mapping[str, BaseDistribution]:
        """One Optuna distribution for each decision."""

    @abstractmethod
    def build(self, arch: str) -> nn.Module:
        """A freshly initialised network (from torch's global generator) whose forward gives n x classes logits."""

    def to_arch(self, params: Mapping[str, Any]) -> str:
        """The string of an architecture given by its Optuna parameters."""
        missing = [key for key in self.distributions if key not in params]
        if missing:
            raise InputError(f"parameter {missing[0]!r} of space {self.name!r} is missing")
        return ",".join(f"{key}={params[key]}" for key in self.distributions)

    def to_params(self, arch: str) -> dict[str, Any]:
        """The Optuna parameters of `arch`; raises `InputError` where it is not an architecture of this space."""
        given = dict(part.split("=", 1) for part in arch.split(",") if "=" in part)
        if list(given) != list(self.distributions):
            form = ",".join(f"{key}=..." for key in self.distributions)
            raise InputError(f"malformed architecture {arch!r}: expected the form {form!r}")
        return {key: _parse(key, given[key], dist) for key, dist in self.distributions.items()}

    def canonical(self, arch: str) -> str:
        """The twin that stands for every architecture with the same network; `arch` itself where none is known."""
        self.to_params(arch)
        return arch

    @property
    def size(self) -> int | None:
        """How many architectures (twins included) the space holds; None where a parameter is continuous."""
        counts = [_values(dist) for dist in self.distributions.values()]
        return None if any(c is None for c in counts) else math.prod(len(c) for c in counts if c is not None)

    def __iter__(self) -> Iterator[str]:
        """Every architecture, in a fixed order."""
        if self.size is None:
            raise InputError(f"space {self.name!r} has a continuous parameter: it can be sampled, not enumerated")
        keys = list(self.distributions)
        for values in product(*(_values(dist) or () for dist in self.distributions.values())):
            yield self.to_arch(dict(zip(keys, values, strict=True)))

    def sample(self, rng: random.Random) -> str:
        """One architecture, every parameter drawn uniformly."""
        return self.to_arch({key: _draw(dist, rng) for key, dist in self.distributions.items()})

    def mutate(self, arch: str, rng: random.Random) -> str:
        """`arch` with one parameter changed to another of its values."""
        params = self.to_params(arch)
        values = {key: _values(dist) for key, dist in self.distributions.items()}
        key = rng.choice([k for k, v in values.items() if v is None or len(v) > 1])
        others = [v for v in values[key] or () if v != params[key]]
        params[key] = rng.choice(others) if others else _draw(self.distributions[key], rng)
        return self.to_arch(params)

    def pool(self, n: int | None = None, seed: int = 0, *, at_most: bool = False) -> list[str]:
        """`n` distinct canonical architectures drawn uniformly with `seed`; all of them where `n` is None.

        at_most: a space with fewer than `n` gives all that it has; without it, that is an `InputError`, as is asking
        for the whole of a space that is too large to list.
        """
        size = self.size
        if n is not None and n < 1:
            raise InputError(f"pool of {n} architectures: give at least 1")
        if size is not None and size <= ENUMERABLE:
            everything = list(dict.fromkeys(map(self.canonical, self)))
            if n is None or (at_most and n >= len(everything)):
                return everything
            if n > len(everything):
                raise InputError(f"pool of {n} architectures: space {self.name!r} has {len(everything)} distinct ones")
            return random.Random(seed).sample(everything, n)
        if n is None:
            raise InputError(f"space {self.name!r} is too large to score whole: give the size of the pool")
        rng, found = random.Random(seed), dict[str, None]()
        for _ in range(100 * n):
            found[self.canonical(self.sample(rng))] = None
            if len(found) == n:
                return list(found)
        if at_most and found:
            return list(found)
        raise InputError(f"pool of {n} architectures: {100 * n} draws from space {self.name!r} gave {len(found)}")


class ArchitectureList(SearchSpace):
    """A plain list of opaque architectures: the space of a table that comes without one.

    Its one Optuna parameter is the index in the list; there is nothing to build.
    """

    def __init__(self, archs: list[str]) -> None:
        self.archs = archs
        self._index = {arch: i for i, arch in enumerate(archs)}

    @property
    def name(self) -> str:
        return "table"

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        return {"index": IntDistribution(0, len(self.archs) - 1)}

    def to_arch(self, params: Mapping[str, Any]) -> str:
        return self.archs[params["index"]]

    def to_params(self, arch: str) -> dict[str, Any]:
        if arch not in self._index:
            raise InputError(f"unknown architecture {arch!r}: it is not one of the table's {len(self.archs)}")
        return {"index": self._index[arch]}

    def build(self, arch: str) -> nn.Module:
        raise InputError(f"a table cannot build the network of {arch!r}: name its space")


def _values(dist: BaseDistribution) -> list[Any] | range | None:
    """The values of a discrete distribution, None for a continuous one."""
    match dist:
        case CategoricalDistribution():
            return list(dist.choices)
        case IntDistribution():
            return range(dist.low, dist.high + 1, dist.step)
        case FloatDistribution(step=float() as step):
            return [dist.low + k * step for k in range(round((dist.high - dist.low) / step) + 1)]
    return None


def _draw(dist: BaseDistribution, rng: random.Random) -> Any:
    values = _values(dist)
    if values is not None:
        return values[rng.randrange(len(values))]
    assert isinstance(dist, FloatDistribution)
    if dist.log:
        return math.exp(rng.uniform(math.log(dist.low), math.log(dist.high)))
    return rng.uniform(dist.low, dist.high)


def _parse(key: str, text: str, dist: BaseDistribution) -> Any:
    if isinstance(dist, CategoricalDistribution):
        for choice in dist.choices:
            if str(choice) == text:
                return choice
        raise InputError(f"{key}={text!r} is not one of {', '.join(map(str, dist.choices))}")
    assert isinstance(dist, IntDistribution | FloatDistribution)
    kind = int if isinstance(dist, IntDistribution) else float
    try:
        value = kind(text)
        if dist.low <= value <= dist.high:
            return value
    except ValueError:
        pass
    raise InputError(f"{key}={text!r} is not a {kind.__name__} from {dist.low} to {dist.high}")
