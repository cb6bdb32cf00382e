"""Published tables that answer for trainings: what they hold, where they come from, what was published on them."""

from collections.abc import Sequence

from untrained.benchmarks.base import Benchmark, Published, Source, data_folder
from untrained.benchmarks.importers import import_table
from untrained.benchmarks.nasbench201 import NASBENCH201
from untrained.benchmarks.nasbench201 import SOURCES as _NASBENCH201_SOURCES
from untrained.benchmarks.transnas101 import SOURCES as _TRANSNAS101_SOURCES
from untrained.benchmarks.transnas101 import TRANSNAS101
from untrained.errors import InputError

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

BENCHMARKS: dict[str, Benchmark] = {benchmark.key: benchmark for benchmark in (*NASBENCH201, *TRANSNAS101)}
"""`name/task/objective` -> benchmark."""

SOURCES: dict[str, Source] = {**_NASBENCH201_SOURCES, **_TRANSNAS101_SOURCES}
"""File -> where it comes from."""


def get_benchmarks(names: Sequence[str]) -> list[Benchmark]:
    """The benchmarks whose key is, or begins with, one of `names`: `nasbench201`, `transnas101-micro/jigsaw`, ..."""
    found = dict[str, Benchmark]()
    for name in names:
        matching = {key: b for key, b in BENCHMARKS.items() if f"{key}/".startswith(f"{name.rstrip('/')}/")}
        if not matching:
            known = dict.fromkeys(key.split("/")[0] for key in BENCHMARKS)
            tasks = dict.fromkeys(
                "/".join(k.split("/")[:2]) for k in BENCHMARKS if k.split("/")[0] == name.split("/")[0]
            )
            raise InputError(f"unknown benchmark {name!r}: choose from {', '.join(tasks or known)}")
        found |= matching
    return list(found.values())
