"""Priors and starts of the mixture, on two halves of tasks.

    python experiments/samplers/priors.py tables results.jsonl --seeds 40
    python experiments/samplers/priors.py tables results.jsonl --arms now corrected --half first --seeds 10
    python experiments/samplers/priors.py tables results.jsonl --table

Each arm is the mixture with something changed:

- `corrected`: the number of metrics that inform is uniform on 0..K, so that none informs with 1 / (K + 1) instead of
  2^-K (Scott & Berger, "Bayes and empirical-Bayes multiplicity adjustment in the variable-selection problem", Annals of
  Statistics 2010).
- `half corrected`: the probability that a metric informs is Beta(2, 2) instead of uniform: 6 / ((K + 2) (K + 3)).
- `alternate`: of the first four queries, those that may be random are the second and the fourth.
- `none informs`: as `corrected`, and the first four are random with the probability that no metric informs.
- `learnt`: how far each metric is trusted, and how probably it informs, is learnt from the other spaces
  (`learnt_trust`). Only on tasks whose metrics are what their names say.

A search adds one line to the file; what is there is not made again.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from halves import chance, tasks
from learnt_trust import LEAST, by_space, without
from robust_sampler import Task
from scipy.special import ndtr, ndtri

from untrained.samplers import Mixture, hypotheses

Means = dict[str, dict[str, float]]
Prior = Callable[..., np.ndarray]
Draw = Callable[..., np.ndarray]
Start = Callable[..., bool]
OWN_PRIOR, OWN_DRAW, OWN_START = hypotheses._prior, hypotheses._draw, Mixture._at_random


def prior_of(ignoring: Callable[[int], float]) -> Prior:
    """The prior of kinds of hypotheses, given how probable it is that none of K metrics informs."""

    def prior(k: int, p: int, both: float) -> np.ndarray:
        none = ignoring(k)
        if p == 0:
            return np.array([1 - none, 0, 0, none])
        return np.array([(1 - both) * (1 - none), both * (1 - none), 0.9 * none, 0.1 * none])

    return prior


def random_with(probability: Callable[[int], float]) -> Start:
    """The start of short searches: query t < 4 is random with a probability that depends on the number of metrics."""

    def at_random(self: Mixture, t: int, kind: int, rng: np.random.Generator) -> bool:
        if self.budget >= hypotheses.LEARNT or t >= min(self.budget // 5, 4):
            return OWN_START(self, t, kind, rng)
        return rng.random() < probability(int(self._metrics.any(0).sum()))

    return at_random


def random_at(places: tuple[int, ...]) -> Start:
    """As it is, but at these places only."""

    def at_random(self: Mixture, t: int, kind: int, rng: np.random.Generator) -> bool:
        found = OWN_START(self, t, kind, rng)
        return found and (self.budget >= hypotheses.LEARNT or t in places)

    return at_random


def leaning(correlations: np.ndarray) -> Draw:
    """The trust in each metric is in proportion to its correlation elsewhere, and as uncertain as before."""
    shift = np.log(np.maximum(correlations, LEAST)) / hypotheses.TRUST

    def draw(dimensions: int, rng: np.random.Generator) -> np.ndarray:
        u = OWN_DRAW(dimensions, rng)
        k = len(shift)
        u[:, :k] = np.clip(ndtr(ndtri(u[:, :k]) + shift), 1e-6, 1 - 1e-6)
        return u

    return draw


def at_most(k: int, informs: np.ndarray) -> float:
    """The probability that no more than k inform, each for itself."""
    found = np.ones(1)
    for p in informs:
        found = np.convolve(found, [1 - p, p])
    return float(found[: k + 1].sum())


@dataclass(frozen=True)
class Arm:
    """What is changed."""

    prior: Prior = OWN_PRIOR
    draw: Draw = OWN_DRAW
    start: Start = OWN_START


def one_in(k: int) -> float:
    return 1 / (k + 1)


def learnt(task: Task, means: Means) -> Arm | None:
    space = space_of(task.name)
    if space is None:
        return None
    known = without(space, means, task.scores.metrics)
    informs, correlations = (np.array(x) for x in zip(*((m.informs, m.correlation) for m in known), strict=True))
    few = at_most(2, informs)
    return Arm(prior_of(lambda _: float(np.prod(1 - informs))), leaning(correlations), random_with(lambda _: few))


def metrics_of(name: str) -> int:
    return int(name.rsplit(", ", 1)[1])


def space_of(name: str) -> str | None:
    """The space in `learnt_trust` of a task; None if its metrics are not what their names say, or are known nowhere."""
    if "noise" in name or "upside down" in name or "flexibert" in name:
        return None
    first = name.split(": ")[1].split()[0].strip(",")
    return first if first in ("micro", "macro", "nasbench101", "nasbench301") else "nasbench201"


CORRECTED = prior_of(one_in)
ARMS: dict[str, Callable[[Task, Means], Arm | None]] = {
    "now": lambda task, means: Arm(),
    "corrected": lambda task, means: Arm(CORRECTED),
    "half corrected": lambda task, means: Arm(prior_of(lambda k: 6 / ((k + 2) * (k + 3)))),
    "alternate": lambda task, means: Arm(start=random_at((1, 3))),
    "none informs": lambda task, means: Arm(CORRECTED, start=random_with(one_in)),
    "learnt": lambda task, means: learnt(task, means),
}


def run(chosen: list[Task], arms: list[str], seeds: int, results: Path, means: Means) -> None:
    made = {(row["task"], row["budget"], row["arm"], row["seed"]) for row in rows_of(results)}
    for seed in range(seeds):
        for task in chosen:
            for arm in arms:
                changed = ARMS[arm](task, means)
                if changed is None or (task.name, task.budget, arm, seed) in made:
                    continue
                hypotheses._prior, hypotheses._draw, Mixture._at_random = changed.prior, changed.draw, changed.start
                start = time.process_time()
                rank = task.search("mixture", seed)
                seconds = round(time.process_time() - start, 2)
                row = {"task": task.name, "budget": task.budget, "arm": arm, "seed": seed, "rank": rank, "s": seconds}
                with results.open("a") as file:
                    file.write(json.dumps(row) + "\n")


def rows_of(results: Path) -> list[dict]:
    return [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []


def table(chosen: list[Task], arms: list[str], results: Path) -> None:
    """Geometric mean rank of each task, mean and worst in brackets; `!`: behind random search by twice its noise."""
    by = dict[tuple[str, str], dict[int, float]]()
    for row in rows_of(results):
        if row["budget"] == chosen[0].budget:
            by.setdefault((row["task"], row["arm"]), {})[row["seed"]] = row["rank"]
    print("| task, metrics | " + " | ".join(arms) + " | random | seeds |\n|" + "---|" * (len(arms) + 3))
    logs: dict[str, dict[str, np.ndarray]] = {}
    behind = dict.fromkeys(arms, 0)
    for task in chosen:
        if any((task.name, arm) not in by for arm in arms):
            continue
        seeds = sorted(set.intersection(*(set(by[task.name, arm]) for arm in arms)))
        mean, std, _, _ = chance(task)
        cells = list[str]()
        for arm in arms:
            ranks = np.array([by[task.name, arm][seed] for seed in seeds])
            logs.setdefault(task.name, {})[arm] = np.log(ranks)
            noise = np.sqrt((std**2 + ranks.var(ddof=1)) / len(ranks))
            is_behind = int(ranks.mean() > mean + 2 * noise)
            behind[arm] += is_behind
            cells.append(f"{np.exp(np.log(ranks).mean()):.1f} ({ranks.mean():.1f}, {ranks.max():.0f}){'!' * is_behind}")
        print(f"| {task.name} | " + " | ".join(cells) + f" | {mean:.0f} | {len(seeds)} |")
    made = ("upside down", "noise")
    groups = {
        "at most 3 metrics": lambda name: metrics_of(name) <= 3,
        "more, as they are": lambda name: metrics_of(name) > 3 and not any(m in name for m in made),
        "upside down": lambda name: "upside down" in name,
        "noise": lambda name: "noise" in name,
        "as they are": lambda name: not any(m in name for m in made),
    }
    print(f"\nbehind random search by more than twice the noise: {behind}\n")
    print("| tasks | " + " | ".join(arms) + " | ratio to the first |\n|" + "---|" * (len(arms) + 2))
    for half in ("first", "second"):
        for title, belongs in groups.items():
            of = [by_arm for name, by_arm in logs.items() if name.startswith(half) and belongs(name)]
            if not of:
                continue
            cells = [f"{np.exp(np.mean([x[arm].mean() for x in of])):.2f}" for arm in arms]
            ratios = list[str]()
            for arm in arms[1:]:
                differences = [x[arm] - x[arms[0]] for x in of]
                error = np.sqrt(sum(d.var(ddof=1) / len(d) for d in differences)) / len(of)
                ratios.append(f"{np.exp(np.mean([d.mean() for d in differences])):.2f} ± {error:.2f}")
            print(f"| {half}: {title}, {len(of)} | " + " | ".join(cells) + " | " + " / ".join(ratios) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("data", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--arms", nargs="+", default=list(ARMS), choices=list(ARMS))
    parser.add_argument("--half", nargs="+", default=["first", "second"], choices=["first", "second"])
    parser.add_argument("--only", default="", metavar="TEXT", help="tasks whose name holds this")
    parser.add_argument("--least", type=int, default=0, help="tasks with so many metrics or more")
    parser.add_argument("--most", type=int, default=99, help="tasks with so many metrics or fewer")
    parser.add_argument("--budget", type=int, default=20)
    parser.add_argument("--table", action="store_true", help="print what is there")
    args = parser.parse_args()
    chosen = [t for half in args.half for t in tasks(args.data, half, args.budget) if args.only in t.name]
    chosen = [t for t in chosen if args.least <= len(t.scores.metrics) <= args.most]
    if args.table:
        table(chosen, args.arms, args.results)
    else:
        knows = any(arm.startswith("learnt") for arm in args.arms)
        run(chosen, args.arms, args.seeds, args.results, by_space(args.data) if knows else {})


if __name__ == "__main__":
    main()
