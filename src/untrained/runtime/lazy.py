"""Packages whose names are imported when they are first used."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any


def lazily(package: str, homes: Mapping[str, Sequence[str]]) -> Callable[[str], Any]:
    """Makes the `__getattr__` of a package (PEP 562).

    Args:
        package: Its name.
        homes: Module below `untrained` -> the names that it gives the package.

    Returns:
        A function of a name.

    Example:
        >>> find = lazily("untrained.errors", {"errors": ("InputError",)})
        >>> find("InputError").__name__
        'InputError'
    """
    home = {name: module for module, names in homes.items() for name in names}

    def found(name: str) -> Any:
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"untrained.{home[name]}"), name)

    return found
