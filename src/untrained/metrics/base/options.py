"""Options of a metric: keyword arguments of its function, written after its name as `fisher(fan_in=False)`."""

import inspect
from collections.abc import Callable, Mapping
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from untrained.errors import InputError

WORDS = {"true": True, "false": False, "none": None}
KINDS: dict[Any, str] = {bool: "True or False", int: "a whole number", float: "a number", str: "a word", None: "None"}
"""What an error calls each type of option."""


def split_names(text: str) -> list[str]:
    """Splits names at commas, but for those between brackets.

    Args:
        text: Names of metrics, each with its options.

    Returns:
        The names, without the space around them.

    Example:
        >>> split_names("snip, swap(mu=1,sigma=2)")
        ['snip', 'swap(mu=1,sigma=2)']
    """
    names, depth = [""], 0
    for character in text:
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            names.append("")
        else:
            names[-1] += character
    return [name.strip() for name in names]


def parse_name(text: str, kind: str = "metric") -> tuple[str, dict[str, Any]]:
    """Takes a name and its options apart.

    Args:
        text: `name`, or `name(option=value,...)`. A value is True, False, None, a number or a word.
        kind: What messages call it.

    Raises:
        InputError: If the options are written otherwise, or one is given twice.

    Example:
        >>> parse_name("fisher(fan_in=False)")
        ('fisher', {'fan_in': False})
    """
    if "(" not in text and ")" not in text:
        return text, {}
    if not text.endswith(")"):
        raise InputError(f"{kind} {text!r}: write options as name(option=value)")
    name, bracket, inside = text[:-1].rpartition("(")
    options: dict[str, Any] = {}
    for part in filter(None, (part.strip() for part in inside.split(","))):
        key, equals, value = (word.strip() for word in part.partition("="))
        if not (bracket and key and equals and value):
            raise InputError(f"{kind} {text!r}: write options as name(option=value)")
        if key in options:
            raise InputError(f"{kind} {text!r}: option {key!r} is given twice")
        options[key] = _value(value)
    return name.strip(), options


def defaults(function: Callable[..., Any]) -> dict[str, Any]:
    """Returns option -> default, for each option that `function` has."""
    parameters = list(inspect.signature(function).parameters.values())[1:]
    return {p.name: p.default for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}


def choices(function: Callable[..., Any], option: str) -> tuple[Any, ...]:
    """Returns the values that an option of a `Literal` type can take; nothing for another type."""
    hint = _hints(function).get(option)
    return get_args(hint) if get_origin(hint) is Literal else ()


def checked_options(
    name: str, function: Callable[..., Any], options: Mapping[str, Any], kind: str = "metric"
) -> dict[str, Any]:
    """Returns `options` in order, without those that say the default.

    Args:
        name: The metric's, for messages.
        function: The metric's.
        options: As given.
        kind: What messages call it.

    Raises:
        InputError: If the function has no such option, or a value is of the wrong type.
    """
    has, hints = defaults(function), _hints(function)
    checked = dict[str, Any]()
    for option, value in sorted(options.items()):
        if option not in has:
            raise InputError(f"{kind} {name!r} has no option {option!r}: it has {', '.join(has) or 'none'}")
        default = has[option]
        hint = hints.get(option, Any if default in (None, inspect.Parameter.empty) else type(default))
        types = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
        if not any(_fits(value, one) for one in types):
            if type(value) is int and float in types:
                value = float(value)
            else:
                wanted = " or ".join(map(_called, types))
                raise InputError(f"{kind} {name!r}: option {option}={value!r} must be {wanted}")
        if value != default or isinstance(value, bool) != isinstance(default, bool):
            checked[option] = value
    return checked


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return get_type_hints(function)
    except (NameError, TypeError, AttributeError):  # types that exist for the type checker only, or no function
        return {}


def _value(text: str) -> Any:
    if text.lower() in WORDS:
        return WORDS[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text.strip("'\"")


def _fits(value: Any, kind: Any) -> bool:
    if get_origin(kind) is Literal:
        return any(type(value) is type(choice) and value == choice for choice in get_args(kind))
    if kind in (None, NoneType):
        return value is None
    return type(value) is kind if kind in KINDS else True


def _called(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return " or ".join(map(str, get_args(kind)))
    return KINDS[None if kind is NoneType else kind]
