"""A page for each metric, space, sampler and benchmark, and tables of them, out of the registries."""

import inspect
import random
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import api
import commands
from docstrings import as_rst
from pages import FOLDER, table, write
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from untrained.benchmarks import BENCHMARKS, SOURCES, Benchmark
from untrained.metrics import METRICS, Metric
from untrained.report import bibliography
from untrained.samplers.info import SamplerInfo
from untrained.samplers.registry import SAMPLERS
from untrained.spaces import SPACES, SearchSpace

CATALOGUE = FOLDER / "catalogue"


def make(_app: Sphinx | None = None) -> None:
    """Writes a page for each entry of each registry."""
    write(CATALOGUE / "metrics", {name: metric_page(metric) for name, metric in METRICS.items()})
    write(CATALOGUE / "spaces", {name: space_page(name, kind) for name, kind in SPACES.items()})
    write(CATALOGUE / "samplers", {name: sampler_page(info) for name, info in SAMPLERS.items()})
    write(CATALOGUE / "benchmarks", {slug(key): benchmark_page(b) for key, b in BENCHMARKS.items()})


def metric_page(metric: Metric) -> str:
    """What a metric computes, what it needs and costs, how it is used, its function, its papers."""
    name = metric.name
    meant = meanings(inspect.getdoc(metric.function) or "")
    options = (
        (f"`{option}`", f"`{default}`", _choices(values), meant[option])
        for option, (default, values) in metric.all_options.items()
    )
    return _page(
        f"# `{name}`",
        metric.summary,
        f"$$\n{metric.formula}\n$$" if metric.formula else "",
        _facts(
            ("Better", "higher" if metric.direction > 0 else "lower"),
            ("Cost alone", metric.cost),
            ("Needs", ", ".join(metric.needs) or "nothing but the network"),
            ("From", metric.paper),
        ),
        "## Options\n\n" + table(("option", "default", "one of", "meaning"), options) if metric.all_options else "",
        "## Use",
        _sh(f"untrained score --space nasbench201 --data digits --metrics {name} --out scores.parquet"),
        _python(
            "from untrained import NASBench201, compute_scores, load_data",
            "",
            "space = NASBench201(N=1, C=4, in_channels=1)",
            f'scores = compute_scores(space, space.pool(3), ["{name}"], load_data("digits").batch(16))',
            "print(scores.values)",
        ),
        "## In detail",
        _described(f"untrained.metrics.{name}(probe{_signature(metric)})", metric.function.__doc__),
        _cite(bibliography.METRICS.get(name, ())),
    )


def meanings(docstring: str) -> dict[str, str]:
    """Argument -> what its docstring says of it."""
    section = re.search(r"^Args:\n((?: +.*\n|\n)+)", docstring, re.MULTILINE)
    found = re.findall(r"^ {4}(\w+(?:, \w+)*): (.*(?:\n {5,}.*)*)", section[1] if section else "", re.MULTILINE)
    return {name: " ".join(text.split()) for names, text in found for name in names.split(", ")}


def space_page(name: str, kind: type[SearchSpace]) -> str:
    """What a space is made of, a picture of one of its networks, its options, its class, its papers."""
    made = kind()
    arch = made.sample(random.Random(0))
    decisions = ((f"`{decision}`", f"`{value}`") for decision, value in made.to_params(arch).items())
    said = inspect.getdoc(kind) or ""
    meant = meanings(said)
    options = ((f"`{option}`", f"`{value}`", meant.get(option, "")) for option, value in made.options.items())
    return _page(
        f"# `{name}`",
        said.partition("\n")[0],
        f"```{{image}} ../../pictures/{name}.svg\n:alt: A network of {name}\n:class: picture\n```",
        _facts(
            ("Architectures", f"{made.size:,}" if made.size else "endless"),
            ("Class", f"{{py:class}}`untrained.{kind.__name__}`"),
        ),
        "## Options\n\n" + table(("option", "default", "meaning"), options),
        "## Use",
        _sh(
            f"untrained search --space {name} --data {_data(made)} --budget 10 --out runs/{name}",
            f"untrained draw '{arch}' \\",
            f"    --space {name} --out network.svg",
        ),
        _python(
            "import untrained",
            "",
            f'space = untrained.space("{name}")',
            "arch = space.pool(1)[0]",
            "print(arch, sum(p.numel() for p in space.build(arch).parameters()))",
        ),
        f"## An architecture\n\nA string, here `{arch}`, stands for these decisions:",
        table(("decision", "value"), decisions),
        "## In detail",
        _rst(f".. autoclass:: untrained.{kind.__name__}", "   :members:"),
        _cite(bibliography.SPACES.get(name, ())),
    )


def sampler_page(info: SamplerInfo) -> str:
    """What a sampler does and needs, how it is used, its class, its papers."""
    name = info.form.replace("METRIC", "snip")
    metrics = ",".join(group[0] for group in info.metrics) or "snip,naswot,synflow"
    made = "autoclass" if inspect.isclass(info.make) else "autofunction"
    where = f"{info.make.__module__}.{info.make.__qualname__}"
    return _page(
        f"# `{info.form}`",
        f"{info.summary[0].upper()}{info.summary[1:]}.",
        _facts(
            ("Needs", info.needs or "a table of scores"),
            ("A front of several objectives", "yes" if info.takes_costs else "no"),
            ("From", info.citation),
        ),
        "## Use",
        _sh(
            "untrained search --space nasbench201 --data digits --budget 10 \\",
            f"    --sampler {name} --metrics {metrics} --out runs/digits",
            f"untrained bench nasbench201 --samplers {info.name},random --seeds 10 --data-dir tables",
        ),
        "## In detail",
        _rst(f".. {made}:: {where}", *(("   :members:",) if made == "autoclass" else ())),
        _cite(bibliography.SAMPLERS.get(info.name, ())),
    )


def benchmark_page(benchmark: Benchmark) -> str:
    """What a benchmark asks, of which tables, what was published on it, its papers."""
    files = dict.fromkeys((benchmark.table, benchmark.scores))
    sources = [
        f"**`{file}`**\n\n"
        + _facts(
            ("Holds", s.what),
            ("Whose", s.citation),
            ("Licence", s.licence),
            ("How", re.sub(r"(untrained data import .+)", r"`\1`", s.how)),
        )
        for file in files
        if (s := SOURCES.get(file))
    ]
    published = (
        (method, f"{p.mean:g}{'' if p.std is None else f' ± {p.std:g}'}", "" if p.cost is None else f"{p.cost:,.0f}")
        for method, p in benchmark.published.items()
    )
    figure = "test figure" if benchmark.reported == "test" else "objective rank of the pick"
    return _page(
        f"# `{benchmark.key}`",
        f"The task {benchmark.task} of {benchmark.name}: a query reads the column `{benchmark.objective}`.",
        _facts(
            ("Space", f"[`{benchmark.space.name}`](../spaces/{benchmark.space.name}.md)" if benchmark.space else ""),
            ("Objective", f"`{benchmark.objective}`, {benchmark.direction}d"),
            ("Queries", f"{benchmark.budget}"),
            ("Metrics", ", ".join(_metric(metric) for metric in benchmark.metrics)),
            ("Test figure", f"`{benchmark.test}`" if benchmark.test else ""),
            ("Seconds of a training", f"`{benchmark.cost}`" if benchmark.cost else ""),
            ("Shorter trainings", ", ".join(f"epoch {e}: `{c}`" for e, c in benchmark.fidelities.items())),
        ),
        "## Use",
        _sh(
            f"untrained bench {benchmark.key} \\",
            "    --samplers robot,mixture,random --seeds 10" + " --data-dir tables" * benchmark.needs_folder,
        ),
        "## Where the tables come from" if sources else "",
        *sources,
        f"## What was published\n\nThe {figure}.\n\n" + table(("method", "figure", "GPU seconds"), published)
        if benchmark.published
        else "",
        "## What differs from the paper\n\n" + "\n".join(f"- {note}" for note in benchmark.notes)
        if benchmark.notes
        else "",
        _cite(next((papers for begin, papers in bibliography.TABLES.items() if benchmark.table.startswith(begin)), ())),
    )


def metrics_table() -> str:
    """The metrics, each with a link to its page."""
    return table(
        ("metric", "what", "better", "cost alone", "needs"),
        (
            (
                f"[`{m.name}`](metrics/{m.name}.md)",
                m.summary,
                "higher" if m.direction > 0 else "lower",
                m.cost,
                ", ".join(m.needs),
            )
            for m in METRICS.values()
        ),
    )


def spaces_table() -> str:
    """The spaces, each with a link to its page."""
    return table(
        ("space", "what", "architectures"),
        (
            (f"[`{name}`](spaces/{name}.md)", (inspect.getdoc(kind) or "").split("\n")[0], _many(kind().size))
            for name, kind in SPACES.items()
        ),
    )


def samplers_table() -> str:
    """The samplers, each with a link to its page."""
    return table(
        ("sampler", "what it does", "needs"),
        ((f"[`{s.form}`](samplers/{s.name}.md)", s.summary, s.needs) for s in SAMPLERS.values()),
    )


def benchmarks_table() -> str:
    """The benchmarks, each with a link to its page."""
    return table(
        ("benchmark", "objective", "queries", "metrics"),
        (
            (
                f"[`{b.name}/{b.task}`](benchmarks/{slug(key)}.md)",
                f"`{b.objective}`",
                f"{b.budget}",
                ", ".join(b.metrics),
            )
            for key, b in BENCHMARKS.items()
        ),
    )


TABLES: dict[str, Callable[[], str]] = {
    "metrics": metrics_table,
    "spaces": spaces_table,
    "samplers": samplers_table,
    "benchmarks": benchmarks_table,
    "api": api.index,
    "commands": commands.index,
}


class Table(SphinxDirective):
    """```{table-of} metrics```: the table of a registry, of the reference, or of the commands."""

    required_arguments = 1

    def run(self) -> list[Any]:
        """Is called for each such directive."""
        return self.parse_text_to_nodes(TABLES[self.arguments[0]]())


def slug(key: str) -> str:
    """A key as the name of a file."""
    return key.replace("/", "-")


def _many(size: int | None) -> str:
    if size is None:
        return "endless"
    return f"{size:,}" if size < 10**7 else f"{size:.1e}".replace("e+", " · 10^").replace("^0", "^")


def _page(*parts: str) -> str:
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def _facts(*rows: tuple[str, str]) -> str:
    return "\n".join(f"{name}\n: {fact}\n" for name, fact in rows if fact)


def _sh(*lines: str) -> str:
    return "\n".join(("```sh", *lines, "```"))


def _python(*lines: str) -> str:
    return "\n".join(("```python", *lines, "```"))


def _rst(*lines: str) -> str:
    return "\n".join(("```{eval-rst}", *lines, "```"))


def _described(signature: str, docstring: str | None) -> str:
    lines = (f"   {line}" for line in as_rst(inspect.cleandoc(docstring or "")))
    return _rst(f".. py:function:: {signature}", "", *lines)


def _metric(name: str) -> str:
    return f"[`{name}`](../metrics/{name}.md)" if name in METRICS else f"`{name}`"


def _signature(metric: Metric) -> str:
    return "".join(f", {name}={default!r}" for name, (default, _) in metric.all_options.items())


def _choices(values: Sequence[Any]) -> str:
    return ", ".join(f"`{value}`" for value in values)


def _data(space: SearchSpace) -> str:
    """Data that the networks of a space take, by what its options say of them."""
    if "in_channels" in space.options:
        return "digits"
    return "wine" if "in_features" in space.options else "file.py:make_data"


def _cite(papers: Iterable[str]) -> str:
    entries = [bibliography.PAPERS[paper].to_bibtex() for paper in papers]
    return "\n\n".join(["## Cite", "\n".join(("```bibtex", "\n\n".join(entries), "```"))]) if entries else ""


def setup(app: Sphinx) -> dict[str, Any]:
    """Is called by Sphinx."""
    app.connect("builder-inited", make)
    app.add_directive("table-of", Table)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
