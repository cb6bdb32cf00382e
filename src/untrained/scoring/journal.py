"""Scores on disk as they come."""

from pathlib import Path
from typing import Any

from untrained.errors import InputError
from untrained.runtime.journal import Journal
from untrained.runtime.provenance import difference
from untrained.scoring.one_network import DEFAULTS, Scores


class ScoreJournal:
    """The scores that a call has computed so far: its provenance in the first line of a `Journal`, then a line each.

    Without a path, nothing is kept. Raises `InputError` where the file holds the scores of another call.
    """

    def __init__(self, path: Path | None, provenance: dict[str, Any]) -> None:
        self.scores: dict[str, Scores] = {}
        self._journal = None if path is None else Journal(path)
        if self._journal is None:
            return
        if not self._journal.entries:
            self._journal.add(provenance)
            return
        first, *rest = self._journal.entries
        if other := difference(with_defaults(first), provenance):
            self._journal.close()
            raise InputError(f"{path} holds unfinished scores of another call ({other}): move it away")
        self.scores = {arch: (arch, scores, reasons) for arch, scores, reasons in rest}

    def add(self, scores: Scores) -> None:
        if self._journal is not None:
            self._journal.add(scores)

    def discard(self) -> None:
        if self._journal is not None:
            self._journal.discard()

    def __enter__(self) -> "ScoreJournal":
        return self

    def __exit__(self, *_: object) -> None:
        if self._journal is not None:
            self._journal.close()


def with_defaults(provenance: Any) -> Any:
    """`provenance` as read from a file, which may come from before some of its entries."""
    return DEFAULTS | provenance if isinstance(provenance, dict) and provenance else provenance
