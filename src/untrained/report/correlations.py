"""Correlations with an objective as a table for the terminal, and as JSON."""

import math
from collections.abc import Sequence
from typing import Any

from rich.console import Console

from untrained.analysis.correlations import SHARE, Correlation, Interval
from untrained.analysis.labels import Predicted
from untrained.report.text import print_table

FIGURES = ("kendall", "spearman", "ndcg", "precision")


def print_correlations(
    console: Console, title: str, found: Sequence[Correlation], learnt: Predicted | None, top: int, budget: int
) -> None:
    """Prints the rankings, the best correlation first, and the one that was learnt from labels under them.

    Args:
        console: Prints it.
        title: Its title.
        found: The rankings of metrics and aggregates.
        learnt: The ranking learnt from labels, if there is one.
        top: P of nDCG.
        budget: T of Precision @ T.
    """
    best = sorted(found, key=lambda c: -math.inf if math.isnan(c.kendall.value) else c.kendall.value, reverse=True)
    rows = [(c.name, f"{c.n}", *(shown(getattr(c, figure)) for figure in FIGURES)) for c in best]
    if learnt is not None:
        name = f"{learnt.labels} labels, {learnt.draws} draws"
        rows.append((name, "", *(shown(getattr(learnt, figure)) for figure in FIGURES)))
    if any(not math.isnan(c.kendall.low) for c in found):
        title += f"\n±: half of the interval that {SHARE:.0%} of the resampled pools give"
    header = ("ranking", "scores", "Kendall", "Spearman", f"nDCG @ {top}", f"Prec. @ {budget}")
    print_table(console, title, header, rows)


def shown(interval: Interval) -> str:
    """The figure, and half the width of the interval if there is one; without the 0 before the point.

    Example:
        >>> shown(Interval(0.5, 0.4, 0.61)), shown(Interval(-0.5, math.nan, math.nan)), shown(Interval(math.nan, 0, 1))
        ('.500±.105', '-.500', '-')
    """
    if math.isnan(interval.value):
        return "-"
    value, half = (f"{v:.3f}".replace("0.", ".", 1) for v in (interval.value, (interval.high - interval.low) / 2))
    return value if math.isnan(interval.low) else f"{value}±{half}"


def correlations_json(found: Sequence[Correlation | Predicted]) -> list[dict[str, Any]]:
    """The same as JSON: each figure as value, low and high; None where there is none."""
    rows = []
    for one in found:
        facts = {name: value for name, value in vars(one).items() if name not in FIGURES}
        figures = {name: getattr(one, name) for name in FIGURES}
        rows.append(
            facts
            | {
                name: {k: None if math.isnan(v) else v for k, v in vars(interval).items()}
                for name, interval in figures.items()
            }
        )
    return rows
