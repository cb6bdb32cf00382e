"""The version of a user's code: a hash of a function or a class and of everything local that it uses.

A file is cut into its top-level statements. Each of them *writes* some names of the module and *uses* others. The code
of `f` is every statement that writes `f`, together with the code of the names that these statements use, in the same
file and in other files of the user.
"""

import ast
import functools
import inspect
import sys
import sysconfig
import warnings
from collections.abc import Iterable, Iterator
from functools import cached_property
from hashlib import blake2b
from importlib.util import find_spec, resolve_name
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from untrained.runtime.lookup import loaded_code
from untrained.runtime.statements import DEFINITIONS, Name, Statement, flat, is_written_out, text

UNREADABLE = "<unreadable>"
"""Stands for code without a source file, and for a value that cannot be told from another. It never equals anything."""

FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def code_of(thing: Any) -> str:
    """Hashes the code of a function, a class, or an instance's class, and all local code that it uses.

    The hash covers what `thing` uses from its own file (functions, base classes, decorators, constants) and from other
    files outside the standard library, site-packages and this package. Comments, layout, docstrings and the order of
    definitions do not count, nor does code that `thing` does not use. A module's file is read once, until the module is
    reloaded, so an edit while the program runs changes nothing.

    Args:
        thing: a function, method, partial, class, module or instance.

    Returns:
        16 hex digits; "" for code whose version is recorded elsewhere (this package, PyTorch, numpy, Optuna, the
        standard library and compiled functions); `UNREADABLE` for code without a source file, as in a notebook.

    Example:
        >>> from untrained.runtime.identity import code_of
        >>> code_of(print)
        ''
    """
    found = _roots(thing)
    return found if isinstance(found, str) else _closure(*found)


def variables_of(thing: Any) -> dict[str, Any]:
    """The variables of the user's modules that the code of a function or class reads, with their values of now.

    The code does not tell them: one may have been read from a file, or been set from outside. A list, dictionary or set
    that the file writes out is left out, because its text is part of the code, and mostly it is a log that grows; so is
    what a function declares `global`.

    Args:
        thing: As for `code_of`.

    Returns:
        Name -> value; nothing if the code has a version or cannot be read.
    """
    roots = _roots(thing)
    reached = None if isinstance(roots, str) else _reached(roots[1])
    found = dict[str, Any]()
    for module, name in sorted(reached or (), key=str):
        source, space = _source(module), vars(sys.modules.get(module, object))
        if source is None or source.installed:
            continue
        for known in source.written if name is None else (name,):
            if known in space and known in source.written and source.tells_no_value(known, space[known]):
                while known in found and found[known] is not space[known]:  # of the same name in another file
                    known += "'"
                found[known] = space[known.rstrip("'")]
    return found


def _roots(thing: Any) -> str | tuple[list[str], Iterable[Name]]:
    """Texts, and names to follow, that are the code of `thing`; or what `code_of` says of it at once."""
    thing = _bare(thing)
    name = thing.__name__ if isinstance(thing, ModuleType) else getattr(thing, "__module__", None)
    if not name or isinstance(thing, BuiltinFunctionType) or _has_a_version(name):
        return ""
    source = _source(name)
    if source is None:
        return UNREADABLE
    if isinstance(thing, ModuleType):
        return [], [(name, None)]
    codes = [code for code in _codes(thing) if Path(code.co_filename).name == source.path.name]
    nodes = [source.function(code) for code in codes]
    if None in nodes:  # the file is not the one that was loaded
        return UNREADABLE
    if "<" not in thing.__qualname__:
        root = thing.__qualname__.partition(".")[0]
        known = root if root in source.written else _name_in(name, thing)
        return UNREADABLE if known is None else ([], [(name, known)])
    # Of a function or class made inside a function, only its own text counts: the variables around it are values.
    own = [node for node in nodes if node] if isinstance(thing, FunctionType) else source.classes(thing, codes)
    if len(own) != 1:
        return UNREADABLE
    bases = [code_of(base) for base in thing.__mro__[1:]] if isinstance(thing, type) else []
    if UNREADABLE in bases:
        return UNREADABLE
    return [text(own[0]), *bases], source.resolved(Statement(own[0]))


def _bare(thing: Any) -> Any:
    """The function, class or module whose text is the code of `thing`."""
    while isinstance(thing, functools.partial | MethodType):
        thing = thing.func if isinstance(thing, functools.partial) else thing.__func__
    if hasattr(thing, "__wrapped__") and not isinstance(thing, type):
        thing = inspect.unwrap(thing)
    return thing if isinstance(thing, FunctionType | type | ModuleType | BuiltinFunctionType) else type(thing)


def _codes(thing: Any) -> list[CodeType]:
    if isinstance(thing, FunctionType):
        return [thing.__code__]
    own = [part for part in vars(thing).values() if isinstance(part, FunctionType)]
    return [inspect.unwrap(part).__code__ for part in own if part.__qualname__.startswith(f"{thing.__qualname__}.")]


def _name_in(module: str, thing: Any) -> str | None:
    """What the module calls `thing`, if not by its own name."""
    own = vars(sys.modules[module]).items() if module in sys.modules else ()
    return next((name for name, value in own if value is thing), None)


def _closure(texts: list[str], names: Iterable[Name]) -> str:
    """The hash of `texts`, of the statements that write `names`, and of all that those use."""
    reached = _reached(names)
    if reached is None:
        return UNREADABLE
    units = {"\n".join(text(statement.node) for statement in statements) for statements in reached.values()}
    whole = "\0".join([*texts, *sorted(units)])
    return blake2b(whole.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _reached(names: Iterable[Name]) -> dict[Name, list["Statement"]] | None:
    """The statements that write `names` and all that those use; None if one of the files cannot be read."""
    found, waiting = dict[Name, list[Statement]](), list(names)
    while waiting:
        module, name = key = waiting.pop()
        if key in found:
            continue
        source = _source(module)
        if source is None:
            return None
        found[key] = source.statements if name is None else source.written.get(name, [])
        for statement in found[key]:
            waiting += source.resolved(statement)
    return found


class _Source:
    """A module's file, as it was when first asked for."""

    def __init__(self, module: str, path: Path, package: str, installed: bool) -> None:
        self.module, self.path, self.package, self.installed = module, path, package, installed
        with warnings.catch_warnings(action="ignore"):
            self.tree = ast.parse(loaded_code(module) or path.read_bytes())
        self.statements = [Statement(node) for node in flat(self.tree.body)]

    @cached_property
    def written(self) -> dict[str, list[Statement]]:
        """Name -> the statements that write it, from top to bottom."""
        found = dict[str, list[Statement]]()
        for statement in self.statements:
            for name in statement.written:
                found.setdefault(name, []).append(statement)
        return found

    @cached_property
    def _functions(self) -> dict[tuple[int, str], list[FUNCTIONS]]:
        found = dict[tuple[int, str], list[FUNCTIONS]]()
        for node in ast.walk(self.tree):
            if isinstance(node, FUNCTIONS):
                line = min([node.lineno, *(part.lineno for part in getattr(node, "decorator_list", []))])
                found.setdefault((line, getattr(node, "name", "<lambda>")), []).append(node)
        return found

    def function(self, code: CodeType) -> FUNCTIONS | None:
        """The text of a function; None if the file has none at its line, or two."""
        found = self._functions.get((code.co_firstlineno, code.co_name), [])
        if len(found) > 1:  # lambdas in one line
            starts = {(line, column) for line, _, column, _ in code.co_positions()}
            bodies = [(node, node.body) for node in found if isinstance(node, ast.Lambda)]
            found = [node for node, body in bodies if (body.lineno, body.col_offset) in starts]
        return found[0] if len(found) == 1 else None

    def classes(self, thing: type, codes: list[CodeType]) -> list[ast.ClassDef]:
        """The texts that a class made inside a function can have: those of its name that hold all of its methods."""
        methods = [self.function(code) for code in codes]
        found = [n for n in ast.walk(self.tree) if isinstance(n, ast.ClassDef) and n.name == thing.__name__]
        return [node for node in found if set(methods) <= set(ast.walk(node))]

    def tells_no_value(self, name: str, value: Any) -> bool:
        """Whether `name` is a variable whose value can be another one although the file is the same."""
        nodes = [statement.node for statement in self.written[name]]
        if any(isinstance(node, DEFINITIONS | ast.Import | ast.ImportFrom) for node in nodes):
            return False
        return type(value) not in (list, dict, set) or not all(map(is_written_out, nodes))

    def resolved(self, statement: Statement) -> Iterator[Name]:
        """What the statement uses, as (module, name): names of this file, and of those that it imports from."""
        for name, attribute in statement.uses:
            if name in self.written:
                yield self.module, name
                for writer in self.written[name]:
                    yield from self._imported(writer.node, attribute)
            else:
                stars = (s.node for s in self.statements if "*" in s.written)
                yield from (key for star in stars for key in self._imported(star, name) if name in _names(key[0]))
        if not isinstance(statement.node, ast.Import | ast.ImportFrom):
            for node in ast.walk(statement.node):
                yield from self._imported(node, None)

    def _imported(self, node: ast.AST, attribute: str | None) -> Iterator[Name]:
        if self.installed:  # a package's other files are of the same version
            return
        if isinstance(node, ast.Import):
            for alias in node.names:
                whole = alias.asname is None and "." in alias.name
                yield from _of_module(alias.name, None if whole else attribute)
        elif isinstance(node, ast.ImportFrom):
            try:
                origin = resolve_name("." * node.level + (node.module or ""), self.package or None)
            except ImportError:
                return
            for alias in node.names:
                if alias.name == "*":
                    yield from _of_module(origin, attribute)
                elif alias.name in _names(origin) or not _is_users(f"{origin}.{alias.name}"):
                    yield from _of_module(origin, alias.name)
                else:
                    yield from _of_module(f"{origin}.{alias.name}", attribute)


def _of_module(module: str, name: str | None) -> Iterator[Name]:
    """`name` of `module` as (module, name), if it is the user's: a name in its file, a module in its folder, or all."""
    if not _is_users(module):
        return
    if name is not None and name not in _names(module):
        module, name = f"{module}.{name}" if _is_users(f"{module}.{name}") else module, None
    yield module, name


def _names(module: str) -> Iterable[str]:
    source = _source(module) if _is_users(module) else None
    return source.written if source else ()


_read: dict[str, tuple[Any, _Source | None]] = {}
"""Module -> which version of it, and its file as first asked for."""


def _source(module: str) -> _Source | None:
    """The source of a module; None if it has no file of Python that can be read."""
    path = _file(module)
    # The spec of a module is another after a reload. One that is not loaded yet will be what its file is then.
    version = getattr(sys.modules[module], "__spec__", None) if module in sys.modules else path and _changed(path)
    known = _read.get(module, ("", None))[0]
    if known is not version and not (isinstance(known, int) and known == version):  # two specs can be equal
        try:
            package = getattr(sys.modules.get(module), "__package__", None) or module.rpartition(".")[0]
            source = None if path is None else _Source(module, path, package, _is_installed(path))
        except (OSError, ValueError, SyntaxError, RecursionError):  # an extension module, or a broken file
            source = None
        _read[module] = version, source
    return _read[module][1]


def _file(module: str) -> Path | None:
    found = sys.modules.get(module)
    file = getattr(found, "__file__", None)
    parent = module.rpartition(".")[0]
    if found is None and (not parent or parent in sys.modules):  # imported in a function that was not called yet
        try:
            spec = find_spec(module)
        except (ImportError, AttributeError, ValueError):
            return None
        file = spec.origin if spec is not None and spec.has_location else None
    return Path(file) if file else None


def _changed(path: Path) -> int:
    return path.stat().st_mtime_ns if path.is_file() else 0


def _is_users(module: str) -> bool:
    """Whether `module` is code of the user's: a file outside what is installed, or a prompt."""
    path = _file(module)
    if path is None:
        return module == "__main__"
    return not _is_installed(path)


@functools.cache
def _is_installed(path: Path) -> bool:
    """Whether the file belongs to Python, to an installed package or to this one."""
    if _is_in_site_packages(path):
        return True
    places = (sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), Path(__file__).parents[1])
    return any(path.resolve().is_relative_to(Path(place).resolve()) for place in places)


def _is_in_site_packages(path: Path) -> bool:
    return not {"site-packages", "dist-packages"}.isdisjoint(path.parts)


def _has_a_version(module: str) -> bool:
    """Whether a version number that is recorded anyway stands for the code of `module`."""
    path = _file(module)
    if path is None:
        return module in sys.builtin_module_names or module.partition(".")[0] in ("torch", "numpy")
    known = ("untrained", "torch", "numpy", "optuna")
    return _is_installed(path) and (not _is_in_site_packages(path) or module.partition(".")[0] in known)
