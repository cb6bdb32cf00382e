"""Scores on disk as they come."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from untrained.errors import InputError
from untrained.runtime.journal import Journal
from untrained.scoring.one_network import NetworkScores
from untrained.scoring.provenance import check_same


class ScoreJournal:
    """The scores that unfinished calls have computed so far.

    The file is a `Journal` of four kinds of lines: a provenance, which says what the scores after it were made with;
    the scores of a network; an architecture whose scoring begins in the calling process itself; and null if that
    process went on to live without its scores. A call that asks for other metrics goes on in the same file.

    Args:
        path: the file; without one, nothing is kept.
        provenance: that of this call.

    Attributes:
        scores: what earlier calls left, in the order in which it was computed.
        provenances: with what it was made.
        unended: architecture -> how often it was begun in a process that did not live to see its end.

    Raises:
        InputError: the file holds scores that were made with something else, or is no such file.
    """

    def __init__(self, path: Path | None, provenance: Mapping[str, Any]) -> None:
        self.scores = list[NetworkScores]()
        self.provenances = list[Mapping[str, Any]]()
        self.unended = Counter[str]()
        self._begun = False
        self._journal = None if path is None else Journal(path)
        try:
            self._take(provenance)
        except BaseException:
            self.__exit__()
            raise

    def _take(self, provenance: Mapping[str, Any]) -> None:
        if self._journal is None:
            return
        last = ""
        for entry in self._journal.entries:
            if isinstance(entry, str):
                self.unended[entry] += 1
                last = entry
            elif entry is None:
                self.unended[last] -= 1
            elif isinstance(entry, dict):
                check_same(entry, provenance, f"{self._journal.path} (unfinished)", adding=True)
                self.provenances.append(entry)
            else:
                self.scores.append(NetworkScores(*entry))
                del self.unended[self.scores[-1].architecture]
        if not self.provenances or self.provenances[-1] != json.loads(json.dumps(provenance)):
            self._journal.add(provenance)

    def begin(self, arch: str) -> None:
        """Notes that `arch` is about to be scored in this process, so that a death of the process names it."""
        if self._journal is not None:
            self._journal.add(arch)
            self._begun = True

    def add(self, scores: NetworkScores) -> None:
        """Keeps the scores of one more network."""
        if self._journal is not None:
            self._journal.add(scores)
            self._begun = False

    def discard(self) -> None:
        """Removes the file."""
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


def partial_of(path: Path) -> Path:
    """The file in which the scores of unfinished calls stand, beside that of the scores."""
    return Path(f"{path}.partial")


def drop_finished(path: Path, provenance: Mapping[str, Any], is_known: Callable[[NetworkScores], bool]) -> None:
    """Removes the file of unfinished calls if what it holds stands in the table: a kill came before that.

    Args:
        path: The finished table.
        provenance: That of this call, as of `ScoreJournal`.
        is_known: Tells whether scores of a network stand in it.
    """
    if not partial_of(path).exists():
        return
    # Refused if another process writes to it, or it holds something else, or may not be removed.
    with suppress(InputError), ScoreJournal(partial_of(path), provenance) as journal:
        if not +journal.unended and all(map(is_known, journal.scores)):
            journal.discard()


def networks_in(path: Path) -> int | None:
    """Counts the networks that a call which may be at work has scored so far.

    Args:
        path: The file of the scores.

    Returns:
        Their number; None if no call is unfinished.
    """
    try:
        return sum(line.startswith(b"[") for line in partial_of(path).read_bytes().splitlines())
    except FileNotFoundError:
        return None
