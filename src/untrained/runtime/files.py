"""Writing files whole or not at all, so that neither a kill, a full disk nor a power cut leaves half of one."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from untrained.errors import InputError


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Gives a temporary path beside `path` to write to, and moves that file to `path` at the end.

    A process killed in between leaves the old file, or none. The data are on the disk before the name is: a rename
    alone may survive a power cut that the data do not, and would leave an empty file in place of the old one.

    Args:
        path: The file to write. Its folder is made if it is missing.

    Raises:
        InputError: If it cannot be written. `path` is then as it was before.

    Example:
        >>> with written_whole(Path("numbers.txt")) as temporary:
        ...     _ = temporary.write_text("1 2 3")
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {reason(error)}") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Makes the names of the files in `folder` survive a power cut, if its file system can."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system that syncs no folders, such as some network drives
            raise
    finally:
        os.close(handle)


def reason(error: OSError) -> str:
    """What went wrong, in a few words; Arrow's errors have no `strerror` and many lines."""
    return error.strerror or (str(error).splitlines() or ["no reason known"])[0][:200]
