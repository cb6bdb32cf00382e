"""Writes the page on a search: one file of HTML that needs no network."""

import json
from base64 import b64encode
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

from untrained.errors import InputError, one_line
from untrained.report.page.data import Contents, read
from untrained.report.page.facts import command, facts, records, times
from untrained.report.text import CALLED, said
from untrained.report.trained import figure as two_decimals
from untrained.report.trained import sentences, spread
from untrained.runtime.files import written_whole

REPORT_FILE = "report.html"


def write_report(
    folder: str | Path, out: str | Path | None = None, *, study: str | None = None, space: Any = None
) -> Path:
    """Writes one HTML file on a search, finished or not. It opens without a network.

    The folder may be a stranger's: nothing that its files name is imported or run, and all that they say is escaped.

    Args:
        folder: The folder of the search.
        out: The file; `report.html` in the folder by default.
        study: Which of the searches in the folder; None for the latest.
        space: The space of the search, or the function that is one; without it, a space of one's own is not drawn.

    Returns:
        The file.

    Raises:
        InputError: There is no such search, a file of it is broken, the page cannot be written, or Plotly or Jinja is
            not installed.

    Example:
        ```python
        path = untrained.write_report("runs/digits")
        ```
    """
    _check_installed()
    path = Path(folder) / REPORT_FILE if out is None else checked_path(out)
    text = _made(folder, study, space)
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="replace")
    return path


def _made(folder: str | Path, study: str | None, space: Any) -> str:
    """The page on a folder, whose files may have been written by anything."""
    from jinja2 import TemplateError

    try:
        return page(read(folder, study, space), space)
    except InputError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError, TemplateError) as error:
        raise InputError(f"the files in {str(folder)!r} are not what a search writes ({one_line(error)})") from error


def checked_path(path: str | Path) -> Path:
    """The path of a file that a page can be written to.

    Raises:
        InputError: It has another ending, or is a folder.
    """
    path = Path(path)
    if path.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"{str(path)!r}: give a file that ends in .html")
    if path.is_dir():
        raise InputError(f"{str(path)!r} is a folder: give a file in it")
    return path


def page(shown: Contents, space: Any = None) -> str:
    """The page.

    Args:
        shown: What it shows.
        space: As for `write_report`.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    from untrained.report.page import figures, told

    svg, no_picture = _picture(shown, space)
    drawn: dict[str, Any] = {"progress": figures.progress(shown), "curves": figures.curves(shown)}
    costs = {f"cost-{k}": name for k, name in enumerate(shown.axes)}
    drawn |= {key: figures.against(shown, name) for key, name in costs.items()}
    found: list[told.Agreement] = []
    table, names = shown.scores, []
    if table is not None and len(table) and table.metrics:
        values = {row.place: (row.query.architecture, float(row.query.value or 0.0)) for row in shown.valued}
        found = told.agreements(table, values, shown.sign)
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
    drawn |= {"trust": figures.trust(shown), "seconds": figures.seconds(shown)}
    drawn = {name: one for name, one in drawn.items() if one is not None}
    loader = PackageLoader("untrained.report.page")
    made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    css, js = (Markup(loader.get_source(made, f"page.{name}")[0]) for name in ("css", "js"))
    plotly = Markup(get_plotlyjs().replace("</script", r"<\/script"))
    return made.get_template("page.html").render(
        shown=shown,
        svg=Markup(svg),
        no_picture=no_picture,
        facts=facts(shown),
        trained_told=sentences(shown.trained) if shown.trained else [],
        drawn=drawn,
        data=Markup(script_data(figures.as_json(drawn))),
        css=css,
        js=js,
        plotly=plotly,
        allowed=Markup(" ".join(f"'{digest(script)}'" for script in (plotly, js))),
        costs=costs,
        agreements=found,
        failures=[row for row in shown.rows if row.query.reason],
        tuned=list(dict.fromkeys(name for row in shown.rows for name in row.query.hyperparameters)),
        columns=list(shown.axes),
        kinds={row.place: figures.mark_of(row) for row in shown.rows},
        called=CALLED,
        times=times(shown),
        command=command(shown.run),
        records=records(shown),
        pool_drawn=figures.MOST_POINTS,
        said=said,
        spread=spread,
        two=two_decimals,
        version=version("untrained"),
    )


def digest(script: str) -> str:
    """What a page's policy calls a script by: with it, no other script runs, whatever a folder's texts are.

    Args:
        script: The text between the tags.

    Example:
        >>> digest("alert('Hello, world.');")
        'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='
    """
    return f"sha256-{b64encode(sha256(script.encode()).digest()).decode()}"


def script_data(value: Any) -> str:
    """JSON that can stand in a script element: nothing in it ends the element or begins a comment.

    Example:
        >>> script_data(["</script>"])
        '["\\\\u003c/script\\\\u003e"]'
    """
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _picture(shown: Contents, space: Any) -> tuple[str, str]:
    """The drawing of the pick, or why there is none."""
    from untrained.report.drawing import Drawing
    from untrained.searching.saved import load_picture

    try:
        return Drawing(load_picture(shown.folder, space, str(shown.summary["study"]))).svg, ""
    except InputError as error:
        return "", str(error)


def _check_installed() -> None:
    try:
        import jinja2  # noqa: F401
        import plotly  # noqa: F401
    except ImportError as error:
        raise InputError(f"a report needs {error.name}: pip install 'untrained[report]'") from error
