"""Lists of architectures: as a space, and in files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from optuna.distributions import BaseDistribution, IntDistribution
from torch import nn

from untrained.errors import InputError, shown
from untrained.spaces.base import SearchSpace


class ArchitectureList(SearchSpace):
    """A plain list of opaque architectures: the space of a table that comes without one.

    Its one parameter is the index in the list; there is nothing to build.

    Args:
        archs: the strings, each once.

    Example:
        >>> ArchitectureList(["small", "large"]).to_params("large")
        {'index': 1}
    """

    opaque = True
    has_networks = False

    def __init__(self, archs: Sequence[str]) -> None:
        self.archs = list(archs)
        self._index = {arch: i for i, arch in enumerate(archs)}

    @property
    def name(self) -> str:
        """`table`, which no `get_space` finds."""
        return "table"

    @property
    def options(self) -> dict[str, Any]:
        """None: the table's own content tells it from another."""
        return {}

    @property
    def distributions(self) -> Mapping[str, BaseDistribution]:
        """The index in the list."""
        return {"index": IntDistribution(0, len(self.archs) - 1)}

    def to_arch(self, params: Mapping[str, Any]) -> str:
        """The architecture at `params["index"]`."""
        return self.archs[params["index"]]

    def to_params(self, arch: str) -> dict[str, Any]:
        """The index of an architecture.

        Raises:
            InputError: if the list has no such architecture.
        """
        if arch not in self._index:
            raise InputError(f"unknown architecture {shown(arch)}: it is not one of the table's {len(self.archs)}")
        return {"index": self._index[arch]}

    def canonical(self, arch: str) -> str:
        """`arch` itself."""
        self.to_params(arch)
        return arch

    def build(self, arch: str) -> nn.Module:
        """Raises `InputError`: a table has no networks."""
        raise InputError(f"a table cannot build the network of {shown(arch)}: name its space")


def read_archs(path: Path, space: SearchSpace) -> list[str]:
    """Reads the architectures in a text file, one a line, as the space writes them.

    Args:
        path: a text file in UTF-8, with or without a byte order mark. Empty lines do not count.
        space: knows in which forms an architecture may be written (`SearchSpace.read`).

    Returns:
        The distinct architectures in the order of the file.

    Raises:
        InputError: if the file is missing, is no text, names no architecture, or holds a line that is none.

    Example:
        >>> Path("archs.txt").write_text("b\\na\\n")
        4
        >>> read_archs(Path("archs.txt"), ArchitectureList(["a", "b"]))
        ['b', 'a']
    """
    if not path.is_file():
        raise InputError(f"no file {str(path)!r}: give a text file with one architecture a line")
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (UnicodeDecodeError, OSError) as error:
        raise InputError(f"{path} is not a text file with one architecture a line") from error
    found = dict[str, None]()
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                found[space.read(line)] = None
            except InputError as error:
                raise InputError(f"{path}, line {number}: {error}") from error
    if not found:
        raise InputError(f"{path} names no architecture")
    return list(found)
