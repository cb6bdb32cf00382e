"""How much memory there is, and what the C library does with freed memory."""

import ctypes
import os
import sys
from pathlib import Path

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h


def keep_freed_memory() -> None:
    """Lets this process keep the memory that it frees, for its next tensors, until it ends.

    The passes over a network free and ask for blocks of a few megabytes all the time. The C library would hand many of
    them back to the operating system, which hands them out again page by page. Does nothing without glibc.
    """
    if not sys.platform.startswith("linux"):
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(M_MMAP_THRESHOLD, 2**25)  # the most that every version takes
        library.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def physical_memory() -> int:
    """The bytes of memory that this machine has."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def available_memory() -> int:
    """Bytes of memory that this process could still take without others being swapped out.

    Linux tells; elsewhere it is taken for half of all. A limit of the control group counts (a container, a job of a
    cluster).
    """
    free = _meminfo("MemAvailable")
    limit, used = (_number(Path(f"/sys/fs/cgroup/memory.{name}")) for name in ("max", "current"))
    found = physical_memory() // 2 if free is None else free
    return found if limit is None or used is None else min(found, max(0, limit - used))


def _meminfo(name: str) -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")), None)


def _number(path: Path) -> int | None:
    try:
        text = path.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None
