"""What to cite for a search."""

from collections.abc import Iterator, Mapping
from typing import Any

from untrained.report.bibliography import DATA, METRICS, PAPERS, SAMPLERS, SPACES, TABLES, Reference
from untrained.searching.runs import data_of


def references(summary: Mapping[str, Any]) -> tuple[dict[Reference, list[str]], list[str]]:
    """Finds the papers behind a search: of its sampler, metrics, space, data and tools.

    Args:
        summary: See `Result.summary`.

    Returns:
        Reference -> what it is cited for; and what no paper is known of.

    Example:
        >>> digits = {"kind": "training", "data": "digits"}
        >>> found, unknown = references(
        ...     {"sampler": "robot", "metrics": ["snip"], "space": "mine:Space", "objective": digits}
        ... )
        >>> [reference.key for reference in found][:3], unknown
        (['he2024robustifying', 'lee2019snip', 'abdelfattah2021zero'], ["space 'mine:Space'"])
    """
    found, unknown = dict[Reference, list[str]](), list[str]()
    for what, papers in _used(summary):
        if papers is None:
            unknown.append(what)
        for paper in papers or ():
            found.setdefault(PAPERS[paper], []).append(what)
    return found, unknown


def bibtex(summary: Mapping[str, Any]) -> str:
    """The papers behind a search as the text of a BibTeX file; a line above each says what it is cited for."""
    found, unknown = references(summary)
    entries = [f"% {_line(what)}\n{reference.to_bibtex()}" for reference, what in found.items()]
    return "\n\n".join([*entries, *([f"% no paper is known of: {_line(unknown)}"] if unknown else [])])


def _line(words: list[str]) -> str:
    """Words on one line, without what would begin an entry or move the cursor."""
    return "".join(char if char.isprintable() and char != "@" else "?" for char in ", ".join(words))


def _used(summary: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...] | None]]:
    """What the search used, and its papers; None if it is somebody's own."""
    sampler = str(summary["sampler"])
    yield f"sampler {sampler!r}", SAMPLERS.get(sampler.partition(":")[0])
    for metric in summary["metrics"]:
        yield f"metric {metric!r}", METRICS.get(str(metric).partition("(")[0])
    objective, space = summary["objective"], str(summary["space"])
    if space != "table":  # a list of names
        yield f"space {space!r}", SPACES.get(space)
    kind, data = objective.get("kind"), data_of(summary)
    if kind == "table":
        begins = (papers for name, papers in TABLES.items() if data.startswith(f"{name}_"))
        yield f"table {data!r}", next(begins, None)
    elif kind == "training":
        yield f"data {data!r}", DATA.get(data)
    yield "Optuna, which keeps the history", ("optuna",)
    if kind != "table":
        yield "PyTorch, which runs the networks", ("pytorch",)
