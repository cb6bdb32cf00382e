"""Scores on disk as they come."""

from collections import Counter
from pathlib import Path
from typing import Any

from untrained.errors import InputError
from untrained.runtime.journal import Journal
from untrained.runtime.provenance import difference
from untrained.scoring.one_network import DEFAULTS, Scores


class ScoreJournal:
    """The scores that a call has computed so far: its provenance in the first line of a `Journal`, then a line each.

    Without a path, nothing is kept.

    Attributes:
        scores: Architecture -> what was found of it.
        unended: Architecture -> how often it was begun in the calling process, which did not live to see its end.

    Raises:
        InputError: If the file holds the scores of another call.
    """

    def __init__(self, path: Path | None, provenance: dict[str, Any]) -> None:
        self.scores: dict[str, Scores] = {}
        self.unended = Counter[str]()
        self._begun = False
        self._journal = None if path is None else Journal(path)
        try:
            self._take(provenance)
        except BaseException:
            self.__exit__()
            raise

    def _take(self, provenance: dict[str, Any]) -> None:
        if self._journal is None:
            return
        if not self._journal.entries:
            self._journal.add(provenance)
            return
        first, *rest = self._journal.entries
        if other := difference(with_defaults(first), provenance):
            raise InputError(f"{self._journal.path} holds unfinished scores of another call ({other}): move it away")
        last = ""
        for entry in rest:
            if isinstance(entry, str):
                self.unended[entry] += 1
                last = entry
            elif entry is None:
                self.unended[last] -= 1
            else:
                arch, scores, reasons = entry
                self.scores[arch] = arch, scores, reasons
                del self.unended[arch]

    def begin(self, arch: str) -> None:
        """Notes that `arch` is about to be scored in this process, so that a death of the process names it."""
        if self._journal is not None:
            self._journal.add(arch)
            self._begun = True

    def add(self, scores: Scores) -> None:
        if self._journal is not None:
            self._journal.add(scores)
            self._begun = False

    def discard(self) -> None:
        if self._journal is not None:
            self._journal.discard()

    def __enter__(self) -> "ScoreJournal":
        return self

    def __exit__(self, *_: object) -> None:
        if self._journal is None:
            return
        try:
            if self._begun:  # the process lives: what was begun is to blame for nothing
                self._journal.add(None)
        finally:
            self._journal.close()


def with_defaults(provenance: Any) -> Any:
    """`provenance` as read from a file, which may come from before some of its entries."""
    return DEFAULTS | provenance if isinstance(provenance, dict) and provenance else provenance
