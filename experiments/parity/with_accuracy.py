"""How well metrics rank NAS-Bench-201 by accuracy, beside what their papers state.

    python experiments/parity/with_accuracy.py tables --networks 250 --out accuracy

Networks without dead edges, on one CIFAR-10 batch, and a second one for metrics that compare two; accuracy: CIFAR-10,
test, 200 epochs. Kept in `--out`: killed, it goes on where it was. The papers have N = 5, C = 16, and
mostly all networks, dead edges and all.
"""

import argparse
import random
from pathlib import Path

import numpy as np
from scipy.stats import kendalltau, spearmanr

import untrained
from untrained.scores import ScoreTable
from untrained.scores.aggregate import az_nas_aggregate
from untrained.spaces import NASBench201

METRICS = (
    "params,flops,layers,naswot,zico,jacob_cov,grad_norm,grad_norm(reading=aznas),near,near(reading=code),l_swag,wrcor,"
    "rbflex,intrain,intrain(inputs=batch),dextr,epsinas,meco,meco_opt,zen,zen(reading=code,repeats=4),vkdnw,"
    "vkdnw(part=both),az_expressivity,az_progressivity,az_trainability"
)
STATED = {
    "l_swag": "0.79 (Spearman, Table 3)",
    "wrcor": "0.812 (Spearman, Table 2)",
    "intrain": "0.669 (Kendall)",
    "VKDNW's aggregate": "0.743 (Kendall), 0.906 (Spearman), ImageNet16-120",
    "AZ-NAS's aggregate": "0.712 (Kendall, by InTrain)",
}
"""Metric -> what its paper, or a later one, states for NAS-Bench-201."""
VKDNW = ("jacob_cov", "az_expressivity", "az_trainability", "flops")
AGGREGATES = {
    "AZ-NAS's aggregate": ("az_expressivity", "az_progressivity", "az_trainability", "flops"),
    "VKDNW's aggregate": ("vkdnw(part=both)", *VKDNW),
    "VKDNW's aggregate, entropy alone": ("vkdnw", *VKDNW),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    for option, default in (("networks", 250), ("cells", 1), ("channels", 8), ("batch", 32), ("workers", 1)):
        parser.add_argument(f"--{option}", type=int, default=default)
    parser.add_argument("--metrics", default=METRICS)
    parser.add_argument("--out", type=Path, required=True, help="folder for the scores")
    given = parser.parse_args()
    given.out.mkdir(exist_ok=True, parents=True)
    published = ScoreTable.load(given.data / "nasbench201_metrics_cifar10.parquet").archs
    archs = random.Random(2).sample(sorted(published), given.networks)
    images = untrained.load_data(str(given.data / "cifar10_train.parquet"))
    batch, second = images.batch(given.batch, 0), images.batch(given.batch, 1)
    space = NASBench201(N=given.cells, C=given.channels)
    table = untrained.compute_scores(
        space,
        archs,
        given.metrics,
        batch,
        second_batch=second,
        workers=given.workers,
        path=given.out / "scores.parquet",
    )
    accuracy = ScoreTable.load(given.data / "nasbench201_accuracy.parquet").select(archs, ["cifar10_test_200"])
    target = accuracy.values[:, 0]
    columns = {name: table.select(archs, [name]).merits[:, 0] for name in table.metrics}
    for name, parts in AGGREGATES.items():
        if set(parts) <= set(columns):
            columns[name] = az_nas_aggregate(np.stack([columns[part] for part in parts], axis=1))
    print("| metric | networks | Kendall | Spearman | stated |\n" + "|---" * 5 + "|")
    for name, values in columns.items():
        known = np.isfinite(values)
        tau, rho = kendalltau(values[known], target[known])[0], spearmanr(values[known], target[known])[0]
        print(f"| `{name}` | {known.sum()} | {tau:.3f} | {rho:.3f} | {STATED.get(name, '')} |")


if __name__ == "__main__":
    main()
