"""Progress bars of a search."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class Bars:
    """One bar each for scoring, for the training at hand, for queries and for searches, shown when it first moves."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, Any] = {}

    def _update(self, name: str, done: int, total: int) -> None:
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(name, total=total)
        self._progress.update(self._tasks[name], completed=done, total=total)

    def scoring(self, done: int, total: int) -> None:
        self._update("scoring", done, total)

    def training(self, step: int, steps: int) -> None:
        self._update("training", step, steps)

    def searching(self, done: int, total: int) -> None:
        self._update("searches", done, total)

    def querying(self, query: Any, done: int, budget: int) -> None:
        self._update("queries", done, budget)


@contextmanager
def progress_bars(console: Console, enabled: bool) -> Iterator[Bars]:
    """Bars on `console`; none where it is no terminal."""
    columns = (TextColumn("{task.description:>9}"), BarColumn(), MofNCompleteColumn())
    enabled = enabled and console.is_terminal
    with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console, disable=not enabled) as bars:
        yield Bars(bars)
