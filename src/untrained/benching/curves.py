"""How the best so far gets better with the queries: what a figure draws."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from untrained.benching.collect import BenchResult
from untrained.benching.summary import SINGLE

Array = NDArray[np.float64]

ERROR, RANK = "test error, %", "objective rank"


@dataclass(frozen=True, eq=False)
class Curve:
    """A sampler on a benchmark: queries (T), and over seeds the mean of a figure and its standard error (T each)."""

    sampler: str
    queries: Array
    mean: Array
    error: Array


@dataclass(frozen=True, eq=False)
class Panel:
    """The curves of a benchmark; `figure` says of what: `ERROR` or `RANK`, of the best so far."""

    title: str
    subtitle: str
    figure: str
    curves: tuple[Curve, ...]


def panels(result: BenchResult) -> list[Panel]:
    """A panel a benchmark. The single metrics are left out: they do not learn.

    A curve begins where every seed has a finished query.
    """
    columns = result.table.to_pydict()
    found: dict[str, dict[str, dict[int, list[float]]]] = {}
    by_test = {ran.benchmark.key: _in_percent(ran.benchmark.test, ran.benchmark.reported) for ran in result.ran}
    for i in range(result.table.num_rows):
        key = "/".join(columns[name][i] for name in ("benchmark", "task", "objective"))
        value = columns["test" if by_test[key] else "rank"][i]
        runs = found.setdefault(key, {}).setdefault(columns["sampler"][i], {})
        figure = np.nan if value is None else 100.0 - value if by_test[key] else float(value)
        runs.setdefault(columns["seed"][i], []).append(figure)
    drawn = []
    for ran in result.ran:
        key = ran.benchmark.key
        curves = [_curve(sampler, runs) for sampler, runs in found[key].items() if not sampler.startswith(SINGLE)]
        figure = ERROR if by_test[key] else RANK
        subtitle = f"{ran.benchmark.name}, objective {ran.benchmark.objective}"
        drawn.append(Panel(ran.benchmark.task, subtitle, figure, tuple(c for c in curves if c.queries.size)))
    return drawn


def _in_percent(test: str | None, reported: str) -> bool:
    return test is not None and reported == "test"


def _curve(sampler: str, runs: dict[int, list[float]]) -> Curve:
    values = np.array(list(runs.values()))
    known = ~np.isnan(values).any(0)
    values, queries = values[:, known], np.flatnonzero(known).astype(np.float64) + 1
    spread = values.std(0, ddof=1) if len(values) > 1 else np.zeros(len(queries))
    return Curve(sampler, queries, values.mean(0), spread / np.sqrt(len(values)))
