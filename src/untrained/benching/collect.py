"""`bench`: every sampler searches every benchmark with every seed, in processes; a killed bench can go on."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from untrained.benching.result import BenchResult, Ran
from untrained.benching.run import Opened, Run, open_benchmark, run_search
from untrained.benching.stored import Rows, store, table_of
from untrained.benchmarks import Benchmark, data_folder, get_benchmarks
from untrained.errors import InputError, InputWarning, warn
from untrained.runtime.interrupts import interruptible
from untrained.runtime.processes import unordered
from untrained.runtime.seeding import check_seed
from untrained.samplers import SAMPLERS, sampler_info
from untrained.searching.identity import versions

OnRun = Callable[[int, int], None]
"""Called with (searches done, searches in all)."""


def bench(
    benchmarks: Sequence[str | Benchmark],
    samplers: Sequence[str] | None = None,
    seeds: Sequence[int] = range(10),
    *,
    budget: int | None = None,
    metrics: Sequence[str] | None = None,
    extra_metrics: Sequence[str] = (),
    data_dir: str | Path | None = None,
    path: str | Path | None = None,
    workers: int = 1,
    on_run: OnRun | None = None,
) -> BenchResult:
    """Lets every sampler search every benchmark with every seed.

    If a file of a benchmark is missing, or a sampler needs more than a table has, it is skipped with its reason.

    Args:
        benchmarks: Names (see `get_benchmarks`) or benchmarks of your own.
        samplers: Names, as `sampler_info` takes them; all of `SAMPLERS` if None. `single` stands for each metric of the
            table on its own.
        seeds: One search for each seed.
        budget: Queries of each search; T of the benchmark if None.
        metrics: Metrics in place of the benchmark's own.
        extra_metrics: Metrics besides them; `params` and `flops` are counted if a table lacks them.
        data_dir: Folder of the tables; the one that UNTRAINED_DATA names if None.
        path: Parquet file to write. Each finished search is added to `path`.partial, so a killed call goes on from
            there when it is repeated. Searches that `path` already holds are not made again.
        workers: Processes. They change no column but `seconds`.
        on_run: Called with (searches done, searches in all) after each search.

    Returns:
        Every query, and what was skipped.

    Raises:
        InputError: If an argument is not what it should be, if nothing can run, or if `path` holds searches with
            another budget or other tables.

    Example:
        >>> from untrained import Benchmark
        >>> _ = Path("mine.csv").write_text("arch,acc,snip\\na,91,1\\nb,93,3\\nc,92,2\\n")
        >>> mine = Benchmark("mine", "flowers", "acc", "mine.csv", "mine.csv", metrics=("snip",))
        >>> result = bench([mine], ["random", "single"], seeds=range(5), budget=2, data_dir=".")
        >>> result.table.num_rows
        20
    """
    if workers < 1:
        raise InputError(f"{workers} workers: give at least 1")
    if budget is not None and budget < 1:
        raise InputError(f"budget {budget}: give at least 1 query")
    if not isinstance(seeds, Iterable):
        raise InputError(f"seeds {seeds!r}: give several, as range({seeds!r})")
    seeds = list(dict.fromkeys(seeds))
    if not seeds:
        raise InputError("no seed: give at least one")
    for seed in seeds:
        check_seed(seed)
    chosen: list[Benchmark] = []
    for entry in benchmarks:
        chosen += get_benchmarks([entry]) if isinstance(entry, str) else [entry]
    folder = data_folder(data_dir) if any(benchmark.needs_folder for benchmark in chosen) else Path()
    names, extra = None if metrics is None else tuple(metrics), tuple(extra_metrics)
    skipped: list[tuple[str, str]] = []
    ran = dict[str, tuple[Opened, list[Run]]]()
    for benchmark in {b.key: b for b in chosen}.values():
        needed = benchmark.files(folder)[: 1 if benchmark.further else 2]  # its own may be missing beside further ones
        if missing := next((file for file in needed if not file.is_file()), None):
            skipped.append((benchmark.key, f"no file {str(missing)!r} (untrained data says how to get it)"))
            continue
        opened = open_benchmark(benchmark, folder, names, extra)
        if few := _few(opened):
            warn(f"{benchmark.key}: {few}: these are the pool, and the most queries", InputWarning)
        runs: list[Run] = []
        for sampler in _samplers(samplers, opened.scores.metrics):
            with_own, added = opened, extra
            if opened.missing(sampler) and (own := benchmark.metrics_for(folder, sampler_info(sampler).metrics)):
                added = tuple(dict.fromkeys((*extra, *own)))  # for it alone: the others learn from what was asked for
                with_own = open_benchmark(benchmark, folder, names, added)
            if missing := with_own.missing(sampler):
                skipped.append((f"{benchmark.key} {sampler}", f"needs {missing}"))
                continue
            if budget is not None and budget > (most := len(with_own.scores)):
                raise InputError(
                    f"budget {budget} is above the {most} architectures of {benchmark.key}: give at most {most}"
                )
            spend = min(budget or benchmark.budget, len(with_own.scores))
            runs += [Run(benchmark, folder, sampler, seed, spend, names, added) for seed in seeds]
        if runs:
            ran[benchmark.key] = opened, runs
    if not ran:
        what, why = skipped[0]
        others = f"; and {len(skipped) - 1} more" if len(skipped) > 1 else ""
        raise InputError(f"nothing to bench: {what}: {why}{others}")
    settings = {key: {"budget": runs[0].budget, **opened.identity} for key, (opened, runs) in ran.items()}
    with interruptible("search"), store(None if path is None else Path(path), settings) as kept:
        wanted = {(key, run.sampler, run.seed): run for key, (_, runs) in ran.items() for run in runs}
        todo = [run for key, run in wanted.items() if key not in kept.done]
        finished = len(wanted) - len(todo)
        if on_run:
            on_run(finished, len(wanted))
        for run, rows in unordered(_run, todo, workers, died=_died):
            kept.add((run.benchmark.key, run.sampler, run.seed), rows)
            finished += 1
            if on_run:
                on_run(finished, len(wanted))
        searched = tuple(_ran(opened, runs, names, extra) for opened, runs in ran.values())
        result = BenchResult(table_of({key: kept.done[key] for key in wanted}), searched, tuple(skipped))
        kept.write(result)
    return result


def _few(opened: Opened) -> str:
    """What to say if further metrics are there for a part of the architectures; "" if for all."""
    n, known = len(opened.scores), len(opened.objective.archs)
    return f"only {n:,} of {known:,} architectures have all scores" if opened.benchmark.further and n < known else ""


def _ran(opened: Opened, runs: Sequence[Run], metrics: tuple[str, ...] | None, extra: tuple[str, ...]) -> Ran:
    shortest, longest = min(opened.benchmark.fidelities, default=0), max(opened.benchmark.fidelities, default=0)
    early = [
        f"{sampler} trains to epoch {shortest}, and on to {longest} while its pruner lets it; only there it has a value"
        for sampler in dict.fromkeys(run.sampler for run in runs)
        if sampler_info(sampler).pruner is not None
    ]
    left_out = [f"{name} left out: it {why}" for name, why in opened.scores.provenance["left_out"].items()]
    few = [few] if (few := _few(opened)) else []
    own = {run.sampler: [name for name in run.extra if name not in opened.scores.metrics] for run in runs}
    needed = [f"{sampler} has besides: {', '.join(names)}" for sampler, names in own.items() if names]
    notes = (*opened.benchmark.notes, *few, *left_out, *early, *needed)
    asked = {"metrics": metrics or (), "extra_metrics": extra}
    return Ran(
        opened.benchmark,
        runs[0].budget,
        len(opened.scores),
        opened.scores.metrics,
        notes,
        {name: values for name, values in asked.items() if values},
        versions(),
        opened.identity,
    )


def _samplers(names: Sequence[str] | None, metrics: Sequence[str]) -> list[str]:
    """The samplers that were asked for; one that takes a metric is repeated for each of `metrics`."""
    expanded: list[str] = []
    for name in SAMPLERS if names is None else names:
        takes = name in SAMPLERS and SAMPLERS[name].takes_metric
        expanded += [f"{name}:{metric}" for metric in metrics] if takes else [name]
    for name in expanded:
        sampler_info(name)
    return list(dict.fromkeys(expanded))


def _run(run: Run) -> tuple[Run, Rows]:
    return run, run_search(run)


def _died(run: Run, why: str) -> tuple[Run, Rows]:
    raise InputError(f"{run.benchmark.key} by {run.sampler} with seed {run.seed}: {why}, twice: leave it out")
