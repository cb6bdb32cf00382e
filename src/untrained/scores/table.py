"""The table of scores: architectures x metrics."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from untrained.errors import InputError
from untrained.runtime.files import written_whole
from untrained.scores.scaling import SCALINGS, Scaling, scale

METADATA = b"untrained"
REASONS = "reasons"


@dataclass(frozen=True, eq=False)
class ScoreTable:
    """Scores of a pool of architectures; immutable.

    archs: n distinct architectures. metrics: K names. values: n x K float64, NaN where the metric failed.
    reasons: architecture -> metric -> why it failed. An infinite score is a failed one.
    provenance: where the scores come from (space, seed, batch, versions); empty for a published table.
    """

    archs: tuple[str, ...]
    metrics: tuple[str, ...]
    values: NDArray[np.float64]
    reasons: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        values = np.array(self.values, dtype=np.float64, order="F")  # scaled, saved and loaded by column
        if values.shape != (len(self.archs), len(self.metrics)):
            raise ValueError(f"{values.shape} scores for {len(self.archs)} architectures x {len(self.metrics)} metrics")
        if len(self.index) < len(self.archs):
            twice = next(a for i, a in enumerate(self.archs) if self.index[a] != i)
            raise InputError(f"architecture {twice!r} stands twice in the table")
        reasons = {arch: dict(why) for arch, why in self.reasons.items()}
        for i, k in np.argwhere(np.isinf(values)):
            reasons.setdefault(self.archs[i], {})[self.metrics[k]] = f"the score is {values[i, k]}"
        values[np.isinf(values)] = np.nan
        values.flags.writeable = False
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "reasons", reasons)

    def __len__(self) -> int:
        return len(self.archs)

    @cached_property
    def index(self) -> dict[str, int]:
        """Architecture -> row."""
        return {arch: i for i, arch in enumerate(self.archs)}

    @cached_property
    def idle(self) -> dict[str, str]:
        """Metric -> why it tells no two architectures apart: it is the same for all, or failed on all."""
        found = dict[str, str]()
        for name, column in zip(self.metrics, self.values.T, strict=True):
            if np.isnan(column).all():
                why = next((why[name] for why in self.reasons.values() if name in why), "no reason known")
                found[name] = f"has no score for any of the {len(self)} architectures ({why})"
            elif len(self) > 1 and np.nanmin(column) == np.nanmax(column) and not np.isnan(column).any():
                found[name] = f"is {column[0]:g} for all of the {len(self)} architectures"
        return found

    @cached_property
    def fingerprint(self) -> str:
        """Sixteen hex digits that stand for the architectures, the metrics and the scores."""
        digest = blake2b("\n".join((*self.archs, *self.metrics)).encode(), digest_size=8)
        digest.update(self.values.tobytes())
        return digest.hexdigest()

    def scaled(self, scaling: Scaling = "minmax") -> NDArray[np.float64]:
        """n x K scores in [0, 1], failed ones 0; see `scale`."""
        if scaling not in SCALINGS:
            raise InputError(f"unknown scaling {scaling!r}: choose from {', '.join(SCALINGS)}")
        return scale(self.values, scaling)

    def select(self, archs: Sequence[str] | None = None, metrics: Sequence[str] | None = None) -> "ScoreTable":
        """The table of only these architectures and metrics, in the order given."""
        archs = self.archs if archs is None else tuple(archs)
        metrics = self.metrics if metrics is None else tuple(metrics)
        for arch in archs:
            if arch not in self.index:
                raise InputError(f"architecture {arch!r} is not in the score table")
        _check_distinct(metrics)
        for name in metrics:
            if name not in self.metrics:
                raise InputError(f"the score table has no metric {name!r}: it has {', '.join(self.metrics)}")
        rows = [self.index[arch] for arch in archs]
        columns = [self.metrics.index(name) for name in metrics]
        reasons = {
            arch: kept
            for arch in archs
            if arch in self.reasons and (kept := {m: w for m, w in self.reasons[arch].items() if m in metrics})
        }
        return ScoreTable(archs, metrics, self.values[np.ix_(rows, columns)], reasons, self.provenance)

    def save(self, path: str | Path) -> None:
        """Writes the table as Parquet: `arch`, a column a metric, `reasons` (JSON), the provenance as metadata."""
        columns: dict[str, Any] = {"arch": pa.array(self.archs, pa.string())}
        for k, name in enumerate(self.metrics):
            columns[name] = pa.array(self.values[:, k], from_pandas=True)
        why = [json.dumps(self.reasons[arch]) if arch in self.reasons else None for arch in self.archs]
        columns[REASONS] = pa.array(why, pa.string())
        table = pa.table(columns).replace_schema_metadata({METADATA: json.dumps(dict(self.provenance))})
        with written_whole(Path(path)) as temporary:
            # Scores and architectures are distinct: a dictionary of them only costs.
            pq.write_table(table, temporary, use_dictionary=False, compression="zstd", write_page_checksum=True)

    @classmethod
    def load(cls, path: str | Path, metrics: Sequence[str] | None = None) -> "ScoreTable":
        """Reads a saved table, or any Parquet file with an `arch` column and numeric columns.

        metrics: the columns to take; every numeric one where None. Raises `InputError` where the file is missing or
        broken, or lacks a column.
        """
        numeric = column_names(path, numeric=True)
        names = tuple(numeric if metrics is None else metrics)
        _check_distinct(names)
        for name in names:
            if name not in numeric:
                words = "no numbers in" if name in column_names(path) else "no"
                raise InputError(f"{path} has {words} metric column {name!r}: it has {', '.join(numeric) or 'none'}")
        table = read_parquet(path, (*names, *({REASONS} & set(column_names(path)))))
        values = np.empty((len(table), len(names)), order="F")
        for k, name in enumerate(names):
            values[:, k] = table[name].cast(pa.float64()).to_numpy()
            if metrics is not None and len(table) and not np.isfinite(values[:, k]).any():
                raise InputError(f"{path}: metric column {name!r} is empty in all of its {len(table)} rows")
        try:
            archs = tuple(table["arch"].to_pylist())
            provenance = json.loads((table.schema.metadata or {}).get(METADATA, b"{}"))
            reasons = {}
            if REASONS in table.column_names:
                why = zip(archs, table[REASONS].to_pylist(), strict=True)
                reasons = {arch: json.loads(text) for arch, text in why if text is not None}
            return cls(archs, names, values, reasons, provenance)
        except (TypeError, AttributeError, json.JSONDecodeError, UnicodeDecodeError) as error:
            raise InputError(
                f"{path}: the architectures, reasons or provenance are not those of a table ({error})"
            ) from error
        except InputError as error:
            raise InputError(f"{path}: {error}") from error


def _check_distinct(metrics: Sequence[str]) -> None:
    for i, name in enumerate(metrics):
        if name in metrics[:i]:
            raise InputError(f"metric {name!r} is given twice")


def column_names(path: str | Path, *, numeric: bool = False) -> list[str]:
    """The columns of a Parquet file, or only those that hold numbers; nothing but its footer is read."""
    schema = _opened(path, pq.read_schema)
    for i, name in enumerate(schema.names):
        if name in schema.names[:i]:
            raise InputError(f"{path}: column {name!r} stands twice")
    return [f.name for f in schema if not numeric or pa.types.is_floating(f.type) or pa.types.is_integer(f.type)]


def read_parquet(path: str | Path, columns: Sequence[str] | None = None) -> pa.Table:
    """A Parquet file with an `arch` column of distinct architectures, read with one-line errors.

    columns: those to read besides `arch`, nothing else is; all where None.
    """
    has = column_names(path)
    for name in ("arch", *(columns or ())):
        if name not in has:
            raise InputError(f"{path} has no column {name!r}: it has {', '.join(has)}")
    wanted = None if columns is None else list(dict.fromkeys(("arch", *columns)))
    table: pa.Table = _opened(path, lambda file: pq.read_table(file, columns=wanted, page_checksum_verification=True))
    if table["arch"].null_count or not (
        pa.types.is_string(table.schema.field("arch").type) or pa.types.is_large_string(table.schema.field("arch").type)
    ):
        raise InputError(f"{path}: column 'arch' must hold one string in every row")
    return table


def _opened(path: str | Path, read: Callable[[Path], Any]) -> Any:
    path = Path(path)
    if not path.is_file():
        what = f"{str(path)!r} is a folder" if path.is_dir() else f"no file {str(path)!r}"
        raise InputError(f"{what}: give a Parquet file")
    try:
        return read(path)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        why = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"{str(path)!r} is not a readable Parquet file: {why}") from error
