"""Several processes that search on one storage at once: one works, the others are told, and nothing is done twice."""

import os
import time
from pathlib import Path

from searching.searches import Counted, history, run
from untrained import InputError


def one_of_several(place: Path, number: int) -> None:
    """Searches, as often as it is told that another one is at work; writes down what it was told, and its result."""

    def note(arch: str, call: int) -> None:
        handle = os.open(place / "log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(handle, f"{arch}\n".encode())
        os.close(handle)

    told = set[str]()
    while True:
        try:
            found = run(Counted(note), storage=f"sqlite:///{place / 's.db'}")
        except InputError as error:
            told.add("at work" if "another search (process" in str(error) else str(error))
            time.sleep(0.05)
        else:
            (place / f"result {number}").write_text(repr(history(found)))
            (place / f"told {number}").write_text("\n".join(told))
            return


def test_nothing_is_done_twice(tmp_path: Path) -> None:
    pids = list[int]()
    for number in range(3):
        pid = os.fork()
        if pid == 0:
            try:
                one_of_several(tmp_path, number)
                os._exit(0)
            finally:
                os._exit(1)
        pids.append(pid)
    assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids] == [0, 0, 0]
    calls = (tmp_path / "log").read_text().splitlines()
    assert len(calls) == len(set(calls)) == 5
    assert {path.read_text() for path in tmp_path.glob("result *")} == {repr(history(run()))}
    assert {path.read_text() for path in tmp_path.glob("told *")} <= {"", "at work"}
