"""Choices within a network: each asks the trial of the space that is just building it."""

import copy
import functools
import inspect
from collections import Counter
from collections.abc import Callable
from typing import Any

from torch import nn

from untrained.errors import InputError, shown
from untrained.spaces.asking import current_trial


def choice(name: str, /, *options: Any, **named: Any) -> Any:
    """One of several modules, anywhere in a network: which one is a decision of the space.

    While `untrained.space` builds a network, its architecture says which. Otherwise it is the first, so that the
    network is an ordinary one. The name stands for one decision, however often it is used.

    Args:
        name: the name of the decision.
        options: modules; classes or functions without arguments, which are called if they are chosen; or plain values.
            Each is called after its class or function in an architecture, with a number if several have this name.
        named: further options under names of your own.

    Returns:
        The option that is chosen.

    Raises:
        InputError: if there is no option, or the name stands for other options already.

    Example:
        >>> import untrained
        >>> def net():
        ...     return nn.Sequential(nn.Linear(4, 8), untrained.choice("act", nn.ReLU(), nn.GELU()), nn.Linear(8, 2))
        >>> untrained.space(net).pool(), net()[1]
        (['act=ReLU', 'act=GELU'], ReLU())
    """
    labels = [*_labels(options), *named]
    values = [*options, *named.values()]
    if not values:
        raise InputError(f"choice {name!r} has no options: give modules, or functions that make them")
    trial = current_trial()
    picked = labels[0] if trial is None else trial.suggest_categorical(name, labels)
    place = next(k for k, label in enumerate(labels) if type(label) is type(picked) and label == picked)
    made = _made(name, values[place])
    if trial is not None:
        for other in values:
            if isinstance(other, nn.Module) and other is not made:
                trial.strike(other, made if isinstance(made, nn.Module) else None)
        if isinstance(made, nn.Module):
            trial.mark(name, made)
    return made


def repeat(name: str, block: nn.Module | Callable[..., nn.Module], low: int, high: int) -> nn.Sequential:
    """A block several times in a row: how often is a decision of the space.

    While `untrained.space` builds a network, its architecture says how often. Otherwise it is the lowest number.

    Args:
        name: the name of the decision.
        block: a function or class that makes one, called with the number of the copy (from 0) if it takes an argument:
            the names of decisions within can hold it, `choice(f"act{i}", ...)`. Or a module, of which copies are made,
            with weights of their own.
        low: the lowest number of copies; may be 0.
        high: the highest.

    Returns:
        The copies, one after the other.

    Raises:
        InputError: if a module has weights that it cannot draw anew.

    Example:
        >>> import untrained
        >>> net = lambda: nn.Sequential(untrained.repeat("depth", lambda: nn.Linear(4, 4), 1, 3), nn.Linear(4, 2))
        >>> untrained.space(net).pool()
        ['depth=1', 'depth=2', 'depth=3']
    """
    trial = current_trial()
    times = low if trial is None else trial.suggest_int(name, low, high)
    if isinstance(block, nn.Module):
        copies = [block, *(_anew(name, block) for _ in range(times - 1))][:times]
    elif callable(block):
        copies = [block(k) if _takes_number(block) else block() for k in range(times)]
    else:
        raise InputError(f"repeat {name!r} of {shown(block, 60)}: give a function that makes a module, or a module")
    made = nn.Sequential(*copies)
    if trial is not None:
        if isinstance(block, nn.Module) and not times:
            trial.strike(block)
        trial.mark(name, made)
    return made


def _labels(options: tuple[Any, ...]) -> list[Any]:
    """What each option is called: modules and functions by name, values by themselves."""
    names = [_label(option, k) for k, option in enumerate(options)]
    often, seen = Counter(name for name in names if isinstance(name, str)), Counter[str]()
    for k, name in enumerate(names):
        if isinstance(name, str) and often[name] > 1 and name is not options[k]:
            seen[name] += 1
            names[k] = f"{name}-{seen[name]}"
    return names


def _label(option: Any, place: int) -> Any:
    if isinstance(option, nn.Module):
        return type(option).__name__
    if not callable(option):
        return option
    while isinstance(option, functools.partial):
        option = option.func
    name = getattr(option, "__name__", type(option).__name__)
    return f"option{place + 1}" if name == "<lambda>" else name


def _made(name: str, option: Any) -> Any:
    if isinstance(option, nn.Module) or not callable(option):
        return option
    various = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    needs = [p.name for p in _parameters(option) if p.default is p.empty and p.kind not in various]
    if needs:
        raise InputError(f"an option of choice {name!r} needs {needs[0]!r}: give lambda: {_label(option, 0)}(...)")
    return option()


def _anew(name: str, block: nn.Module) -> nn.Module:
    """A copy with weights of its own."""
    made = copy.deepcopy(block)
    for module in made.modules():
        if callable(reset := getattr(module, "reset_parameters", None)):
            reset()
        elif module._parameters:
            kind = type(module).__name__
            raise InputError(f"repeat {name!r} cannot draw the weights of {kind} anew: give a function that makes it")
    return made


def _takes_number(block: Callable[..., Any]) -> bool:
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return any(p.default is p.empty and p.kind in positional for p in _parameters(block))


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # of C
        return []
