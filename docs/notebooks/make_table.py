"""Makes digits.csv, the small benchmark of the notebook on metrics and samplers: 120 networks, scored and trained.

    python docs/notebooks/make_table.py

120 cells of NAS-Bench-201, none of them the same network as another, each with one cell a stage and four channels. The
scores are of one batch of 32 digits, the accuracy that on the 359 digits of the validation part after two epochs.
"""

import csv
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import untrained

PATH = Path(__file__).with_name("digits.csv")
METRICS = ["synflow", "snip", "grad_norm", "jacob_cov", "naswot", "zen", "params"]


@cache
def objective() -> untrained.TrainingObjective:
    space = untrained.NASBench201(N=1, C=4, in_channels=1)
    recipe = untrained.Recipe(epochs=2, batch_size=16)
    return untrained.TrainingObjective(space, untrained.load_data("digits"), recipe, threads=1)


def accuracy(arch: str) -> float:
    value = objective()(arch).value
    assert value is not None
    return value


def main() -> None:
    space = untrained.NASBench201(N=1, C=4, in_channels=1)
    batch = untrained.load_data("digits").batch(32)
    scores = untrained.compute_scores(space, space.pool(120, seed=0), METRICS, batch)
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        values = list(pool.map(accuracy, scores.archs))
    with PATH.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["arch", "accuracy", *scores.metrics])
        for arch, value, row in zip(scores.archs, values, scores.values, strict=True):
            writer.writerow([arch, f"{value:.2f}", *("" if x != x else f"{x:.6g}" for x in row)])


if __name__ == "__main__":
    main()
