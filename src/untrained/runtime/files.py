"""Writing files whole or not at all, so that neither a kill, a full disk nor a power cut leaves half of one."""

import errno
import json
import os
import platform
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any

from untrained.errors import InputError

UNFINISHED = re.compile(r"\.(?P<name>.+)\.(?P<machine>[0-9a-f]{6})-(?P<pid>\d+)\.part", re.DOTALL)
"""What a file is called while it is written."""
FORGOTTEN = 86_400.0
"""An unfinished file of another machine, whose processes cannot be looked up, is left behind after so many seconds."""


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Gives a temporary path beside `path` to write to, and moves that file to `path` at the end.

    A process killed in between leaves the old file, or none, and what it had written: whoever writes the file next
    removes that. The data are on the disk before the name is: a rename alone may survive a power cut that the data do
    not, and would leave an empty file in place of the old one.

    Args:
        path: The file to write. Its folder is made if it is missing.

    Raises:
        InputError: If it cannot be written. `path` is then as it was before.

    Example:
        >>> with written_whole(Path("numbers.txt")) as temporary:
        ...     _ = temporary.write_text("1 2 3")
    """
    temporary = path.with_name(f".{path.name}.{this_machine()}-{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_unfinished(path.parent, path.name)
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


def remove_unfinished(folder: Path, name: str | None = None) -> None:
    """Removes what processes that were killed had begun to write.

    Args:
        folder: Where to look; not below it.
        name: Of which file; by default of all.
    """
    with suppress(OSError):  # no such folder, or not to be read: what is written into it tells that better
        for path in folder.iterdir():
            found = UNFINISHED.fullmatch(path.name)
            if found and name in (None, found["name"]) and is_left_behind(path, found["machine"], int(found["pid"])):
                path.unlink(missing_ok=True)


def removed(path: Path) -> None:
    """Removes a file, if it is there.

    Args:
        path: The file.

    Raises:
        InputError: It cannot be removed.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{path} cannot be removed: {reason(error)}") from error


def this_machine() -> str:
    """Six digits that stand for this machine in the names of files."""
    return blake2b(platform.node().encode(), digest_size=3).hexdigest()


def is_left_behind(path: Path, machine: str, pid: int) -> bool:
    """Tells whether a process that wrote a file is gone.

    Args:
        path: The file.
        machine: `this_machine()` of the process.
        pid: Its number.
    """
    if machine != this_machine():
        return time.time() - path.stat().st_mtime > FORGOTTEN
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:  # it is another user's
        return False
    return False


def parsed(text: str | bytes) -> Any:
    """Reads JSON that anybody may have written.

    Args:
        text: The whole of it.

    Raises:
        ValueError: It is no JSON, or is nested too deeply to be read.

    Example:
        >>> parsed('{"a": [1, 2]}')
        {'a': [1, 2]}
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise json.JSONDecodeError("nested too deeply", "", 0) from error


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
