"""Several attributes of a trial at once: each by itself is a transaction, which waits for the disk."""

from collections.abc import Mapping
from typing import Any

from optuna.storages import JournalStorage, RDBStorage

MANY = "set_trial_user_attributes"
"""What a storage of this package has beside the methods of Optuna's."""


def write_attributes(storage: Any, trial_id: int, attributes: Mapping[str, Any]) -> None:
    """Sets attributes of a trial, together if the storage is one of this package.

    Args:
        storage: Any storage, as a study has it.
        trial_id: The trial.
        attributes: Name -> value (JSON), in the order in which they are written if they are not written together.
    """
    if len(attributes) > 1 and (many := getattr(type(storage), MANY, None)):
        many(storage, trial_id, attributes)
        return
    for name, value in attributes.items():
        storage.set_trial_user_attr(trial_id, name, value)


def set_together(storage: Any, trial_id: int, attributes: Mapping[str, Any]) -> None:
    """Sets attributes of a trial of Optuna's storage, in one transaction, or with one wait for the disk, if it can be.

    Args:
        storage: Optuna's.
        trial_id: The trial.
        attributes: Name -> value.
    """
    backend = getattr(storage, "_backend", None)
    if isinstance(storage, JournalStorage) and _in_one_go(storage, trial_id, attributes):
        return
    if isinstance(backend, RDBStorage) and _in_one_transaction(backend, trial_id, attributes):
        return
    for name, value in attributes.items():
        storage.set_trial_user_attr(trial_id, name, value)


def _in_one_go(journal: JournalStorage, trial_id: int, attributes: Mapping[str, Any]) -> bool:
    """Appends at once what Optuna appends for each attribute; False if this version does it in another way."""
    try:
        from optuna.storages.journal._storage import JournalOperation

        head = {"op_code": JournalOperation.SET_TRIAL_USER_ATTR, "worker_id": journal._replay_result.worker_id}
        lock, append, read = journal._thread_lock, journal._backend.append_logs, journal._sync_with_backend
    except (ImportError, AttributeError):
        return False
    with lock:
        append([{**head, "trial_id": trial_id, "user_attr": {name: value}} for name, value in attributes.items()])
        read()
    return True


def _in_one_transaction(database: RDBStorage, trial_id: int, attributes: Mapping[str, Any]) -> bool:
    """Does what Optuna does for one attribute several times before it commits; False if this version has other ways."""
    from sqlalchemy.exc import IntegrityError

    try:
        from optuna.storages._rdb.models import TrialUserAttributeModel
        from optuna.storages._rdb.storage import _create_scoped_session

        write = database._set_trial_attr_without_commit
    except (ImportError, AttributeError):
        return False
    try:
        with _create_scoped_session(database.scoped_session) as session:
            for name, value in attributes.items():
                write(session, TrialUserAttributeModel, trial_id, name, value)
    except IntegrityError:  # another process has just written one of them
        return False
    return True
