"""One search on a tabular benchmark, query by query."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from untrained.benchmarks import Benchmark
from untrained.objectives import TabularObjective
from untrained.samplers import sampler_info
from untrained.samplers.query import Query
from untrained.scores import ScoreTable
from untrained.searching.search import search
from untrained.spaces import ArchitectureList, SearchSpace

COLUMNS = {
    "query": "which of the search, from 1",
    "architecture": "what was queried",
    "value": "its objective; empty if it failed or was stopped early",
    "state": "complete, failed or pruned",
    "phase": "explore or exploit",
    "cost": "seconds of the tabulated training",
    "rank": "objective rank in the pool of the best so far, 1 is best",
    "regret": "how far its objective is from the best of the pool",
    "test": "its test figure",
    "seconds": "what the search itself took for this query: the only column that differs from run to run",
}
"""What is kept of each query."""


@dataclass(frozen=True)
class Run:
    """A search to make: all that its outcome depends on, and the folder of the tables.

    Args:
        benchmark: What is searched.
        folder: The folder of the tables.
        sampler: A name, as `sampler_info` takes it.
        seed: Decides every random draw.
        budget: Number of queries.
        metrics: Metrics in place of the benchmark's own, if not None.
        extra: Metrics besides them.
    """

    benchmark: Benchmark
    folder: Path
    sampler: str
    seed: int
    budget: int
    metrics: tuple[str, ...] | None = None
    extra: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Opened:
    """The tables of a benchmark in memory.

    Args:
        benchmark: The benchmark.
        space: Its space, or a list of its architectures.
        scores: The scores of the pool: every architecture that both tables have.
        objective: The values.
    """

    benchmark: Benchmark
    space: SearchSpace
    scores: ScoreTable
    objective: TabularObjective

    def missing(self, sampler: str) -> str:
        """Tells what a sampler needs beyond these tables.

        Args:
            sampler: A name, as `sampler_info` takes it.

        Returns:
            That in words; "" if the sampler can run.
        """
        if sampler_info(sampler).pruner is not None and len(self.benchmark.fidelities) < 2:
            return "trainings of several lengths: the table has one"
        return sampler_info(sampler).missing(self.scores.metrics, self.space)

    def objective_for(self, sampler: str) -> TabularObjective:
        """Chooses what a sampler queries.

        Args:
            sampler: A name, as `sampler_info` takes it.

        Returns:
            `objective`; for a sampler that stops trainings early, the longest training with the shorter ones as its
            intermediate values.
        """
        fidelities = self.benchmark.fidelities
        if sampler_info(sampler).pruner is None:
            return self.objective
        options = {
            "report_column": self.benchmark.test,
            "cost_column": self.benchmark.cost,
            "direction": self.benchmark.direction,
            "fidelities": fidelities,
            "cost_epochs": self.benchmark.cost_epochs,
        }
        return TabularObjective(self.objective.path, fidelities[max(fidelities)], **options)

    @property
    def identity(self) -> dict[str, Any]:
        """What the tables hold (JSON): equal for equal tables."""
        return {"scores": self.scores.fingerprint, "objective": self.objective.identity}


_OPENED: dict[tuple[object, ...], Opened] = {}


def open_benchmark(
    benchmark: Benchmark, folder: Path, metrics: tuple[str, ...] | None = None, extra: tuple[str, ...] = ()
) -> Opened:
    """Reads the tables of a benchmark. A process reads each of them once, unless it is edited.

    Args:
        benchmark: The benchmark.
        folder: The folder of the tables.
        metrics: Metrics in place of the benchmark's own, if not None.
        extra: Metrics besides them.

    Returns:
        The tables, cut down to the architectures that both have.

    Raises:
        InputError: If a file is missing or broken, if an architecture stands twice, is not one of the space or is
            missing in a published table, or if the two tables have no architecture in common.

    Example:
        >>> from untrained import Benchmark
        >>> _ = Path("mine.csv").write_text("arch,acc,snip\\na,91,1\\nb,93,3\\nc,92,2\\n")
        >>> mine = Benchmark("mine", "flowers", "acc", "mine.csv", "mine.csv", metrics=("snip",))
        >>> open_benchmark(mine, Path()).scores.archs
        ('a', 'b', 'c')
    """
    paths = [*benchmark.files(folder), *([folder / benchmark.further] if benchmark.further else [])]
    files = tuple(file.stat() for file in paths if file.is_file())
    versions = tuple((file.st_ino, file.st_size, file.st_mtime_ns) for file in files)
    key = (repr(benchmark), folder, metrics, extra, versions)
    if key not in _OPENED:
        objective = TabularObjective(**benchmark.objective_options(folder))
        benchmark.check(objective.archs, objective.path)
        scores = objective.common(benchmark.load_scores(folder, metrics, extra), benchmark.further or paths[1])
        space = benchmark.space or ArchitectureList(scores.archs)
        _OPENED[key] = Opened(benchmark, space, scores, objective)
    return _OPENED[key]


def run_search(run: Run) -> dict[str, list[Any]]:
    """Makes a search in memory.

    Args:
        run: The search.

    Returns:
        Column -> its entries, one for each query. The columns are those of `COLUMNS`.

    Example:
        >>> from untrained import Benchmark
        >>> _ = Path("mine.csv").write_text("arch,acc,snip\\na,91,1\\nb,93,3\\nc,92,2\\n")
        >>> mine = Benchmark("mine", "flowers", "acc", "mine.csv", "mine.csv", metrics=("snip",))
        >>> run_search(Run(mine, Path(), "single:snip", seed=0, budget=2))["architecture"]
        ['b', 'c']
    """
    opened = open_benchmark(run.benchmark, run.folder, run.metrics, run.extra)
    objective = opened.objective_for(run.sampler)
    best_of_pool = _best(opened)
    rows: dict[str, list[Any]] = {name: [] for name in COLUMNS}
    sign = -1 if objective.direction == "minimize" else 1
    best: tuple[float, Mapping[str, float | None]] | None = None
    before = time.perf_counter()

    def record(query: Query, done: int, budget: int) -> None:
        nonlocal best, before
        value = query.value if query.state == "complete" else None
        if value is not None and (best is None or sign * value > best[0]):
            best = sign * value, _figures(opened, query.architecture, best_of_pool)
        figures: Mapping[str, float | None] = best[1] if best else {"rank": None, "regret": None, "test": None}
        entry: dict[str, Any] = {
            "query": done,
            "architecture": query.architecture,
            "value": value,
            "state": query.state,
            "phase": query.phase,
            "cost": query.cost_seconds or 0.0,
            **figures,
            "seconds": time.perf_counter() - before,
        }
        for name in COLUMNS:
            rows[name].append(entry[name])
        before = time.perf_counter()

    search(
        opened.space,
        objective,
        budget=run.budget,
        sampler=run.sampler,
        scores=opened.scores,
        seed=run.seed,
        on_query=record,
    )
    return rows


def _best(opened: Opened) -> float:
    values = opened.objective.values(opened.scores.archs)
    return float(np.nanmin(values) if opened.objective.direction == "minimize" else np.nanmax(values))


def _figures(opened: Opened, arch: str, best_of_pool: float) -> dict[str, float | None]:
    """Rank, regret and test figure of `arch` under the benchmark's own objective, whatever the sampler queried."""
    own = float(opened.objective.values([arch])[0])
    test = next(iter(opened.objective.report(arch, None).values()), None)
    if np.isnan(own):
        return {"rank": None, "regret": None, "test": test}
    return {
        "rank": opened.objective.rank(arch, opened.scores.archs),
        "regret": abs(best_of_pool - own),
        "test": test,
    }
