"""The page on one search."""

from typing import Any

from untrained.errors import InputError
from untrained.report.page.data import Contents
from untrained.report.page.decisions import decisions
from untrained.report.page.facts import command, facts, records, times
from untrained.report.page.render import rendered
from untrained.report.text import CALLED, said
from untrained.report.trained import figure as two_decimals
from untrained.report.trained import sentences, spread


def page(shown: Contents, space: Any = None) -> str:
    """The page.

    Args:
        shown: What it shows.
        space: As for `write_report`.
    """
    from untrained.report.page import figures, told
    from untrained.report.page.plotting import mark_of, names_of

    svg, no_picture = picture(shown, space)
    drawn: dict[str, Any] = {"progress": figures.progress(shown), "curves": figures.curves(shown)}
    known = [name for name in shown.axes if any(name in row.figures for row in shown.valued)]
    costs = {f"cost-{k}": name for k, name in enumerate(known)}
    drawn |= {key: figures.against(shown, name) for key, name in costs.items()}
    found: list[told.Agreement] = []
    table, values = shown.scores, {row.place: float(row.query.value or 0.0) for row in shown.valued}
    if table is not None and len(table) and table.metrics:
        of_archs = {row.place: (row.query.architecture, values[row.place]) for row in shown.valued}
        found = told.agreements(table, of_archs, shown.sign)
        if any(one.spearman is not None for one in found):
            drawn["agreement"] = figures.agreement(found)
        found = [one for one in found if one.points]
        if found:
            drawn["metric-points"] = figures.metric_points(shown, found)
        names, matrix = told.correlations(table)
        if len(names) > 1:
            drawn["together"] = figures.together(names, matrix)
        if len(names) > 1 and len(table) > 2:
            drawn["pool"] = figures.pool(shown, *told.plane(table))
    decided = decisions({row.place: row.decisions for row in shown.rows}, values)
    if any(one.share is not None for one in decided):
        drawn["importance"] = figures.importance(decided[: figures.MOST_DECISIONS])
    if decided:
        drawn["decision-points"] = figures.decision_points(shown, decided)
    drawn |= {"trust": figures.trust(shown), "seconds": figures.seconds(shown)}
    return rendered(
        "search.html",
        drawn,
        names_of(shown.rows),
        shown=shown,
        svg=svg,
        no_picture=no_picture,
        facts=facts(shown),
        trained_told=sentences(shown.trained) if shown.trained else [],
        costs=costs,
        agreements=found,
        decided=decided,
        failures=[row for row in shown.rows if row.query.reason],
        tuned=list(dict.fromkeys(name for row in shown.rows for name in row.query.hyperparameters)),
        columns=list(shown.axes),
        kinds={row.place: mark_of(row) for row in shown.rows},
        called=CALLED,
        times=times(shown),
        command=command(shown.run),
        records=records(shown),
        pool_drawn=figures.MOST_POINTS,
        said=said,
        spread=spread,
        two=two_decimals,
    )


def picture(shown: Contents, space: Any) -> tuple[Any, str]:
    """The drawing of the pick, or why there is none."""
    from markupsafe import Markup

    from untrained.report.drawing import Drawing
    from untrained.searching.saved import load_picture

    try:
        return Markup(Drawing(load_picture(shown.folder, space, str(shown.summary["study"]))).svg), ""
    except InputError as error:
        return "", str(error)
