"""`untrained reproduce table2`, and the other tables, the figure and the ablations of the paper."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer
from rich.table import Table
from rich.text import Text

from untrained.benching import Row, Spread
from untrained.cli.output import stderr, stdout
from untrained.report.progress import progress_bars
from untrained.reproducing import Ablated, Cell, Repeated, ablate, repeat, table4
from untrained.reproducing.ablations import DIFFERS, SEEDS, TASKS

DIM = "dim"
SMALL_TASKS, SMALL_SEEDS = TASKS[:2], 2
"""Of the ablations."""


def reproduce_table(
    what: str,
    data_dir: Path | None,
    *,
    small: bool,
    seeds: Sequence[int] | None,
    budget: int | None,
    out: Path | None,
    figure: Path | None,
    workers: int,
    as_json: bool,
) -> None:
    """Runs what is needed and prints it."""
    if what == "table4":
        document: Any = table4()
        lines = _table4(document)
    elif what == "ablations":
        chosen = seeds if seeds is not None else SEEDS[: SMALL_SEEDS if small else None]
        with progress_bars(stderr(), enabled=not as_json) as bars:
            tasks = SMALL_TASKS if small else TASKS
            made = ablate(data_dir, tasks, chosen, budget=budget, path=out, on_run=bars.searching)
        document = {"ablations": [vars(one) for one in made], "seeds": list(chosen), "differs": list(DIFFERS)}
        lines = _ablations(made, chosen)
    else:
        with progress_bars(stderr(), enabled=not as_json) as bars:
            options: dict[str, Any] = {"small": small, "seeds": seeds, "budget": budget, "path": out}
            found = repeat(what, data_dir, **options, workers=workers, on_run=bars.searching)
        document = found.to_json()
        lines = _repeated(found)
        if figure is not None:
            from untrained.report.bench_figure import save_figure

            save_figure(found.result, figure)
            lines.append(Text(f"drawn: {figure}"))
    if as_json:
        typer.echo(json.dumps(document))
    else:
        for line in lines:
            stdout().print(line)


def _repeated(found: Repeated) -> list[Any]:
    """The table: under each of our figures the published one."""
    keys = list(found.study.benchmarks)
    spaces = list(dict.fromkeys(key.partition("/")[0] for key in keys))
    budgets = ", ".join(map(str, dict.fromkeys(found.budgets.values())))
    parts: list[Any] = []
    for space in spaces:  # a space a table: seven columns are enough for a terminal
        of = [key for key in keys if key.startswith(f"{space}/")]
        name = f" · {space}" if len(spaces) > 1 else ""
        seeds = f"T = {budgets}, seeds {_span(found.seeds)}, mean ± std"
        parts.append(_heading(f"{found.study.title}{name}", f"{seeds}; under each the published figure"))
        table = _plain()
        by_test = found.study.figure == "test"
        tasks = [key.split("/")[1] for key in of]
        headers = ["", *tasks, *(["rank there", "cost s"] if by_test else [])]
        for place, header in enumerate(headers):
            table.add_column(header, justify="right" if place else "left", overflow="fold")
        for method, cells in found.cells.items():
            row = [cells[key] for key in of]
            table.add_row(method, *(_cell(cell, found.study.figure) for cell in row), *_beside(row, by_test))
        parts.append(table)
    parts += [Text(f"differs: {line}", style=DIM) for line in found.study.differs]
    notes = dict.fromkeys(note for ran in found.result.ran for note in ran.notes)
    parts += [Text(f"note: {note}", style=DIM) for note in notes]
    parts += [Text(f"skipped {what}: {why}", style=DIM) for what, why in found.result.skipped]
    return parts


def _cell(cell: Cell, figure: str) -> Text:
    """Ours, and the published figure below it."""
    digits = 2 if figure == "test" else 0
    ours = _spread((cell.ours.test if figure == "test" else cell.ours.rank) if cell.ours else None, digits)
    said = cell.published
    printed = (
        "" if said is None else f"{said.mean:.{digits}f}" + ("" if said.std is None else f"±{said.std:.{digits}f}")
    )
    return Text(ours or "-").append(f"\n{printed or '-'}", style=DIM)


def _beside(row: Sequence[Cell], by_test: bool) -> list[Text]:
    """The objective ranks of the picks, which test figures do not tell, and the cost of a search."""
    if not by_test:
        return []
    ours: list[Row] = [cell.ours for cell in row if cell.ours]
    ranks = " / ".join("-" if one.rank is None else f"{one.rank.mean:.0f}" for one in ours)
    cost = next((one.cost.mean for one in ours if one.cost and one.cost.mean), None)
    printed = next((cell.published.cost for cell in row if cell.published), None)
    costs = [f"{figure:.0f}" if figure is not None else "-" for figure in (cost, printed)]
    return [Text(ranks if any(one.rank for one in ours) else "-"), Text(costs[0]).append(f"\n{costs[1]}", style=DIM)]


def _spread(spread: Spread | None, digits: int) -> str:
    if spread is None:
        return ""
    return f"{spread.mean:.{digits}f}±{spread.std:.{digits}f}"


def _ablations(made: Sequence[Ablated], seeds: Sequence[int]) -> list[Any]:
    tasks = list(dict.fromkeys(one.task for one in made))
    heading = _heading(
        "Ablations of RoBoT", f"seeds {_span(seeds)}: rank of the pick, mean ± std (median), and mean T0"
    )
    table = _plain()
    for place, header in enumerate(["", *(task.replace("/", " ") for task in tasks)]):
        table.add_column(header, justify="right" if place else "left", overflow="fold")
    of = {(one.title, one.name, one.task): one for one in made}
    titles = dict.fromkeys(one.title for one in made)
    for title in titles:
        table.add_row(Text(title, style="bold"))
        for name in dict.fromkeys(one.name for one in made if one.title == title):
            cells = [of.get((title, name, task)) for task in tasks]
            table.add_row(f"  {name}", *("-" if cell is None else _ranks(cell) for cell in cells))
    return [heading, table, *(Text(f"differs: {line}", style=DIM) for line in DIFFERS)]


def _ranks(cell: Ablated) -> str:
    import numpy as np

    ranks = np.array(cell.ranks)
    return f"{ranks.mean():.0f}±{ranks.std():.0f} ({np.median(ranks):g}), {np.mean(cell.explored):.1f}"


def _table4(document: dict[str, Any]) -> list[Any]:
    heading, table = _heading(document["title"], "published; ours: none"), _plain()
    for header in ("", "top-1", "top-5"):
        table.add_column(header, justify="right" if header else "left")
    for name, row in document["published"].items():
        table.add_row(name, f"{row['top1']:.1f}", f"{row['top5']:.1f}")
    params, flops = document["params"], document["flops"]
    counted = (
        f"RoBoT's published cells, built here with 48 channels and 14 cells: {params['ours']:.2f} M parameters "
        f"(published {params['published']:.1f}), {flops['ours']:.0f} M multiply-adds "
        f"(published {flops['published']:.0f})"
    )
    return [heading, table, Text(f"table 4 {document['lacks']}"), Text(counted)]


def _heading(title: str, under: str) -> Text:
    return Text(f"{title}\n", style="bold").append(under, style="not bold")


def _plain() -> Table:
    return Table(header_style=DIM, box=None, pad_edge=False)


def _span(seeds: Sequence[int]) -> str:
    whole = list(seeds) == list(range(seeds[0], seeds[0] + len(seeds))) and len(seeds) > 1
    return f"{seeds[0]}..{seeds[-1]}" if whole else ", ".join(map(str, seeds))
