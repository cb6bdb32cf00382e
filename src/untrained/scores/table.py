"""The table of scores: architectures x metrics."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from untrained.data.tables import TableFile, open_table
from untrained.errors import InputError, listed
from untrained.metrics import METRICS
from untrained.runtime.files import parsed, written_whole
from untrained.scores.scaling import SCALINGS, Scaling, placed, scale

METADATA = b"untrained"
DIRECTIONS = b"untrained.directions"
REASONS = "reasons"
NOT_SCORED = "not scored yet"
"""The reason of a cell that nobody has asked for: its architecture and its metric came at different times."""
BLAME = (
    *("the score is ", "not all finite", "exceeds double precision", "the loss is ", "no logarithm"),
    *("singular", "kernel is zero", "is constant", "depend on the parameters", "depend on the input"),
)
"""What a reason says if the network's own numbers are to blame, and not that the metric cannot read such a network."""


@dataclass(frozen=True, eq=False)
class ScoreTable:
    """Scores of a pool of architectures; immutable.

    Args:
        archs: n distinct architectures.
        metrics: K distinct names.
        values: n x K scores, NaN for a missing one. An infinite score is a failed one.
        reasons: architecture -> metric -> why there is no score.
        provenance: what the scores were made with (space, seed, batch, versions); empty for a published table.
        directions: K numbers: 1 if a higher score is held to be better, -1 if a lower one is. By default those of the
            registered metrics of these names, and 1 for an unknown name.
        quantiles: n x K: the place of each score, between 0 and 1, in a larger pool of which these architectures are a
            part; NaN for a metric that is the same for all. None if they are the pool. It is not saved.

    Raises:
        InputError: an architecture or a metric is given twice, or a direction is neither 1 nor -1.
        ValueError: the shape of `values` does not fit.

    Example:
        >>> import numpy as np
        >>> table = ScoreTable(("a", "b"), ("snip", "ntk_condition_number"), np.array([[1.0, 9.0], [2.0, 4.0]]))
        >>> table.directions
        (1, -1)
        >>> table.upward.tolist()
        [[1.0, -9.0], [2.0, -4.0]]
    """

    archs: tuple[str, ...]
    metrics: tuple[str, ...]
    values: NDArray[np.float64]
    reasons: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    directions: tuple[int, ...] = ()
    quantiles: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        values = np.array(self.values, dtype=np.float64, order="F")  # scaled, saved and loaded by column
        if values.shape != (len(self.archs), len(self.metrics)):
            raise ValueError(f"{values.shape} scores for {len(self.archs)} architectures x {len(self.metrics)} metrics")
        if len(self.index) < len(self.archs):
            twice = next(a for i, a in enumerate(self.archs) if self.index[a] != i)
            raise InputError(f"architecture {twice!r} stands twice in the table")
        _check_distinct(self.metrics)
        directions = tuple(self.directions or map(_direction, self.metrics))
        if len(directions) != len(self.metrics) or not {*directions} <= {1, -1}:
            raise InputError(f"directions {directions} for {len(self.metrics)} metrics: give 1 or -1 for each")
        reasons = {arch: dict(why) for arch, why in self.reasons.items()}
        for i, k in np.argwhere(np.isinf(values)):
            reasons.setdefault(self.archs[i], {})[self.metrics[k]] = f"the score is {values[i, k]}"
        values[np.isinf(values)] = np.nan
        values.flags.writeable = False
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "reasons", reasons)
        object.__setattr__(self, "directions", directions)

    def __len__(self) -> int:
        return len(self.archs)

    @cached_property
    def index(self) -> dict[str, int]:
        """Architecture -> row."""
        return {arch: i for i, arch in enumerate(self.archs)}

    @cached_property
    def upward(self) -> NDArray[np.float64]:
        """n x K scores, turned so that higher is held to be better; NaN for a missing one."""
        return self.values * np.array(self.directions, dtype=np.float64)

    @cached_property
    def merits(self) -> NDArray[np.float64]:
        """n x K: `upward`, in which a score that the metric has no reading for is the median of its column.

        See `unread`. What is still NaN counts as the worst.
        """
        return placed(self.upward, self.unread)

    @cached_property
    def unread(self) -> NDArray[np.bool_]:
        """n x K: whether a metric has no reading of the network, which says nothing of how good the network is.

        So it is if there is no score, and a reason that does not blame the network's numbers: "the network calls no
        ReLU", say. If the score is not finite, the kernel is singular, or nobody knows why it is missing, as in a
        published table, it counts as the worst, as it does in RoBoT's own code.
        """
        unread = np.zeros(self.values.shape, dtype=bool)
        column = {name: k for k, name in enumerate(self.metrics)}
        for arch, why in self.reasons.items():
            for name, reason in why.items():
                if arch in self.index and name in column and not any(words in reason for words in BLAME):
                    unread[self.index[arch], column[name]] = True
        return unread & np.isnan(self.values)

    @cached_property
    def missing(self) -> dict[str, str]:
        """Metric -> how many of its scores are missing, and the most frequent reason."""
        found = dict[str, str]()
        for name, column in zip(self.metrics, self.values.T, strict=True):
            if count := int(np.isnan(column).sum()):
                reasons = Counter(why[name] for why in self.reasons.values() if name in why).most_common(1)
                why = reasons[0][0] if reasons else "no reason known"
                found[name] = f"{count} of {len(self)} missing: {why.removeprefix('ValueError: ')}"
        return found

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
        """Sixteen hex digits that stand for all that a sampler sees: architectures, metrics, directions, scores."""
        names = (*self.archs, *self.metrics, *map(str, self.directions))
        digest = blake2b("\n".join(names).encode(), digest_size=8)
        digest.update(self.values.tobytes())
        digest.update(self.unread.tobytes())
        if self.quantiles is not None:
            digest.update(self.quantiles.tobytes())
        return digest.hexdigest()

    def scaled(self, scaling: Scaling = "minmax") -> NDArray[np.float64]:
        """Scales each column over the pool.

        Args:
            scaling: "minmax", "rank" or "log".

        Returns:
            n x K numbers in [0, 1], in the metrics' own directions. A missing score is 0, or the column's median if the
            metric has no reading of the network (`unread`).

        Raises:
            InputError: an unknown scaling.
        """
        if scaling not in SCALINGS:
            raise InputError(f"unknown scaling {scaling!r}: choose from {', '.join(SCALINGS)}")
        return scale(self.values, scaling, self.unread)

    def select(self, archs: Sequence[str] | None = None, metrics: Sequence[str] | None = None) -> "ScoreTable":
        """Returns the table of only these architectures and metrics, in the order given.

        Args:
            archs: some of the table's architectures; all by default.
            metrics: some of its metrics; all by default.

        Raises:
            InputError: the table lacks one of them, or a metric is given twice.
        """
        archs = self.archs if archs is None else tuple(archs)
        metrics = self.metrics if metrics is None else tuple(metrics)
        for arch in archs:
            if arch not in self.index:
                raise InputError(f"architecture {arch!r} is not in the score table")
        _check_distinct(metrics)
        for name in metrics:
            if name not in self.metrics:
                raise InputError(f"the score table has no metric {name!r}: it has {listed(self.metrics)}")
        rows = [self.index[arch] for arch in archs]
        columns = [self.metrics.index(name) for name in metrics]
        reasons = {
            arch: kept
            for arch in archs
            if arch in self.reasons and (kept := {m: w for m, w in self.reasons[arch].items() if m in metrics})
        }
        directions = tuple(self.directions[k] for k in columns)
        picked = np.ix_(rows, columns)
        places = None if self.quantiles is None else self.quantiles[picked]
        return ScoreTable(archs, metrics, self.values[picked], reasons, self.provenance, directions, places)

    def save(self, path: str | Path) -> None:
        """Writes the table as Parquet, or as CSV.

        The file has the columns `arch`, one for each metric, and `reasons` (JSON). Directions and provenance are
        metadata of a Parquet file; CSV has no place for them, so that a CSV file cannot be extended later.

        Args:
            path: the file, which is written whole or not at all; CSV if its name ends in `.csv`.

        Raises:
            InputError: it cannot be written.
        """
        columns: dict[str, Any] = {"arch": pa.array(self.archs, pa.string())}
        for k, name in enumerate(self.metrics):
            columns[name] = pa.array(self.values[:, k], from_pandas=True)
        why = [json.dumps(self.reasons[arch]) if arch in self.reasons else None for arch in self.archs]
        columns[REASONS] = pa.array(why, pa.string())
        directions = dict(zip(self.metrics, self.directions, strict=True))
        metadata = {METADATA: json.dumps(dict(self.provenance)), DIRECTIONS: json.dumps(directions)}
        table = pa.table(columns).replace_schema_metadata(metadata)
        with written_whole(Path(path)) as temporary, temporary.open("wb") as file:  # Arrow takes UTF-8 paths only
            if Path(path).suffix == ".csv":
                pc.write_csv(table, file)
                return
            # Scores and architectures are distinct: a dictionary of them only costs.
            pq.write_table(table, file, use_dictionary=False, compression="zstd", write_page_checksum=True)

    @classmethod
    def load(cls, path: str | Path | TableFile, metrics: Sequence[str] | None = None) -> "ScoreTable":
        """Reads a saved table, or any Parquet, CSV or JSON file of architectures and numbers.

        Args:
            path: the file, or one opened with `untrained.data.tables.open_table`.
            metrics: the columns to take; every one of numbers by default.

        Returns:
            The table. If the file does not tell the direction of a column, that of the registered metric of its name is
            taken.

        Raises:
            InputError: the file is missing or broken, or lacks a column, or a column asked for has no value at all.

        Example:
            >>> ScoreTable.load("scores.parquet", ["snip", "synflow"])  # doctest: +SKIP
        """
        file = open_table(path)
        names = file.numeric if metrics is None else tuple(metrics)
        _check_distinct(names)
        for name in names:
            if name not in file.numeric:
                words = f"metric column {name!r}: it has {listed(file.numeric)}"
                raise InputError(f"{file.path} has no {f'numbers in {words}' if name in file.others else words}")
        table = file.read(names, [REASONS] if REASONS in file.others else [])
        values = np.empty((len(table), len(names)), order="F")
        for k, name in enumerate(names):
            values[:, k] = table[name].to_numpy()
            if metrics is not None and len(table) and not np.isfinite(values[:, k]).any():
                raise InputError(f"{file.path}: metric column {name!r} is empty in all of its {len(table)} rows")
        try:
            archs = tuple(table["arch"].to_pylist())
            provenance = parsed(file.metadata.get(METADATA, b"{}"))
            told = parsed(file.metadata.get(DIRECTIONS, b"{}"))
            directions = tuple(told.get(name, _direction(name)) for name in names)
            reasons = {}
            if REASONS in table.column_names:
                why = zip(archs, table[REASONS].to_pylist(), strict=True)
                reasons = {arch: parsed(text) for arch, text in why if text}
            return cls(archs, names, values, reasons, provenance, directions)
        except (TypeError, AttributeError, json.JSONDecodeError, UnicodeDecodeError) as error:
            raise InputError(
                f"{file.path}: the reasons or the provenance are not those of a table of scores ({error})"
            ) from error
        except InputError as error:
            raise InputError(f"{file.path}: {error}") from error


def _direction(name: str) -> int:
    """The direction of the registered metric called `name`, whatever its options are; 1 if there is none."""
    metric = METRICS.get(name.partition("(")[0])
    return 1 if metric is None else metric.direction


def _check_distinct(metrics: Sequence[str]) -> None:
    for i, name in enumerate(metrics):
        if name in metrics[:i]:
            raise InputError(f"metric {name!r} is given twice")
