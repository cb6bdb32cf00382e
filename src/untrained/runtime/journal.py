"""Results on disk as they come."""

import fcntl
import json
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from untrained.errors import InputError
from untrained.runtime.files import parsed, reason, removed, sync_folder

HEADER = b'{"untrained": "unfinished results", "format": 1}\n'
"""The first line of a journal. A file without it is another program's, and is neither emptied nor removed."""
SYNC_SECONDS = 1.0
"""How much work a power cut may cost. To sync each entry would take 5 ms, as long as a small network takes to score."""


class Journal:
    """JSON values, a line each, which survive a kill of the process and a power cut. One process at a time writes.

    A last line that was torn off is dropped when the file is opened again, and so is what stands after a broken one:
    all that a journal holds can be computed again.

    Attributes:
        path: The file.
        entries: What it held when it was opened.

    Args:
        path: The file to go on from, or to make.

    Raises:
        InputError: If `path` is no journal, cannot be written, or is being written by another process.

    Example:
        >>> journal = Journal(Path("squares.partial"))
        >>> journal.add([3, 9])
        >>> journal.close()
        >>> Journal(Path("squares.partial")).entries
        [[3, 9]]
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = _locked(path)
        except OSError as error:
            raise InputError(f"{path} cannot be written: {reason(error)}") from error
        try:
            self.entries, self._end = _read(path)
            self._synced = time.monotonic()
            self._dirty = False
            self._begin()
        except BaseException:
            os.close(self._file)
            raise

    def _begin(self) -> None:
        try:
            os.ftruncate(self._file, self._end)
            if not self._end:
                self._write(HEADER)
                sync_folder(self.path.parent)
        except OSError as error:
            raise InputError(f"{self.path} cannot be written: {reason(error)}") from error

    def add(self, entry: Any) -> None:
        """Appends `entry`. A kill of the process cannot lose it any more; a power cut can for `SYNC_SECONDS`.

        Args:
            entry: What `json.dumps` takes.

        Raises:
            InputError: If it cannot be written. What was there before stays.
        """
        try:
            self._write(json.dumps(entry).encode() + b"\n")
            if time.monotonic() - self._synced >= SYNC_SECONDS:
                self._sync()
        except OSError as error:
            raise InputError(
                f"{self.path} cannot be written: {reason(error)}; what it holds is kept: call again to go on"
            ) from error

    def discard(self) -> None:
        """Removes the file: its entries stand elsewhere now, or are worth nothing."""
        self._dirty = False
        removed(self.path)

    def close(self) -> None:
        """Lets another process write. A journal without entries leaves no file."""
        try:
            if self._end == len(HEADER):
                self.discard()
            elif self._dirty:
                self._sync()
        except OSError as error:
            raise InputError(f"{self.path} cannot be written: {reason(error)}") from error
        finally:
            os.close(self._file)

    def _write(self, line: bytes) -> None:
        """Appends the whole line, or nothing."""
        self._dirty = True
        done = 0
        try:
            while done < len(line):  # a disk that is nearly full takes a part
                done += os.pwrite(self._file, line[done:], self._end + done)
        except OSError:
            with suppress(OSError):  # else the torn line is dropped when the file is opened again
                os.ftruncate(self._file, self._end)
            raise
        self._end += len(line)

    def _sync(self) -> None:
        os.fsync(self._file)
        self._synced, self._dirty = time.monotonic(), False


def _locked(path: Path) -> int:
    """The file opened, made if need be, and locked."""
    while True:
        # Not emptied: until it is locked, it may be another's.
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with suppress(FileNotFoundError):
                if os.path.samestat(path.stat(), os.fstat(file)):
                    return file
        except BlockingIOError as error:
            os.close(file)
            raise InputError(f"another process is writing to {path}: wait for it, or give another file") from error
        except OSError:
            os.close(file)
            raise
        # Whoever had the lock removed the file between our two calls: what we locked is in no folder any more.
        os.close(file)


def _read(path: Path) -> tuple[list[Any], int]:
    """The entries of a journal, and the length up to the last whole line: 0 if even the first line is unfinished."""
    text = path.read_bytes()
    if HEADER.startswith(text):
        return [], 0
    if not text.startswith(HEADER):
        raise InputError(f"{path} is not a file of unfinished results: move it away")
    entries, end = list[Any](), len(HEADER)
    for line in text[end:].split(b"\n")[:-1]:
        try:
            entries.append(parsed(line))
        except ValueError:
            break
        end += len(line) + 1
    return entries, end
