"""The first moments of a worker process, before torch is there: from now on it leaves with its owner.

This module imports nothing heavy. To import torch takes seconds, and an owner that is killed meanwhile would leave
processes behind that do not know it yet.
"""

import fcntl
import multiprocessing
import os
import signal
import threading
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path

from untrained.runtime.interrupts import SIGNALS


def live(pipe: Connection) -> None:
    """Begins the life of a worker (`workers`), which ignores Ctrl-C and SIGHUP and ends when its owner does.

    Args:
        pipe: To the owner.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    leave_with_owner()
    os.set_inheritable(pipe.fileno(), False)
    with suppress(OSError):  # Linux only
        Path("/proc/self/oom_score_adj").write_text("1000")
    from untrained.runtime.workers import work

    work(pipe)


def leave_with_owner() -> None:
    """Has this process killed, with all that it starts, when its owner ends.

    On Linux the system does it: it sends SIGKILL to the group of processes when the pipe closes whose other end the
    owner holds. A thread could not in time: while a library is loaded, or anything else that holds Python's lock, no
    thread runs. Elsewhere there is only the thread.
    """
    owner = multiprocessing.parent_process()
    assert owner is not None
    pipe = owner.sentinel
    os.setpgid(0, 0)
    if hasattr(fcntl, "F_SETSIG"):
        fcntl.fcntl(pipe, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(pipe, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(pipe, fcntl.F_SETFL, fcntl.fcntl(pipe, fcntl.F_GETFL) | os.O_ASYNC)
    threading.Thread(target=_watch, args=(pipe,), daemon=True).start()  # finds, too, if it was closed before


def _watch(pipe: int) -> None:
    wait([pipe])
    os.killpg(os.getpgrp(), signal.SIGKILL)
