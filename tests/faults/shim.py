"""Faults at the n-th call that changes a file (`shim.c`)."""

import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
from enum import IntEnum
from pathlib import Path

SOURCE = Path(__file__).with_name("shim.c")
LIBRARY = "UNTRAINED_SHIM"
"""Variable of the environment: the library, which is preloaded."""


class Mode(IntEnum):
    """What happens at the n-th call."""

    COUNT = 0
    KILL = 1
    TEAR = 2
    """It writes half, and the process is killed."""
    FAIL = 3
    FAIL_ON = 4
    """It fails, and so does every later one."""


def environment(folder: Path) -> dict[str, str] | None:
    """The variables of a process in which faults can be caused; None without a C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        return None
    library = folder / "shim.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl"], check=True)
    return {**os.environ, "LD_PRELOAD": str(library), LIBRARY: str(library), "OMP_NUM_THREADS": "1"}


def within_shim(module: str, options: list[str]) -> int | None:
    """Runs a module of the tests again in a process with the shim; its exit code, None if this is that process."""
    if LIBRARY in os.environ:
        return None
    with tempfile.TemporaryDirectory() as folder:
        variables = environment(Path(folder))
        if variables is None:
            sys.exit("no C compiler (cc, gcc or clang): install one")
        return os.spawnvpe(os.P_WAIT, sys.executable, [sys.executable, "-m", module, *options], variables)


class Shim:
    """The shim in this process, which must have been started with it."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(os.environ[LIBRARY])
        self._library.shim_arm.argtypes = (ctypes.c_char_p, ctypes.c_long, ctypes.c_int, ctypes.c_int)
        self._library.shim_calls.restype = ctypes.c_long

    def arm(self, below: Path, at: int, mode: Mode, error: int = 0) -> None:
        """Makes the `at`-th call on a path below a folder misbehave."""
        self._library.shim_arm(os.fsencode(below), at, mode, error)

    def calls(self) -> int:
        """How many calls there were since it was armed."""
        return self._library.shim_calls()

    def disarm(self) -> int:
        """Ends it; returns how many calls there were."""
        self._library.shim_disarm()
        return self._library.shim_calls()
