"""What a user may give for a metric: its name, a function, a `Metric`."""

from collections.abc import Callable, Mapping
from typing import Any

from untrained.errors import InputError
from untrained.metrics.base.metric import Metric
from untrained.runtime.lookup import look_up

Given = str | Metric | Callable[..., float]
"""How a metric can be given: by its name, as it is, or as a plain function."""


def as_metric(given: Any, called: str | None = None) -> Metric:
    """Makes a `Metric` of whatever stands for one.

    Args:
        given: a `Metric`, which is returned as it is, or a plain function `Probe -> float`. Its metric is called as
            the function is, and higher is better unless the function has an attribute `direction`.
        called: what the user called it, for messages; by default its own name.

    Raises:
        InputError: if it is neither, or a function without a name.
    """
    if isinstance(given, Metric):
        return given
    name: str = getattr(given, "__name__", type(given).__name__)
    shown = called or name
    if isinstance(given, type) or not callable(given):
        kind = f"the class {given.__name__}" if isinstance(given, type) else f"of type {type(given).__name__}"
        raise InputError(f"{shown!r} is {kind}: a metric is a function of a Probe, or a Metric")
    if not name.isidentifier():
        raise InputError(f"metric {shown!r} has no name: give it one, as metric('mine', paper='...')(function)")
    function: Callable[..., Any] = given
    return Metric(name, function, getattr(given, "direction", 1), (), "")


def find_metric(name: str, registry: Mapping[str, Metric]) -> Metric:
    """The metric that a user calls `name`, without options; see `untrained.runtime.lookup` for what a name can be.

    A metric of an installed package is called as its entry point is.

    Raises:
        InputError: if there is no such metric, or what was found is none.
    """
    found = as_metric(look_up("metric", name, registry), name)
    return found if name in registry or ":" in name else found.renamed(name)
