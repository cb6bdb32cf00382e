"""The trial that a function asks for its decisions."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.trial import FixedTrial
from torch import nn

from untrained.errors import InputError, shown
from untrained.spaces.decision import Decision, decisions_of

MOST_DECISIONS = 1_000
"""An architecture that takes more decisions is held to be one that never ends."""

Answer = Callable[[Decision], Any]
"""Gives the value of a decision."""


class Asking(FixedTrial):
    """A trial of Optuna's kind, whose values come from a function.

    Args:
        answer: gives the value of each decision when it is first asked for; asked again, it is the same.
        known: name -> the decision as it was asked for before, in any trial of the space; new ones are added.

    Attributes:
        asked: the decisions in the order in which they were asked for.
        struck: names of those that turned out to be without a part in the network.
    """

    def __init__(self, answer: Answer, known: dict[str, Decision]) -> None:
        super().__init__({})
        self.answer = answer
        self.known = known
        self.asked = dict[str, Decision]()
        self.struck = set[str]()
        self._made = list[tuple[str, nn.Module]]()

    @property
    def taken(self) -> dict[str, Decision]:
        """The decisions that the architecture takes."""
        return {name: decision for name, decision in self.asked.items() if name not in self.struck}

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """One of the choices, which may be tuples, too."""
        if not isinstance(choices, Sequence) or isinstance(choices, str) or not len(choices):
            raise InputError(f"decision {shown(name)} has the choices {shown(choices, 60)}: give a list of them")
        return self._suggest(name, list(choices))

    def _suggest(self, name: str, distribution: BaseDistribution | list[Any]) -> Any:
        decision = self._decision(name, distribution)
        self.struck.discard(name)
        if name not in self.asked:
            if len(self.asked) == MOST_DECISIONS:
                raise InputError(f"more than {MOST_DECISIONS} decisions in one architecture: does a loop not end?")
            self._suggested_params[name] = self.answer(decision)
            self.asked[name] = decision
            self._distributions[name] = decision.distribution
        return self._suggested_params[name]

    def _decision(self, name: str, distribution: BaseDistribution | list[Any]) -> Decision:
        (decision,) = decisions_of({name: distribution}).values()
        known = self.known.setdefault(name, decision)
        if not known.same_values(decision):
            first, second = known.told(), decision.told()
            raise InputError(f"decision {name!r} is asked for as {first} and as {second}: give each a name of its own")
        return known

    def mark(self, name: str, made: nn.Module) -> None:
        """Notes which module a decision was about, as `choice` and `repeat` do."""
        self._made.append((name, made))

    def strike(self, rejected: nn.Module, kept: nn.Module | None = None) -> None:
        """Takes back the decisions that were only about parts of a module that is not used.

        Args:
            rejected: the module.
            kept: the one that is used in its place, which may have parts in common with it.
        """
        used = set[int]() if kept is None else set(map(id, kept.modules()))
        parts = set(map(id, rejected.modules())) - used
        inside = {name for name, made in self._made if id(made) in parts}
        self.struck |= inside - {name for name, made in self._made if id(made) not in parts}


_current: ContextVar[Asking | None] = ContextVar("trial", default=None)


def current_trial() -> Asking | None:
    """The trial of the space that is building a network; None outside of that."""
    return _current.get()


@contextmanager
def asking(trial: Asking) -> Iterator[None]:
    """Makes a trial the current one."""
    token = _current.set(trial)
    try:
        yield
    finally:
        _current.reset(token)
