"""A pool too large for memory, read from its file piece by piece: what a search can make use of is kept."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq
from numpy.typing import NDArray

from untrained.data.tables import TableFile, open_table
from untrained.errors import InputError, one_line
from untrained.samplers.features import quantiles
from untrained.samplers.mixture import CANDIDATES, candidates_of, random_order
from untrained.scores import ScoreTable
from untrained.scores.table import BLAME, REASONS

pc: Any = pyarrow.compute  # its functions are made on import, where a type checker does not see them
Array = NDArray[np.float64]
Index = NDArray[np.intp]


def shortlist(
    path: str | Path | TableFile, metrics: Sequence[str] | None = None, *, seed: int = 0, most: int = CANDIDATES
) -> ScoreTable:
    """Chooses, from a table of scores that is not held in memory, the candidates of a search with `Mixture`.

    Of a large pool, `Mixture` looks at 20,000 architectures: half of them come first under one of many ways to weigh
    the metrics, and half are random. These are the ones, with their places in the whole pool, so that a search on this
    table knows as much as one on the whole. The file is read a column or a group of rows at a time: names are
    held of the candidates only, and of the others their ranks while it works.

    Samplers that look at the whole pool, such as `RoBoT`, know of these architectures only.

    Args:
        path: A Parquet file of architectures (`arch`) and scores.
        metrics: The columns to take; every one of numbers by default.
        seed: That of the search.
        most: How many architectures to keep.

    Returns:
        The table of these; the whole table if it has no more.

    Raises:
        InputError: The file is no Parquet file, cannot be read, or lacks a column.

    Example:
        >>> from untrained import search
        >>> table = shortlist("a_hundred_million.parquet", seed=0)  # doctest: +SKIP
        >>> search("darts", data="cifar10", scores=table, budget=100, seed=0)  # doctest: +SKIP
    """
    file = open_table(path)
    if file.path.suffix.lower() in (".csv", ".tsv", ".json"):
        raise InputError(f"{file.path}: a pool is read piece by piece from Parquet: write it with ScoreTable.save")
    n = file.rows or 0
    if n <= most:
        return ScoreTable.load(file, metrics)
    head = ScoreTable.load(_with_rows(file, np.arange(0)), file.numeric if metrics is None else metrics)
    unread = _unread(file)
    # Exact, in 4 bytes: a rank is a whole or a half. 0 for a metric that is the same for all.
    twice_ranks = np.zeros((n, len(head.metrics)), np.uint32, order="F")
    for k, (name, direction) in enumerate(zip(head.metrics, head.directions, strict=True)):
        places = quantiles(_merits(file, name, direction, unread[name]))
        if not np.isnan(places[0]):
            twice_ranks[:, k] = np.rint(2 * (places * n + 0.5))
        del places
    rows = candidates_of(lambda part: _spread(twice_ranks[part], n), random_order(n, seed), most, seed)
    rows.sort()
    kept = twice_ranks[rows]
    table = ScoreTable.load(_with_rows(file, rows), head.metrics)
    return replace(table, quantiles=np.where(kept, _quantile(kept, n), np.nan))


def _quantile(twice_ranks: NDArray[np.uint32], n: int) -> Array:
    return (twice_ranks / 2 - 0.5) / n


def _spread(twice_ranks: NDArray[np.uint32], n: int) -> NDArray[np.float32]:
    """As `spread_top`, of some of n rows, in single precision."""
    spread = np.zeros(twice_ranks.shape, np.float32, order="F")
    for k in np.flatnonzero(twice_ranks[0]):
        spread[:, k] = -np.log1p(-_quantile(twice_ranks[:, k], n)) - 1
    return spread


def _merits(file: TableFile, name: str, direction: int, unread: Sequence[int]) -> Array:
    """A column of `ScoreTable.merits`."""
    with _opened(file.path) as parquet:
        column = parquet.read([name])[name].cast(pa.float64()).to_numpy()
    values = np.where(np.isfinite(column), column * direction, np.nan)
    rows = np.array(unread, dtype=np.intp)
    rows = rows[np.isnan(values[rows])]
    if len(rows) and not np.isnan(values).all():
        values[rows] = np.nanmedian(values)
    return values


def _unread(file: TableFile) -> Mapping[str, Sequence[int]]:
    """Metric -> the rows of which it has no reading, by the reasons that stand there (see `ScoreTable.unread`)."""
    found = defaultdict[str, list[int]](list)
    if REASONS not in file.others:
        return found
    start = 0
    with _opened(file.path) as parquet:
        for group in parquet.iter_batches(columns=[REASONS]):
            column = group.column(0)
            for row in np.flatnonzero(column.is_valid().to_numpy(zero_copy_only=False)):
                for name, reason in json.loads(column[int(row)].as_py()).items():
                    if not any(words in reason for words in BLAME):
                        found[name].append(start + int(row))
            start += len(column)
    return found


def _with_rows(file: TableFile, rows: Index) -> TableFile:
    """The file as if it had these rows only, which are in ascending order."""

    def load(names: list[str]) -> pa.Table:
        with _opened(file.path) as parquet:
            there = [name for name in names if name in parquet.schema_arrow.names]
            parts, start = list[pa.RecordBatch](), 0
            for batch in parquet.iter_batches(columns=there):
                inside = rows[np.searchsorted(rows, start) : np.searchsorted(rows, start + len(batch))] - start
                if len(inside):
                    parts.append(batch.take(pa.array(inside)))
                start += len(batch)
                if start > rows.max(initial=-1):
                    break
        return _of_parts(parts, parquet.schema_arrow, names)

    return replace(file, load=load, rows=len(rows))


def with_archs(file: TableFile, archs: Iterable[str]) -> TableFile:
    """A Parquet file as if it had these architectures only."""
    wanted = pa.array(archs, pa.string())

    def load(names: list[str]) -> pa.Table:
        with _opened(file.path) as parquet:
            there = [name for name in names if name in parquet.schema_arrow.names]
            parts = [
                batch.filter(pc.is_in(pc.cast(batch.column("arch"), pa.string()), value_set=wanted))
                for batch in parquet.iter_batches(columns=there)
            ]
        return _of_parts(parts, parquet.schema_arrow, names)

    return replace(file, load=load, rows=None)


def _of_parts(parts: list[pa.RecordBatch], schema: pa.Schema, names: list[str]) -> pa.Table:
    return (pa.Table.from_batches(parts) if parts else schema.empty_table()).select(names)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as parquet:
            yield parquet
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise InputError(f"{str(path)!r} cannot be read as Parquet: {one_line(error)}") from error
