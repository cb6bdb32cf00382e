"""What a sampler costs beside the evaluations: seconds of a whole search whose objective takes no time.

    python experiments/speed/overhead.py
    python experiments/speed/overhead.py --samplers robot mixture --repeat 5

One thread, after import; the best of some searches with different seeds, with what it took of the processor (which a
busy machine does not lengthen) and by the clock. Three sizes: 20 queries of 15,625 architectures x 6 metrics, 100 of
4,096 x 6, 20 of 1,000,000 x 13. The scores are random; the objective is a weighted sum of them and noise.
"""

import argparse
import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import optuna
import torch
from optuna.distributions import BaseDistribution, CategoricalDistribution
from threadpoolctl import threadpool_limits
from torch import nn

from untrained import SAMPLERS, Objective, ScoreTable, SearchSpace, search
from untrained.objectives import Evaluation

SIZES = ((15_625, 6, 20), (4_096, 6, 100), (1_000_000, 13, 20))
"""(architectures, metrics, queries)."""
NEEDED = tuple(group[0] for info in SAMPLERS.values() for group in info.metrics)


@dataclass(frozen=True)
class Digits(SearchSpace):
    """Architectures that are strings of digits."""

    count: int
    values: int

    @property
    def distributions(self) -> Mapping[str, BaseDistribution]:
        choices = tuple("0123456789"[: self.values])
        return {f"d{i}": CategoricalDistribution(choices) for i in range(self.count)}

    def to_arch(self, params: Mapping[str, Any]) -> str:
        return "".join(params[f"d{i}"] for i in range(self.count))

    def to_params(self, arch: str) -> dict[str, Any]:
        return {f"d{i}": digit for i, digit in enumerate(arch)}

    def build(self, arch: str) -> nn.Module:
        return nn.Sequential()  # nothing is trained or scored here


class LookUp(Objective):
    def __init__(self, values: Mapping[str, float]) -> None:
        self.values = values

    @property
    def identity(self) -> dict[str, Any]:
        return {"kind": "look-up"}

    def __call__(self, arch: str, trial: optuna.Trial | None = None) -> Evaluation:
        return Evaluation(self.values[arch], 0.0)


def problem(n: int, k: int, *, named: bool) -> tuple[ScoreTable, SearchSpace, Objective]:
    """named: whether the metrics are those that some samplers need by name."""
    space = Digits(6, 4) if n == 4**6 else Digits(6, 5) if n == 5**6 else Digits(10, 4)
    archs = tuple(islice(space, n))
    rng = np.random.default_rng(0)
    metrics = [*NEEDED, *(f"m{i}" for i in range(k))][:k] if named else [f"m{i}" for i in range(k)]
    scores = rng.lognormal(size=(n, k))
    values = scores @ rng.normal(size=k) + rng.normal(size=n)
    return ScoreTable(archs, tuple(metrics), scores), space, LookUp(dict(zip(archs, values.tolist(), strict=True)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--samplers", nargs="+", default=[n if n != "single" else "single:m0" for n in SAMPLERS])
    parser.add_argument("--sizes", type=int, nargs="+", default=[0, 1, 2], choices=[0, 1, 2], help="which of the three")
    parser.add_argument("--repeat", type=int, default=3)
    args = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{'architectures':>13} {'metrics':>7} {'queries':>7}  {'sampler':<14} {'processor s':>11} {'clock s':>8}")
    for size in args.sizes:
        n, k, budget = SIZES[size]
        for named in (False, True):
            table, space, objective = problem(n, k, named=named)
            for name in args.samplers:
                if named != (name in SAMPLERS and bool(SAMPLERS[name].metrics)):
                    continue
                times = []
                for seed in range(args.repeat):
                    clock, processor = time.perf_counter(), time.process_time()
                    with threadpool_limits(1):
                        search(space, objective, budget=budget, sampler=name, scores=table, seed=seed)
                    times.append((time.process_time() - processor, time.perf_counter() - clock))
                processor, clock = min(t for t, _ in times), min(t for _, t in times)
                print(f"{n:>13,} {k:>7} {budget:>7}  {name:<14} {processor:>11.2f} {clock:>8.2f}", flush=True)


if __name__ == "__main__":
    main()
