"""The file of a bench: its searches, so that it can go on, and what was searched, so that others can read it."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from untrained.benching.result import ORDER, SCHEMA, BenchResult, Ran, key_of
from untrained.benching.run import COLUMNS
from untrained.benchmarks import Benchmark, Published
from untrained.errors import InputError, one_line
from untrained.runtime.files import parsed, written_whole
from untrained.runtime.journal import Journal
from untrained.runtime.provenance import difference

METADATA, TOLD = b"untrained", b"untrained.told"
"""Keys of the file's metadata: what searches depend on, by benchmark; what a reader is told of the benchmarks."""
PLAIN = ("objective", "table", "scores", "metrics", "budget", "direction", "test", "cost", "reported", "notes")
"""What is kept of a benchmark beside its name, its task and the published figures."""

RunKey = tuple[str, str, int]
"""(key of the benchmark, sampler, seed)."""

Rows = dict[str, list[Any]]


def load_bench(path: str | Path) -> BenchResult:
    """Reads the file that `bench` has written, which may be a stranger's: nothing in it is run.

    Args:
        path: The Parquet file.

    Returns:
        All searches in it, also those of several calls; `skipped` is that of the last call for each benchmark. Spaces
        are not kept: `ran[i].benchmark.space` is None.

    Raises:
        InputError: There is no such file, or it is not one of `bench`.

    Example:
        >>> from untrained import Benchmark, bench
        >>> _ = Path("mine.csv").write_text("arch,acc,snip\\na,91,1\\nb,93,3\\nc,92,2\\n")
        >>> mine = Benchmark("mine", "flowers", "acc", "mine.csv", "mine.csv", metrics=("snip",))
        >>> _ = bench([mine], ["random"], seeds=range(2), budget=3, data_dir=".", path="mine.parquet")
        >>> found = load_bench("mine.parquet")
        >>> found.table.num_rows, found.ran[0].pool, found.ran[0].metrics
        (6, 3, ('snip',))
    """
    path = Path(path)
    table, _, told = _read(path)
    columns = {name: table[name].to_pylist() for name in ORDER[:3]}
    keys = {key_of(columns, row) for row in range(table.num_rows)}
    if missing := sorted(keys - {*told.get("ran", {})}):
        raise InputError(
            f"{str(path)!r} does not tell what {missing[0]} is (an older version wrote it): "
            "bench again with the same --out, which makes no search twice"
        )
    try:
        ran = tuple(_ran(key, one) for key, one in told["ran"].items() if key in keys)
        return BenchResult(table, ran, tuple((str(what), str(why)) for what, why in told["skipped"].items()))
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{str(path)!r} is not a file of untrained bench ({one_line(error)})") from error


def _read(path: Path) -> tuple[pa.Table, dict[str, Any], dict[str, Any]]:
    """The searches in a file, what they depend on, and what is told of them."""
    try:
        with path.open("rb") as file:
            table = pq.read_table(file)
        metadata = table.schema.metadata or {}
        held, told = parsed(metadata[METADATA]), parsed(metadata.get(TOLD, b"{}"))
        table = table.select(SCHEMA.names).cast(SCHEMA)
        if isinstance(held, dict) and isinstance(told, dict):
            return table, held, told
    except FileNotFoundError as error:
        raise InputError(f"no file {str(path)!r}") from error
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise InputError(f"{str(path)!r} is not a file of untrained bench: give another file") from error
    raise InputError(f"{str(path)!r} is not a file of untrained bench: give another file")


def _together(told: Mapping[str, Any], result: BenchResult) -> dict[str, Any]:
    """What was told before, with a further bench: its benchmarks, and what it skipped of them, replace the old."""
    now = {ran.benchmark.key: _told(ran) for ran in result.ran}
    asked = {*now, *(what.partition(" ")[0] for what, _ in result.skipped)}
    kept = {what: why for what, why in told.get("skipped", {}).items() if what.partition(" ")[0] not in asked}
    return {"ran": {**told.get("ran", {}), **now}, "skipped": kept | dict(result.skipped)}


def _told(ran: Ran) -> dict[str, Any]:
    own = ran.benchmark
    figures = {name: [p.mean, p.std, p.cost] for name, p in own.published.items()}
    kept = {"name": own.name, "task": own.task, **{name: getattr(own, name) for name in PLAIN}, "published": figures}
    kept |= {} if own.further is None else {"further": own.further}
    return {
        "benchmark": kept,
        **{one.name: getattr(ran, one.name) for one in fields(Ran) if one.name != "benchmark"},
    }


def _ran(key: str, told: Mapping[str, Any]) -> Ran:
    given: dict[str, Any] = dict(told["benchmark"])
    figures = {str(name): Published(*figures) for name, figures in given.pop("published").items()}
    given |= {name: tuple(map(str, given[name])) for name in ("metrics", "notes")}
    benchmark = Benchmark(**given, published=figures)
    if benchmark.key != key:
        raise ValueError(f"{benchmark.key} is told as {key}")
    return Ran(
        benchmark,
        int(told["budget"]),
        int(told["pool"]),
        tuple(map(str, told["metrics"])),
        tuple(map(str, told["notes"])),
        {str(name): tuple(map(str, values)) for name, values in told["asked"].items()},
        dict(told["versions"]),
        dict(told["tables"]),
    )


def table_of(done: Mapping[RunKey, Rows]) -> pa.Table:
    """The queries of searches as one table, sorted."""
    tables = []
    for (key, sampler, seed), rows in done.items():
        n = len(rows["query"])
        benchmark, task, objective = key.split("/", 2)
        who = {"benchmark": benchmark, "task": task, "objective": objective, "sampler": sampler, "seed": seed}
        tables.append(pa.table({name: [value] * n for name, value in who.items()} | rows, schema=SCHEMA))
    return pa.concat_tables(tables).combine_chunks().sort_by([(name, "ascending") for name in ORDER])


class Store:
    """Finished searches: those of the Parquet file, and those that are added to it."""

    def __init__(self, path: Path | None, settings: Mapping[str, Any]) -> None:
        self.path = path
        self.settings: dict[str, Any] = dict(settings)
        self.done: dict[RunKey, Rows] = {}
        self.told: dict[str, Any] = {}
        self.journal: Journal | None = None
        if path is None:
            return
        if path.suffix != ".parquet":
            raise InputError(f"{str(path)!r} is not a .parquet file")
        self.journal = Journal(Path(f"{path}.partial"))
        try:
            if path.exists():  # read under the lock: before that, another process may add to it
                self._read(path)
            self._resume(self.journal)
        except BaseException:
            self.journal.close()
            raise

    def _resume(self, journal: Journal) -> None:
        for entry in journal.entries:
            try:
                held, (key, sampler, seed), rows = entry
            except (TypeError, ValueError) as error:
                raise InputError(f"{journal.path} is not a file of unfinished results: move it away") from error
            self._take(journal.path, {key: held})
            self.done[key, sampler, seed] = rows

    def _read(self, path: Path) -> None:
        table, held, self.told = _read(path)
        self._take(path, held)
        columns = table.to_pydict()
        for i in range(table.num_rows):
            run = key_of(columns, i), columns["sampler"][i], columns["seed"][i]
            rows = self.done.setdefault(run, {name: [] for name in COLUMNS})
            for name in rows:
                rows[name].append(columns[name][i])

    def _take(self, path: Path, held: Mapping[str, Any]) -> None:
        for key, there in held.items():
            if other := difference(there, self.settings.setdefault(key, there)):
                raise InputError(f"{path} holds other searches ({key}: {other}): give another file")

    def add(self, key: RunKey, rows: Rows) -> None:
        self.done[key] = rows
        if self.journal is not None:
            self.journal.add((self.settings[key[0]], key, rows))

    def write(self, result: BenchResult | None = None) -> None:
        """Writes the file, with what is to be told of the benchmarks of `result` beside its searches."""
        if self.path is None or self.journal is None:
            return
        if result is not None:
            self.told = _together(self.told, result)
        metadata = {METADATA: json.dumps(self.settings, sort_keys=True), TOLD: json.dumps(self.told)}
        table = table_of(self.done).replace_schema_metadata(metadata)
        with written_whole(self.path) as temporary, temporary.open("wb") as file:  # Arrow takes UTF-8 paths only
            pq.write_table(table, file)
        self.journal.discard()


@contextmanager
def store(path: Path | None, settings: Mapping[str, Any]) -> Iterator[Store]:
    """The store of a file, which no other process writes meanwhile; without a path it is in memory."""
    opened = Store(path, settings)
    try:
        yield opened
    finally:
        if opened.journal is not None:
            opened.journal.close()
