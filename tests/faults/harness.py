"""Ends a scenario in the middle, as often as asked, does it again, and compares with one that nobody disturbed."""

import gc
import os
import random
import shutil
import signal
import sqlite3
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from errno import EIO, ENOSPC
from pathlib import Path
from typing import Any

from faults.scenarios import Scenario, lines, unfinished
from faults.shim import Mode, Shim
from untrained import InputError

DONE, REFUSED, INTERRUPTED, BROKEN = 0, 2, 3, 1
"""Exit codes of a child: it was done, said one line, was interrupted, or showed a traceback."""
PATIENCE = 900.0
"""Seconds after which a child hangs: machines may be busy."""
LEAVE = 5.0
"""Seconds that processes have to leave in, once the one that started them is killed."""
MARK = "UNTRAINED_FAULT"

FAULTS: dict[str, tuple[Mode, int]] = {
    "kill": (Mode.KILL, 0),
    "torn write": (Mode.TEAR, 0),
    "full disk": (Mode.FAIL_ON, ENOSPC),
    "full for a moment": (Mode.FAIL, ENOSPC),
    "broken disk": (Mode.FAIL_ON, EIO),
}
SIGNALS = {"SIGKILL": signal.SIGKILL, "SIGTERM": signal.SIGTERM, "SIGINT": signal.SIGINT, "SIGSTOP": signal.SIGSTOP}


@dataclass
class Tally:
    """What came of a number of faults.

    Args:
        counts: How many faults of each kind struck, and how many things went wrong, by name.
        notes: What exactly went wrong.
    """

    counts: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    def wrong(self, what: str, note: str) -> None:
        self.counts[f"WRONG: {what}"] += 1
        self.notes.append(f"{what}: {note}")


class Harness:
    """One scenario, and what an undisturbed run of it leaves.

    Args:
        scenario: What is disturbed.
        place: A folder for its files.
        folder: Where it is done; by default in `place`.
    """

    def __init__(self, scenario: Scenario, place: Path, folder: Path | None = None) -> None:
        self.scenario, self.place, self.shim = scenario, place, Shim()
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        self.folder, self.log, self.prepared = folder or place / "run", place / "log", place / "prepared"
        self.scratch = place / "tmp"  # for temporary files, which are to be gone at the end, too
        self.scratch.mkdir()
        if scenario.prepare is not None:
            assert self._child(lambda: scenario.prepare and scenario.prepare(self.prepared)) == DONE, self.said
        self._run(self._folder())  # here, so that a child, which is a fork, has imported and prepared what it takes
        gc.collect()  # what it holds open, such as a connection
        self.calls = self._count()
        begun = time.monotonic()
        assert self._finish(self._folder()) == DONE, self.said
        self.seconds = time.monotonic() - begun
        self.expected, self.files = scenario.seen(self.folder), names(self.folder)

    @property
    def said(self) -> str:
        """What the last child said."""
        path = self.place / "said"
        return path.read_text() if path.exists() else ""

    def strike(self, tally: Tally, kind: str, where: float, more: int = 0) -> None:
        """Ends it once, and `more` times in the runs after that; then lets it finish, and compares.

        Args:
            tally: Is told what came of it.
            kind: Of the fault.
            where: When, as a part of all its calls, or of its time: from 0 to 1.
            more: How many further faults of the same kind.
        """
        folder, log = self._folder(), self.log
        where_exactly = f"{kind} at {where:.4f}"
        for number in range(1 + more):
            with self._beside(tally, folder, where_exactly):
                code, has_struck = self._struck(folder, kind, (where + 0.37 * number) % 1)
            tally.counts[kind if has_struck else "came too late"] += 1
            self._judge(tally, code, where_exactly)
            self._look(tally, folder, log, where_exactly)
        self._compare(tally, folder, where_exactly, 1 + more)

    def _judge(self, tally: Tally, code: int, where: str) -> None:
        """Judges how a run ended."""
        if code == BROKEN:
            tally.wrong("traceback", f"{where}: {self.said}")
        elif code == REFUSED and (len(self.said) > 500 or "\n" in self.said.strip()):
            tally.wrong("not one line", f"{where}: {self.said}")

    def _compare(self, tally: Tally, folder: Path, where: str, times: int) -> None:
        """Lets it finish, after it was ended so many times, and compares."""
        if self._finish(folder) != DONE:
            tally.wrong("does not go on", f"{where}: {self.said}")
            return
        if (found := self.scenario.seen(folder)) != self.expected:
            tally.wrong("differs", f"{where}: {found}")
        if (left := names(folder)) != self.files:
            tally.wrong("other files", f"{where}: {sorted(left ^ self.files)}")
        if left := names(self.scratch):
            tally.wrong("temporary files", f"{where}: {sorted(left)}")
        done = [line for line in lines(self.log) if line.startswith("end")]
        if len(done) - len(set(done)) > times * self.scenario.at_once:
            tally.wrong("evaluated twice", f"{where}: {done}")

    def _look(self, tally: Tally, folder: Path, log: Path, where: str) -> None:
        """Looks at what a fault has left: is the study whole, can it be shown, are there processes without an owner."""
        if (why := damage(folder / "study.db", self.place)) != "":
            tally.wrong("study damaged", f"{where}: {why}")
        if sum(line.startswith("end") for line in lines(log)) > 1 and (why := unfinished(self.scenario, folder)):
            tally.wrong("cannot be shown", f"{where}: {why}")
        deadline = time.monotonic() + LEAVE
        while (orphans := marked(str(self.place))) and time.monotonic() < deadline:
            time.sleep(0.02)
        if orphans:
            tally.wrong("orphans", f"{where}: {orphans}")

    def _folder(self) -> Path:
        """The folder as it is before it is done: always the same one, whose name may stand in what is written."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.log.unlink(missing_ok=True)
        if self.prepared.exists():
            shutil.copytree(self.prepared, self.folder)
        return self.folder

    def _finish(self, folder: Path) -> int:
        return self._child(lambda: self._run(folder))

    def _run(self, folder: Path) -> None:
        self.scenario.run(folder, self.log)

    def _count(self) -> int:
        def count() -> None:
            folder = self._folder()
            self.shim.arm(folder, 2**40, Mode.COUNT)
            self._run(folder)
            (self.place / "count").write_text(str(self.shim.disarm()))

        assert self._child(count) == DONE, self.said
        return int((self.place / "count").read_text())

    def _struck(self, folder: Path, kind: str, where: float) -> tuple[int, bool]:
        """Runs it until the fault; the exit code of the child, negative for a signal, and whether the fault struck."""
        if kind not in FAULTS:
            code = self._child(lambda: self._run(folder), SIGNALS[kind], where * self.seconds)
            return code, code != DONE
        mode, error = FAULTS[kind]
        at, late = 1 + int(where * self.calls), self.place / "late"
        late.unlink(missing_ok=True)

        def run() -> None:
            self.shim.arm(folder, at, mode, error)
            try:
                self._run(folder)
            finally:
                if self.shim.disarm() < at:
                    late.touch()

        return self._child(run), not late.exists()

    @contextmanager
    def _beside(self, tally: Tally, folder: Path, where: str) -> Iterator[None]:
        """Has another process do at the same time what the scenario says, which nothing may disturb."""
        if self.scenario.beside is None:
            yield
            return
        beside, said = self.scenario.beside, self.place / "said beside"
        said.unlink(missing_ok=True)
        pid = os.fork()
        if pid == 0:
            os._exit(self._coded(lambda: beside(folder, self.log), said))
        yield
        if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != DONE:
            tally.wrong("the other was disturbed", f"{where}: {said.read_text()}")

    def _child(self, run: Callable[[], Any], number: signal.Signals | None = None, after: float = 0.0) -> int:
        """Runs something in a process of its own, which gets a signal after so many seconds."""
        (self.place / "said").unlink(missing_ok=True)
        pid = os.fork()
        if pid == 0:
            os.environ[MARK] = str(self.place)
            os._exit(self._coded(run, self.place / "said"))
        end = time.monotonic() + (PATIENCE if number is None else after)
        while (code := ended(pid)) is None and time.monotonic() < end:
            time.sleep(0.002)
        if code is not None:
            return code
        if number is None:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            (self.place / "said").write_text(f"it hangs for {PATIENCE} s")
            return BROKEN
        os.kill(pid, number)
        if number == signal.SIGSTOP:  # as a laptop that is closed; then it is killed
            time.sleep(0.05)
            os.kill(pid, signal.SIGKILL)
        end = time.monotonic() + PATIENCE
        while (code := ended(pid)) is None and time.monotonic() < end:
            time.sleep(0.001)
        if code is None:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            (self.place / "said").write_text(f"{number.name} does not end it in {PATIENCE} s")
            return BROKEN
        return code

    def _coded(self, run: Callable[[], Any], said_at: Path) -> int:
        tempfile.tempdir = os.environ["TMPDIR"] = str(self.scratch)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        said = ""
        try:
            run()
            return DONE
        except InputError as error:
            said, code = str(error), REFUSED
        except KeyboardInterrupt:
            code = INTERRUPTED
        except BaseException:
            said, code = traceback.format_exc(), BROKEN
        self.shim.disarm()
        said_at.write_text(said)
        return code


def ended(pid: int) -> int | None:
    """The exit code of a child; None if it is still there."""
    found, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def names(folder: Path) -> set[str]:
    """The files in a folder and below."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def damage(study: Path, place: Path) -> str:
    """What SQLite finds wrong with a study, on a copy, which it may mend; "" for nothing."""
    if not study.exists():
        return ""
    copy = place / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    for part in study.parent.glob(f"{study.name}*"):
        shutil.copy(part, copy)
    connection = sqlite3.connect(copy / study.name)
    try:
        found = connection.execute("pragma integrity_check").fetchone()[0]
    except sqlite3.Error as error:
        return repr(error)
    finally:
        connection.close()
    return "" if found == "ok" else found


def marked(mark: str) -> list[int]:
    """The processes that were started by a child, and those that they started."""
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdigit() and int(path.name) != os.getpid():
            try:
                is_dead = (path / "stat").read_text().rpartition(")")[2].split()[0] in "ZX"
                if not is_dead and f"{MARK}={mark}\0".encode() in (path / "environ").read_bytes():
                    found.append(int(path.name))
            except OSError:
                continue
    return found


def drawn(rng: random.Random) -> tuple[str, float]:
    """A kind of fault and its place."""
    return rng.choice([*FAULTS, *SIGNALS]), rng.random()
