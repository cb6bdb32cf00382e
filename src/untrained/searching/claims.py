"""Keeps two searches out of one folder or one study at the same time, unless both are asked to share it."""

import fcntl
import os
import platform
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import BaseStorage

from untrained.errors import InputError, InputWarning, warn
from untrained.runtime.files import remove_unfinished
from untrained.runtime.interrupts import check_interrupt
from untrained.searching.storage import StorageFailed
from untrained.searching.weights import WEIGHTS_FOLDER

PREFIX = "untrained:claim:"
BEAT = 15.0
"""Seconds between two signs of life."""
PATIENCE = 60.0
"""A process of another machine that gave no sign of life for so many seconds is taken for dead."""
WATCH = 3 * BEAT
"""For so many seconds one is watched that is dead by the clock of this machine, as clocks differ."""

GLANCE = 0.5
"""Seconds that a search waits for a folder which another process may just be looking at."""

LOCK_FILE = ".lock"
"""Held by the one of several searches in a folder that is scoring."""

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
    with _opened(folder) as handle:
        try:
            _take(handle)
        except BlockingIOError as error:
            raise _busy(folder) from error
        for place in (folder, folder / WEIGHTS_FOLDER):
            remove_unfinished(place)
        yield


@contextmanager
def among_searches_in(folder: Path | None) -> Iterator[None]:
    """Makes a folder and holds it together with others that hold it in this way, and with no `only_search_in`.

    Args:
        folder: The folder; None for a search that keeps nothing.

    Raises:
        InputError: The folder cannot be made, or a search holds it alone.
    """
    if folder is None:
        yield
        return
    with _opened(folder) as handle:
        try:
            _take(handle, fcntl.LOCK_SH)
        except BlockingIOError as error:
            raise _busy(folder) from error
        yield


@contextmanager
def alone_for_now_in(folder: Path | None) -> Iterator[None]:
    """Waits until no other of the searches that share a folder does what it must do alone, as this one does now.

    Args:
        folder: The folder; None for a search that keeps nothing.

    Raises:
        KeyboardInterrupt: From `check_interrupt()`.
    """
    if folder is None:
        yield
        return
    handle = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                check_interrupt()
                time.sleep(0.1)
        yield
    finally:
        os.close(handle)


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    """Makes a folder and opens it; at the end, one that was made and is empty still is removed."""
    is_new = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise InputError(f"cannot make the folder {str(folder)!r}: {error.strerror}") from error
    try:
        yield handle
    finally:
        if is_new:
            with suppress(OSError):  # it holds something: the search began
                folder.rmdir()
        os.close(handle)


def _busy(folder: Path) -> InputError:
    return InputError(
        f"another search is writing to {str(folder)!r}: "
        "wait for it, give another folder, or have both search together (--join)"
    )


def _take(handle: int, how: int = fcntl.LOCK_EX) -> None:
    """Locks an open folder for this process.

    Raises:
        BlockingIOError: Another process has it.
    """
    until = time.monotonic() + GLANCE
    while True:
        try:
            fcntl.flock(handle, how | fcntl.LOCK_NB)  # the system lifts it, however the process ends
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
    except FileNotFoundError as error:
        raise InputError(
            f"no search in {str(folder)!r}: no such folder; a search that just begins makes it soon"
        ) from error
    except OSError as error:
        raise InputError(f"no search in {str(folder)!r}: {error.strerror}") from error
    try:
        _take(handle)  # for a moment; another that looks, too, is soon gone
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
    return bool(living_claims(storage, study_id))


@contextmanager
def only_search_of(study: optuna.Study, where: str) -> Iterator[None]:
    """Claims a study for this process by means of the storage alone.

    Each process writes a claim of its own, then reads all of them: of two that start at once, at least one sees the
    other. The one that sees an older claim gives up; the older one waits until the newer has given up. A claim whose
    process is dead does not count: see `lift_dead`.

    Args:
        study: The study.
        where: What messages call its storage.

    Raises:
        InputError: Another living process holds the study.
    """
    claim = Claim(study)
    if in_memory(claim.storage):
        yield
        return
    with claim.lifted():
        claim.write("waiting")
        lift_dead(claim, where)
        while others := living_claims(claim.storage, study._study_id, claim.id):
            if any(claim.is_after(other) or other["state"] != "waiting" for other in others):
                raise at_work(others, study, where)
            time.sleep(0.05)
        claim.write("held")
        claim.beat()
        yield


def in_memory(storage: BaseStorage) -> bool:
    """Whether no other process can reach a storage."""
    return isinstance(getattr(storage, "storage", storage), optuna.storages.InMemoryStorage)


class Claim:
    """What a process writes to a study to tell others that it is at work there.

    Args:
        study: The study.

    Attributes:
        id: Stands for this claim.
    """

    def __init__(self, study: optuna.Study) -> None:
        self.study = study
        self.storage = study._storage
        self.id = uuid.uuid4().hex
        self._owner = {"id": self.id, "process": this_process(), "pid": os.getpid(), "since": time.time()}
        self._state = ""
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def write(self, state: str) -> None:
        """Writes the claim: "waiting" for a study of its own, which it then has "held"; see `owners` for others."""
        self._state = state
        told = self._owner | {"state": state, "beat": time.time()}
        self.storage.set_study_system_attr(self.study._study_id, PREFIX + self.id, told)

    def is_after(self, other: Mapping[str, Any]) -> bool:
        """Whether another claim is the older one."""
        return (other["since"], other["id"]) < (self._owner["since"], self.id)

    def beat(self, also: Callable[[], None] = lambda: None, every: float = BEAT) -> None:
        """Gives signs of life from now on.

        Args:
            also: Called in between, every so many seconds, in a thread of its own.
            every: The seconds.
        """

        def beat() -> None:
            last = time.monotonic()
            while not self._stop.wait(min(every, BEAT)):
                with suppress(StorageFailed, KeyboardInterrupt):  # a beat that is missed: the search itself shows why
                    if time.monotonic() - last >= BEAT:
                        self.write(self._state)
                        last = time.monotonic()
                    also()

        self._thread = threading.Thread(target=beat, daemon=True)
        self._thread.start()

    @contextmanager
    def lifted(self) -> Iterator[None]:
        """Lifts the claim at the end of the block."""
        _held.add(self.id)
        try:
            yield
        finally:
            self._stop.set()
            if self._thread is not None:
                self._thread.join()
            _held.discard(self.id)
            with suppress(StorageFailed):  # then the claim is that of a process which does not hold it
                self.storage.set_study_system_attr(self.study._study_id, PREFIX + self.id, None)


def lift_dead(claim: Claim, where: str, states: Collection[str] = ("waiting", "held")) -> None:
    """Lifts the claims of processes that are dead.

    A process of this machine is looked up. One of another machine must have given a sign of life in the last minute;
    but clocks differ, so that one which seems not to have is watched for a while.

    Args:
        claim: That of this process.
        where: What messages call the storage.
        states: Claims in these states only.

    Raises:
        InputError: One that seemed dead is at work.
        KeyboardInterrupt: From `check_interrupt()`.
    """
    storage, study = claim.storage, claim.study
    others = [one for one in claims_of(storage, study._study_id) if one["id"] != claim.id and one["state"] in states]
    dead = [one for one in others if not is_alive(one)]
    far = {one["id"]: one["beat"] for one in dead if not _is_of_this_machine(one)}
    if far:
        warn(f"a search on another machine is at work in {where}, or was: {WATCH:.0f} s will show it", InputWarning)
    deadline = time.monotonic() + WATCH
    while far and time.monotonic() < deadline:
        check_interrupt()
        time.sleep(1.0)
        there = {one["id"]: one for one in claims_of(storage, study._study_id)}
        if alive := [there[name] for name, beat in far.items() if name in there and there[name]["beat"] != beat]:
            raise at_work(alive, study, where)
        far = {name: beat for name, beat in far.items() if name in there}
    for one in dead:
        storage.set_study_system_attr(study._study_id, PREFIX + one["id"], None)


def lift_ended(study: optuna.Study) -> None:
    """Lifts the claims on a finished search of processes of this machine that are dead: no search of it begins again.

    One that was killed while it lifted its own has left a transaction, too, whose file SQLite deletes when it writes.
    """
    for claim in claims_of(study._storage, study._study_id):
        if _is_of_this_machine(claim) and not is_alive(claim):
            study._storage.set_study_system_attr(study._study_id, PREFIX + claim["id"], None)


def at_work(others: Sequence[Mapping[str, Any]], study: optuna.Study, where: str) -> InputError:
    """The error of a search that would have to be alone, or of one that another will not have beside it."""
    return InputError(
        f"another search (process {others[0]['pid']}) is at work on study {study.study_name!r} in {where}: "
        "wait for it, give another storage, or have both search together (--join)"
    )


def claims_of(storage: BaseStorage, study_id: int) -> list[Mapping[str, Any]]:
    """All claims of a study, also those of processes that are dead."""
    attrs = storage.get_study_system_attrs(study_id)
    return [claim for key, claim in attrs.items() if key.startswith(PREFIX) and claim]


def living_claims(storage: BaseStorage, study_id: int, mine: str = "") -> list[Mapping[str, Any]]:
    """The claims of others that count."""
    return [claim for claim in claims_of(storage, study_id) if claim["id"] != mine and is_alive(claim)]


def is_alive(claim: Mapping[str, Any]) -> bool:
    """Whether the process of a claim lives, as far as the claim and the clock of this machine tell."""
    here, there = this_process(), claim["process"]
    if not _is_of_this_machine(claim):
        return abs(time.time() - claim["beat"]) < PATIENCE
    if claim["pid"] == os.getpid() and there == here:
        return claim["id"] in _held
    return started(claim["pid"]) == there["started"]


def _is_of_this_machine(claim: Mapping[str, Any]) -> bool:
    return claim["process"]["machine"] == this_process()["machine"]


def this_process() -> dict[str, Any]:
    """What tells this process from every other, also from one that gets its number later."""
    namespace = Path("/proc/self/ns/pid")  # of a container
    boot = Path("/proc/sys/kernel/random/boot_id")
    machine = [
        platform.node(),
        boot.read_text().strip() if boot.exists() else "",
        str(namespace.readlink()) if namespace.is_symlink() else "",
    ]
    return {"machine": machine, "started": started(os.getpid())}


def started(pid: int) -> str:
    """When a process of this machine started, in whatever unit; "" if there is no such process."""
    if Path("/proc/self/stat").exists():
        try:
            # Fields 3 and 22, counted after the name, which may hold blanks and brackets.
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            return "" if fields[0] in "ZX" else fields[19]  # one that has ended, and that nobody has asked for
        except (OSError, IndexError):
            return ""
    return subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()
