"""Reads what stands in the folder of a search: also after a kill, and if the folder is read-only.

PyTorch and Optuna are imported where they are needed: a finished search is read without them.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from untrained.errors import InputError, listed
from untrained.runtime.files import parsed

BEST_FILE, STUDY_FILE, RUN_FILE, TRAINED_FILE = "best.json", "study.db", "run.json", "trained.json"


def load_summary(folder: str | Path, study: str | None = None) -> dict[str, Any]:
    """Reads the summary of a search.

    Args:
        folder: Its folder.
        study: Which of the searches in the folder; None for the latest.

    Returns:
        See `Result.summary`; the test figures are missing if the search is unfinished or not the latest.

    Raises:
        InputError: There is no such search.
    """
    folder = Path(folder)
    best = read_json(folder / BEST_FILE) if (folder / BEST_FILE).is_file() else None
    if best is not None and study in (None, best.get("study")):
        return best
    if not (folder / STUDY_FILE).is_file():
        raise InputError(f"no search in {str(folder)!r}: it has neither {BEST_FILE} nor {STUDY_FILE}")

    from untrained.searching.result import summary_of
    from untrained.searching.studies import latest_search, searches

    with studies_in(folder) as storage:
        found = {one.study_name: one for one in searches(storage)}
        if study is not None and study not in found:
            raise InputError(f"no search {study!r} in {str(folder)!r}: it has {listed(found)}")
        chosen = latest_search(storage) if study is None else found[study]
        if chosen is None:
            raise InputError(f"the search in {str(folder)!r} has not begun its first query")
        return summary_of(loaded(storage, chosen))


def other_searches(folder: str | Path, shown: str) -> list[str]:
    """Describes the other searches of a folder.

    Args:
        folder: The folder.
        shown: The name of the study to leave out.

    Returns:
        One line for each search.
    """
    folder = Path(folder)
    if not (folder / STUDY_FILE).is_file():
        return []
    with studies_in(folder) as storage:
        if len(storage.get_all_studies()) == 1:
            return []
        from untrained.searching.studies import has_history, searches

        others = [one for one in searches(storage) if one.study_name != shown]
        return [_line(loaded(storage, one)) for one in others if has_history(storage, one._study_id)]


def load_refit(folder: str | Path) -> dict[str, Any] | None:
    """Reads `trained.json`.

    Args:
        folder: The folder of a search.

    Returns:
        What `Refit.to_json` gave; None if nothing was trained.

    Raises:
        InputError: The file is broken.
    """
    path = Path(folder) / TRAINED_FILE
    if not path.is_file():
        return None
    try:
        document = parsed(path.read_text())
        if {"network", "architectures", "metric", "on"} <= document.keys():
            return document
    except (ValueError, AttributeError):
        pass
    raise InputError(f"{path} is broken: delete it and train again, which only writes it anew")


@contextmanager
def studies_in(folder: Path) -> Iterator[Any]:
    """Reads the studies in a folder without writing to it.

    A search that was killed in the middle of a commit leaves a journal beside its study. Only a connection that may
    write can roll it back: then a copy is read.
    """
    from untrained.searching.storage import sqlite_url

    path = folder / STUDY_FILE
    with ExitStack() as stack:
        try:
            # Not to write: a search that is just making its tables must not meet us making them, too.
            storage = _opened(sqlite_url(path, read_only=True), path)
        except InputError:
            copy = stack.enter_context(tempfile.TemporaryDirectory())
            for part in folder.glob(f"{STUDY_FILE}*"):
                shutil.copy(part, copy)
            try:
                storage = _opened(sqlite_url(Path(copy) / STUDY_FILE), path)
            except InputError as error:
                raise InputError(f"the search in {str(folder)!r} cannot be read: {error}") from error
        yield storage


def _opened(url: str, path: Path) -> Any:
    from untrained.searching.storage import open_storage

    storage = open_storage(url, str(path))
    storage.get_all_studies()  # reads, which opening alone need not do
    return storage


def loaded(storage: Any, found: Any) -> Any:
    """The study itself, of one that a storage has listed."""
    import optuna

    return optuna.load_study(study_name=found.study_name, storage=storage)


def _line(study: Any) -> str:
    from untrained.samplers.query import best_query, queries

    best = best_query(study)
    value = "no value yet" if best is None else f"best {best.value:.2f}"
    return f"{study.study_name} ({len(queries(study))} queries, {value})"


def read_json(path: Path) -> dict[str, Any]:
    """Reads a file that a search has written.

    Raises:
        InputError: It holds no JSON object.
    """
    try:
        document = parsed(path.read_text())
        if isinstance(document, dict):
            return document
    except ValueError:  # no JSON, or no UTF-8
        pass
    raise broken(path)


def broken(path: Path) -> InputError:
    """The error for a file that does not hold what it should."""
    how = "train" if path.name == TRAINED_FILE else "run the search"
    return InputError(f"{path} is broken: delete it and {how} again")
