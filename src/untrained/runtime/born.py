"""The first moments of a worker process, before torch is there: from now on it leaves with its owner.

This module imports nothing heavy. To import torch takes seconds, and an owner that is killed meanwhile would leave
processes behind that do not know it yet.
"""

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
    os.setpgid(0, 0)  # so that it can be killed with all that it starts
    threading.Thread(target=_leave_with_owner, daemon=True).start()
    os.set_inheritable(pipe.fileno(), False)
    with suppress(OSError):  # Linux only
        Path("/proc/self/oom_score_adj").write_text("1000")
    from untrained.runtime.workers import work

    work(pipe)


def _leave_with_owner() -> None:
    owner = multiprocessing.parent_process()
    assert owner is not None
    wait([owner.sentinel])
    os.killpg(os.getpgrp(), signal.SIGKILL)
