"""A search while it runs: one view for the process that makes it, and for those that watch it."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from copy import copy
from dataclasses import replace
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from rich.bar import Bar
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from untrained.report.folding import folded
from untrained.report.progress import Bars, duration, query_lines
from untrained.report.text import number, plain_text
from untrained.runtime.interrupts import said_elsewhere, stopping

if TYPE_CHECKING:  # `--help` must not wait for torch and optuna
    from untrained.samplers.query import Query
    from untrained.searching.watching import Snapshot

ROWS, WIDEST = 4, 60
"""Of a curve: its height, and the columns that it takes at most."""
LAST, MOST_RUNNING = 5, 8
"""So many queries are shown."""
BLOCKS = " ▁▂▃▄▅▆▇█"
LOOKS = 1.0
"""A view looks at its study once in so many seconds."""


def render_live(now: "Snapshot", width: int, height: int = 40, resume: str = "") -> RenderableType:
    """Renders a search at one moment.

    Args:
        now: The search.
        width: Columns of the terminal.
        height: Its rows: with few, fewer queries are shown.
        resume: The command that goes on with it.

    Returns:
        What `rich` prints; it has no line that is wider.
    """
    head: list[RenderableType] = [Text(plain_text(now.name), style="bold", overflow="ellipsis", no_wrap=True)]
    head += [_counts(now, width), *_bars(now)]
    if (best := now.best) is not None:
        place = 1 + [query.number for query in now.queries].index(best.number)
        said = f" {plain_text(now.measure)}, query {place}"
        head.append(Text.assemble(("best ", "dim"), (number(best.value), "bold green"), said))
        head += [*(Text(line) for line in folded(plain_text(best.architecture), width, indent=2))]
        head += [Text(line, style="green") for line in curve(now.bests, min(width, WIDEST))]
    tail = [Text(line, style="yellow") for line in _ending(now, resume, width)]
    running = now.running[-MOST_RUNNING:]
    lines = len(head) + len(tail) + (len(running) + 1) * bool(running)
    return Group(*head, *_running(running), *_last(now, min(max(height - lines - 4, 1), LAST)), *tail)


def curve(values: Sequence[float], width: int, rows: int = ROWS) -> list[str]:
    """Draws numbers as columns of blocks, with the least and the greatest at the left.

    Args:
        values: The numbers; of more than there are columns, the last of each group is drawn.
        width: Columns in all.
        rows: Lines, two at least.

    Returns:
        The lines; none if the numbers are all the same.

    Example:
        >>> curve([1, 2, 4], width=10, rows=2)
        ['4.00   █', '1.00 ▁▆█']
    """
    low, high = min(values, default=0.0), max(values, default=0.0)
    if low == high:
        return []
    labels = [number(high), *[""] * (rows - 2), number(low)]
    left = max(map(len, labels))
    room = max(width - left - 1, 1)
    columns = min(len(values) * max(min(room // len(values), 4), 1), room)
    places = [((k + 1) * len(values) - 1) // columns for k in range(columns)]
    steps = 8 * rows - 1
    levels = [1 + round((values[k] - low) / (high - low) * steps) for k in places]
    drawn = ["".join(BLOCKS[min(max(level - 8 * row, 0), 8)] for level in levels) for row in reversed(range(rows))]
    return [f"{label:>{left}} {line}".rstrip() for label, line in zip(labels, drawn, strict=True)]


def _counts(now: "Snapshot", width: int) -> RenderableType:
    """The phase, how far it is, and how long it will take."""
    done = len(now.queries)
    made = f"{done} of {now.budget} queries" if now.counted and now.budget else f"{done} queries"
    parts = [made] if now.study else []
    failed = sum(query.state == "failed" for query in now.queries)
    parts += [f"{failed} failed"] if failed else []
    if now.pool is not None:
        parts.append(f"pool {now.pool}{f' + {now.grown}' if now.grown else ''}")
    left = now.seconds_left()
    parts += [] if left is None else [f"{duration(left)} left"]
    state = now.phase if now.state == "running" else now.state
    style = {"running": "cyan", "finished": "green"}.get(now.state, "yellow")
    line = Text.assemble((f"{state}  ", style), "  ".join(parts))
    if not (now.counted and now.budget and now.study) or width < 60:
        return line
    grid = Table.grid(padding=(0, 2))
    grid.add_row(line, Bar(now.budget, 0, done, width=min(20, width - line.cell_len - 2), color="cyan"))
    return grid if line.cell_len + 12 < width else line


def _bars(now: "Snapshot") -> list[RenderableType]:
    """What is being counted beside the queries."""
    found: list[RenderableType] = []
    for name, (done, total) in now.bars.items():
        if total is not None and done >= total:
            continue
        grid = Table.grid(padding=(0, 2))
        cells: list[RenderableType] = [Text("networks" if name == now.phase else name, style="dim")]
        cells += [Text(f"{done} of {total}" if total is not None else f"{done} so far")]
        cells += [] if total is None else [Bar(total, 0, done, width=20, color="cyan")]
        grid.add_row(*cells)
        found.append(grid)
    return found


def _running(running: Sequence[Any]) -> list[RenderableType]:
    if not running:
        return []
    grid = _grid("running", "phase", "for", "reported", "architecture")
    for one in running:
        curve = sorted(one.curve.items())
        reported = f"{number(curve[-1][1])} at {curve[-1][0]}" if curve else ""
        query = one.query
        grid.add_row(
            str(query.number + 1), query.phase or "", duration(one.seconds), reported, _one_line(query.architecture)
        )
    return [grid]


def _last(now: "Snapshot", most: int) -> list[RenderableType]:
    if not now.queries:
        return []
    grid, best = _grid("last", "phase", "value", "took", "architecture"), now.best
    for place, query in list(enumerate(now.queries, start=1))[-most:]:
        value = number(query.value) if query.state == "complete" else query.state
        took = "reused" if query.reused else "" if query.seconds is None else duration(query.seconds)
        told = query.architecture if query.reason is None else f"{query.reason}: {query.architecture}"
        style = "bold" if best is not None and query.number == best.number else ""
        grid.add_row(str(place), query.phase or "", value, took, _one_line(told), style=style)
    return [grid]


def _grid(*names: str) -> Table:
    grid = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 1))
    for name in names[:-1]:
        grid.add_column(name, no_wrap=True, justify="left" if name == "phase" else "right")
    grid.add_column(names[-1])  # the one that gives way
    return grid


def _one_line(text: str) -> Text:
    return Text(plain_text(text), no_wrap=True, overflow="ellipsis")


def _ending(now: "Snapshot", resume: str, width: int) -> list[str]:
    """What became of a search that does not run."""
    on = f"; {resume} goes on where it was" if resume else ""
    told = {"stopped": "It was stopped or killed before its end", "died": "Its process is gone, killed or crashed"}
    return wrap(f"{told[now.state]}{on}.", width, break_on_hyphens=False) if now.state in told else []


class LiveView(Bars):
    """Has the methods of `Bars`, and redraws one view in place of lines and bars.

    Args:
        console: A terminal.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.Lock()
        self._shown: Snapshot | None = None
        self._counts: dict[str, tuple[int, int | None]] = {}
        self._study: Any = None
        self._until: float | None = None
        self._looked = 0.0

    def within(self, seconds: float | None, *, counted: bool, jobs: int = 1) -> None:
        self._until = None if seconds is None else time.time() + seconds

    def studying(self, study: Any) -> None:
        from untrained.searching.storage import unguarded

        self._study, self._looked = copy(study), 0.0
        self._study._storage = unguarded(study._storage)  # a look is not worth waiting for

    def querying(self, query: "Query", done: int, budget: int) -> None:
        self._counts.pop("training", None)
        self._looked = 0.0

    def _update(self, name: str, done: int, total: int) -> None:
        if done < total or name in self._counts:
            self._counts[name] = (done, total)

    def __rich__(self) -> RenderableType:
        size = self._console.size
        drawn = render_live(self._now(), size.width, size.height - 1)
        return Group(drawn, Text(said, style="yellow")) if (said := stopping()) else drawn

    def _now(self) -> "Snapshot":
        """The search as it is; its study is not asked more often than need be."""
        from untrained.searching.watching import Snapshot, snapshot_of

        with self._lock:
            if self._study is not None and time.monotonic() - self._looked >= LOOKS:
                self._looked = time.monotonic()
                with suppress(Exception):  # whatever a storage that is gone raises: the search itself says so
                    self._shown = snapshot_of(self._study)
            shown = self._shown or Snapshot("untrained search", until=self._until)
            return replace(shown, bars=dict(self._counts))


@contextmanager
def live_view(console: Console, enabled: bool = True) -> Iterator[Bars]:
    """Shows a search while it runs: at a terminal a view that is redrawn, elsewhere a line for each query.

    The view goes when the search ends well, as the result is printed then; else it stays.

    Args:
        console: Mostly stderr.
        enabled: Draw the view at all.
    """
    from untrained.report.progress import progress_bars

    if not (enabled and console.is_terminal and not console.is_dumb_terminal):
        with progress_bars(console, enabled) as bars:
            yield bars
        return
    view = LiveView(console)
    with said_elsewhere(), Live(view, console=console, refresh_per_second=2, redirect_stdout=False) as live:
        yield view
        live.transient = True


def follow(snapshots: Iterator["Snapshot"], console: Console, resume: str) -> "Snapshot":
    """Shows a search that another process makes, until it ends.

    Args:
        snapshots: See `watch`.
        console: At a terminal it shows a view that is redrawn; elsewhere a line for each query.
        resume: The command that goes on with the search.

    Returns:
        The last snapshot.
    """
    now = next(snapshots)
    if not console.is_terminal or console.is_dumb_terminal:
        return _told(now, snapshots, console, resume)
    with Live(console=console, auto_refresh=False, redirect_stdout=False) as live:
        while True:
            live.update(render_live(now, console.width, console.height, resume), refresh=True)
            if now.state != "running":
                return now
            now = next(snapshots)


def _told(now: "Snapshot", snapshots: Iterator["Snapshot"], console: Console, resume: str) -> "Snapshot":
    done = 0
    while True:
        for query in now.queries[done:]:
            done += 1
            left = now.seconds_left() if done == len(now.queries) else None
            count = f"{done}/{now.budget}" if now.counted else str(done)
            for line in query_lines(query, count, left, console.width):
                console.print(Text(line), soft_wrap=True)
        if now.state != "running":
            for line in _ending(now, resume, console.width) or ["It is finished."]:
                console.print(Text(line), soft_wrap=True)
            return now
        now = next(snapshots)
