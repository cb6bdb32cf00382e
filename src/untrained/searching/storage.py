"""The storage of studies: one clear line if it cannot be opened, or fails later."""

import json
import os
import re
import sqlite3
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from optuna.exceptions import DuplicatedStudyError, ExperimentalWarning
from optuna.storages import BaseStorage, InMemoryStorage, get_storage
from optuna.trial import TrialState

from untrained.errors import InputError, InputWarning, one_line, warn
from untrained.runtime.interrupts import check_interrupt
from untrained.runtime.urls import shown_error, shown_url
from untrained.samplers.attributes import set_together

try:
    from optuna.exceptions import UpdateFinishedTrialError
except ImportError:  # of Optuna 4.2, which raises its base
    UpdateFinishedTrialError = RuntimeError

ANSWERS = (KeyError, ValueError, TypeError, DuplicatedStudyError, UpdateFinishedTrialError)
"""Exceptions by which a storage answers a question; any other is a failure."""
JOURNAL, GRPC = "journal:", "grpc://"
"""How the addresses begin of storages that Optuna knows by classes, and not by URLs."""


REPEATABLE = (
    "get_",
    "check_",
    "set_study_",
    "set_trial_user_",
    "set_trial_system_",
    "set_trial_inter",
    "set_trial_state",
)
"""How calls begin that may be made twice."""
CONNECTING = re.compile("connection (to server .*)?failed|could not connect|can't connect|refused", re.IGNORECASE)
"""What drivers say if they cannot connect."""
PATIENCE = 60.0
"""Seconds for which a database may be locked, or gone, as while its server is started again."""
MADE_AT_ONCE = re.compile("already exists|duplicate key|UNIQUE constraint|is locked", re.IGNORECASE)
"""What databases say if two processes make Optuna's tables at the same time: the second is to look again."""
PAUSE = 0.25
"""Seconds between two tries."""


class StorageFailed(InputError):
    """A storage that was opened does not work any more: a full disk, a lost connection."""


class GuardedStorage:
    """An Optuna storage whose failures are `StorageFailed`, wherever they appear.

    Optuna lets an error of the database through from any call: also from `trial.report` in the middle of an objective.
    Nothing else would tell it from an error of the objective. A database that is locked or gone has a minute to come
    back: the evaluation whose result it is told may have taken hours.

    Args:
        storage: What does the work.
        where: What messages call it.
    """

    def __init__(self, storage: BaseStorage, where: str) -> None:
        self.storage = storage
        self.where = where

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.storage, name)
        return self._guarded(name, found) if callable(found) else found

    def _guarded(self, name: str, found: Callable[..., Any]) -> Callable[..., Any]:
        """A call of the storage, by its name, that is tried again, or fails as said above."""

        def call(*args: Any, **options: Any) -> Any:
            deadline, waits, again = time.monotonic() + PATIENCE, False, False
            while True:
                try:
                    return found(*args, **options)
                except Exception as error:
                    if again and isinstance(error, UpdateFinishedTrialError) and self._has_ended(*args, **options):
                        return True  # the first try reached the storage, only its answer was lost
                    if isinstance(error, ANSWERS) and not isinstance(error, json.JSONDecodeError):
                        raise
                    why = one_line(error.__cause__ if isinstance(error.__cause__, Exception) else error)
                    if not may_come_back(error, name) or time.monotonic() > deadline:
                        raise StorageFailed(
                            f"storage {self.where} failed ({why}): mend it, and search again to go on"
                        ) from error
                    if not waits:
                        text = f"storage {self.where} does not answer ({why}): it has {PATIENCE:.0f} s to come back"
                        warn(text, InputWarning)
                    waits, again = True, name == "set_trial_state_values"
                    check_interrupt()
                    time.sleep(PAUSE)

        return call

    def set_trial_user_attributes(self, trial_id: int, attributes: Mapping[str, Any]) -> None:
        """Sets several attributes of a trial at once."""
        self._guarded("set_trial_user_attributes", partial(set_together, self.storage))(trial_id, attributes)

    def _has_ended(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        """Whether a trial has ended as it was to."""
        trial = self.storage.get_trial(trial_id)
        return trial.state == state and trial.values == (None if values is None else list(values))


def may_come_back(error: Exception, name: str) -> bool:
    """Tells whether a call that failed can be made again, because the database is locked, or gone for the moment.

    Args:
        error: What the storage raised.
        name: The call. Each is one transaction. If there was no connection, or it was lost before the transaction was
            committed, nothing was carried out. If it was lost just then, nobody knows, so only those calls are made
            again that do no harm twice.
    """
    from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError

    cause = error if isinstance(error, SQLAlchemyError) else error.__cause__
    if not isinstance(cause, OperationalError | InterfaceError):
        return False
    if isinstance(cause.orig, sqlite3.Error):
        return "locked" in str(cause.orig)  # and nothing was written; not a full disk, nor a missing file
    is_undone = cause.statement is not None or CONNECTING.search(str(cause.orig)) is not None
    return is_undone or name.startswith(REPEATABLE)


def open_storage(storage: str | BaseStorage | None, where: str) -> BaseStorage:
    """Opens a storage.

    Args:
        storage: An Optuna storage or its URL: of a database as Optuna takes it, `journal:path/to/file` for Optuna's
            journal file, or `grpc://host:port` for its gRPC proxy; None for memory.
        where: What messages call it.

    Returns:
        The storage, guarded (see `GuardedStorage`).

    Raises:
        InputError: It cannot be used.
    """
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError

    deadline = time.monotonic() + PATIENCE / 6
    while True:
        try:
            opened = InMemoryStorage() if storage is None else get_storage(_of_url(storage))
            return cast(BaseStorage, GuardedStorage(opened, where))
        except Exception as error:  # whatever a driver of a database raises
            cause = error.__cause__ if isinstance(error.__cause__, SQLAlchemyError) else error
            if isinstance(cause, DBAPIError) and MADE_AT_ONCE.search(str(cause)) and time.monotonic() < deadline:
                time.sleep(PAUSE)
                continue
            why = shown_error(cause, storage) if isinstance(storage, str) else one_line(cause)
            raise InputError(f"storage {where} cannot be used: {why}") from error


def _of_url(storage: str | BaseStorage) -> str | BaseStorage:
    """What Optuna opens."""
    if not isinstance(storage, str):
        return storage
    from optuna.storages import GrpcStorageProxy, JournalStorage
    from optuna.storages.journal import JournalFileBackend

    if storage.startswith(JOURNAL):
        return JournalStorage(JournalFileBackend(storage.removeprefix(JOURNAL)))
    if storage.startswith(GRPC):
        host, colon, port = storage.removeprefix(GRPC).rpartition(":")
        if not (host and colon and port.isdecimal()):
            raise InputError("give grpc://host:port")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            return GrpcStorageProxy(host=host, port=int(port))
    return storage


def unguarded(storage: BaseStorage) -> BaseStorage:
    """The storage itself, as its owner gave it."""
    return storage.storage if isinstance(storage, GuardedStorage) else storage


def sqlite_url(path: Path, *, read_only: bool = False) -> str:
    """The URL of a SQLite file, whatever characters its path has.

    Args:
        path: The file.
        read_only: Neither make the file nor write to it.
    """
    from sqlalchemy.engine import URL

    # SQLite's own URI form, quoted for SQLite; `URL` quotes it once more if SQLAlchemy unquotes (2.1 does, 2.0 not).
    query = {"uri": "true"} | ({"mode": "ro"} if read_only else {})
    return URL.create("sqlite", database=f"file:{quote(os.fsencode(path.resolve()))}", query=query).render_as_string()


def shown_storage(storage: str | BaseStorage | None) -> str:
    """What messages call a storage: its URL without what may be a password."""
    if isinstance(storage, str):
        return storage if storage.startswith(JOURNAL) else shown_url(storage)
    return "in memory" if storage is None else type(storage).__name__
