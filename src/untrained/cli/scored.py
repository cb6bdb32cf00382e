"""Tables of scores that a search is given, and the limits that stand in their columns."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import typer

import untrained
from untrained.errors import InputError, listed

LARGE = 1_000_000
"""A Parquet file of so many architectures is read piece by piece, if the sampler looks at some of them only."""


def table_scores(
    scores: str | None,
    answers: str | None,
    metrics: str | None,
    figures: tuple[str | None, ...] = (),
    own: tuple[tuple[str, ...], ...] = (),
    *,
    most: int = 0,
    seed: int = 0,
) -> Any:
    """Reads the metric columns that a search learns from.

    Args:
        scores: The file of the metrics; None for the table that answers.
        answers: The table that answers; None if trainings do.
        metrics: The names that the user chose. If None: the sampler's `own`, else those of a table that this package
            wrote, else RoBoT's.
        figures: Columns of `answers` that are results of trainings, and cannot be metrics.
        own: Groups of metrics; the sampler needs one of each group.
        most: How many architectures of a Parquet file to keep, see `untrained.samplers.shortlist`; 0 for all.
        seed: That of the search.

    Returns:
        The scores.

    Raises:
        InputError: A metric is one of the figures, or the file has no such column.
    """
    from untrained.data.tables import open_table
    from untrained.metrics import split_names
    from untrained.samplers import shortlist
    from untrained.scores.table import METADATA

    path = scores or answers or ""
    if answers is None or Path(path).resolve() != Path(answers).resolve():
        figures = ()
    file = open_table(path)
    if metrics is not None:
        names = split_names(metrics)
    elif own:
        names = [next((m for m in group if m in file.numeric), group[0]) for group in own]
    elif file.metadata.get(METADATA, b"{}") != b"{}":
        names = list(file.numeric)
    else:
        names = ["jacov" if m not in file.numeric and m == "jacob_cov" else m for m in untrained.ROBOT_METRICS]
    for name in names:
        if name in figures:
            raise InputError(f"{name!r} is what the search is for: it cannot be one of the metrics")
        if name not in file.numeric:
            candidates = listed(m for m in file.numeric if m not in figures and "test" not in m)
            why = f" ({file.others[name]})" if name in file.others else ""
            raise InputError(f"{path} has no metric column {name!r}{why}: choose --metrics from {candidates}")
    chosen = replace(file, numeric=tuple(names))
    if not most:
        return untrained.ScoreTable.load(chosen)  # an empty one is told later, with its reason
    found = shortlist(chosen, seed=seed, most=most)
    if file.rows is None or len(found) < file.rows:
        typer.echo(
            f"note: of {file.rows or 0:,} architectures in {path} these {len(found):,} are candidates: those that come "
            "first if the metrics are weighed in many ways, and as many at random (--shortlist 0: all)",
            err=True,
        )
    return found


def shortlist_of(given: int | None, scores: str | None, sampler: str) -> int:
    """How many architectures of a file of scores to keep.

    Args:
        given: The value of `--shortlist`; None for what suits the file and the sampler.
        scores: The file; None if there is none.
        sampler: The sampler's name.

    Returns:
        How many; 0 for all.

    Raises:
        InputError: There is no file, or the number is below 0.
    """
    from untrained.data.tables import open_table
    from untrained.samplers.mixture import CANDIDATES

    if given is not None and scores is None:
        raise InputError(f"--shortlist {given}: give the file that it is taken of (--scores)")
    if given is not None and given < 0:
        raise InputError(f"--shortlist {given}: give how many architectures to keep, or 0 for all")
    if given is not None or scores is None or sampler != "mixture":
        return given or 0
    return CANDIDATES if (open_table(scores).rows or 0) >= LARGE else 0


def limits_in(
    where: str | None, scores: str | None, objectives: str | None = None, kept: Iterable[str] | None = None
) -> Any:
    """Reads the limits of a search.

    Args:
        where: The limits as text; None for none.
        scores: The file of the metrics, whose columns may be limited too; None if there is none.
        objectives: The objectives as text, whose columns may stand there, too.
        kept: The architectures of a shortlist; None for all of the file.

    Returns:
        What `search` takes as `where`.

    Raises:
        InputError: A limit cannot be read, or a column.
    """
    from untrained.data.tables import open_table
    from untrained.samplers.shortlist import with_archs
    from untrained.searching.allowed import Where
    from untrained.searching.figures import read_columns
    from untrained.searching.tradeoffs import read_objectives

    found = Where.of(where)
    wanted = [*(limit.name for limit in found.limits), *read_objectives(objectives)]
    if scores is None or not wanted:
        return found
    file = open_table(scores)
    there = dict.fromkeys(n for n in wanted if n in file.numeric)
    return Where(found.limits, read_columns(file if kept is None else with_archs(file, kept), there), file.numeric)
