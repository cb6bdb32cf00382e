"""Writes the tables of metrics, samplers and spaces into the pages of this folder, from the registries.

`make tables` runs it; `tests/test_tables.py` says when a page is out of date. A table stands between two comments,
`<!-- begin table -->` and `<!-- end table -->`.
"""

import inspect
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from untrained.metrics import METRICS
from untrained.samplers.registry import SAMPLERS
from untrained.spaces import SPACES

FOLDER = Path(__file__).parent
TABLE = re.compile(r"(?<=<!-- begin table -->\n).*?(?=<!-- end table -->)", re.DOTALL)


def metrics() -> str:
    """The metrics: what each computes, which way is better, what it costs and needs, its options, its paper."""
    return table(
        ("name", "what", "better", "cost alone", "needs", "options", "paper"),
        (
            (
                f"`{m.name}`",
                m.summary,
                "higher" if m.direction > 0 else "lower",
                m.cost,
                ", ".join(m.needs),
                ", ".join(f"`{name}={default}`" for name, (default, _) in m.all_options.items()),
                m.paper,
            )
            for m in METRICS.values()
        ),
    )


def samplers() -> str:
    """The samplers: what each does, what it needs, its paper."""
    return table(
        ("name", "what it does", "needs", "paper"),
        ((f"`{s.form}`", s.summary, s.needs, s.citation) for s in SAMPLERS.values()),
    )


def spaces() -> str:
    """The spaces, with the options that they have by default."""
    return table(
        ("name", "what", "architectures", "options"),
        (
            (
                f"`{name}`",
                (inspect.getdoc(kind) or "").split("\n")[0],
                f"{kind().size or 'endless'}",
                ", ".join(f"`{option}={default}`" for option, default in kind().options.items()),
            )
            for name, kind in SPACES.items()
        ),
    )


PAGES: dict[str, Callable[[], str]] = {
    "catalogue/metrics.md": metrics,
    "catalogue/samplers.md": samplers,
    "catalogue/spaces.md": spaces,
}


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown; an empty cell has a dash."""
    cells = [[cell.replace("|", r"\|") or "–" for cell in row] for row in (head, *rows)]
    cells.insert(1, ["---"] * len(cells[0]))
    return "".join(f"| {' | '.join(row)} |\n" for row in cells)


def renewed(page: str, text: str) -> str:
    """The text of a page with its table as it should be."""
    if len(TABLE.findall(text)) != 1:
        raise ValueError(f"{page}: expected one table between <!-- begin table --> and <!-- end table -->")
    made = PAGES[page]()
    return TABLE.sub(lambda _: made, text)


if __name__ == "__main__":
    for page in PAGES:
        path = FOLDER / page
        path.write_text(renewed(page, path.read_text()))
