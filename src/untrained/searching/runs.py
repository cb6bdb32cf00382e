"""The searches below a folder: what each was, how far it came, what it found.

Folders may be a stranger's: nothing in them is run, and nothing is written to them.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from untrained.errors import InputError
from untrained.searching.attributes import BEGUN, IDENTITY, VERSIONS
from untrained.searching.folder import (
    BEST_FILE,
    RUN_FILE,
    STUDY_FILE,
    broken,
    load_refit,
    loaded,
    read_json,
    studies_in,
)

OWN = (BEST_FILE, STUDY_FILE, RUN_FILE)
"""A folder with one of these files is one of a search."""


@dataclass(frozen=True)
class Run:
    """A search as its folder tells of it.

    Args:
        folder: The folder.
        summary: See `Result.summary`; without test figures and sizes if the search is unfinished.
        finished: Whether it came to its end.
        began: When it began, or went on last, in seconds since 1970.
        identity: All that its history depends on, and its `versions`; empty if the study is not in the folder.
        trained: What `untrained train` left there for its pick: figure -> mean over the seeds.
    """

    folder: Path
    summary: Mapping[str, Any]
    finished: bool
    began: float
    identity: Mapping[str, Any] = field(default_factory=dict)
    trained: Mapping[str, float] = field(default_factory=dict)

    @property
    def measure(self) -> str:
        """The name of its values."""
        return measure_of(self.summary)

    def to_json(self) -> dict[str, Any]:
        """The run as a JSON object: its settings in short, how far it came, its best architecture."""
        told = {key: self.summary[key] for key in ("space", "space_options", "sampler", "seed", "direction")}
        made = self.summary["queries"]
        return {
            "folder": str(self.folder),
            "study": self.summary["study"],
            "finished": self.finished,
            "began": datetime.fromtimestamp(self.began, UTC).isoformat(timespec="seconds"),
            **told,
            "data": data_of(self.summary),
            "queries": len(made),
            "failed": sum(query.get("value") is None for query in made),
            "budget": self.summary["budget"],
            "measure": self.measure,
            "best": self.summary["best"],
            **({"trained": dict(self.trained)} if self.trained else {}),
            "seconds": self.summary.get("seconds"),
            "cost_seconds": sum(query.get("cost_seconds") or 0 for query in made),
        }


def measure_of(summary: Mapping[str, Any]) -> str:
    """What the values of a search are called.

    Args:
        summary: See `Result.summary`.

    Example:
        >>> measure_of({"objective": {"kind": "table", "column": "val_acc"}})
        'val_acc'
    """
    objective = summary["objective"]
    if objective.get("kind") == "training":
        return f"valid_{objective['metric']}"
    return str(objective.get("column", "value"))


def data_of(summary: Mapping[str, Any]) -> str:
    """What a search evaluated on: the name of its data, the file of a table, or the name of a function.

    Args:
        summary: See `Result.summary`.

    Example:
        >>> data_of({"objective": {"kind": "table", "file": "t.parquet", "column": "val_acc"}})
        't.parquet'
    """
    objective = summary["objective"]
    data = objective.get("data", objective.get("file", objective.get("name", objective.get("kind", ""))))
    return str(data[0]) if isinstance(data, list) and data else str(data)


def find_runs(root: str | Path) -> tuple[list[Run], dict[Path, str]]:
    """Finds the searches in a folder and in all folders below it, links to folders left alone.

    Args:
        root: The folder.

    Returns:
        The searches by folder, those of one folder by when they began; and folder -> why a search cannot be told of:
        it is broken, or has not begun its first query.

    Raises:
        InputError: There is no such folder, or no search below it.

    Example:
        ```python
        runs, others = find_runs("runs")
        print([(run.folder, run.measure, run.summary["best"]) for run in runs])
        ```
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"no folder {str(root)!r}: give one that holds the --out folders of searches")
    found, others = list[Run](), dict[Path, str]()
    for folder in _folders(root, others):
        try:
            found += read_runs(folder)
        except InputError as error:
            others[folder] = str(error)
    if not (found or others):
        raise InputError(f"no search in {str(root)!r} nor below it: give a folder that holds the --out of a search")
    return found, others


def read_runs(folder: str | Path) -> list[Run]:
    """Reads all searches of one folder.

    Args:
        folder: The --out folder of searches.

    Returns:
        At least one, the latest last.

    Raises:
        InputError: There is no such folder, or no search in it that has begun.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"no folder {str(folder)!r}: give the --out folder of a search")
    if not any((folder / name).is_file() for name in OWN):
        raise InputError(f"no search in {str(folder)!r}: it has neither {BEST_FILE} nor {STUDY_FILE}")
    best = read_json(folder / BEST_FILE) if (folder / BEST_FILE).is_file() else None
    trained = load_refit(folder)
    try:
        found = list(_studied(folder, best)) if (folder / STUDY_FILE).is_file() else []
        if best is not None and not any(run.finished for run in found):  # the study lies elsewhere
            found.append(Run(folder, best, True, (folder / BEST_FILE).stat().st_mtime))
        runs = [_with_trained(run, trained) for run in found]
        for run in runs:
            run.to_json()
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise broken(folder / (BEST_FILE if best is not None else STUDY_FILE)) from error
    if not runs:
        where = "" if (folder / STUDY_FILE).is_file() else f", or its study lies elsewhere (see {RUN_FILE})"
        raise InputError(f"the search in {str(folder)!r} has not begun its first query{where}")
    return runs


def _folders(root: Path, others: dict[Path, str]) -> Iterator[Path]:
    def unreadable(error: OSError) -> None:
        others[Path(error.filename)] = f"cannot be read: {error.strerror}"

    for place, below, files in os.walk(root, onerror=unreadable):
        below[:] = sorted(name for name in below if not name.startswith("."))
        if not set(OWN).isdisjoint(files):
            yield Path(place)


def _studied(folder: Path, best: Mapping[str, Any] | None) -> Iterator[Run]:
    """The searches of `study.db`; only those that are not in `best.json` take PyTorch to be summed up."""
    with studies_in(folder) as storage:
        studies = [study for study in storage.get_all_studies() if IDENTITY in study.user_attrs]
        for study in sorted(studies, key=lambda study: study.user_attrs.get(BEGUN, 0.0)):
            attrs, finished = study.user_attrs, best is not None and best.get("study") == study.study_name
            if best is None or not finished:
                from untrained.searching.result import summary_of

                summary = summary_of(loaded(storage, study))
                finished = len(summary["queries"]) >= summary["budget"]
            else:
                summary = best
            identity = {**attrs[IDENTITY], "versions": attrs.get(VERSIONS, {})}
            yield Run(folder, summary, finished, attrs.get(BEGUN, 0.0), identity)


def _with_trained(run: Run, trained: Mapping[str, Any] | None) -> Run:
    """The run with what was trained of it, if that is of this very search."""
    if trained is None or trained.get("search") != run.summary["study"]:
        return run
    chosen = trained["network"]["architecture"]
    mine = next((one for one in trained["architectures"] if one["architecture"] == chosen), {})
    figures = {f"{of}_{name}": spread["mean"] for of in ("valid", "test") for name, spread in mine.get(of, {}).items()}
    return Run(run.folder, run.summary, run.finished, run.began, run.identity, figures)
