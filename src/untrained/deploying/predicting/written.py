"""Predictions in a file."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from torch import Tensor
from torch.utils import _pytree as pytree

from untrained.deploying.predicting.predict import Predicted
from untrained.deploying.predicting.records import records
from untrained.errors import InputError, shown
from untrained.runtime.files import written_whole

ENDINGS = (".csv", ".json", ".parquet", ".npz")


def check_ending(path: Path) -> None:
    """Makes sure that predictions can be written to a file.

    Raises:
        InputError: Its ending is of no known format.
    """
    if path.suffix.lower() not in ENDINGS:
        raise InputError(f"predictions go to {', '.join(ENDINGS)} files, not to {shown(str(path), 80)}")


def write(path: Path, predicted: Predicted, top: int) -> None:
    """Writes predictions.

    Args:
        path: A .csv, .json or .parquet file of records; or an .npz file with an array `predictions` (n x K
            probabilities, n x h x w classes, ...) and the names of the `files`.
        predicted: The predictions.
        top: How many classes a record has.

    Raises:
        InputError: It cannot be written.
    """
    check_ending(path)
    with written_whole(path) as temporary:
        match path.suffix.lower():
            case ".csv":
                with temporary.open("w", newline="") as file:
                    write_csv(file, records(predicted, top))
            case ".json":
                temporary.write_text(json.dumps(records(predicted, top), indent=1) + "\n")
            case ".parquet":
                rows = records(predicted, top)
                names = columns_of(rows)
                pq.write_table(pa.table({name: [row.get(name) for row in rows] for name in names}), temporary)
            case _:
                with temporary.open("wb") as stream:
                    np.savez_compressed(stream, **_arrays(predicted))


def write_csv(file: TextIO, rows: Sequence[dict[str, Any]]) -> None:
    """Writes records as CSV.

    Args:
        file: Open for writing.
        rows: The records.
    """
    writer = csv.DictWriter(file, columns_of(rows), lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows({name: _short(value) for name, value in row.items()} for row in rows)


def _short(value: Any) -> Any:
    """Single precision has no more than 7 digits."""
    return f"{value:.7g}" if isinstance(value, float) else value


def columns_of(rows: Sequence[dict[str, Any]]) -> list[str]:
    """The names in all records, in the order of their first use."""
    return list(dict.fromkeys(name for row in rows for name in row))


def _arrays(predicted: Predicted) -> dict[str, Any]:
    samples = predicted.predictions
    leaves, _ = zip(*(pytree.tree_flatten(sample) for sample in samples), strict=True)
    named = ["predictions"] if len(leaves[0]) == 1 else [f"predictions_{name}" for name in _names(samples[0])]
    arrays = dict[str, Any]()
    for place, name in enumerate(named):
        parts = [sample[place] for sample in leaves]
        if len({part.shape if isinstance(part, Tensor) else None for part in parts}) == 1:
            arrays[name] = np.stack([part.numpy() for part in parts])
        else:
            arrays |= {f"{name}_{number}": part.numpy() for number, part in enumerate(parts)}
    return arrays | {"files": np.array(predicted.files)}


def _names(sample: Any) -> list[str]:
    return [pytree.keystr(path).strip("[].'\"") for path, _ in pytree.tree_flatten_with_path(sample)[0]]
