"""Draws the figures of docs/how and of docs/guides/choosing.md, from published tables and our searches on them.

    make figures DATA=tables          # or: python docs/figures.py --data-dir tables
    python docs/figures.py metric growing --data-dir tables

`untrained data` says how to get the tables. Each function draws one figure, and computes what it shows. The searches of
choosing.md take an hour: they are read from the file that experiments/samplers/choosing.py writes (`--choosing`).
Colours are of middle brightness, and there is no background: a figure reads on white and on black.
"""

import argparse
import json
import re
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import untrained

FOLDER = Path(__file__).parent
INK, BLUE, ORANGE, GREEN, VIOLET = "#767c86", "#2f80d0", "#d4711c", "#2a9467", "#9566c8"
STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "untrained",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "legend.frameon": False,
    **dict.fromkeys(("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), INK),
}
IMAGENET = "nasbench201/ImageNet16-120/ImageNet16-120_val_12"
SIX = ("grad_norm", "snip", "grasp", "fisher", "synflow", "jacov")


@contextmanager
def drawn(name: str, columns: int = 1, height: float = 2.9, **options: Any) -> Iterator[list[Axes]]:
    """Axes side by side, which are saved as FOLDER/name.svg, with one legend below them for what has a label."""
    with rc_context(STYLE):
        figure = Figure(figsize=(7.2, height), layout="constrained")
        axes = figure.subplots(1, columns, squeeze=False, **options)[0].tolist()
        yield axes
        labels: dict[str, Any] = {}
        for ax in axes:
            labels |= dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
        if labels:
            figure.legend(labels.values(), labels, loc="outside lower center", ncols=min(len(labels), 5))
        path = FOLDER / f"{name}.svg"
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, transparent=True, metadata={"Date": None, "Creator": None})
        path.write_text(re.sub(r"[ \t]+$", "", path.read_text(), flags=re.MULTILINE))


def columns(data: Path, name: str, *names: str) -> dict[str, Any]:
    """The columns of a table, and `arch`."""
    return pq.read_table(data / f"{name}.parquet", columns=["arch", *names]).to_pydict()


def accuracy_and_metrics(data: Path, *metrics: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Accuracy on CIFAR-10 after 12 epochs, and the metrics, of the 9,445 cells without a dead edge."""
    accuracy = columns(data, "nasbench201_accuracy", "cifar10_val_12")
    known = dict(zip(accuracy["arch"], accuracy["cifar10_val_12"], strict=True))
    scores = columns(data, "nasbench201_metrics_cifar10", *metrics)
    values = np.array([known[arch] for arch in scores["arch"]])
    return values, {name: np.array(scores[name], dtype=float) for name in metrics}


def metric(data: Path) -> None:
    """What an untrained network tells: accuracy against the place in a metric's ranking."""
    values, scores = accuracy_and_metrics(data, "synflow", "jacov")
    best = int(values.argmax())
    with drawn("how/figures/metric", 2, sharey=True) as axes:
        for ax, (name, of) in zip(axes, scores.items(), strict=True):
            order = np.argsort(np.argsort(-np.nan_to_num(of, nan=-np.inf))) + 1
            places = np.linspace(0, len(of), 60)
            inside = [values[(order > low) & (order <= high)] for low, high in pairwise(places)]
            low, middle, high = (np.array([np.quantile(part, q) for part in inside]) for q in (0.1, 0.5, 0.9))
            x = (places[1:] + places[:-1]) / 2
            ax.fill_between(x, low, high, color=BLUE, alpha=0.25, lw=0, label="8 of 10 networks")
            ax.plot(x, middle, color=BLUE, label="median")
            top = order <= 20
            ax.scatter(order[top], values[top], s=9, color=ORANGE, zorder=3, label="its 20 favourites")
            ax.scatter(order[best], values[best], s=70, marker="*", color=GREEN, zorder=4, label="the best network")
            ax.set(title=name, xlabel="place in the ranking of the metric")
            ax.invert_xaxis()
            good = order[np.argsort(-values)[:100]]
            half, tenth = (int((good <= len(of) / part).sum()) for part in (2, 10))
            print(f"{name}: of the 100 best networks, {half} are in its better half, {tenth} in its first tenth")
        axes[0].set(ylabel="accuracy after 12 epochs, %")


def benched(data: Path) -> dict[tuple[str, int], dict[str, np.ndarray]]:
    """Searches of ImageNet16-120 by RoBoT and by the mixture, seeds 0 to 9: (sampler, seed) -> columns."""
    table = untrained.bench([IMAGENET], ["robot", "mixture", "random"], range(10), data_dir=data).table
    rows = defaultdict[tuple[str, int], list[dict[str, Any]]](list)
    for row in table.to_pylist():
        rows[row["sampler"], row["seed"]].append(row)
    return {
        key: {name: np.array([row[name] for row in of]) for name in ("value", "rank", "phase")}
        for key, of in rows.items()
    }


def robot(data: Path) -> None:
    """Two searches by RoBoT: each query, explored or exploited, and the best so far."""
    searches = benched(data)
    best = max(search["value"].max() for search in searches.values())
    with drawn("how/figures/robot", 2, sharey=True) as axes:
        for ax, seed in zip(axes, (0, 4), strict=True):
            search = searches["robot", seed]
            queries = np.arange(1, len(search["value"]) + 1)
            for phase, colour in (("explore", BLUE), ("exploit", ORANGE)):
                of = search["phase"] == phase
                ax.scatter(queries[of], search["value"][of], s=22, color=colour, label=phase, zorder=3)
            ax.step(queries, np.maximum.accumulate(search["value"]), where="post", color=INK, label="best so far")
            ax.axhline(best, color=GREEN, lw=1, ls="--", label="the best there is")
            rank = int(search["rank"][-1])
            ax.set(title=f"seed {seed}: ends at rank {rank:,} of 9,445", xlabel="query", xticks=(1, 5, 10, 15, 20))
        axes[0].set(ylabel="accuracy after 12 epochs, %")


def robust(data: Path) -> None:
    """The rank of the best so far of each of ten searches, by RoBoT and by the mixture."""
    searches, queries = benched(data), np.arange(1, 21)
    with drawn("how/figures/robust", 2, sharey=True) as axes:
        for ax, (sampler, colour) in zip(axes, (("robot", ORANGE), ("mixture", BLUE)), strict=True):
            for seed in range(10):
                label = f"{sampler}, ten seeds" if seed == 0 else None
                ranks = searches[sampler, seed]["rank"]
                ax.step(queries, ranks, where="post", color=colour, alpha=0.7, lw=1, label=label)
            ax.plot(queries, (9445 + 1) / (queries + 1), color=INK, ls="--", lw=1, label="random search, mean")
            ax.set(title=sampler, xlabel="query", yscale="log", xticks=(1, 5, 10, 15, 20))
            ax.set_yticks((1, 10, 100, 1000), ("1", "10", "100", "1,000"))
        axes[0].set(ylabel="rank of the best so far")
        axes[0].invert_yaxis()


def growing(_data: Path) -> None:
    """A pool that grows against pools that do not: the table of laboratory/growing.md."""
    text = (FOLDER / "laboratory/growing.md").read_text()
    names = next(line for line in text.splitlines() if line.startswith("| | grows"))
    kinds = [name.strip() for name in names.strip("|").split("|")][1:]
    colours = {"grows": BLUE, "2,000": GREEN, "256": INK, "TPE": ORANGE, "NSGA-II": VIOLET}
    with drawn("how/figures/growing", 2) as axes:
        for ax, (space, what) in zip(axes, (("mnasnet", "top-1, %"), ("gpt", "minus perplexity")), strict=True):
            line = next(line for line in text.splitlines() if line.startswith(f"| {space} |"))
            for kind, cell in zip(kinds, line.strip("|").split("|")[1:], strict=True):
                if kind in colours:
                    means = [float(mean) for mean in cell.split("(")[0].split("/")]
                    label = f"a pool of {kind}" if kind[0].isdigit() else {"grows": "256 that grow"}.get(kind, kind)
                    ax.plot((20, 40, 60), means, "o-", ms=4, color=colours[kind], label=label)
            ax.set(title=f"{space}: {what}", xlabel="queries", xticks=(20, 40, 60))


def front(data: Path) -> None:
    """Accuracy against latency: all cells, the true front, and what 20 queries find of it."""
    device = "raspi4_latency"
    accuracy = columns(data, "nasbench201_accuracy", "cifar10_val_12")
    latency = columns(data, "nasbench201_hardware", f"cifar10_{device}")
    known = dict(zip(latency["arch"], latency[f"cifar10_{device}"], strict=True))
    scores = untrained.ScoreTable.load(data / "nasbench201_metrics_cifar10.parquet").select(metrics=SIX)
    value = dict(zip(accuracy["arch"], accuracy["cifar10_val_12"], strict=True))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.parquet"
        rows = {"arch": list(value), "accuracy": list(value.values()), "latency_ms": [known[a] for a in value]}
        pq.write_table(pa.table(rows), path)
        objective = untrained.TabularObjective(path, "accuracy")
        wanted = {"accuracy": None, "latency_ms": "min"}
        result = untrained.search("nasbench201", objective, scores=scores, objectives=wanted, budget=20)
    cells = np.array([(known[arch], value[arch]) for arch in scores.archs])
    order = cells[np.lexsort((-cells[:, 1], cells[:, 0]))]
    true = order[np.r_[True, order[1:, 1] > np.maximum.accumulate(order[:, 1])[:-1]]]
    tried = np.array([(known[q.architecture], q.value) for q in result.queries])
    found = np.array(sorted((known[q.architecture], q.value) for q in result.front))
    with drawn("how/figures/front", height=3.2) as (ax,):
        shown = cells[np.random.default_rng(0).choice(len(cells), 500, replace=False)]
        ax.scatter(*shown.T, s=5, color=INK, alpha=0.35, lw=0, label="500 of 9,445 networks")
        ax.step(*true.T, where="post", color=GREEN, lw=1, label="the true front")
        ax.scatter(*tried.T, s=22, color=ORANGE, zorder=3, label="20 queries")
        ax.step(*found.T, where="post", color=ORANGE, lw=1, label="their front")
        ax.set(xlabel="latency on a Raspberry Pi 4, ms", ylabel="accuracy after 12 epochs, %")
        ax.set(xscale="log", xlim=(2, 100), ylim=(40, 90))
        ax.set_xticks((3, 10, 30, 100), ("3", "10", "30", "100"))


def choosing(results: Path) -> None:
    """How far the pick is behind the best, against budget, pool and number of metrics."""
    cells = defaultdict[tuple[str, str, int], list[float]](list)
    for key, _, behind in map(json.loads, results.read_text().splitlines()):
        task, sampler, what, much, _ = json.loads(key)
        if task.startswith("nasbench201"):
            cells[sampler, what, much].append(behind)
            if (sampler, what, much) == ("mixture", "budget", 20):
                cells[sampler, "pool", 9445].append(behind)
    shown = (("budget", "queries"), ("pool", "networks in the pool"), ("metrics", "metrics, drawn at random"))
    with drawn("guides/figures/choosing", 3, sharey=True) as axes:
        for ax, (what, label) in zip(axes, shown, strict=True):
            ax.set(xlabel=label, xscale="log", yscale="symlog", ylim=(0, 40))
            ax.set_yticks((0, 0.5, 1, 3, 10, 30), ("0", "0.5", "1", "3", "10", "30"))
            for sampler, colour in (("robot", ORANGE), ("mixture", BLUE)):
                points = sorted((much, of) for (by, w, much), of in cells.items() if (by, w) == (sampler, what))
                if points:
                    x = [much for much, _ in points]
                    mean = [float(np.mean(of)) for _, of in points]
                    error = [float(np.std(of, ddof=1)) / len(of) ** 0.5 for _, of in points]
                    ax.errorbar(x, mean, error, fmt="o-", ms=4, color=colour, label=sampler, capsize=2)
                    ax.set_xticks(x, [f"{n:,}" for n in x])
            ax.minorticks_off()
        axes[0].set(ylabel="behind the best, points")


FIGURES: dict[str, Callable[[Path], None]] = {
    "metric": metric,
    "robot": robot,
    "robust": robust,
    "growing": growing,
    "front": front,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(FIGURES)} (all)")
    parser.add_argument("--data-dir", type=Path, required=True, help="the folder of the published tables")
    parser.add_argument("--choosing", type=Path, metavar="FILE", help="results of experiments/samplers/choosing.py")
    args = parser.parse_args()
    if unknown := set(args.names) - set(FIGURES):
        parser.error(f"no figure {', '.join(sorted(unknown))}: choose from {', '.join(FIGURES)}")
    for name in args.names or FIGURES:
        FIGURES[name](args.data_dir)
    if args.choosing:
        choosing(args.choosing)


if __name__ == "__main__":
    main()
