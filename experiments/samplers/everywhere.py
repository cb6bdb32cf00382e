"""All samplers on all benchmarks: ranks, significance, seconds saved, and a figure, from files of `untrained bench`.

    untrained bench --data-dir tables --seeds 30 --out bench.parquet
    python experiments/samplers/everywhere.py bench.parquet --figure docs/laboratory/everywhere.svg

Prints the tables of docs/laboratory/everywhere.md (Markdown) and draws its figure. Several files are put together: the
searches of a benchmark may stand in more than one. Of two samplers, the seeds that both have are compared.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import friedmanchisquare, rankdata, studentized_range

from untrained.benching import BenchResult, compare, holm, load_bench
from untrained.report.bench_figure import pens
from untrained.report.drawing.canvas import MARK, in_a_file, plain_svg

Array = NDArray[np.float64]
Runs = Mapping[int, Mapping[str, Array]]
"""Seed -> figure -> one number for each query."""

SHOWN = ("mixture", "robot", "rank_average", "tpe", "gp", "rea", "reinforce", "local_search", "random")
"""The columns; `bohb` runs on NAS-Bench-201 alone, and single metrics have a row of their own."""
ANYWHERE = ("mixture", "robot", "rank_average", "random")
"""Those that need nothing but metrics: they run on every table."""
SAME = ("nasbench201/cifar100/cifar10_val_12",)
"""The metrics and the objective of CIFAR-10: the same searches once more."""
ALPHA = 0.05
REFERENCES = ("random", "robot")
FAMILIES = {
    "nasbench201": "NAS-Bench-201",
    "nasbench201-robust": "attacks",
    "transnas101-micro": "TransNAS micro",
    "transnas101-macro": "TransNAS macro",
    "nasbench101": "NAS-Bench-101",
    "nasbench301": "NAS-Bench-301",
    "accelnas": "ImageNet",
    "hwgpt-small": "GPT",
    "flexibert": "GLUE",
}


def read(paths: Iterable[Path]) -> tuple[dict[str, dict[str, Runs]], dict[str, Any]]:
    """Key of a benchmark -> sampler -> its searches; and key -> what was searched."""
    found: dict[str, Any] = defaultdict(lambda: defaultdict(lambda: defaultdict(lambda: defaultdict(list))))
    ran: dict[str, Any] = {}
    for path in paths:
        result: BenchResult = load_bench(path)
        ran |= {one.benchmark.key: one for one in result.ran}
        columns = {name: result.table[name].to_pylist() for name in result.table.column_names}
        columns["key"] = list(
            map("/".join, zip(*(columns[n] for n in ("benchmark", "task", "objective")), strict=True))
        )
        done = {key: {s: set(runs) for s, runs in by.items()} for key, by in found.items()}
        for i, sampler in enumerate(columns["sampler"]):
            key, seed = columns["key"][i], columns["seed"][i]
            if key in SAME or seed in done.get(key, {}).get(sampler, ()):  # another file has it
                continue
            for name in ("rank", "cost"):
                value = columns[name][i]
                found[key][sampler][seed][name].append(np.nan if value is None else float(value))
    return {
        key: {
            s: {seed: {n: np.array(v) for n, v in one.items()} for seed, one in runs.items()} for s, runs in by.items()
        }
        for key, by in sorted(found.items(), key=lambda entry: list(ran).index(entry[0]))
    }, ran


def last(runs: Runs, pool: int) -> dict[int, float]:
    """Seed -> the rank of the pick; the last of the pool for a search that found nothing."""
    return {seed: float(np.nan_to_num(one["rank"][-1], nan=pool)) for seed, one in sorted(runs.items())}


def geometric(values: Iterable[float]) -> float:
    """The geometric mean: ranks differ by factors."""
    return float(np.exp(np.mean(np.log(list(values)))))


def against(by: Mapping[str, dict[int, float]], reference: str) -> dict[str, tuple[float, float]]:
    """Sampler -> (ratio of geometric means, p): Wilcoxon's signed-rank test of log ranks, corrected by Holm."""
    found: dict[str, tuple[float, float]] = {}
    for sampler, own in by.items():
        both = sorted(own.keys() & by.get(reference, {}).keys())
        if sampler == reference or not both:
            continue
        logs = [np.log([of[seed] for seed in both]) for of in (own, by[reference])]
        difference, p = compare(*logs)
        found[sampler] = float(np.exp(difference)), p
    corrected = holm([p for _, p in found.values()]) if found else []
    return {s: (ratio, p) for (s, (ratio, _)), p in zip(found.items(), corrected, strict=True)}


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)


def number(value: float) -> str:
    """A rank: a decimal below ten."""
    return f"{value:.1f}" if value < 9.95 else f"{value:.0f}"


def marks(key: str, sampler: str, compared: Mapping[str, Mapping[str, Mapping[str, tuple[float, float]]]]) -> str:
    """`+` and `-`: significantly before and behind random search; `*`: significantly before RoBoT."""
    said = ""
    for reference, better, worse in (("random", "+", "−"), ("robot", "\\*", "")):
        ratio, p = compared[reference][key].get(sampler, (1.0, 1.0))
        said += (better if ratio < 1 else worse) if p < ALPHA else ""
    return said and f" {said}"


def friedman(
    ranks: Mapping[str, Mapping[str, float]], samplers: Sequence[str]
) -> tuple[list[float], float, float, int]:
    """Average ranks of samplers over blocks, p of Friedman's test, and the critical difference (Nemenyi, 5 %)."""
    rows = [[row[s] for s in samplers] for row in ranks.values() if all(s in row for s in samplers)]
    if len(rows) < 3:
        return [], 1.0, 0.0, len(rows)
    placed = np.array([rankdata(row) for row in rows])
    n, k = placed.shape
    p = float(friedmanchisquare(*np.array(rows).T)[1])
    width = float(studentized_range.ppf(1 - ALPHA, k, np.inf)) / np.sqrt(2) * np.sqrt(k * (k + 1) / (6 * n))
    return placed.mean(0).tolist(), p, float(width), n


def saved(by: Mapping[str, Runs], pool: int) -> dict[str, float]:
    """Sampler -> part of random search's training seconds that it saves on the way to where that ends, by the median.

    A search that does not get there counts with all its seconds.
    """
    random = by["random"]
    goal = float(np.median(list(last(random, pool).values())))
    whole = float(np.mean([one["cost"].sum() for one in random.values()]))
    found = {}
    for sampler, runs in by.items():
        spent = []
        for one in runs.values():
            there = np.flatnonzero(one["rank"] <= goal)
            spent.append(one["cost"][: there[0] + 1].sum() if there.size else one["cost"].sum())
        if whole > 0 and sampler != "random":
            found[sampler] = 1 - float(np.mean(spent)) / whole
    return found


def family(key: str) -> str:
    """The table of a benchmark."""
    return key.partition("/")[0]


def means_of_families(means: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Family -> sampler -> geometric mean over its benchmarks, of those samplers that ran on all of them."""
    found = {}
    for name in dict.fromkeys(map(family, means)):
        own = [row for key, row in means.items() if family(key) == name]
        common = set.intersection(*(set(row) for row in own))
        found[name] = {s: geometric(row[s] for row in own) for s in common}
    return found


def draw(means: Mapping[str, Mapping[str, float]], averages: Mapping[str, float], width: float, path: Path) -> None:
    """Left: each table's geometric mean rank as a multiple of random search's.

    Right: average ranks over tables, with bars as wide as the critical difference: two that do not overlap differ.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = [s for s in SHOWN if s in {s for row in means.values() for s in row}]
    pen = pens(names)
    markers = dict(zip(names, "osD^v<>Ph", strict=False))
    figure = Figure(figsize=(11, 5.4), dpi=72)
    FigureCanvasAgg(figure)
    figure.patch.set_visible(False)
    left, right = figure.add_axes((0.115, 0.1, 0.55, 0.78)), figure.add_axes((0.785, 0.1, 0.2, 0.78))
    rows = [name for name in FAMILIES if name in means] + [name for name in means if name not in FAMILIES]
    for y, name in enumerate(rows):
        left.axhline(y, color=MARK, alpha=0.16, linewidth=1)
        for s in [s for s in names if s in means[name] and s != "random"]:
            x = means[name][s] / means[name]["random"]
            left.plot(
                x, y, markers[s], color=pen[s].colour, markersize=11 if s in ("mixture", "robot") else 8, alpha=0.9
            )
    left.axvline(1, color=MARK, linewidth=1.2, alpha=0.68)
    left.set(xscale="log", yticks=range(len(rows)), ylim=(len(rows) - 0.4, -0.6))
    left.xaxis.set_major_formatter("{x:g}")
    left.set_yticklabels([FAMILIES.get(name, name) for name in rows], color=MARK, fontsize=11)
    left.set_xlabel("rank of the pick, as a multiple of random search's", color=MARK, fontsize=10)
    ordered = sorted(averages, key=lambda s: averages[s])
    for y, s in enumerate(ordered):
        right.plot(
            [averages[s] - width / 2, averages[s] + width / 2], [y, y], color=pen[s].colour, linewidth=3, alpha=0.5
        )
        right.plot(averages[s], y, markers[s], color=pen[s].colour, markersize=11)
    right.set(yticks=range(len(ordered)), ylim=(len(ordered) - 0.2, -0.8))
    right.set_yticklabels(ordered, color=MARK, fontsize=11)
    right.set_xlabel("average rank over the tables", color=MARK, fontsize=10)
    for axes in (left, right):
        axes.patch.set_visible(False)
        axes.tick_params(length=0, which="both", labelcolor=MARK, labelsize=10)
        for side in ("top", "left", "right"):
            axes.spines[side].set_visible(False)
        axes.spines["bottom"].set(color=MARK, alpha=0.68)
    for place, s in enumerate(s for s in names if s != "random"):
        x, y = 0.035 + 0.12 * (place % 8), 0.95
        figure.add_artist(_dot(x, y, markers[s], pen[s].colour, figure))
        figure.text(x + 0.012, y, s, color=MARK, fontsize=11, va="center_baseline")
    best = "; ".join(f"{FAMILIES.get(n, n)}: {min(row, key=lambda s: row[s])}" for n, row in means.items())
    svg = plain_svg(figure, "Ranks of all samplers on all tables", f"The best on each: {best}", "everywhere")
    path.write_text(in_a_file(svg.replace(MARK, "currentColor")))


def _dot(x: float, y: float, marker: str, colour: str, figure: Any) -> Any:
    from matplotlib.lines import Line2D

    return Line2D([x], [y], marker=marker, color=colour, markersize=9, linestyle="", transform=figure.transFigure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--figure", type=Path)
    args = parser.parse_args()
    found, ran = read(args.files)
    ends = {key: {s: last(runs, ran[key].pool) for s, runs in by.items()} for key, by in found.items()}
    means = {key: {s: geometric(own.values()) for s, own in by.items()} for key, by in ends.items()}
    learned = {key: {s: own for s, own in by.items() if not s.startswith("single:")} for key, by in ends.items()}
    compared = {r: {key: against(by, r) for key, by in learned.items()} for r in REFERENCES}

    print("## Ranks\n")
    rows = []
    for key, by in ends.items():
        cells = [f"{family(key)} {key.split('/')[1]}" + (f", {key.split('/')[2]}" if _twice(key, ends) else "")]
        cells += [str(ran[key].budget), str(len(ran[key].metrics)), f"{ran[key].pool:,}"]
        for s in SHOWN:
            own = list(by.get(s, {}).values())
            few = "" if not own or len(own) == max(map(len, by.values())) else f" [{len(own)}]"
            cells.append(f"{number(means[key][s])} ({max(own):.0f}){marks(key, s, compared)}{few}" if own else "")
        singles = [means[key][s] for s in by if s.startswith("single:")]
        cells.append(f"{number(min(singles))} / {number(geometric(singles))}" if singles else "")
        cells.append(str(max(map(len, by.values()))))
        rows.append(cells)
    print(table(["benchmark", "T", "metrics", "pool", *SHOWN, "single: best / all", "seeds"], rows))

    print("\n## Significance\n")
    rows = []
    for s in SHOWN:
        cells = [s]
        for reference in REFERENCES:
            tests = [of[s] for of in compared[reference].values() if s in of]
            better = sum(p < ALPHA and ratio < 1 for ratio, p in tests)
            worse = sum(p < ALPHA and ratio > 1 for ratio, p in tests)
            ratio = geometric(ratio for ratio, _ in tests) if tests else 1.0
            cells += [f"{better} / {worse} of {len(tests)}", f"{ratio:.2f}"] if tests else ["", ""]
        rows.append(cells)
    header = [""]
    for reference in REFERENCES:
        header += [f"before / behind {reference}", "rank, as a multiple of its"]
    print(table(header, rows))

    print("\n## Average ranks\n")
    families, averages, width = means_of_families(means), dict[str, float](), 1.0
    for title, blocks in (("benchmarks", means), ("tables", families)):
        for samplers in (ANYWHERE, tuple(s for s in SHOWN if s != "gp")):
            placed, p, difference, n = friedman(blocks, samplers)
            if not placed:
                continue
            told = ", ".join(f"{s} {mean:.2f}" for mean, s in sorted(zip(placed, samplers, strict=True)))
            print(f"- {n} {title}: {told} (Friedman p = {p:.1e}, critical difference {difference:.2f})")
            if title == "tables" and samplers == ANYWHERE:
                averages, width = dict(zip(samplers, placed, strict=True)), difference

    print("\n## Seconds\n")
    parts: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for key, by in found.items():
        if "random" in by and ran[key].benchmark.cost:
            for s, part in saved(by, ran[key].pool).items():
                parts[family(key)][s].append(part)
    shown = [s for s in SHOWN if s != "random"]
    rows = [
        [FAMILIES.get(name, name), *(f"{100 * np.mean(by[s]):.0f} %" if s in by else "" for s in shown)]
        for name, by in parts.items()
    ]
    print(table(["table", *shown], rows))
    if args.figure:
        draw(families, averages, width, args.figure)


def _twice(key: str, keys: Iterable[str]) -> bool:
    """Whether a task has several objectives."""
    return sum(other.rpartition("/")[0] == key.rpartition("/")[0] for other in keys) > 1


if __name__ == "__main__":
    main()
