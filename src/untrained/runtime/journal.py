"""Results on disk as they come."""

import fcntl
import json
import os
from pathlib import Path
from typing import Any, BinaryIO

from untrained.errors import InputError


class Journal:
    """JSON values, a line each; what a kill tore off the last line is dropped. One process at a time writes.

    entries: what was found. Raises `InputError` where the file is no such journal or cannot be written, and where
    another process holds it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Opened without being emptied: until the lock is had, it may be another's.
            self._file: BinaryIO = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+b")
        except OSError as error:
            raise InputError(f"{path} cannot be written: {error.strerror}") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.close()
            raise InputError(f"another process is writing to {path}: wait for it, or give another file") from error
        text = self._file.read()
        kept = text[: text.rfind(b"\n") + 1]
        try:
            self.entries: list[Any] = [json.loads(line) for line in kept.splitlines()]
        except ValueError as error:
            self._file.close()
            raise InputError(f"{path} is not a file of unfinished results: move it away") from error
        self._file.truncate(len(kept))
        self._file.seek(len(kept))

    def add(self, entry: Any) -> None:
        """Appends `entry`; once this returns, a kill of the process cannot lose it."""
        self._file.write(json.dumps(entry).encode() + b"\n")
        self._file.flush()

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)

    def close(self) -> None:
        self._file.close()
