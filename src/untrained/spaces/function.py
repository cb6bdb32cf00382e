"""A function of a trial as a space: what it asks for is the architecture, what it returns is the network."""

import functools
import inspect
import random
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from functools import cached_property
from threading import RLock
from typing import Any

import optuna
import torch
from optuna.distributions import BaseDistribution
from optuna.trial import BaseTrial
from torch import nn
from torch.nn.parameter import is_lazy

from untrained.errors import InputError, listed, one_line, shown
from untrained.runtime.identity import described
from untrained.runtime.lookup import file_of
from untrained.runtime.memory import physical_memory
from untrained.runtime.patience import OutOfTime, at_most
from untrained.runtime.seeding import seeded
from untrained.spaces.asking import Answer, Asking, asking
from untrained.spaces.base import SearchSpace
from untrained.spaces.decision import Decision
from untrained.spaces.exploring import Explored, explored
from untrained.spaces.instances import arguments, takes_any
from untrained.spaces.structure import content_of, structure_of
from untrained.spaces.text import split
from untrained.spaces.tree import Leaf, Tree, leaves_of

FACTS = ("num_classes", "in_channels", "image_size", "in_features", "length", "vocabulary")
"""Parameters that are facts of the data, and never the trial."""
LONGEST_RUN = 60.0
"""Seconds that a function may take to make a network without weights."""
COMPARED = 16 * 2**20
"""Bytes of a network's weights up to which two networks of one structure are compared weight by weight."""


_RUNNING = RLock()
"""Held by the thread that runs a function: random states and the filter of warnings belong to all threads."""


class FunctionSpace(SearchSpace):
    """The space of all that a function asks a trial for: see `untrained.space`.

    The decisions of an architecture are found by running the function on the meta device, on which tensors have shapes
    and no numbers. A function that reads numbers of its tensors is run on the CPU.

    Args:
        function: returns a module. It takes a trial, as its parameter `trial` or its first one without a default; or
            it is a class of modules, or a function, that holds `choice` and `repeat`.
        facts: its other parameters.

    Raises:
        InputError: if it has no such parameter, or one without a value.
    """

    _device = "meta"
    _runs = 0
    """Runs so far: each has other random numbers, so that those of the function's own show."""

    def __init__(self, function: Callable[..., Any], facts: Mapping[str, Any] | None = None) -> None:
        self.function = function
        takes, given = arguments(function), dict(facts or {})
        self.trial_name = trial_parameter(function, given)
        for option in () if takes_any(function) else given.keys() - takes.keys():
            raise InputError(f"space {self.name!r} has no option {option!r}: it has {listed(takes)}")
        others = [p for name, p in takes.items() if name != self.trial_name]
        self.facts = {p.name: p.default for p in others if p.default is not p.empty} | given
        for p in others:
            if p.name not in self.facts:
                raise InputError(f"space {self.name!r} needs {p.name}: untrained.space(..., {p.name}=...)")

    @property
    def name(self) -> str:
        """The place of the function: `package.module:build` or `/path/to/file.py:build`."""
        bare = self.function
        while isinstance(bare, functools.partial):
            bare = bare.func
        bare = bare if hasattr(bare, "__qualname__") else type(bare)
        file = file_of(bare)
        return f"{file.path if file else bare.__module__}:{bare.__qualname__}"

    @property
    def source(self) -> Any:
        """The function."""
        return self.function

    @property
    def options(self) -> dict[str, Any]:
        """The parameters of the function but for the trial."""
        return {name: described(value) for name, value in self.facts.items()}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FunctionSpace) and (self.function, self.options) == (other.function, other.options)

    def __repr__(self) -> str:
        options = "".join(f", {name}={shown(value, 40)}" for name, value in self.facts.items())
        return f"space({self.name}{options})"

    def __hash__(self) -> int:
        return hash(self.name)

    def __getstate__(self) -> dict[str, Any]:
        return {key: vars(self)[key] for key in ("function", "trial_name", "facts")}

    @property
    def distributions(self) -> Mapping[str, BaseDistribution]:
        """Every decision that was found; a decision that takes several rare values together may be missing."""
        return self._distributions

    @property
    def conditional(self) -> bool:  # type: ignore[override]
        """Whether some decisions are only asked for after others."""
        return self._explored.conditional

    @cached_property
    def _distributions(self) -> dict[str, BaseDistribution]:
        return {name: decision.distribution for name, decision in self._explored.decisions.items()}

    @cached_property
    def _explored(self) -> Explored:
        try:
            return explored(self._tree, self._run)
        except InputError as error:
            raise InputError(f"space {self.name!r}: {error}") from None

    @cached_property
    def _known(self) -> dict[str, Decision]:
        return {}

    @cached_property
    def _tree(self) -> Tree:
        return Tree(self._run)

    @cached_property
    def _contents(self) -> dict[str, bytes | None]:
        return {}

    def _made(self, trial: Asking) -> nn.Module:
        """Calls the function.

        Raises:
            InputError: if it returns no module.
        """
        named, first = dict(self.facts), list[Asking]()
        if self.trial_name in arguments(self.function):
            named[self.trial_name] = trial
        elif self.trial_name is not None:  # it can only be given by position
            first.append(trial)
        with asking(trial):
            made = self.function(*first, **named)
        if not isinstance(made, nn.Module):
            what = "nothing" if made is None else shown(made, 60)
            raise InputError(f"it returns {what}{_at(trial)}: return an nn.Module")
        return made

    def _run(self, answer: Answer) -> Leaf:
        """Runs the function without allocating its weights."""
        trial = Asking(answer, self._known)
        self._runs += 1
        try:
            with _RUNNING, _quiet(), seeded(self._runs), at_most(LONGEST_RUN), torch.device(self._device):
                return leaf_of(trial, self._made(trial))
        except optuna.TrialPruned as error:
            return leaf_of(trial, None, str(error) or "the function refuses it")
        except OutOfTime:
            raise InputError(f"it takes more than {LONGEST_RUN:g} s{_at(trial)}") from None
        except InputError:
            raise
        except (Exception, SystemExit) as error:  # whatever the author's code raises
            if self._device == "meta" and "meta" in str(error).lower():
                self._device = "cpu"
                return self._run(lambda d: trial.params[d.name] if d.name in trial.params else answer(d))
            hint = "raise optuna.TrialPruned if that is no architecture"
            raise InputError(f"it raises {one_line(error)}{_at(trial)}: {hint}") from error

    def _leaf(self, answer: Answer) -> Leaf:
        try:
            return self._tree.leaf(answer)
        except InputError as error:
            raise InputError(f"space {self.name!r}: {error}") from error

    def _leaf_of(self, arch: str) -> Leaf:
        """The leaf of an architecture.

        Raises:
            InputError: if the space has no such architecture.
        """
        given = split(arch)
        texts = dict(given)
        wrong = InputError(f"malformed architecture {shown(arch)}: expected the form {shown(self._form, 80)}")
        if "" in texts or len(texts) < len(given):
            raise wrong
        leaf = self._tree.leaf(lambda d: d.read(texts[d.name]) if d.name in texts else d.first)
        if leaf.text != arch and list(leaf.params) != [key for key, _ in given]:
            raise wrong
        if leaf.refused:
            raise InputError(f"{shown(arch)} is not a valid architecture of space {self.name!r}: {leaf.refused}")
        return leaf

    @property
    def _form(self) -> str:
        return self._tree.leaf(lambda decision: decision.first).text

    def decisions_of(self, arch: str) -> Mapping[str, Decision]:
        """The decisions that the function asks for on its way to an architecture."""
        return self._leaf_of(arch).decisions

    def suggest(self, trial: BaseTrial) -> str:
        """Lets the function ask a trial of Optuna."""
        return self._leaf(lambda decision: decision.asked_of(trial)).text

    def to_params(self, arch: str) -> dict[str, Any]:
        """The value of each decision that an architecture takes."""
        return dict(self._leaf_of(arch).params)

    def to_arch(self, params: Mapping[str, Any]) -> str:
        """Writes the decisions that the function asks for; further ones do not count."""
        missing = list[str]()

        def answer(decision: Decision) -> Any:
            if decision.name not in params:
                missing.append(decision.name)
            return params.get(decision.name, decision.first)

        leaf = self._leaf(answer)
        for name in missing:
            if name in leaf.params:
                raise InputError(f"parameter {name!r} of space {self.name!r} is missing")
        return leaf.text

    def arch_of_trial(self, params: Mapping[str, Any]) -> str:
        """The architecture of a trial's parameters."""
        return self.to_arch(params)

    def valid(self, params: Mapping[str, Any]) -> bool:
        """Whether the function makes a network of these values, and raises no `optuna.TrialPruned`."""
        return not self._leaf(lambda d: params.get(d.name, d.first)).refused

    def completed(self, params: Mapping[str, Any], rng: random.Random) -> str | None:
        """The architecture with these values; what the function asks for beyond them is drawn."""

        def answer(decision: Decision) -> Any:
            if decision.name in params:
                try:
                    decision.write(params[decision.name])
                    return params[decision.name]
                except InputError:  # the parameter of another branch
                    pass
            return decision.draw(rng)

        leaf = self._leaf(answer)
        return None if leaf.refused else leaf.text

    @property
    def size(self) -> int | None:
        """How many architectures there are; None if they are too many to be tried."""
        found = self._explored.archs
        return None if found is None else len(found)

    def is_listable(self) -> bool:
        return self._explored.archs is not None

    def __iter__(self) -> Iterator[str]:
        if self._explored.archs is not None:
            yield from self._explored.archs
            return
        seen = set[str]()
        for leaf in leaves_of(self._leaf):
            if not leaf.refused and leaf.text not in seen:
                seen.add(leaf.text)
                yield leaf.text

    def sample(self, rng: random.Random) -> str:
        self._explored  # noqa: B018 - a function that cannot be used says so first
        return super().sample(rng)

    def canonical(self, arch: str) -> str:
        """The first architecture with the same network, as far as that can be told.

        Two networks are the same if they are built alike, module by module, and have the same weights from the same
        seed. In a space too large to be listed, only decisions that were found to change nothing are looked at.
        """
        leaf = self._leaf_of(arch)
        if leaf.structure is None or leaf.size > COMPARED:
            return leaf.text
        if self._explored.archs is not None:
            alike = self._explored.alike.get(leaf.structure, ())
            return next((twin for twin in alike if self._same(twin, leaf.text)), leaf.text)
        while (simpler := self._simpler(leaf)) is not None:
            leaf = simpler
        return leaf.text

    def _simpler(self, leaf: Leaf) -> Leaf | None:
        """A leaf with the same network and a smaller value for one decision, among those that may change nothing."""
        for name, decision in leaf.decisions.items():
            values = decision.few_values if name in self._explored.idle else None
            for value in (values or ())[: decision.position(leaf.params[name]) if values else 0]:
                changed = {**leaf.params, name: value}
                other = self._leaf(lambda d, changed=changed: changed.get(d.name, d.first))
                if other.structure == leaf.structure and not other.refused and self._same(other.text, leaf.text):
                    return other
        return None

    def _same(self, first: str, second: str) -> bool:
        return first == second or (self._content(first) == self._content(second) is not None)

    def _content(self, arch: str) -> bytes | None:
        if arch not in self._contents:
            with _RUNNING, seeded(0), _quiet():
                self._contents[arch] = content_of(self.build(arch))
        return self._contents[arch]

    def build(self, arch: str) -> nn.Module:
        """Calls the function with the values of an architecture.

        Raises:
            InputError: if the network would not fit into the memory of this machine.
        """
        leaf = self._leaf_of(arch)
        if leaf.size > physical_memory():
            size, memory = leaf.size / 2**30, physical_memory() / 2**30
            raise InputError(f"the network of {shown(arch, 80)} takes {size:.0f} GiB: this machine has {memory:.0f}")
        texts = {decision.name: text for decision, text in leaf.path}
        trial = Asking(lambda decision: decision.read(texts[decision.name]), self._known)
        try:
            return self._made(trial)
        except KeyError as error:
            if error.args and error.args[0] not in texts and error.args[0] in self._known:
                raise InputError(f"building {shown(arch, 80)}: it asks for something else than before") from None
            raise


def _quiet() -> AbstractContextManager[Any]:
    """Without the warnings of the function: they are told when it builds a network that is used."""
    return warnings.catch_warnings(action="ignore")


def trial_parameter(function: Callable[..., Any], facts: Mapping[str, Any]) -> str | None:
    """The parameter that takes the trial; None for a function without one.

    Args:
        function: any function or class.
        facts: what is given for other parameters.
    """
    takes = inspect.signature(function).parameters
    if "trial" in takes:
        return "trial"
    first = next((p for p in takes.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)), None)
    is_open = first is not None and first.default is first.empty and first.name not in (*FACTS, *facts)
    return first.name if first is not None and is_open and not isinstance(function, type) else None


def _at(trial: Asking) -> str:
    """For which values, for a message."""
    text = written(trial)
    return f" for {shown(text, 60)}" if text else ""


def written(trial: Asking) -> str:
    """The decisions that a trial was asked for, as an architecture."""
    return ",".join(f"{name}={one.write(trial.params[name])}" for name, one in trial.taken.items())


def leaf_of(trial: Asking, net: nn.Module | None, refused: str = "") -> Leaf:
    """What a trial was asked for, and what came of it.

    Args:
        trial: the trial.
        net: the network; None if the function refused to make one.
        refused: why.
    """
    path = tuple((one, one.write(trial.params[name])) for name, one in trial.asked.items())
    taken = trial.taken
    params = {name: trial.params[name] for name in taken}
    if net is None:
        return Leaf(path, taken, params, written(trial), refused=refused)
    tensors = [*net.parameters(), *net.buffers()]
    size = sum(t.numel() * t.element_size() for t in tensors if not is_lazy(t))
    return Leaf(path, taken, params, written(trial), sum(1 for _ in net.modules()), size, structure_of(net))
