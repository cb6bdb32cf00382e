"""Finding by name what comes with the package, with another package, or from a user's own file.

Metrics, spaces, samplers and benchmarks are all found in one way. A name is looked for, in this order, as

1. a name or an alias in the registry of its kind (`METRICS`, `SPACES`, ...);
2. `path/to/file.py:Name`, a file of the user's own;
3. `package.module:Name`, anything that Python can import;
4. an entry point of an installed package, in the group `untrained.metrics`, `untrained.spaces`, ...
"""

import functools
import sys
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from hashlib import blake2b
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from untrained.errors import InputError, listed, one_line, shown

FROM_FILE = "untrained_file_"
"""A module loaded from a user's file is called this, followed by the hash of its path and content."""


def look_up(kind: str, name: str, registry: Mapping[str, Any], aliases: Mapping[str, str] | None = None) -> Any:
    """Finds the thing that a user calls `name`: the one way for metrics, spaces, samplers and benchmarks.

    Nothing is checked about what is found: the caller knows what a metric or a space has to be.

    Args:
        kind: the singular noun that messages use and that names the group of entry points, such as `"space"` for
            the group `untrained.spaces`.
        name: what the user wrote: a registered name, an alias, `file.py:Name`, `package.module:Name`, or the name of
            an entry point.
        registry: the things that come with this package, by name.
        aliases: other names -> names of the registry.

    Returns:
        The registry's entry, the attribute of the module or file, or what the entry point loads.

    Raises:
        InputError: if nothing has this name (the message says which names are near), or if the code that it
            stands for cannot be imported.

    Example:
        >>> look_up("greeting", "hi", {"hello": 1}, {"hi": "hello"})
        1
    """
    aliases = aliases or {}
    known = aliases.get(name, name)
    if known in registry:
        return registry[known]
    if ":" in name:
        return referred(kind, name)
    points = installed(kind)
    if name in points:
        return load_installed(kind, name, points[name])
    raise unknown(kind, name, (*registry, *aliases, *points))


def unknown(kind: str, name: str, known: Iterable[str]) -> InputError:
    """The error for a name that nothing has: it offers the nearest names, and the first of all.

    Args:
        kind: the singular noun of what was looked for.
        name: what the user wrote.
        known: every name that would have been right.
    """
    known = list(dict.fromkeys(known))
    near = get_close_matches(name, known, n=3)
    meant = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
    return InputError(
        f"unknown {kind} {name!r}: {meant}choose from {listed(known)}, or give file.py:Name or package.module:Name"
    )


def _is_file(place: str) -> bool:
    try:
        return Path(place).is_file()
    except (OSError, ValueError):  # a name that is too long, or that no file can have
        return False


def referred(kind: str, reference: str) -> Any:
    """The thing at `package.module:Name` or `path/to/file.py:Name`.

    Args:
        kind: the singular noun that messages use.
        reference: the place and the name, separated by the last colon.

    Raises:
        InputError: if the file does not exist, if its code raises when it is imported, or if it has no such name.
    """
    place, _, attribute = reference.rpartition(":")
    is_file = place.endswith(".py") or "/" in place
    if is_file and not _is_file(place):
        raise InputError(f"{kind} {shown(reference)}: no file {shown(place)}")
    try:
        module = SourceFile(Path(place).resolve()).module if is_file else import_module(place)
    except (Exception, SystemExit) as error:  # whatever the user's module raises
        raise InputError(f"{kind} {reference!r} cannot be imported: {one_line(error)}") from error
    try:
        return getattr(module, attribute)
    except AttributeError:
        own = [name for name in vars(module) if not name.startswith("_")]
        near = get_close_matches(attribute, own, n=3)
        meant = f": did you mean {' or '.join(map(repr, near))}?" if near else ""
        raise InputError(f"{kind} {reference!r}: {place} has no {attribute!r}{meant}") from None


def installed(kind: str) -> dict[str, list[EntryPoint]]:
    """The entry points by which installed packages add things of a kind.

    Returns:
        Name -> its entry points: more than one if several packages claim the same name.
    """
    found = dict[str, list[EntryPoint]]()
    for point in entry_points(group=f"untrained.{kind}s"):
        found.setdefault(point.name, []).append(point)
    return found


def load_installed(kind: str, name: str, points: list[EntryPoint]) -> Any:
    """What an installed package calls `name`.

    Args:
        kind: the singular noun that messages use.
        name: the name of the entry point.
        points: all entry points of this name, as `installed` gives them.

    Raises:
        InputError: if several packages claim the name, or if the package's code raises when it is imported.
    """
    packages = [point.dist.name if point.dist else point.value for point in points]
    if len(points) > 1:
        raise InputError(f"{kind} {name!r} comes with several packages ({listed(packages)}): give module:Name")
    try:
        return points[0].load()
    except (Exception, SystemExit) as error:  # whatever the package raises
        raise InputError(f"{kind} {name!r} of package {packages[0]} cannot be loaded: {one_line(error)}") from error


class SourceFile:
    """A Python file that is no part of a package, loaded as a module.

    In a pickle it stands for its path and its code, and is loaded again when it is unpickled, so that what follows it
    in the same pickle finds its module. So a user's metric or space reaches worker processes, which run the code that
    this process runs even if the file was edited meanwhile.

    Args:
        path: the absolute path of the file, whose name ends in `.py`.
        code: its content; by default what the file holds now.

    Raises:
        Exception: whatever the code of the file raises.
    """

    def __init__(self, path: Path, code: bytes | None = None) -> None:
        self.path = path
        self.code = path.read_bytes() if code is None else code
        self.module = self._loaded()

    def __reduce__(self) -> tuple[Any, ...]:
        return SourceFile, (self.path, self.code)

    def _loaded(self) -> ModuleType:
        name = FROM_FILE + blake2b(bytes(self.path) + b"\0" + self.code, digest_size=8).hexdigest()
        if name in sys.modules:
            return sys.modules[name]
        spec = spec_from_file_location(name, self.path)
        if spec is None:
            raise ImportError(f"{self.path} is not a Python file: its name must end in .py")
        if str(self.path.parent) not in sys.path:  # the file may import its neighbours; last, to shadow nothing
            sys.path.append(str(self.path.parent))
        module = sys.modules[name] = module_from_spec(spec)
        try:
            exec(compile(self.code, self.path, "exec"), vars(module))
        except BaseException:
            del sys.modules[name]
            raise
        _files[name] = self
        return module


_files: dict[str, SourceFile] = {}
"""Module name -> the file that it was loaded from."""


def file_of(thing: Any) -> SourceFile | None:
    """The user's file that defines a function or class; None if an import would find the thing."""
    while isinstance(thing, functools.partial):
        thing = thing.func
    return _files.get(getattr(thing, "__module__", None) or "")


def loaded_code(module: str) -> bytes | None:
    """The code that a module was loaded from, if that was a user's file; the file may hold another by now."""
    file = _files.get(module)
    return None if file is None else file.code


def with_file(kind: Any, reduced: tuple[Any, ...]) -> tuple[Any, ...]:
    """How to pickle an instance of a class from a user's file: the file is loaded before the class is looked for.

    Args:
        kind: the class, or the function that the instance holds.
        reduced: what `object.__reduce_ex__` gives for the instance.
    """
    file = file_of(kind)
    return reduced if file is None else (_rebuilt, (file, *reduced[:2]), *reduced[2:])


def _rebuilt(_file: SourceFile, make: Any, arguments: tuple[Any, ...]) -> Any:
    return make(*arguments)
