"""What the folder of a search remembers of its data: what they are, and which sample is in which split."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from untrained.data import Data
from untrained.errors import InputError
from untrained.runtime.files import parsed, removed, written_whole

DATA_FILE, SPLITS_FILE = "data.json", "splits.parquet"


def remember(folder: Path, data: Data) -> None:
    """Writes `data.json` and, if the splits are rows of one source, `splits.parquet`. Equal ones are left alone.

    Args:
        folder: The folder of a search.
        data: Its data.

    Raises:
        InputError: A file cannot be written.
    """
    text = json.dumps(data.about(), indent=1) + "\n"
    path = folder / DATA_FILE
    if path.is_file() and path.read_text() == text:
        return
    splits = _splits(data)
    if splits is None:
        removed(folder / SPLITS_FILE)
    else:
        with written_whole(folder / SPLITS_FILE) as temporary:
            pq.write_table(splits, temporary)
    with written_whole(path) as temporary:  # last: whoever finds it finds the splits, too
        temporary.write_text(text)


def recall(folder: Path) -> dict[str, Any] | None:
    """Reads what `remember` wrote; None if the search had no data, or is of an earlier version.

    Args:
        folder: The folder of a search.

    Raises:
        InputError: The file is broken.
    """
    path = folder / DATA_FILE
    if not path.is_file():
        return None
    try:
        document = parsed(path.read_text())
        if isinstance(document, dict) and {"name", "fingerprint"} <= document.keys():
            return document
    except ValueError:  # no JSON, or no UTF-8
        pass
    raise InputError(f"{path} is broken: delete it and run the search again, which writes it anew")


def check_same_data(folder: Path, data: Data) -> None:
    """Makes sure that data are those of a search.

    Args:
        folder: The folder of the search.
        data: The data.

    Raises:
        InputError: They are others, or have changed since.
    """
    known = recall(folder)
    found = json.loads(json.dumps(data.fingerprint))
    if known is None or known["fingerprint"] == found:
        return
    sizes = {name: count for name, count in data.about()["sizes"].items() if count}
    before = {name: count for name, count in known.get("sizes", {}).items() if count}
    what = "other samples, labels or splits" if sizes == before else f"sizes {_said(sizes)}, not {_said(before)}"
    raise InputError(
        f"{data.name} is not the data that the search in {folder} was made with ({what}): give the same data"
    )


def _said(sizes: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sizes.items())


def _splits(data: Data) -> pa.Table | None:
    rows = data.rows()
    if rows is None:
        return None
    names = [name for name, places in rows.items() for _ in places]
    places = np.concatenate([np.asarray(places, np.int64) for places in rows.values()])
    order = np.argsort(places, kind="stable")
    columns = {"row": places[order], "split": [names[place] for place in order]}
    if (files := data.files()) is not None:
        columns["file"] = [files[row] for row in places[order]]
    return pa.table(columns)
