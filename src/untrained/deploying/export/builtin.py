"""Built-in functions that code under export sees otherwise than other code."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn


@contextmanager
def replaced(modules: Iterable[nn.Module], functions: Mapping[str, Callable[..., Any]]) -> Iterator[None]:
    """Replaces built-in functions in the files that the code of modules is from, except in torch itself.

    Args:
        modules: The modules.
        functions: Name -> what is called instead.
    """
    changed = list[tuple[dict[str, Any], str]]()
    for module in modules:
        names = getattr(type(module).forward, "__globals__", {})
        if str(names.get("__name__", "torch")).split(".")[0] == "torch":
            continue
        for name, function in functions.items():
            if name not in names:
                names[name] = function
                changed.append((names, name))
    try:
        yield
    finally:
        for names, name in changed:
            del names[name]


def length(x: Any) -> Any:
    """`len`, which of a tensor is its first size: `len` itself gives a number that an export takes for a constant."""
    return x.shape[0] if isinstance(x, Tensor) else len(x)
