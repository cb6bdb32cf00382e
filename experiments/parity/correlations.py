"""Training-free metrics against NAS-Bench-201's accuracy, aggregates chosen on other tasks, and few labels.

    python experiments/parity/correlations.py table tables --out all.parquet
    python experiments/parity/correlations.py choose tables
    python experiments/parity/correlations.py labels tables --labels 100 --draws 20
    python experiments/parity/correlations.py ours tables --scores cifar.parquet --resamples 100

The metrics are published for the 9,445 cells without a dead edge; each of the other 6,180 is one network with one of
these (`SearchSpace.canonical`), and has its scores. `table` writes the scores of all 15,625, which `untrained analyse
--scores` takes, and prints both pools. Accuracy: CIFAR-10, test, 200 epochs.

`choose` goes through all sums of ranks, and of log ranks, of one to four metrics: on four other spaces (the mean of
each space's mean Spearman correlation), and on ImageNet16-120 by the metrics of ImageNet16-120. What is chosen there is
judged on CIFAR-10, where nothing was chosen.

`ours` sets scores that `untrained data score` made beside the published ones, on the same cells.
"""

import argparse
import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy.stats import rankdata

from untrained import TabularObjective
from untrained.analysis.correlations import Correlation, correlations, figures
from untrained.analysis.labels import predicted
from untrained.scores import ScoreTable
from untrained.spaces import NASBench201

Array = NDArray[np.float64]
SPACE = NASBench201()
ACCURACY = "nasbench201_accuracy.parquet"
TARGET = "cifar10_test_200"
LAYERS = "layers"
TRANSNAS = {
    **dict.fromkeys(("class_object", "class_scene", "jigsaw"), "valid_top1"),
    **dict.fromkeys(("normal", "autoencoder"), "valid_ssim"),
    "segmentsemantic": "valid_acc",
    "room_layout": "valid_neg_loss",
}
"""Task -> its objective."""
POOR = ("plain", "zen")
"""Metrics that are not tried in sums: against accuracy, or hardly with it."""


def published(data: Path, task: str) -> ScoreTable:
    """The published scores of a data set, and how many convolutions a cell has, counted."""
    table = ScoreTable.load(data / f"nasbench201_metrics_{task}.parquet")
    layers = [SPACE.canonical(arch).count("nor_conv") for arch in table.archs]
    return ScoreTable(table.archs, (*table.metrics, LAYERS), np.column_stack([table.values, layers]))


def of_all_cells(table: ScoreTable, archs: Sequence[str]) -> ScoreTable:
    """The scores of `archs`, each of which is one network with a cell of the table."""
    known = {SPACE.canonical(arch): row for row, arch in reversed(list(enumerate(table.archs)))}
    rows = [table.index.get(arch, known[SPACE.canonical(arch)]) for arch in archs]
    return ScoreTable(tuple(archs), table.metrics, table.values[rows])


def rows(found: Iterable[Correlation]) -> Iterator[str]:
    for one in sorted(found, key=lambda c: -c.kendall.value):
        cells = (one.kendall, one.spearman, one.ndcg)
        yield f"| `{one.name}` | " + " | ".join(f"{c.value:.3f} [{c.low:.3f}, {c.high:.3f}]" for c in cells) + " |"


def table(data: Path, out: Path | None, resamples: int) -> None:
    objective = TabularObjective(data / ACCURACY, TARGET)
    some = published(data, "cifar10")
    whole = of_all_cells(some, objective.archs)
    if out is not None:
        whole.save(out)
    for scores in (some, whole):
        groups = [SPACE.canonical(arch) for arch in scores.archs]
        sums = {f"log ranks of {' and '.join(names)}": summed(scores, names, log=True) for names in PAIRS}
        found = correlations(scores, objective, 20, resamples=resamples, groups=groups, further=sums)
        print(f"\n{len(scores)} cells\n\n| ranking | Kendall | Spearman | nDCG |\n" + "|---" * 4 + "|")
        print("\n".join(rows(found)), flush=True)


PAIRS = (("jacov", "params"), ("flops", "nwot", "synflow"))
"""What `choose` chooses: on ImageNet16-120, and on other spaces."""


def summed(scores: ScoreTable, names: Sequence[str], *, log: bool) -> Array:
    """The sum of relative ranks of some metrics, or of their logarithms."""
    ranks = rankdata(np.nan_to_num(scores.select(metrics=names).upward, nan=-np.inf), axis=0) / len(scores)
    return (np.log(ranks) if log else ranks).sum(1)


class Task:
    """A task on which sums are tried: ranks of its metrics, and of its objective."""

    def __init__(self, archs: Sequence[str], columns: dict[str, Array], values: Array) -> None:
        known = np.isfinite(values)
        scores = np.column_stack(list(columns.values()))[known]
        self.scores = ScoreTable(tuple(np.array(archs)[known].tolist()), tuple(columns), scores)
        self.target = rankdata(values[known])

    def spearman(self, names: Sequence[str], *, log: bool) -> float:
        """The correlation of a sum; of one metric less if that one is not published here, NaN of two less."""
        has = [name for name in names if name in self.scores.metrics]
        if len(has) < max(1, len(names) - 1):
            return float("nan")
        total = rankdata(summed(self.scores, has, log=log))
        return float(np.corrcoef(total, self.target)[0, 1]) if np.ptp(total) else float("nan")


def other_spaces(data: Path, names: Sequence[str]) -> dict[str, list[Task]]:
    """The tasks of spaces other than NAS-Bench-201."""
    darts = pq.read_table(data / "nasbench301_metrics_subset.parquet").to_pydict()
    found = {"DARTS": [Task(darts["arch"], picked(darts, names), floats(darts["val_accuracy"]))]}
    given = json.loads((data / "zc_nasbench101.json").read_text())["cifar10"]
    cells = {k: [r[k]["score"] if isinstance(r[k], dict) else r[k] for r in given.values()] for k in first(given)}
    found["NAS-Bench-101"] = [Task(list(given), picked(cells, names), floats(cells["val_accuracy"]))]
    for size in ("micro", "macro"):
        found[f"TransNAS {size}"] = []
        for task, column in TRANSNAS.items():
            file = pq.read_table(data / f"transnas101_{size}_{task}.parquet").to_pydict()
            prefix = "metric_final_" if "metric_final_jacov" in file else "metric_subset_"
            some = [i for i, value in enumerate(file[f"{prefix}params"]) if value is not None]
            columns = {k: [v[i] for i in some] for k, v in file.items()}
            tried = Task(columns["arch"], picked(columns, names, prefix), floats(columns[column]))
            found[f"TransNAS {size}"].append(tried)
    return found


def first(given: dict) -> Iterable[str]:
    return next(iter(given.values()))


def floats(values: Sequence[float | None]) -> Array:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def picked(columns: dict, names: Sequence[str], prefix: str = "") -> dict[str, Array]:
    return {name: floats(columns[prefix + name]) for name in names if prefix + name in columns}


def choose(data: Path) -> None:
    objective = TabularObjective(data / ACCURACY, TARGET)
    image = TabularObjective(data / ACCURACY, "ImageNet16-120_test_200")
    cifar, imagenet = published(data, "cifar10"), published(data, "ImageNet16-120")
    names = [name for name in cifar.metrics if name not in POOR]
    own = Task(
        imagenet.archs, dict(zip(imagenet.metrics, imagenet.values.T, strict=True)), image.values(imagenet.archs)
    )
    spaces = other_spaces(data, names)
    accuracy = objective.values(cifar.archs)
    tried = [(n, log) for k in range(1, 5) for n in itertools.combinations(names, k) for log in (True, False)]
    chosen = {
        "other spaces": lambda n, log: np.nanmean([np.nanmean([t.spearman(n, log=log) for t in s]) for s in known(n)]),
        "ImageNet16-120": lambda n, log: own.spearman(n, log=log),
    }

    def known(n: Sequence[str]) -> list[list[Task]]:
        return [s for s in spaces.values() if not all(np.isnan(t.spearman(n, log=True)) for t in s)]

    for where, merit in chosen.items():
        usable = [(n, log) for n, log in tried if where != "other spaces" or LAYERS not in n]
        best = sorted(usable, key=lambda one: -np.nan_to_num(merit(*one), nan=-1))[:5]
        print(f"\nchosen on {where}\n\n| sum of | there | Kendall | Spearman | nDCG |\n" + "|---" * 5 + "|")
        for n, log in best:
            tau, rho, gain, _ = figures(summed(cifar, n, log=log), accuracy, 20, 1000)
            form = "log ranks" if log else "ranks"
            print(
                f"| {form} of {', '.join(n)} | {merit(n, log):.3f} | {tau:.3f} | {rho:.3f} | {gain:.3f} |", flush=True
            )


def labels(data: Path, count: int, draws: int, *, every: bool) -> None:
    objective = TabularObjective(data / ACCURACY, TARGET)
    scores = published(data, "cifar10")
    scores = of_all_cells(scores, objective.archs) if every else scores
    found = predicted(scores, SPACE, objective, count, 20, draws=draws)
    cells = (found.kendall, found.spearman, found.ndcg)
    shown = " | ".join(f"{c.value:.3f} [{c.low:.3f}, {c.high:.3f}]" for c in cells)
    print(f"| {count} labels of {len(scores)}, {draws} draws | {shown} |", flush=True)


def ours(data: Path, path: Path, resamples: int) -> None:
    """Our scores beside the published ones, on those of the 9,445 cells that both have."""
    there, made = published(data, "cifar10"), ScoreTable.load(path)
    archs = [arch for arch in made.archs if arch in there.index]
    there, made = there.select(archs), made.select(archs)
    groups = [SPACE.canonical(arch) for arch in archs]
    objective = TabularObjective(data / ACCURACY, TARGET)
    sums = {"log ranks of jacov and params": summed(made, PAIRS[0], log=True)}
    found = correlations(made, objective, 20, resamples=resamples, groups=groups, further=sums)
    print(
        f"{len(archs)} cells, {len(set(groups))} networks\n\n| ranking | Kendall | Spearman | nDCG |\n"
        + "|---" * 4
        + "|"
    )
    print("\n".join(rows(found)))
    once = [groups.index(network) for network in dict.fromkeys(groups)]
    same = correlations(there, objective, 20, resamples=0, groups=groups)
    print("\n| metric | published: Kendall | Spearman | ours with the published: Spearman |\n" + "|---" * 4 + "|")
    for one in same:
        name = {"nwot": "naswot"}.get(one.name, one.name)
        if name in made.metrics:
            ranks = [
                rankdata(t.values[once, t.metrics.index(n)], nan_policy="omit")
                for t, n in ((made, name), (there, one.name))
            ]
            agreed = np.corrcoef(*(np.nan_to_num(r) for r in ranks))[0, 1]
            print(f"| `{name}` | {one.kendall.value:.3f} | {one.spearman.value:.3f} | {agreed:.3f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("table", "choose", "labels", "ours"))
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, help="Parquet for the scores of all cells")
    parser.add_argument("--scores", type=Path, help="of ours: what untrained data score made")
    parser.add_argument("--resamples", type=int, default=200)
    parser.add_argument("--labels", type=int, default=100)
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--all", action="store_true", help="rank all 15,625 cells")
    given = parser.parse_args()
    if given.what == "table":
        table(given.data, given.out, given.resamples)
    elif given.what == "ours":
        ours(given.data, given.scores, given.resamples)
    elif given.what == "choose":
        choose(given.data)
    else:
        labels(given.data, given.labels, given.draws, every=given.all)


if __name__ == "__main__":
    main()
