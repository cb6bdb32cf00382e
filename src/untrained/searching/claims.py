"""Keeps two searches out of one folder or one study at the same time."""

import fcntl
import os
import platform
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import BaseStorage

from untrained.errors import InputError
from untrained.runtime.files import remove_unfinished
from untrained.searching.storage import StorageFailed
from untrained.searching.weights import WEIGHTS_FOLDER

PREFIX = "untrained:claim:"
BEAT = 15.0
"""Seconds between two signs of life."""
PATIENCE = 60.0
"""A process of another machine that gave no sign of life for so many seconds is taken for dead."""

GLANCE = 0.5
"""Seconds that a search waits for a folder which another process may just be looking at."""

_held = set[str]()  # the claims of this process


@contextmanager
def only_search_in(folder: Path | None) -> Iterator[None]:
    """Makes a folder and holds it, so that no second search writes to it meanwhile.

    Args:
        folder: The folder; None for a search that keeps nothing.

    Raises:
        InputError: The folder cannot be made, or another search holds it.
    """
    if folder is None:
        yield
        return
    is_new = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise InputError(f"cannot make the folder {str(folder)!r}: {error.strerror}") from error
    try:
        _take(handle)
    except BlockingIOError as error:
        os.close(handle)
        raise InputError(
            f"another search is writing to {str(folder)!r}: wait for it, or give another folder"
        ) from error
    try:
        for place in (folder, folder / WEIGHTS_FOLDER):
            remove_unfinished(place)
        yield
    finally:
        if is_new:
            with suppress(OSError):  # it holds something: the search began
                folder.rmdir()
        os.close(handle)


def _take(handle: int) -> None:
    """Locks an open folder for this process.

    Raises:
        BlockingIOError: Another process has it.
    """
    until = time.monotonic() + GLANCE
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the system lifts it, however the process ends
            return
        except BlockingIOError:  # `is_at_work_in` has it for a moment
            if time.monotonic() > until:
                raise
            time.sleep(0.02)


def is_at_work_in(folder: Path) -> bool:
    """Tells whether a process of this machine holds a folder for its search.

    Args:
        folder: The folder.

    Raises:
        InputError: It cannot be opened.
    """
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise InputError(f"no search in {str(folder)!r}: {error.strerror}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared: several may look at once
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def is_at_work_on(storage: BaseStorage, study_id: int) -> bool:
    """Tells whether a living process claims a study (see `only_search_of`).

    Args:
        storage: The storage of the study.
        study_id: Its number there.
    """
    return bool(_living(storage, study_id))


@contextmanager
def only_search_of(study: optuna.Study, where: str) -> Iterator[None]:
    """Claims a study for this process by means of the storage alone.

    Each process writes a claim of its own, then reads all of them: of two that start at once, at least one sees the
    other. The one that sees an older claim gives up; the older one waits until the newer has given up. A claim whose
    process is dead does not count: a process of this machine is looked up, one of another machine must have given a
    sign of life in the last minute.

    Args:
        study: The study.
        where: What messages call its storage.

    Raises:
        InputError: Another living process holds the study.
    """
    storage, mine = study._storage, uuid.uuid4().hex
    if isinstance(getattr(storage, "storage", storage), optuna.storages.InMemoryStorage):
        yield
        return
    owner = {"id": mine, "process": _process(), "pid": os.getpid(), "since": time.time()}
    stop = threading.Event()

    def write(state: str) -> None:
        storage.set_study_system_attr(study._study_id, PREFIX + mine, owner | {"state": state, "beat": time.time()})

    def beat() -> None:
        while not stop.wait(BEAT):
            with suppress(StorageFailed):  # a beat that is missed; a storage that is lost shows in the search itself
                write("held")

    _held.add(mine)
    thread = threading.Thread(target=beat, daemon=True)
    try:
        write("waiting")
        while others := _living(storage, study._study_id, mine):
            if any(_before(other, owner) or other["state"] == "held" for other in others):
                pid = others[0]["pid"]
                raise InputError(
                    f"another search (process {pid}) is at work on study {study.study_name!r} in {where}: "
                    "wait for it, or give another storage"
                )
            time.sleep(0.05)
        write("held")
        thread.start()
        yield
    finally:
        stop.set()
        if thread.is_alive():
            thread.join()
        _held.discard(mine)
        with suppress(StorageFailed):  # then the claim is that of a process which does not hold it
            storage.set_study_system_attr(study._study_id, PREFIX + mine, None)


def _before(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return (one["since"], one["id"]) < (other["since"], other["id"])


def _living(storage: BaseStorage, study_id: int, mine: str = "") -> list[Mapping[str, Any]]:
    """The claims of others that count."""
    attrs = storage.get_study_system_attrs(study_id)
    claims = [claim for key, claim in attrs.items() if key.startswith(PREFIX) and claim]
    return [claim for claim in claims if claim["id"] != mine and _is_alive(claim)]


def _is_alive(claim: Mapping[str, Any]) -> bool:
    here, there = _process(), claim["process"]
    if there["machine"] != here["machine"]:
        return time.time() - claim["beat"] < PATIENCE
    if claim["pid"] == os.getpid() and there == here:
        return claim["id"] in _held
    return _started(claim["pid"]) == there["started"]


def _process() -> dict[str, Any]:
    """What tells this process from every other, also from one that gets its number later."""
    namespace = Path("/proc/self/ns/pid")  # of a container
    boot = Path("/proc/sys/kernel/random/boot_id")
    machine = [
        platform.node(),
        boot.read_text().strip() if boot.exists() else "",
        str(namespace.readlink()) if namespace.is_symlink() else "",
    ]
    return {"machine": machine, "started": _started(os.getpid())}


def _started(pid: int) -> str:
    """When a process of this machine started, in whatever unit; "" if there is no such process."""
    if Path("/proc/self/stat").exists():
        try:
            # Field 22, counted after the name, which may hold blanks and brackets.
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
        except (OSError, IndexError):
            return ""
    return subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()
