"""Every write, sync and rename of a scoring run and of a bench fails once: one line, and a new start gives the same."""

import errno
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from toy import MLPs, toy_batch
from untrained.benching import bench
from untrained.benchmarks import Benchmark
from untrained.errors import InputError
from untrained.runtime import journal
from untrained.scoring.pool import compute_scores

CALLS = ("pwrite", "fsync", "replace", "open", "ftruncate")
ARCHS = list(MLPs())[:4]


@contextmanager
def failing(call: str, at: int, number: int) -> Iterator[list[int]]:
    """The `at`-th use of `os.call` inside fails with `errno` `number`; the list counts its uses."""
    original, uses = getattr(os, call), [0]

    def fails(*args: Any, **options: Any) -> Any:
        uses[0] += 1
        if uses[0] == at:
            raise OSError(number, os.strerror(number))
        return original(*args, **options)

    setattr(os, call, fails)
    try:
        yield uses
    finally:
        setattr(os, call, original)


def scored(folder: Path) -> list[Any]:
    table = compute_scores(MLPs(), ARCHS, ["params", "snip"], toy_batch(), path=folder / "scores.parquet")
    return [table.archs, table.metrics, table.values.tolist()]


def benched(folder: Path) -> list[Any]:
    table, n = folder.parent / "table.parquet", 12
    if not table.exists():
        values = [float(i) for i in range(n)]
        pq.write_table(pa.table({"arch": [f"a{i}" for i in range(n)], "val": values, "good": values}), table)
    benchmark = Benchmark(
        name="toy",
        task="t",
        objective="val",
        space=None,
        table=str(table),
        scores=str(table),
        metrics=("good",),
        budget=3,
    )
    result = bench([benchmark], ["random"], range(3), path=folder / "bench.parquet")
    return result.table.drop_columns("seconds").to_pylist()


def outcome(run: Callable[[Path], list[Any]], folder: Path, expected: list[Any]) -> str:
    """What `run` says; nothing if the fault came when all was done and it gave what is expected."""
    try:
        assert run(folder) == expected
    except InputError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("run", [scored, benched])
@pytest.mark.parametrize("call", CALLS)
def test_every_fault_is_one_line_and_a_new_start_gives_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Callable[[Path], list[Any]], call: str
) -> None:
    monkeypatch.setattr(journal, "SYNC_SECONDS", 0.0)
    with failing(call, 0, 0) as uses:
        expected = run(tmp_path / "undisturbed")
    assert uses[0] > 0
    for at in range(1, uses[0] + 1):
        folder = tmp_path / f"{call}{at}"
        with failing(call, at, errno.ENOSPC if at % 2 else errno.EIO):
            said = outcome(run, folder, expected)
        assert len(said) < 400
        assert "\n" not in said
        assert run(folder) == expected
        assert not list(folder.glob(".*"))


def test_a_file_that_may_not_grow(tmp_path: Path) -> None:
    """The limit holds for what Arrow writes, too, which no patch of `os` reaches."""
    expected = scored(tmp_path / "undisturbed")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    for limit in (10, 1_000, 2_500):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
        try:
            with pytest.raises(InputError, match="cannot be written"):
                scored(tmp_path / "full")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert scored(tmp_path / "full") == expected
