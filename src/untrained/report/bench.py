"""A bench as tables for the terminal."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from untrained.benching import BenchResult, Ran, Row, Spread

ALPHA = 0.05
"""A difference with a p-value below this is shown bold."""
FEW = 10
"""A mean rank below this has a decimal: of 1 and 2, which is it nearer to?"""


def render_bench(result: BenchResult, rows: Sequence[Row], reference: str | None) -> RenderableType:
    """Renders a bench: one table for each benchmark, then what was skipped.

    Args:
        result: The bench.
        rows: Its rows (`summarise`).
        reference: The sampler that the others were compared with; None if there is none.

    Returns:
        What `rich` prints.
    """
    parts: list[RenderableType] = []
    for ran in result.ran:
        own = [row for row in rows if row.key == ran.benchmark.key]
        parts += [_table(ran, own, reference), *_published(ran, own), _footnotes(ran), Text()]
    if result.skipped:
        parts.append(Text("Skipped", style="bold"))
        parts += [Text(f"  {what}: {why}") for what, why in grouped(result.skipped)]
    return Group(*parts)


def _table(ran: Ran, rows: Sequence[Row], reference: str | None) -> Table:
    benchmark = ran.benchmark
    seeds = max(row.seeds for row in rows)
    test = f" · test {benchmark.test}" if benchmark.test else ""
    title = Text(f"{benchmark.name} · {benchmark.task} · objective {benchmark.objective}{test}\n", style="bold")
    title.append(f"T = {ran.budget}, {seeds} seed{'s' * (seeds > 1)}, {ran.pool:,} architectures, ", style="not bold")
    title.append("mean ± std over seeds", style="not bold")
    table = Table(title=title, title_justify="left", title_style="", header_style="dim", box=None, pad_edge=False)
    digits = digits_of(rows)
    headers = ["sampler", "test", "objective rank", "median", "worst", "regret", "cost s", "s/search"]
    headers += [f"vs {reference}", "p"] if reference else []
    lines = [_cells(row, digits, reference) for row in rows if row.rank or row.test or not row.published]
    told = [k for k in range(len(headers)) if any(str(line[k]) for line in lines)]
    for k in told:
        # No number is broken: names of samplers and columns are, where the terminal is narrow.
        longest = max(len(str(line[k])) for line in lines) if k else None
        table.add_column(headers[k], justify="right" if k else "left", overflow="fold", min_width=longest)
    for line in lines:
        table.add_row(*(line[k] for k in told))
    return table


def _cells(row: Row, digits: int, reference: str | None) -> list[str | Text]:
    rank = spread_said(row.rank, int(row.rank is not None and row.rank.mean < FEW))
    cells: list[str | Text] = [row.sampler, spread_said(row.test, digits), rank]
    cells += [_number(row.rank and row.rank.median), _number(row.rank and row.rank.worst)]
    cells += [spread_said(row.regret, digits), _number((row.cost and row.cost.mean) or None)]  # 0: not known
    cells.append(f"{row.seconds.mean:.2f}" if row.seconds else "")
    if reference:
        bold = row.p is not None and row.p < ALPHA
        cells.append(f"{row.difference:+.0f}" if row.difference is not None else "")
        cells.append(Text(p_said(row.p), style="bold" if bold else ""))
    return cells


def _published(ran: Ran, rows: Sequence[Row]) -> list[Text]:
    """What papers print for samplers of the table, and for others."""
    said = [f"{row.sampler} {published_said(row, ran)}" for row in rows if row.published]
    what = "test figure, cost" if ran.benchmark.reported == "test" else "objective rank"
    return [Text(f"published ({what}): {'; '.join(said)}")] if said else []


def _footnotes(ran: Ran) -> Text:
    return Text("; ".join([f"metrics: {', '.join(ran.metrics)}", *ran.notes]), style="dim")


def grouped(skipped: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """(what, why) with all that was skipped for the same reason in one entry."""
    whats = dict[str, list[str]]()
    for what, why in skipped:
        whats.setdefault(why, []).append(what)
    return [(", ".join(group), why) for why, group in whats.items()]


def digits_of(rows: Sequence[Row]) -> int:
    """Decimals of figures: two for percentages, four for shares between 0 and 1."""
    figures = [spread for row in rows if (spread := row.test or row.regret)]
    return 4 if all(abs(figure.mean) <= 1 for figure in figures) else 2


def spread_said(spread: Spread | None, digits: int) -> str:
    """Mean and standard deviation; "" for none."""
    return "" if spread is None else f"{spread.mean:.{digits}f}±{spread.std:.{digits}f}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"


def p_said(p: float | None) -> str:
    """A p-value; "" for none."""
    return "" if p is None else "<.001" if p < 0.001 else f"{p:.3f}".removeprefix("0")


def published_said(row: Row, ran: Ran) -> str:
    """What a paper prints for a row; "" if none does."""
    if row.published is None:
        return ""
    digits = 2 if ran.benchmark.reported == "test" else 0
    std = "" if row.published.std is None else f"±{row.published.std:.{digits}f}"
    cost = "" if row.published.cost is None else f", {row.published.cost:.0f} s"
    return f"{row.published.mean:.{digits}f}{std}{cost}"
