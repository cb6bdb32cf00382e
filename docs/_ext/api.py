"""The pages of the Python reference: what `untrained` exports and its rooms offer, by topic."""

import inspect
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from docstrings import translated
from pages import FOLDER, table, write
from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer

import untrained
from untrained.metrics import METRICS, Metric
from untrained.spaces import SPACES

TOPICS: dict[str, tuple[str, tuple[str, ...]]] = {
    "searching": (
        "Searching",
        (
            *("searching.search", "searching.for_optuna", "searching.result"),
            *("searching.saved", "searching.trained", "searching.runs", "searching.loggers", "errors"),
        ),
    ),
    "data": ("Data", ("data",)),
    "spaces": ("Spaces", ("spaces", "spaces.picture")),
    "metrics": ("Metrics", ("metrics", "probe")),
    "scores": ("Scores", ("scoring.pool", "scores")),
    "samplers": ("Samplers", ("samplers",)),
    "objectives": ("Objectives and recipes", ("objectives",)),
    "deploying": (
        "Taking home, measuring",
        ("deploying.refitting", "deploying.export", "deploying.measure", "measuring"),
    ),
    "report": ("Pictures and reports", ("report.drawing", "report.page")),
    "benchmarks": ("Benchmarks and analysis", ("benchmarks", "benching", "analysis", "reproducing")),
    "testing": ("Checks of your own parts", ("testing",)),
}
"""File -> its title, and the modules that it tells of."""
ELSEWHERE = {f"untrained.{kind.__name__}": f"catalogue/spaces/{name}.md" for name, kind in SPACES.items()} | {
    f"untrained.metrics.{name}": f"catalogue/metrics/{name}.md" for name in METRICS
}
"""What has a page of its own in the catalogue."""


def make(_app: Sphinx | None = None) -> None:
    """Writes the pages."""
    write(FOLDER / "reference/api", {topic: page(title, modules) for topic, (title, modules) in TOPICS.items()})


def index() -> str:
    """What `import untrained` gives, by topic."""
    parts = list[str]()
    for topic, (title, modules) in TOPICS.items():
        found = {name: thing for module in modules for name, thing in things(module)}
        rows = [(_link(name, up="../"), first(name, thing)) for name, thing in found.items() if name.count(".") == 1]
        parts += [f"**[{title}](api/{topic}.md)**", *([table(("name", "what"), rows)] if rows else [])]
    return "\n\n".join(parts)


def things(module: str) -> Iterator[tuple[str, Any]]:
    """Name, as a user imports it, and thing of all that is public in a module."""
    found = import_module(f"untrained.{module}")
    names = getattr(found, "__all__", None) or [
        name
        for name, thing in vars(found).items()
        if not name.startswith("_") and getattr(thing, "__module__", "") == found.__name__
    ]
    for name in names:
        thing = getattr(found, name)
        exported = name in untrained.__all__ and getattr(untrained, name) is thing
        yield f"untrained.{name}" if exported else f"untrained.{module}.{name}", thing


def page(title: str, modules: tuple[str, ...]) -> str:
    """A table of what modules hold, and each thing in full."""
    found = {name: thing for module in modules for name, thing in things(module)}
    rows = ((_link(name), first(name, thing)) for name, thing in found.items())
    parts = [f"# {title}", table(("name", "what"), rows)]
    parts += [entry(name, thing) for name, thing in found.items() if name not in ELSEWHERE]
    return "\n\n".join(parts) + "\n"


def entry(name: str, thing: Any) -> str:
    """A thing in full."""
    if kind := _kind(thing):
        lines = (f".. auto{kind}:: {name}", *(("   :members:",) if kind == "class" else ()))
    else:
        said = (f"   {line}" for line in translated(said_of(name, thing).splitlines()))
        lines = (f".. py:data:: {name}", "", *said)
    return "\n".join(("```{eval-rst}", *lines, "```"))


def first(name: str, thing: Any) -> str:
    """The first line of what is said of a thing."""
    return said_of(name, thing).strip().split("\n")[0]


def said_of(name: str, thing: Any) -> str:
    """The docstring of a class or function, and of a constant the string below it; empty if there is none."""
    if _kind(thing) or isinstance(thing, Metric):
        return inspect.getdoc(thing) or ""
    last = name.rpartition(".")[2]
    homes = (module for path, module in sorted(sys.modules.items()) if path.startswith("untrained."))
    for home in homes:
        if vars(home).get(last) is thing:
            said = ModuleAnalyzer.for_module(home.__name__).find_attr_docs().get(("", last))
            if said:
                return "\n".join(said)
    return ""


def _link(name: str, up: str = "../../") -> str:
    return f"[`{name}`]({up}{ELSEWHERE[name]})" if name in ELSEWHERE else f"{{py:obj}}`{name}`"


def _kind(thing: Any) -> str:
    if inspect.isclass(thing):
        return "exception" if issubclass(thing, BaseException) else "class"
    return "function" if inspect.isroutine(thing) else ""


def setup(app: Sphinx) -> dict[str, Any]:
    """Is called by Sphinx."""
    app.connect("builder-inited", make)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
