"""A worker leaves with its owner from its first moments on."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from untrained.runtime import born

OWNER = """
import ctypes, multiprocessing, os, sys, time
from untrained.runtime.born import leave_with_owner

def busy():
    leave_with_owner()
    if os.fork() == 0:
        time.sleep(600)
    open(sys.argv[1], "w").write(str(os.getpid()))
    ctypes.PyDLL(None).sleep(600)  # and holds Python's lock, as does what loads a library

if __name__ == "__main__":
    multiprocessing.get_context("spawn").Process(target=busy).start()
    time.sleep(600)
"""


def test_a_worker_watches_its_owner_before_anything_heavy_is_there() -> None:
    """What Python imports to find the first function of a worker: torch takes seconds."""
    code = f"import sys, {born.__name__}; print(sorted(sys.modules.keys() & {{'torch', 'numpy', 'optuna', 'pyarrow'}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a thread watches, which waits for Python's lock")
def test_a_worker_that_holds_pythons_lock_leaves_with_its_owner_and_takes_along_what_it_started(tmp_path: Path) -> None:
    script, told = tmp_path / "owner.py", tmp_path / "pid"
    script.write_text(OWNER)
    owner = subprocess.Popen([sys.executable, script, told])
    while not (told.exists() and told.read_text()):
        assert owner.poll() is None
        time.sleep(0.01)
    group = int(told.read_text())
    time.sleep(0.1)  # it holds the lock now
    owner.kill()
    owner.wait()
    patience = time.monotonic() + 60
    while is_there(group) and time.monotonic() < patience:
        time.sleep(0.01)
    was_there = is_there(group)
    if was_there:
        os.killpg(group, signal.SIGKILL)
    assert not was_there


def is_there(group: int) -> bool:
    """Whether a process of a group lives; one that has ended, and that nobody has asked for, does not."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, its_group = path.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(its_group) == group and state not in "ZX":
            return True
    return False
