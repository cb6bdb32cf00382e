"""Rank correlation of our scores with the published ones (NAS-Bench-Suite-Zero), on the architectures of one table.

    untrained score --space nasbench201 --data cifar10_train.parquet --pool 100 --batch-size 64 \\
        --metrics grad_norm,snip,grasp,fisher,synflow,jacov,naswot,plain,l2_norm,params,flops --out scores.parquet
    python benchmarks/score_parity.py scores.parquet nasbench201_metrics_cifar10.parquet
"""

import sys

import numpy as np
from scipy.stats import rankdata

from untrained.scores import ScoreTable

NAMES = {"naswot": "nwot", "jacob_cov": "jacov"}


def main(own_path: str, published_path: str) -> None:
    own, published = ScoreTable.load(own_path), ScoreTable.load(published_path)
    archs = [arch for arch in own.archs if arch in published.index]
    print(f"{len(archs)} of {len(own)} architectures are published; Spearman correlation")
    for name in own.metrics:
        column = NAMES.get(name, name)
        ours = own.select(archs, [name]).values[:, 0]
        theirs = published.select(archs, [column]).values[:, 0]
        known = ~(np.isnan(ours) | np.isnan(theirs))
        correlation = np.corrcoef(rankdata(ours[known]), rankdata(theirs[known]))[0, 1]
        print(f"{name:>10}  {correlation:.4f}  ({known.sum()} architectures)")


if __name__ == "__main__":
    main(*sys.argv[1:])
