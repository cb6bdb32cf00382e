"""Scores on disk as they come."""

import fcntl
import json
from pathlib import Path
from typing import Any

from untrained.errors import InputError
from untrained.job import DEFAULTS, Scores
from untrained.provenance import difference


class Journal:
    """Scores as they come, a JSON line each under a line of provenance; a torn last line is dropped."""

    def __init__(self, path: Path | None, provenance: dict[str, Any]) -> None:
        self.path = path
        self.scores: dict[str, Scores] = {}
        self._file = None
        if path is None:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = 0
        if path.exists():
            text = path.read_bytes()
            lines = text[: text.rfind(b"\n") + 1].splitlines(keepends=True)
            try:
                entries = [json.loads(line) for line in lines]
                self.scores = {arch: (arch, scores, reasons) for arch, scores, reasons in entries[1:]}
            except ValueError as error:
                raise InputError(f"{path} is not a file of unfinished scores: move it away") from error
            if entries and (other := difference(with_defaults(entries[0]), provenance)):
                raise InputError(f"{path} holds unfinished scores of another call ({other}): move it away")
            kept = sum(map(len, lines))
        self._file = path.open("r+b" if path.exists() else "wb")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.close()
            raise InputError(f"another process is writing to {path}: wait for it, or give another file") from error
        self._file.truncate(kept)
        self._file.seek(kept)
        if not kept:
            self._write(provenance)

    def _write(self, entry: Any) -> None:
        if self._file is not None:
            self._file.write(json.dumps(entry).encode() + b"\n")
            self._file.flush()

    def add(self, scores: Scores) -> None:
        self._write(scores)

    def discard(self) -> None:
        if self.path is not None:
            self.path.unlink(missing_ok=True)

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()


def with_defaults(provenance: Any) -> Any:
    """`provenance` as read from a file, which may come from before some of its entries."""
    return DEFAULTS | provenance if isinstance(provenance, dict) and provenance else provenance
