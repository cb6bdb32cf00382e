"""Rank correlation of our scores with the published ones (NAS-Bench-Suite-Zero), on the architectures of one table.

    untrained score --space nasbench201 --data cifar10_train.parquet --pool 300 --batch-size 64 --seed 0 \\
        --metrics "grad_norm,snip,grasp,fisher,synflow,jacov,epe_nas,naswot,zen,plain,l2_norm,params,flops" \\
        --out own0.parquet
    (the same with --seed 1 --out own1.parquet)
    python benchmarks/score_parity.py nasbench201_metrics_cifar10.parquet own0.parquet own1.parquet

Each column of the output is a Spearman correlation: of every own table with the published one; of the first own table
with the second, which is another initialisation and another batch; and of the mean rank over all own tables with the
published one. Where own and own agree no better than own and published, what is left is the noise of one draw.
"""

import sys

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from untrained.scores import ScoreTable

PUBLISHED = {"naswot": "nwot", "jacob_cov": "jacov"}


def spearman(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    known = ~(np.isnan(a) | np.isnan(b))
    return float(np.corrcoef(rankdata(a[known]), rankdata(b[known]))[0, 1]) if known.sum() > 2 else float("nan")


def main(published_path: str, *own_paths: str) -> None:
    published, own = ScoreTable.load(published_path), [ScoreTable.load(path) for path in own_paths]
    archs = [arch for arch in own[0].archs if all(arch in table.index for table in (published, *own[1:]))]
    print(f"{len(archs)} of {len(own[0])} architectures are in every table; Spearman correlation")
    print(f"{'metric':>22}  {'own with published':>20}  {'own with own':>12}  {'mean of own':>11}")
    for name in dict.fromkeys(name for table in own for name in table.metrics):
        column = name.partition("(")[0]
        column = PUBLISHED.get(column, column)
        if column not in published.metrics:
            continue
        theirs = published.select(archs, [column]).values[:, 0]
        ours = [t.select(archs, [name]).values[:, 0] for t in own if name in t.metrics]
        mean = np.mean([np.where(np.isnan(o), np.nan, rankdata(o)) for o in ours], axis=0)
        each = " ".join(f"{spearman(o, theirs):.3f}" for o in ours)
        itself = f"{spearman(ours[0], ours[1]):.3f}" if len(ours) > 1 else ""
        print(f"{name:>22}  {each:>20}  {itself:>12}  {spearman(mean, theirs):>11.3f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
