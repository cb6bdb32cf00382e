"""What a command says while it works: bars at a terminal, a line for each query everywhere."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from untrained.report.folding import folded

if TYPE_CHECKING:  # `--help` must not wait for torch and optuna
    from untrained.samplers.query import Query

DAY = 86_400.0
"""Seconds. A search that will take longer is said to."""
STILL = 30.0
"""Seconds after which a file or a pipe is told how far the scoring is, and again."""


class Bars:
    """Bars for scoring, for the training at hand, for queries and for searches, each shown when it first moves.

    Args:
        progress: Draws the bars; a disabled one draws none.
        lines: Print a line for each query as it ends, also to a file or a pipe.
    """

    def __init__(self, progress: Progress, lines: bool = True) -> None:
        self._progress = progress
        self._lines = lines
        self._tasks: dict[str, Any] = {}
        self._seconds: list[float] = []
        self._warned = False
        self._deadline, self._is_counted, self._jobs = math.inf, True, 1
        self._told: tuple[float, int] | None = None  # when it was last told how many networks were scored

    def within(self, seconds: float | None, *, counted: bool, jobs: int = 1) -> None:
        """Says that the search ends after so many seconds, if not before.

        Args:
            seconds: From now; None for no such limit.
            counted: Whether a number of queries is aimed at.
            jobs: How many queries are made at once.
        """
        self._jobs = jobs
        self._deadline = math.inf if seconds is None else time.monotonic() + seconds
        self._is_counted = counted or seconds is None

    def scoring(self, done: int, total: int) -> None:
        """Moves the bar of scored networks; where none is drawn, says now and then how far it is."""
        self._update("scoring", done, total)

    def measuring(self, done: int, total: int) -> None:
        """Moves the bar of networks that are run for their figures."""
        self._update("measuring", done, total)

    def training(self, step: int, steps: int) -> None:
        """Moves the bar of the training at hand."""
        self._update("training", step, steps)

    def studying(self, study: Any) -> None:
        """Takes the study of the search that begins; lines and bars need none."""

    def searching(self, done: int, total: int) -> None:
        """Moves the bar of searches in a bench."""
        self._update("searches", done, total)

    def querying(self, query: "Query", done: int, budget: int) -> None:
        """Moves the bar of queries, and prints what came of `query` and how long the rest will take.

        Args:
            query: The query that has just ended.
            done: Queries made, this one included.
            budget: Queries in all.
        """
        self._update("queries", done, budget)
        if not query.reused:
            self._seconds.append(query.seconds or 0.0)
        if not self._lines:
            return
        left = (budget - done) * sum(self._seconds) / max(len(self._seconds), 1) / self._jobs
        left = min(left, max(self._deadline - time.monotonic(), 0.0))
        count = f"{done:>{len(str(budget))}}{f'/{budget}' * self._is_counted}"
        is_known = done < budget and bool(self._seconds)  # not if all were reused
        for line in query_lines(query, count, left if is_known else None, self._progress.console.width):
            self._print(line)
        if left > DAY and not self._warned:
            self._warned = True
            self._print(f"warning: the other {budget - done} queries will take about {duration(left)}")

    def _print(self, line: str) -> None:
        self._progress.console.print(Text(line), soft_wrap=True)

    def _update(self, name: str, done: int, total: int) -> None:
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(name, total=total)
        self._progress.update(self._tasks[name], completed=done, total=total)
        if name == "scoring" and self._lines and self._progress.disable:
            self._tell_scored(done, total)

    def _tell_scored(self, done: int, total: int) -> None:
        now = time.monotonic()
        if done >= total:
            self._told = None  # what joins the pool later is counted anew
        elif self._told is None:
            self._told = now, done
        elif now - self._told[0] >= STILL:
            left = (total - done) * (now - self._told[0]) / max(done - self._told[1], 1)
            self._print(f"scoring {done}/{total}  {duration(left)} left")
            self._told = now, done


def query_lines(query: "Query", count: str, left: float | None, width: int) -> list[str]:
    """What came of a query, in lines that are no wider than they may be.

    Args:
        query: The query.
        count: Which of how many it is.
        left: Seconds that the others will take; None if that is not known, or there are none.
        width: Characters of a line.

    Returns:
        One line, or a line and below it the architecture.
    """
    value = query.reason or query.state if query.value is None else f"{query.value:.6g}"
    parts = [count, f"{query.phase or '':7}", value]
    parts.append("reused" if query.reused else f"{query.seconds or 0.0:.1f} s")
    parts += [] if left is None else [f"{duration(left)} left"]
    line = "  ".join(parts)
    if len(line) + 2 + len(query.architecture) <= width:
        return [f"{line}  {query.architecture}"]
    return [*wrap(line, width, subsequent_indent="    "), *folded(query.architecture, width, indent=4)]


def duration(seconds: float) -> str:
    """Writes a time in the unit that suits it.

    Args:
        seconds: The time.

    Returns:
        The time with its unit.

    Example:
        >>> duration(42), duration(600), duration(9_000), duration(200_000)
        ('42 s', '10 min', '2.5 h', '2.3 days')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 6_000:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3_600:.1f} h" if seconds < DAY else f"{seconds / DAY:.1f} days"


@contextmanager
def progress_bars(console: Console, enabled: bool = True, lines: bool = True) -> Iterator[Bars]:
    """Gives bars on `console`, which are drawn only if it is a terminal.

    Args:
        console: Mostly stderr.
        enabled: Draw bars at all.
        lines: Print a line for each query, terminal or not.
    """
    columns = (TextColumn("{task.description:>9}"), BarColumn(), MofNCompleteColumn())
    enabled = enabled and console.is_terminal
    with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console, disable=not enabled) as bars:
        yield Bars(bars, lines)
