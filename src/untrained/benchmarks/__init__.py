"""Published tables that answer for trainings: what they hold, whose they are, what was published on them."""

from collections.abc import Iterable, Sequence

from untrained.benchmarks.base import Benchmark, Published, Source, data_folder
from untrained.benchmarks.digits201 import DIGITS201
from untrained.benchmarks.digits201 import SOURCES as _DIGITS201_SOURCES
from untrained.benchmarks.importers import import_table
from untrained.benchmarks.nasbench201 import NASBENCH201
from untrained.benchmarks.nasbench201 import SOURCES as _NASBENCH201_SOURCES
from untrained.benchmarks.other_tables import OTHER_TABLES
from untrained.benchmarks.other_tables import SOURCES as _OTHER_SOURCES
from untrained.benchmarks.transnas101 import SOURCES as _TRANSNAS101_SOURCES
from untrained.benchmarks.transnas101 import TRANSNAS101
from untrained.errors import InputError, shown
from untrained.runtime.lookup import installed, look_up, unknown

__all__ = [
    "BENCHMARKS",
    "SOURCES",
    "Benchmark",
    "Published",
    "Source",
    "data_folder",
    "get_benchmarks",
    "import_table",
]

BENCHMARKS: dict[str, Benchmark] = {
    benchmark.key: benchmark for benchmark in (DIGITS201, *NASBENCH201, *TRANSNAS101, *OTHER_TABLES)
}
"""`name/task/objective` -> benchmark."""

SOURCES: dict[str, Source] = {**_DIGITS201_SOURCES, **_NASBENCH201_SOURCES, **_TRANSNAS101_SOURCES, **_OTHER_SOURCES}
"""File -> its origin."""


def get_benchmarks(names: Sequence[str]) -> list[Benchmark]:
    """Finds benchmarks by name.

    Args:
        names: each the key of a benchmark, or the beginning of one: `nasbench201`, `transnas101-micro/jigsaw`; `all` of
            them; or, as for metrics and spaces, `file.py:Name`, `package.module:Name` or an entry point
            `untrained.benchmarks`, which stand for a `Benchmark`, for several, or for a function that returns them.

    Returns:
        The benchmarks, each once.

    Raises:
        InputError: there is none of that name, or it stands for something else.

    Example:
        >>> [benchmark.key for benchmark in get_benchmarks(["nasbench201/cifar10"])]
        ['nasbench201/cifar10/cifar10_val_12']
    """
    found = dict[str, Benchmark]()
    for name in names:
        begin = f"{name.rstrip('/')}/"
        begins = {key: b for key, b in BENCHMARKS.items() if name == "all" or f"{key}/".startswith(begin)}
        found |= begins or {benchmark.key: benchmark for benchmark in _own(name)}
    return list(found.values())


def _own(name: str) -> list[Benchmark]:
    if ":" not in name and name not in installed("benchmark"):
        raise unknown("benchmark", name, _beginnings(name))
    given = look_up("benchmark", name, {})
    made = given() if callable(given) else given
    benchmarks = [made] if isinstance(made, Benchmark) else list(made) if isinstance(made, Iterable) else []
    if not benchmarks or not all(isinstance(benchmark, Benchmark) for benchmark in benchmarks):
        raise InputError(f"{name!r} is {shown(made)}: give a Benchmark, several, or a function that returns them")
    return benchmarks


def _beginnings(name: str) -> list[str]:
    """What would have been right: the tasks of the table that is named, else all tables, then all tasks."""
    tasks = list(dict.fromkeys(key.rpartition("/")[0] for key in BENCHMARKS))
    tables = list(dict.fromkeys(key.partition("/")[0] for key in BENCHMARKS))
    of_table = [task for task in tasks if task.startswith(f"{name.partition('/')[0]}/")]
    return of_table or [*tables, *tasks]
