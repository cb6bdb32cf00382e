"""Finding a metric that is not one of ours: in a package, a file or an entry point."""

from collections.abc import Callable
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from untrained.errors import InputError
from untrained.metrics.base.metric import Metric
from untrained.metrics.base.sources import SourceFile

GROUP = "untrained.metrics"
"""The group of entry points by which a package adds metrics of its own."""


def as_metric(given: Any, called: str | None = None) -> Metric:
    """`given` itself where it is a `Metric`, else the metric of a plain function `Probe -> float`.

    That is called as the function is, and higher is better unless the function has a `direction`.
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


def imported_metric(reference: str) -> Metric:
    """The metric at `package.module:name` or `path/to/file.py:name`."""
    place, _, attribute = reference.rpartition(":")
    is_file = place.endswith(".py") or "/" in place
    if is_file and not Path(place).is_file():
        raise InputError(f"metric {reference!r}: no file {place!r}")
    try:
        module = SourceFile(Path(place).resolve()).module if is_file else import_module(place)
    except (Exception, SystemExit) as error:  # whatever the user's module raises
        raise InputError(f"metric {reference!r} cannot be imported: {_line(error)}") from error
    if not hasattr(module, attribute):
        raise InputError(f"metric {reference!r}: {place} has no {attribute!r}")
    return as_metric(getattr(module, attribute), reference)


def installed_metrics() -> dict[str, list[EntryPoint]]:
    """The entry points of installed packages, by name; one name can be claimed by several."""
    found = dict[str, list[EntryPoint]]()
    for point in entry_points(group=GROUP):
        found.setdefault(point.name, []).append(point)
    return found


def installed_metric(name: str, points: list[EntryPoint]) -> Metric:
    """The metric that an installed package calls `name`; raises `InputError` where that package is broken."""
    packages = [_package(point) for point in points]
    if len(points) > 1:
        raise InputError(f"metric {name!r} comes with several packages ({', '.join(packages)}): give module:name")
    try:
        loaded = points[0].load()
    except (Exception, SystemExit) as error:  # whatever the package raises
        raise InputError(f"metric {name!r} of package {packages[0]} cannot be loaded: {_line(error)}") from error
    return as_metric(loaded, name).renamed(name)


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist else point.value


def _line(error: BaseException) -> str:
    return f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0]}"


Given = str | Metric | Callable[..., float]
"""How a metric can be given: by its name, as it is, or as a plain function."""
