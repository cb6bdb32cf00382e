"""The storage of studies: one clear line if it cannot be opened, or fails later."""

import json
import os
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from optuna.exceptions import DuplicatedStudyError, UpdateFinishedTrialError
from optuna.storages import BaseStorage, InMemoryStorage, get_storage
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from untrained.errors import InputError, one_line
from untrained.runtime.urls import shown_error, shown_url

ANSWERS = (KeyError, ValueError, TypeError, DuplicatedStudyError, UpdateFinishedTrialError)
"""Exceptions by which a storage answers a question; any other is a failure."""


class StorageFailed(InputError):
    """A storage that was opened does not work any more: a full disk, a lost connection."""


class GuardedStorage:
    """An Optuna storage whose failures are `StorageFailed`, wherever they appear.

    Optuna lets an error of the database through from any call: also from `trial.report` in the middle of an objective.
    Nothing else would tell it from an error of the objective.

    Args:
        storage: What does the work.
        where: What messages call it.
    """

    def __init__(self, storage: BaseStorage, where: str) -> None:
        self.storage = storage
        self.where = where

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.storage, name)
        if not callable(found):
            return found

        def call(*args: Any, **options: Any) -> Any:
            try:
                return found(*args, **options)
            except Exception as error:
                if isinstance(error, ANSWERS) and not isinstance(error, json.JSONDecodeError):
                    raise
                why = one_line(error.__cause__ if isinstance(error.__cause__, Exception) else error)
                raise StorageFailed(
                    f"storage {self.where} failed ({why}): mend it, and search again to go on"
                ) from error

        return call


def open_storage(storage: str | BaseStorage | None, where: str) -> BaseStorage:
    """Opens a storage.

    Args:
        storage: An Optuna storage or its URL; None for memory.
        where: What messages call it.

    Returns:
        The storage, guarded (see `GuardedStorage`).

    Raises:
        InputError: It cannot be used.
    """
    try:
        opened = InMemoryStorage() if storage is None else get_storage(storage)
    except Exception as error:  # whatever a driver of a database raises
        cause = error.__cause__ if isinstance(error.__cause__, SQLAlchemyError) else error
        why = shown_error(cause, storage) if isinstance(storage, str) else one_line(cause)
        raise InputError(f"storage {where} cannot be used: {why}") from error
    return cast(BaseStorage, GuardedStorage(opened, where))


def unguarded(storage: BaseStorage) -> BaseStorage:
    """The storage itself, as its owner gave it."""
    return storage.storage if isinstance(storage, GuardedStorage) else storage


def sqlite_url(path: Path, *, read_only: bool = False) -> str:
    """The URL of a SQLite file, whatever characters its path has.

    Args:
        path: The file.
        read_only: Neither make the file nor write to it.
    """
    # SQLite's own URI form, quoted for SQLite; `URL` quotes it once more if SQLAlchemy unquotes (2.1 does, 2.0 not).
    query = {"uri": "true"} | ({"mode": "ro"} if read_only else {})
    return URL.create("sqlite", database=f"file:{quote(os.fsencode(path.resolve()))}", query=query).render_as_string()


def shown_storage(storage: str | BaseStorage | None) -> str:
    """What messages call a storage: its URL without what may be a password."""
    if isinstance(storage, str):
        return shown_url(storage)
    return "in memory" if storage is None else type(storage).__name__
