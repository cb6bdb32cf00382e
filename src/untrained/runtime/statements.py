"""The statements of a file of Python: which names of the module each of them writes, and which it uses."""

import ast
import dis
import warnings
from collections.abc import Iterator
from functools import cached_property
from itertools import pairwise
from types import CodeType
from typing import Any, cast

Name = tuple[str, str | None]
"""(a name, the attribute that is looked up on it or None), or (a module, one of its names or None for all of them)."""

DEFINITIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class Statement:
    """A top-level statement of a file, or the definition of a function or class somewhere in it."""

    def __init__(self, node: ast.AST) -> None:
        self.node = node

    @cached_property
    def written(self) -> set[str]:
        """The names of the module that it binds or changes."""
        return set(_written(self.node))

    @cached_property
    def uses(self) -> set[Name]:
        """The global names that it looks up, each with the attribute that is asked of it."""
        node = self.node
        if isinstance(node, ast.expr):
            node = ast.copy_location(ast.Expr(node), node)
        try:
            with warnings.catch_warnings(action="ignore"):
                return set(
                    _loaded(compile(ast.Module([cast(ast.stmt, node)], []), "<statement>", "exec", dont_inherit=True))
                )
        except SyntaxError:  # a function that says nonlocal, cut out of the one around it
            return {(part.id, None) for part in ast.walk(node) if isinstance(part, ast.Name)}


def flat(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module: each imported name for itself, and what is done only in the main module."""
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                is_plain = isinstance(node, ast.Import)
                one = ast.Import([alias]) if is_plain else ast.ImportFrom(node.module, [alias], node.level)
                yield ast.copy_location(one, node)
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'":
            yield from flat([*node.body, *node.orelse])
        else:
            yield node


def _written(node: ast.AST) -> Iterator[str]:
    """The names of the module that a top-level statement binds or changes."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield node.name
            for part in ast.walk(node):
                yield from part.names if isinstance(part, ast.Global) else ()
            return
        case ast.Lambda():
            return
        case ast.Import() | ast.ImportFrom():
            yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
        case ast.Name(ctx=ast.Store() | ast.Del()):
            yield node.id
        case ast.Attribute(ctx=ast.Store() | ast.Del()) | ast.Subscript(ctx=ast.Store() | ast.Del()):
            yield from _root(node)
        case ast.Expr(value=ast.Call(func=ast.Attribute() as called)):
            yield from _root(called)
    for child in ast.iter_child_nodes(node):
        yield from _written(child)


def is_written_out(node: ast.AST) -> bool:
    """Whether a statement sets something to a value without names and calls."""
    value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
    return value is not None and not any(isinstance(part, ast.Name | ast.Call) for part in ast.walk(value))


def _root(node: ast.AST) -> Iterator[str]:
    """`a` of `a.b[c].d`."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    if isinstance(node, ast.Name):
        yield node.id


def _loaded(code: CodeType) -> Iterator[Name]:
    """The global names that compiled code, and the functions within, look up."""
    for one, following in pairwise([*dis.get_instructions(code), None]):
        if one and one.opname in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"):
            is_asked = following is not None and following.opname in ("LOAD_ATTR", "LOAD_METHOD")
            yield one.argval, following.argval if is_asked and following else None
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _loaded(inner)


def text(part: Any) -> str:
    """An AST as text: without positions, docstrings, and fields that some versions of Python do not have."""
    if isinstance(part, list):
        return f"[{','.join(map(text, part))}]"
    if not isinstance(part, ast.AST):
        return repr(part)
    fields = dict(ast.iter_fields(part))
    if isinstance(part, DEFINITIONS) and ast.get_docstring(part, clean=False) is not None:
        fields["body"] = part.body[1:]
    told = (f"{name}={text(value)}" for name, value in fields.items() if value is not None and value != [])
    return f"{type(part).__name__}({','.join(told)})"
