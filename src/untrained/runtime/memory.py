"""What the C library does with freed memory."""

import ctypes
import os
import sys

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
