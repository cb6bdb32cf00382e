"""Making a space of what stands for one."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from untrained.errors import InputError, listed, one_line, shown
from untrained.spaces.base import SearchSpace
from untrained.spaces.function import FunctionSpace, trial_parameter
from untrained.spaces.instances import arguments, takes_any

KINDS = "a space is a subclass of SearchSpace, or a function that makes a network from a trial"


def space_of(found: Any, called: str, suggested: Mapping[str, Any], options: Mapping[str, Any]) -> SearchSpace:
    """Makes the space that a thing stands for.

    Args:
        found: a space, its class, a function that returns one; a function of a trial, or of nothing, that returns a
            module; or a class of modules.
        called: what messages call it.
        suggested: options that are used if it has them.
        options: options that count before.

    Returns:
        The space.

    Raises:
        InputError: if it is none of these, has no such option, or refuses a value.
    """
    if isinstance(found, SearchSpace) and not options:
        return found
    if isinstance(found, nn.Module):
        raise InputError(f"{called} is a network, whose choices are made: give the function or class that makes it")
    if not callable(found):
        raise InputError(f"{called} is {shown(found)}: {KINDS}")
    if isinstance(found, type) and not issubclass(found, SearchSpace | nn.Module):
        raise InputError(f"{called} is the class {found.__name__}: {KINDS}")
    takes = arguments(found)
    if not takes_any(found):
        for option in options.keys() - takes.keys():
            raise InputError(f"space {called} has no option {option!r}: it has {listed(takes)}")
    used = {option: value for option, value in suggested.items() if option in takes} | dict(options)
    is_space = isinstance(found, type) and issubclass(found, SearchSpace)
    if not is_space and (isinstance(found, type) or trial_parameter(found, used) is not None):
        return FunctionSpace(found, used)
    try:
        made = found(**used)
    except InputError:
        raise
    except (Exception, SystemExit) as error:  # a space of one's own may refuse its options in any way
        raise InputError(f"space {called} cannot be made: {one_line(error)}") from error
    if isinstance(made, nn.Module):
        return FunctionSpace(found, used)
    if not isinstance(made, SearchSpace):
        raise InputError(f"{called} gives {shown(made)}: {KINDS}")
    return made
