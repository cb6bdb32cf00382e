"""Names of functions, and operators, as they are written in Python code."""

import builtins
import inspect
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F

HOMES: dict[str, Any] = {
    "F": F,
    "torch": torch,
    "torch.special": torch.special,
    "torch.linalg": torch.linalg,
    "torch.fft": torch.fft,
    "math": math,
}
"""Name in the file -> module; functions are looked for in this order."""

BINARY = {
    "add": ("+", 11), "sub": ("-", 11), "mul": ("*", 12), "truediv": ("/", 12), "floordiv": ("//", 12),
    "mod": ("%", 12), "matmul": ("@", 12), "pow": ("**", 14), "lshift": ("<<", 10), "rshift": (">>", 10),
    "and_": ("&", 9), "xor": ("^", 8), "or_": ("|", 7), "lt": ("<", 6), "le": ("<=", 6), "gt": (">", 6),
    "ge": (">=", 6), "eq": ("==", 6), "ne": ("!=", 6), "is_": ("is", 6), "is_not": ("is not", 6),
}  # fmt: skip
"""Name in `operator` -> symbol and precedence."""

UNARY = {"neg": "-", "invert": "~", "inv": "~", "pos": "+"}

IN_PLACE = {"iadd": "+=", "isub": "-=", "imul": "*=", "itruediv": "/="}
"""Name in `operator` -> symbol."""

OF_ATTENTION = {"attn_mask": None, "dropout_p": 0.0, "is_causal": False, "scale": None, "enable_gqa": False}

DROPOUTS = {getattr(F, name) for name in dir(F) if "dropout" in name and not name.startswith("_")}


class Unnamed(Exception):
    """A function that the file cannot name."""


def operator_name(target: Any) -> str | None:
    """The name of a function of `operator`; None for other functions."""
    name = getattr(target, "__name__", "")
    return name if getattr(operator, name, None) is target else None


def function_name(target: Callable[..., Any]) -> str:
    """How the file writes a function, such as "F.relu".

    Raises:
        Unnamed: It belongs to neither torch nor math.
    """
    for home, module in HOMES.items():
        for name in (getattr(target, "__name__", ""), *_names(module)):
            if not name.startswith("_") and getattr(module, name, None) is target:
                return f"{home}.{name}"
    name = getattr(target, "__name__", "")
    if name and getattr(builtins, name, None) is target:
        return name
    raise Unnamed(f"it calls {getattr(target, '__module__', '?')}.{getattr(target, '__qualname__', target)}")


def _names(module: Any) -> list[str]:
    return [name for name in vars(module) if callable(vars(module)[name])]


def without_defaults(target: Callable[..., Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Leaves out keyword arguments that a function would take anyway."""
    try:
        # Pooling functions hand their arguments on to one of two, whose name has an underscore before it.
        parameters = inspect.signature(getattr(F, f"_{getattr(target, '__name__', '')}", target)).parameters
    except (TypeError, ValueError):  # functions in C
        defaults = OF_ATTENTION if target is F.scaled_dot_product_attention else {}
        return {name: value for name, value in kwargs.items() if name not in defaults or value != defaults[name]}
    left = dict[str, Any]()
    for name, value in kwargs.items():
        default = parameters[name].default if name in parameters else inspect.Parameter.empty
        if not (type(value) is type(default) and value == default):
            left[name] = value
    return left


def literal(value: Any) -> str:
    """Writes a constant.

    Raises:
        Unnamed: The value cannot be written down.
    """
    match value:
        case bool() | None | str() | bytes():
            return repr(value)
        case float() if not math.isfinite(value):
            return f'float("{value}")'
        case int() | float():
            return repr(value)
        case complex():
            return repr(value)
        case torch.dtype() | torch.memory_format() | torch.layout():
            return str(value)
        case torch.device():
            return f'torch.device("{value}")'
        case type() if value in (int, float, bool):
            return value.__name__
        case builtins.Ellipsis:
            return "..."
        case _ if callable(value):
            return function_name(value)
    raise Unnamed(f"it has a constant of type {type(value).__name__}")
