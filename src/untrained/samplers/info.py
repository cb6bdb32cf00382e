"""What is known of one sampler: how to make it, whose it is, what it needs."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler

from untrained.errors import InputError, listed
from untrained.scores import ScoreTable
from untrained.spaces import SearchSpace


@dataclass(frozen=True)
class SamplerInfo:
    """A sampler that can be asked for by name.

    Args:
        name: What it is called.
        make: A class or function that makes it of `(table, space, seed=...)`, and of `budget=...` if it takes that.
        summary: What it does, in a line.
        citation: Whose it is: authors, title, venue, year.
        metrics: Groups of metric names; the table must have one name of each group. Empty: whatever it has will do.
        decisions: Whether it needs to know what an architecture is made of, so that a plain list of names will not do.
        pruner: Makes the pruner that belongs to it, of the steps at which evaluations report intermediate values.
        takes_metric: Whether it is asked for as `name:METRIC`; `make` is then given `metric=...`, too.
        colour: Its colour in figures, as `#rrggbb`; "" leaves the choice to the figure.
        method: What papers call it, so that a bench sets their figures beside its own; "" if none reports it.

    Example:
        >>> from untrained.samplers import RandomSearch
        >>> info = SamplerInfo("shuffled", RandomSearch, "in random order", "folklore")
        >>> info.form, info.needs
        ('shuffled', '')
    """

    name: str
    make: Callable[..., BaseSampler]
    summary: str
    citation: str
    metrics: tuple[tuple[str, ...], ...] = ()
    decisions: bool = False
    pruner: Callable[[Sequence[int]], BasePruner] | None = None
    takes_metric: bool = False
    colour: str = ""
    method: str = ""

    @property
    def form(self) -> str:
        """How it is asked for."""
        return f"{self.name}:METRIC" if self.takes_metric else self.name

    @property
    def needs(self) -> str:
        """What it needs of the table and the space, in words."""
        needs = [" or ".join(group) for group in self.metrics]
        needs += ["a named space"] * self.decisions + ["intermediate values"] * (self.pruner is not None)
        return ", ".join(needs)

    @property
    def takes_costs(self) -> bool:
        """Whether it can look for a front instead of one best: it takes `costs`."""
        return "costs" in inspect.signature(self.make).parameters

    def missing(self, metrics: Sequence[str], space: SearchSpace) -> str:
        """What it would need beyond a table of these metrics.

        Args:
            metrics: The metrics that the table has.
            space: The space of the table.

        Returns:
            What is missing, in words; "" if the sampler can run.
        """
        for group in self.metrics:
            if not set(group) & set(metrics):
                wanted = repr(group[0]) if len(group) == 1 else f"one of {', '.join(group)}"
                return f"the metric {wanted}: the scores have {listed(metrics)}"
        if self.decisions and space.opaque:
            return "to know what an architecture is made of: name the space of the table"
        return ""

    def with_metric(self, metric: str) -> "SamplerInfo":
        """The sampler `name:METRIC`, if this one takes a metric."""
        make = partial(self.make, metric=metric)
        return replace(self, name=f"{self.name}:{metric}", make=make, metrics=((metric,),), takes_metric=False)

    def sampler(
        self, table: ScoreTable, space: SearchSpace, *, budget: int, seed: int, costs: Any = None
    ) -> BaseSampler:
        """Makes the sampler.

        Args:
            table: The scores to learn from.
            space: The space of the table.
            budget: How many queries the search is to make.
            seed: Decides every random draw.
            costs: n x m, what the architectures of the table cost, for one that `takes_costs`.

        Raises:
            InputError: If the sampler refuses the table, or `make` makes something else than an Optuna sampler.
        """
        further = {} if costs is None else {"costs": costs}
        made = self.make(table, space, **_accepted(self.make, budget=budget, seed=seed, **further))
        if not isinstance(made, BaseSampler):
            raise InputError(f"sampler {self.name!r} is of type {type(made).__name__}: it must be an Optuna sampler")
        return made


def info_of(name: str, thing: Any) -> SamplerInfo:
    """What is known of a sampler that does not come with this package.

    Args:
        name: How it was asked for.
        thing: A `SamplerInfo`, or a class or function as its `make`; the first line of its docstring says what it does.

    Raises:
        InputError: If the thing is neither, or cannot be called in that way.
    """
    if isinstance(thing, SamplerInfo):
        return replace(thing, name=name)
    called_with = "a class or function of (table, space, *, budget, seed), or a SamplerInfo"
    if not callable(thing):
        raise InputError(f"sampler {name!r} is of type {type(thing).__name__}: give {called_with}")
    make: Callable[..., Any] = thing
    try:
        inspect.signature(make).bind(None, None, **_accepted(make, budget=1, seed=0))
    except (TypeError, ValueError) as error:  # the latter of what is compiled
        raise InputError(f"sampler {name!r} cannot be called ({error}): give {called_with}") from error
    return SamplerInfo(name, make, (inspect.getdoc(thing) or "").partition("\n")[0], "")


def _accepted(function: Callable[..., Any], **given: Any) -> dict[str, Any]:
    """Those of the keyword arguments that the function takes."""
    parameters = inspect.signature(function).parameters.values()
    if any(parameter.kind == parameter.VAR_KEYWORD for parameter in parameters):
        return given
    names = {parameter.name for parameter in parameters}
    return {name: value for name, value in given.items() if name in names}
