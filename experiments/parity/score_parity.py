"""Rank correlation of our scores with the published ones of NAS-Bench-201 (NAS-Bench-Suite-Zero, CIFAR-10).

    python experiments/parity/score_parity.py tables --out parity
    python experiments/parity/score_parity.py tables --out parity --metrics jacov,l2_norm --draws 4

Networks of N = 5 and C = 16, as written (not their canonical twins, which have lost their dead edges), on one batch of
64 CIFAR-10 images; another draw is another initialisation and another batch. Printed are Spearman correlations: of each
draw with the published column; of the first two draws with each other; and of the mean rank over all draws with the
published column. Where two draws agree no better than a draw and the published column, what is left is the noise of
one draw. Killed and run again, it goes on where it was.
"""

import argparse
import random
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

import untrained
from untrained.scores import ScoreTable
from untrained.spaces import NASBench201

PUBLISHED: dict[str, str] = {
    "naswot": "nwot",
    "jacob_cov": "jacov",
    "synflow(log=True)": "synflow",
    "zen(reading=code)": "zen",
}
METRICS = (
    "params,flops,l2_norm,synflow(log=True),zen(reading=code),zen,naswot,"
    "snip,grad_norm,fisher,jacov,epe_nas,plain,grasp"
)


class AsWritten(NASBench201):
    """Every architecture stands for itself, dead edges and all."""

    def canonical(self, arch: str) -> str:
        return arch


def spearman(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    known = ~(np.isnan(a) | np.isnan(b))
    return float(np.corrcoef(rankdata(a[known]), rankdata(b[known]))[0, 1]) if known.sum() > 2 else float("nan")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="folder for the scores")
    parser.add_argument("--metrics", default=METRICS)
    parser.add_argument("--networks", type=int, default=300)
    parser.add_argument("--draws", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    given.out.mkdir(exist_ok=True, parents=True)

    published = ScoreTable.load(given.data / "nasbench201_metrics_cifar10.parquet")
    archs = random.Random(0).sample(sorted(published.archs), given.networks)
    images = untrained.load_data(str(given.data / "cifar10_train.parquet"))
    own = list[ScoreTable]()
    for seed in range(given.draws):
        path = given.out / f"draw{seed}.parquet"
        batch = images.batch(64, seed)
        own.append(
            untrained.compute_scores(AsWritten(), archs, given.metrics, batch, seed, workers=given.workers, path=path)
        )
        print(f"# draw {seed + 1} of {given.draws}", flush=True)

    print(f"{'metric':>22} {'networks':>8}  {'draws with published':>{6 * given.draws}}  two draws  mean rank")
    for name in own[0].metrics:
        theirs = published.select(archs, [PUBLISHED.get(name, name)]).values[:, 0]
        ours = [table.select(archs, [name]).values[:, 0] for table in own]
        known = int((~np.isnan([theirs, *ours]).any(0)).sum())
        mean = np.mean([np.where(np.isnan(o), np.nan, rankdata(o, nan_policy="omit")) for o in ours], axis=0)
        each = " ".join(f"{spearman(o, theirs):.3f}" for o in ours)
        itself = f"{spearman(ours[0], ours[1]):.3f}" if len(ours) > 1 else ""
        print(f"{name:>22} {known:>8}  {each:>{6 * given.draws}}  {itself:>9}  {spearman(mean, theirs):>9.3f}")
    convolutions = np.array([float(arch.count("nor_conv")) for arch in archs])
    agreement = spearman(convolutions, published.select(archs, ["l2_norm"]).values[:, 0])
    print(f"the number of convolutions with the published l2_norm: {agreement:.3f}")


if __name__ == "__main__":
    main()
