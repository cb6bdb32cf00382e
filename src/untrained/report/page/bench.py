"""The page on a bench."""

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from untrained.benching import BenchResult, Ran, Row, summarise
from untrained.benchmarks import BENCHMARKS, Benchmark
from untrained.report.bench import ALPHA, digits_of, grouped, p_said, published_said, spread_said
from untrained.report.page.render import rendered

REFERENCES = ("robot", "mixture")
"""What the others are compared with: the first of them that was run."""


@dataclass(frozen=True)
class Line:
    """A row of a table, as texts.

    Args:
        row: What they are of.
        cells: Column -> (text, what it is sorted by).
        significant: Whether its difference from the reference is.
    """

    row: Row
    cells: Mapping[str, tuple[str, Any]]
    significant: bool


def page(path: Path, result: BenchResult) -> str:
    """The page.

    Args:
        path: The file of the bench.
        result: What it holds.
    """
    from untrained.report.page import bench_figures as figures

    used = list(dict.fromkeys(result.table["sampler"].to_pylist()))
    reference = next((name for name in REFERENCES if name in used and len(used) > 1), None)
    rows = summarise(result, reference)
    curves = figures.curves_of(result)
    drawn, parts = dict[str, Any](), list[dict[str, Any]]()
    for k, ran in enumerate(result.ran):
        own = [row for row in rows if row.key == ran.benchmark.key]
        drawn[f"curves-{k}"], kinds = figures.progress(ran, curves, own)
        drawn[f"seeds-{k}"] = figures.seeds(ran, result)
        lines = [_line(row, ran, digits_of(own), reference) for row in own]
        told = [name for name in lines[0].cells if any(line.cells[name][0] for line in lines)]
        seeds = max(row.seeds for row in own)
        parts.append({"k": k, "ran": ran, "lines": lines, "columns": told, "kinds": kinds, "seeds": seeds})
    return rendered(
        "bench.html",
        drawn,
        {},
        path=path,
        parts_of=parts,
        samplers=[name for name in used if not name.startswith("single:")],
        single=sum(name.startswith("single:") for name in used),
        overview=_overview(result, rows),
        reference=reference,
        searches=sum(_searches(result).values()),
        skipped=grouped(result.skipped),
        failed=_failed(result),
        commands=commands(result, path),
        versions=[dict(pairs) for pairs in dict.fromkeys(tuple(ran.versions.items()) for ran in result.ran)],
        pens={name: figures.pen_of(name, used) for name in used},
        alpha=ALPHA,
    )


def commands(result: BenchResult, path: Path) -> list[str]:
    """The command lines that make these searches again: one for all benchmarks that were searched alike.

    Args:
        result: The bench.
        path: The file to write.
    """
    alike = dict[tuple[Any, ...], list[Ran]]()
    for ran in result.ran:
        of = dict[str, set[int]]()
        for key, sampler, seed in _searches(result):
            if key == ran.benchmark.key:
                of.setdefault("single" if sampler.startswith("single:") else sampler, set()).add(seed)
        known = ran.benchmark.key in BENCHMARKS
        own = "" if known else ran.benchmark.key
        asked = tuple((name, ",".join(names)) for name, names in ran.asked.items())
        budget = None if known and ran.budget == ran.benchmark.budget else ran.budget
        for seeds in dict.fromkeys(tuple(sorted(seeds)) for seeds in of.values()):
            used = tuple(sampler for sampler, its in of.items() if its == set(seeds))
            alike.setdefault((own, ran.benchmark.further, used, seeds, budget, asked), []).append(ran)
    return [_command(path, how, [ran.benchmark for ran in those]) for how, those in alike.items()]


def _command(path: Path, how: tuple[Any, ...], benchmarks: Sequence[Benchmark]) -> str:
    own, further, samplers, seeds, budget, asked = how
    words = ["untrained", "bench"]
    if own:
        (benchmark,) = benchmarks
        words += ["--table", benchmark.table, "--column", benchmark.objective, "--scores", benchmark.scores]
        words += ["--direction", benchmark.direction, "--metrics", ",".join(benchmark.metrics)]
        words += ["--report-column", benchmark.test] if benchmark.test else []
        words += ["--cost-column", benchmark.cost] if benchmark.cost else []
    else:
        words += [benchmark.key for benchmark in benchmarks]
        words += ["--scores", further] if further else []
    words += ["--samplers", ",".join(samplers), "--seeds", f"{seeds[0]}:{seeds[-1] + 1}"]
    words += [] if budget is None else ["--budget", str(budget)]
    for name, names in asked:
        words += [f"--{name.replace('_', '-')}", names]
    return shlex.join([*words, "--out", str(path)])


def _overview(result: BenchResult, rows: Sequence[Row]) -> list[tuple[str, list[tuple[str, float, bool]], float]]:
    """Sampler -> the mean rank of its pick in each benchmark (text, number, whether it is the best), their mean place.

    Methods of which only papers have figures are left out, and the table is if there is one benchmark.
    """
    keys = [ran.benchmark.key for ran in result.ran]
    names = dict.fromkeys(row.sampler for row in rows if row.rank is not None and not row.sampler.startswith("single"))
    means = {(row.sampler, row.key): row.rank.mean for row in rows if row.rank is not None}
    found = []
    for name in names:
        if not all((name, key) in means for key in keys):
            continue
        cells, places = [], []
        for key in keys:
            others = [means[other, key] for other in names if (other, key) in means]
            mean = means[name, key]
            places.append(1 + sum(other < mean for other in others) + (others.count(mean) - 1) / 2)
            cells.append((f"{mean:,.0f}", mean, mean == min(others)))
        found.append((name, cells, sum(places) / len(places)))
    return sorted(found, key=lambda one: one[2]) if len(keys) > 1 else []


def _line(row: Row, ran: Ran, digits: int, reference: str | None) -> Line:
    rank, cost = row.rank, row.cost.mean if row.cost and row.cost.mean else None
    took = row.seconds and row.seconds.mean
    cells: dict[str, tuple[str, Any]] = {
        ran.benchmark.test or "test": _sorted(spread_said(row.test, digits), row.test and row.test.mean),
        "objective rank": _sorted(spread_said(rank, 0), rank and rank.mean),
        f"vs {reference}": _sorted("" if row.difference is None else f"{row.difference:+,.0f}", row.difference),
        "p": _sorted(p_said(row.p), row.p),
        "published": _sorted(published_said(row, ran), row.published and row.published.mean),
        "median": _number(rank and rank.median),
        "worst": _number(rank and rank.worst),
        "regret": _sorted(spread_said(row.regret, digits), row.regret and row.regret.mean),
        "training cost (s)": _number(cost),
        "search (s)": _sorted("" if took is None else f"{took:.2f}", took),
    }
    return Line(row, cells, row.p is not None and row.p < ALPHA)


def _number(value: float | None) -> tuple[str, Any]:
    return ("", "") if value is None else (f"{value:,.0f}", value)


def _sorted(text: str, value: float | None) -> tuple[str, Any]:
    return text, "" if value is None else value


def _searches(result: BenchResult) -> Counter[tuple[str, str, int]]:
    """The searches: (key of the benchmark, sampler, seed) -> 1."""
    columns = [result.table[name].to_pylist() for name in ("benchmark", "task", "objective", "sampler", "seed")]
    every = zip(*columns, strict=True)
    return Counter({("/".join((a, b, c)), sampler, seed): 1 for a, b, c, sampler, seed in every})


def _failed(result: BenchResult) -> list[tuple[str, str, str, int]]:
    """(key of the benchmark, sampler, state, how many queries), of those without a value."""
    columns = [result.table[name].to_pylist() for name in ("benchmark", "task", "objective", "sampler", "state")]
    counts = Counter(zip(*columns, strict=True))
    return [
        ("/".join((a, b, c)), sampler, state, n)
        for (a, b, c, sampler, state), n in counts.items()
        if state != "complete"
    ]
