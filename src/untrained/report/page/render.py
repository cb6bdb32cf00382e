"""From a template and figures to one file of HTML that needs no network."""

import json
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from importlib.metadata import version
from typing import Any

from untrained.errors import InputError


def rendered(template: str, drawn: Mapping[str, Any], names: Mapping[str, str], /, **context: Any) -> str:
    """A page.

    Args:
        template: One of the files beside this one, whose texts are escaped.
        drawn: Name -> its figure of Plotly; None for one that there is not.
        names: What points of figures are called, as Plotly's HTML, by the first of their `customdata` (after the
            `meta.of` of their trace, if that has one).
        context: What the template shows.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    from untrained.report.page.plotting import as_json

    known = {name: one for name, one in drawn.items() if one is not None}
    loader = PackageLoader("untrained.report.page")
    made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    css, js = (Markup(loader.get_source(made, f"page.{name}")[0]) for name in ("css", "js"))
    plotly = Markup(get_plotlyjs().replace("</script", r"<\/script"))
    return made.get_template(template).render(
        drawn=known,
        figures=Markup(script_data(as_json(known))),
        names=Markup(script_data(dict(names))),
        css=css,
        js=js,
        plotly=plotly,
        allowed=Markup(" ".join(f"'{digest(script)}'" for script in (plotly, js))),
        version=version("untrained"),
        **context,
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


def check_installed() -> None:
    """Raises `InputError` if Plotly or Jinja is not installed."""
    try:
        import jinja2  # noqa: F401
        import plotly  # noqa: F401
    except ImportError as error:
        raise InputError(f"a report needs {error.name}: pip install 'untrained[report]'") from error
