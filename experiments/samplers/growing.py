"""Pools that grow against pools that do not, and against searches outside a pool, on spaces of 1e10 and more.

    python experiments/samplers/growing.py tables results            # makes the runs that results/runs.csv lacks
    python experiments/samplers/growing.py tables results --summary  # prints what is there

`tables` holds accelnas_imagenet.parquet and hwgpt_small.parquet. The truth of `mnasnet` (top-1 accuracy) and `gpt`
(minus perplexity) is a kernel ridge regression on one-hot decisions, fitted on 4,500 and 3,500 rows of these; its R^2
on rows that it has not seen is printed. Their metrics are params (and multiply-accumulates) and one of noise. The other
truths are made up, on residual networks of four stages, 3.5e10 of them, and have unit variance: `additive` is monotone
in nearly every decision, `ridge` has an optimum inside, half of the variance of `rugged` belongs to pairs of decisions.
Each has one informative metric (correlated 0.6 with the truth) and one of noise; or, with `-noise`, two of noise. The
errors of made-up metrics are half a function of decisions and pairs of them, half drawn for each network alone.

Each method makes distinct queries; a proposal that is known, or not allowed, costs none. `--where` limits the first
metric to its median (mnasnet and gpt: to small networks).
"""

import argparse
import csv
import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pyarrow.parquet as pq
from optuna.trial import TrialState
from scipy.special import ndtri
from scipy.stats import rankdata
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics import r2_score

from untrained import ScoreTable, SearchSpace
from untrained.samplers import Mixture
from untrained.samplers.query import Query
from untrained.searching.growth import OWN, PARENTS, children
from untrained.spaces.gpt import GPTs
from untrained.spaces.mnasnet import MnasNets
from untrained.spaces.pools import limited_pool

Array = np.ndarray
AT = (20, 40, 60, 100)
SCORE = 1 / 200
"""What scoring a network costs, in trainings: a second against minutes."""
CORRELATION = 0.6
OUTSIDE = ("tpe", "gp", "nsga2", "rea", "rea-metrics")
INSIDE = {"pool-256": (256, 0), "pool-2000": (2000, 0), "grow": (256, OWN), "grow-64": (256, 64)}
"""Method of the mixture -> size of the pool, and children for each query."""


DECISIONS: Any = {
    f"{name}{stage}": values
    for stage in range(1, 5)
    for name, values in {
        "depth": [1, 2, 3, 4],
        "width": [16, 24, 32, 48, 64, 96],
        "kernel": [3, 5, 7],
        "block": ["basic", "bottleneck", "inverted"],
        "excite": [0, 1],
    }.items()
}


@dataclass(frozen=True)
class Stages(SearchSpace):
    """Residual networks of four stages: blocks, width, kernel, kind of block, excitation. No networks are made."""

    has_networks = False
    distributions = DECISIONS  # pyright: ignore[reportIncompatibleMethodOverride, reportAssignmentType]

    def build(self, arch: str) -> Any:
        raise NotImplementedError(arch)


@dataclass(frozen=True)
class Problem:
    """A space, its truth (higher is better) and its metrics, of which the first is limited by `bound`, if at all."""

    space: SearchSpace
    truth: Callable[[Sequence[str]], Array]
    metrics: Callable[[Sequence[str]], Array]
    bound: float = np.inf

    def fits(self, arch: str) -> bool:
        return self.bound == np.inf or bool(self.metrics([arch])[0, 0] <= self.bound)


def places(space: SearchSpace, archs: Sequence[str]) -> Array:
    """The number of each decision's value, -1 for a decision that is not taken."""
    decisions = space.decisions
    rows = [space.to_params(arch) for arch in archs]
    return np.array([[d.position(row[n]) if n in row else -1 for n, d in decisions.items()] for row in rows])


class Field:
    """A random function of decisions and of pairs of them, of unit variance."""

    def __init__(self, space: SearchSpace, seed: int, pairs: int, share: float) -> None:
        rng, sizes = np.random.default_rng(seed), [decision.count or 1 for decision in space.decisions.values()]
        self.space, self.single = space, [rng.normal(size=1 + n) for n in sizes]
        chosen = [rng.choice(len(sizes), 2, replace=False) for _ in range(pairs)]
        self.pairs = [(p, q, rng.normal(size=(1 + sizes[p], 1 + sizes[q]))) for p, q in chosen]
        self.scale, self.share = np.zeros((2, 2)), share
        self.scale = np.array([[part.mean(), part.std() or 1.0] for part in self._parts(sample(space))])

    def _parts(self, at: Array) -> list[Array]:
        alone = sum(table[column] for table, column in zip(self.single, at.T, strict=True))
        both = sum((table[at[:, p], at[:, q]] for p, q, table in self.pairs), np.zeros(len(at)))
        return [np.asarray(alone), both]

    def __call__(self, archs: Sequence[str]) -> Array:
        parts = self._parts(places(self.space, archs))
        alone, both = ((part - mean) / std for part, (mean, std) in zip(parts, self.scale, strict=True))
        return np.sqrt(1 - self.share) * alone + np.sqrt(self.share) * both


@cache
def drawn(space: SearchSpace) -> tuple[str, ...]:
    return tuple(space.pool(1000, seed=12345))


def sample(space: SearchSpace) -> Array:
    return places(space, drawn(space))


def own(archs: Sequence[str], seed: int) -> Array:
    """Noise drawn for each network alone."""
    return ndtri([np.clip(random.Random(f"{seed} {arch}").random(), 1e-9, 1 - 1e-9) for arch in archs])


def error(space: SearchSpace, seed: int) -> Callable[[Sequence[str]], Array]:
    field = Field(space, seed, pairs=20, share=0.5)
    return lambda archs: np.sqrt(0.5) * (field(archs) + own(archs, seed))


def made_up(kind: str, is_noise: bool) -> Problem:
    space = Stages()
    weights = np.random.default_rng(7).uniform(0.5, 1.5, len(space.decisions))
    aims = np.random.default_rng(8).uniform(0.2, 0.8, len(space.decisions))
    little, pairs = Field(space, 9, pairs=10, share=0.5), Field(space, 10, pairs=60, share=0.5)
    most = np.array([decision.count for decision in space.decisions.values()]) - 1

    def raw(archs: Sequence[str]) -> Array:
        at = places(space, archs) / most
        if kind == "additive":
            found = np.sqrt(at) @ weights
            return (found - found_mean["additive"]) / found_std["additive"] + 0.5 * little(archs)
        if kind == "ridge":
            gap = (at - aims) * weights
            return -np.log1p((gap**2).sum(1) + (gap.reshape(len(at), 4, 5).sum(2) ** 2).sum(1))
        return pairs(archs)

    found = np.sqrt(sample(space) / most) @ weights
    found_mean, found_std = {"additive": found.mean()}, {"additive": found.std()}
    usual = raw(drawn(space))
    mean, std = usual.mean(), usual.std()

    def truth(archs: Sequence[str]) -> Array:
        return (raw(archs) - mean) / std

    first, second = error(space, 21), error(space, 22)
    weight = np.sqrt(1 - CORRELATION**2)

    def metrics(archs: Sequence[str]) -> Array:
        one = first(archs) if is_noise else CORRELATION * truth(archs) + weight * first(archs)
        return np.column_stack([one, second(archs)])

    return Problem(space, truth, metrics)


@cache
def occurring(space: SearchSpace) -> list[Array]:
    return [np.unique(column) for column in sample(space).T]


def one_hot(space: SearchSpace, archs: Sequence[str]) -> Array:
    at = places(space, archs)
    return np.concatenate([c[:, None] == there for c, there in zip(at.T, occurring(space), strict=True)], 1) * 1.0


def modelled(data: Path, name: str, results: Path) -> Problem:
    """A problem whose truth is a model of a table."""
    space: Any = MnasNets(1000, image_size=224) if name == "mnasnet" else GPTs(50254, scale="small")
    file, column, rows, width = {
        "mnasnet": ("accelnas_imagenet", "val_top1", 4500, 0.03),
        "gpt": ("hwgpt_small", "perplexity", 3500, 0.01),
    }[name]
    made = results / f"{name}.npz"
    if not made.exists():
        table = pq.read_table(data / f"{file}.parquet", columns=["arch", column]).to_pydict()
        x, y = one_hot(space, table["arch"]), np.array(table[column])
        y = y if name == "mnasnet" else -np.log(y)
        order = np.random.default_rng(0).permutation(len(y))
        train, test = order[:rows], order[rows : rows + 2000]
        model = KernelRidge(kernel="rbf", gamma=width, alpha=width)  # pyright: ignore[reportArgumentType]
        model.fit(x[train], y[train] - y[train].mean())
        r2 = r2_score(y[test], model.predict(x[test]) + y[train].mean())
        np.savez(made, x=x[train], dual=model.dual_coef_, mean=y[train].mean(), r2=r2)
    kept = np.load(made)
    print(f"{name}: a model of {rows} rows, R^2 {kept['r2']:.3f} on the others", flush=True)
    x, dual, mean = kept["x"], kept["dual"], float(kept["mean"])
    norms = (x**2).sum(1)

    @cache
    def truth_of(arch: str) -> float:
        new = one_hot(space, [arch])[0]
        found = mean + float(np.exp(-width * (norms + new @ new - 2 * x @ new)) @ dual)
        return found if name == "mnasnet" else -float(np.exp(-found))

    def truth(archs: Sequence[str]) -> Array:
        return np.array([truth_of(arch) for arch in archs])

    noise = error(space, 23)

    @cache
    def sizes(arch: str) -> tuple[float, ...]:
        return (space.sizes(arch)["params"], *((space.macs(arch),) if name == "mnasnet" else ()))

    def metrics(archs: Sequence[str]) -> Array:
        return np.column_stack([[sizes(arch) for arch in archs], noise(archs)])

    return Problem(space, truth, metrics)


def problem(name: str, data: Path, results: Path, *, where: bool) -> Problem:
    if name in ("mnasnet", "gpt"):
        found = modelled(data, name, results)
    else:
        kind, _, noise = name.partition("-")
        found = made_up(kind, noise == "noise")
    if not where:
        return found
    bound = float(np.median(found.metrics(drawn(found.space))[:, 0]))
    return Problem(found.space, found.truth, found.metrics, bound)


def in_pool(task: Problem, method: str, budget: int, seed: int) -> Iterator[str]:
    """The queries of the mixture, from a pool that grows or does not."""
    size, more = INSIDE[method]
    archs, _ = limited_pool(task.space, size, seed, task.fits, listable=False)
    first = task.metrics(archs)
    names = tuple(f"m{k}" for k in range(first.shape[1]))
    table = ScoreTable(tuple(archs), names, first)
    sampler, history = Mixture(table, task.space, budget=budget, seed=seed), list[Query]()
    for k in range(budget):
        if k and more:
            rng, parents = random.Random(1000 * seed + k), sampler.favourites(history, PARENTS)
            new = children(task.space, parents, more, rng, table.index, task.fits)
            values = np.concatenate([table.values, task.metrics(new)])
            table = ScoreTable((*table.archs, *new), names, values)
            sampler.grow(table, history)
        arch = sampler.choose(history).architecture
        history.append(Query(arch, float(task.truth([arch])[0])))
        yield arch


def by_optuna(task: Problem, method: str, seed: int) -> Iterator[str]:
    """The proposals of one of Optuna's samplers."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sampler = {
        "tpe": lambda: optuna.samplers.TPESampler(seed=seed),
        "gp": lambda: optuna.samplers.GPSampler(seed=seed),
        "nsga2": lambda: optuna.samplers.NSGAIISampler(seed=seed, population_size=20),
    }[method]()
    study = optuna.create_study(direction="maximize", sampler=sampler)
    while True:
        trial = study.ask()
        arch = task.space.canonical(task.space.suggest(trial))
        if not task.fits(arch):
            study.tell(trial, state=TrialState.FAIL)
            continue
        yield arch
        study.tell(trial, float(task.truth([arch])[0]))


def by_evolution(task: Problem, method: str, seed: int) -> Iterator[str]:
    """Regularised evolution: 20 alive, the best of 5 is mutated.

    With metrics, the first are the best of 256 by the mean rank of the metrics, and of 10 mutants the best by the mean
    rank is taken (Abdelfattah et al., "Zero-Cost Proxies for Lightweight NAS", ICLR 2021).
    """
    rng, space = random.Random(seed), task.space
    start, _ = limited_pool(space, 256, seed, task.fits, listable=False)

    def ranked(archs: Sequence[str]) -> list[str]:
        merit = np.mean([rankdata(column) for column in task.metrics(archs).T], axis=0)
        return [str(archs[i]) for i in np.argsort(-merit, kind="stable")]

    alive = list[tuple[float, str]]()
    for arch in (ranked(start) if method == "rea-metrics" else start)[:20]:
        yield arch
        alive.append((float(task.truth([arch])[0]), arch))
    while True:
        parent = max(rng.sample(alive[-20:], 5))[1]
        mutants = [m for m in (space.canonical(space.mutate(parent, rng)) for _ in range(10)) if task.fits(m)]
        if not mutants:
            continue
        arch = ranked(mutants)[0] if method == "rea-metrics" else mutants[0]
        yield arch
        alive.append((float(task.truth([arch])[0]), arch))


def run(task: Problem, method: str, budget: int, seed: int) -> list[float]:
    """The best values after each distinct query."""
    proposals = (
        in_pool(task, method, budget, seed)
        if method in INSIDE
        else by_evolution(task, method, seed)
        if method.startswith("rea")
        else by_optuna(task, method, seed)
    )
    seen = dict[str, None]()
    for arch, _ in zip(proposals, range(50 * budget), strict=False):
        seen[arch] = None
        if len(seen) == budget:
            break
    return np.maximum.accumulate(task.truth(list(seen))).tolist()


def read(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    with path.open() as file:
        return [row | {"best": json.loads(row["best"])} for row in csv.DictReader(file)]


def summary(rows: Sequence[dict[str, Any]]) -> None:
    """Mean best values (seeds) after so many queries, and after the time of so many trainings."""
    for task in dict.fromkeys(row["problem"] for row in rows):
        print(f"\n{task}\n{'':<12} {'seeds':>5} " + " ".join(f"{f'{t} queries':>16}" for t in AT)
              + " ".join(f"{f'time of {t}':>14}" for t in AT) + "  cpu s")  # fmt: skip
        own = [row for row in rows if row["problem"] == task]
        for method in dict.fromkeys((*INSIDE, *OUTSIDE)):
            mine = [row for row in own if row["method"] == method]
            if not mine:
                continue
            size, more = INSIDE.get(method, (256 if method == "rea-metrics" else 0, 10 * (method == "rea-metrics")))
            made = {t: int((t - size * SCORE) / (1 + more * SCORE)) for t in AT}
            cells = [at(mine, t) for t in AT], [at(mine, made[t]) for t in AT]
            text = [f"{f'{np.mean(c):.3f}±{np.std(c) / np.sqrt(len(c)):.3f}' if c else '-':>16}" for c in cells[0]]
            text += [f"{f'{np.mean(c):.3f}' if c else '-':>14}" for c in cells[1]]
            print(f"{method:<12} {len(mine):>5} {' '.join(text)} {np.mean([float(r['cpu']) for r in mine]):>6.1f}")


def at(rows: Sequence[dict[str, Any]], t: int) -> list[float]:
    """The best value after t queries of each run that made so many."""
    return [row["best"][t - 1] for row in rows if 0 < t <= len(row["best"])]


PROBLEMS = ("mnasnet", "gpt", *(f"{kind}{tail}" for tail in ("", "-noise") for kind in ("additive", "ridge", "rugged")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("data", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--problems", nargs="+", default=PROBLEMS)
    parser.add_argument("--methods", nargs="+", default=[*INSIDE, *OUTSIDE])
    parser.add_argument("--budget", type=int, default=60)
    parser.add_argument("--seeds", type=int, nargs=2, default=(0, 40), metavar=("FIRST", "END"))
    parser.add_argument("--where", action="store_true")
    parser.add_argument("--summary", action="store_true")
    args = parser.parse_args()
    args.results.mkdir(parents=True, exist_ok=True)
    path = args.results / f"runs{'-where' * args.where}-{args.budget}.csv"
    if args.summary:
        summary(read(path))
        return
    done = {(row["problem"], row["method"], int(row["seed"])) for row in read(path)}
    tasks = {name: problem(name, args.data, args.results, where=args.where) for name in args.problems}
    for seed, name, method in ((s, n, m) for s in range(*args.seeds) for n in tasks for m in args.methods):
        if (name, method, seed) in done:
            continue
        start = time.process_time()
        best = run(tasks[name], method, args.budget, seed)
        row = [name, method, seed, round(time.process_time() - start, 2), json.dumps(np.round(best, 5).tolist())]
        with path.open("a") as file:
            if not file.tell():
                file.write("problem,method,seed,cpu,best\n")
            csv.writer(file, lineterminator="\n").writerow(row)


if __name__ == "__main__":
    main()
