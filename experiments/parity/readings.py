"""Two readings of one metric, side by side: how alike they rank, and how well each ranks by accuracy.

    python experiments/parity/readings.py tables --networks 100 --cells 1 --channels 16 --batch 32 --out readings.json

NAS-Bench-201 networks without dead edges on one CIFAR-10 batch; accuracy: CIFAR-10, validation, 200 epochs. Kept in
`--out` network by network: killed, it goes on where it was.
"""

import argparse
import json
import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import rankdata

from untrained.data import load_data
from untrained.metrics import METRICS, Metric
from untrained.probe import Probe
from untrained.scores import ScoreTable
from untrained.spaces import NASBench201

PAIRS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("fisher", {"fan_in": False}),
    ("zico", {"halves": True}),
    ("gradsign", {"mean": True}),
    ("naswot", {"by_class_name": True}),
    ("naswot", {"by_class_name": True, "kernel": "linear"}),
    ("ntk_condition_number", {"mode": "train"}),
    ("ntk_condition_number", {"mode": "train", "output": "target", "layerwise": True}),
    ("ntk_trace", {"mode": "eval", "output": "sum", "layerwise": False}),
    ("zen", {"reading": "code"}),
    ("vkdnw", {"reading": "code"}),
    ("vkdnw", {"part": "both"}),
    ("az_expressivity", {"redraw": True}),
    ("az_progressivity", {"redraw": True}),
    ("az_trainability", {"redraw": True}),
    ("meco", {"size": 64}),
    ("meco", {"modules": "all"}),
    ("swap", {"draws": 1}),
)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    for option, default in (("networks", 100), ("cells", 1), ("channels", 16), ("batch", 32)):
        parser.add_argument(f"--{option}", type=int, default=default)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    torch.set_num_threads(1)
    accuracy = ScoreTable.load(given.data / "nasbench201_accuracy.parquet").select(metrics=["cifar10_val_200"])
    published = ScoreTable.load(given.data / "nasbench201_metrics_cifar10.parquet").archs
    archs = random.Random(1).sample(published, given.networks)
    images = load_data(str(given.data / "cifar10_train.parquet"))
    batch, second = images.batch(given.batch, 0), images.batch(given.batch, 1)
    kept: dict[str, dict[str, dict[str, float]]] = json.loads(given.out.read_text()) if given.out.exists() else {}
    done = kept.setdefault(f"N={given.cells} C={given.channels} batch={given.batch}", {})
    metrics = {m.name: m for name, options in PAIRS for m in (METRICS[name], METRICS[name].with_options(**options))}
    for arch in archs:
        if arch not in done:
            torch.manual_seed(0)
            net = NASBench201(N=given.cells, C=given.channels).build(arch)
            probe = Probe(net, *batch, second=second)
            done[arch] = {name: score(metric, probe) for name, metric in metrics.items()}
            given.out.write_text(json.dumps(kept))
    target = accuracy.select(archs).values[:, 0]

    def column(metric: Metric) -> np.ndarray:
        return np.array([done[arch][metric.name] for arch in archs])

    print(
        "| default | other reading | with each other | default with accuracy | other with accuracy |\n"
        + "|---" * 5
        + "|"
    )
    for name, options in PAIRS:
        default, other = METRICS[name], METRICS[name].with_options(**options)
        a, b = column(default), column(other)
        cells = (spearman(a, b), spearman(a, target), spearman(b, target))
        print(f"| `{default.name}` | `{other.name}` | " + " | ".join(f"{c:.3f}" for c in cells) + " |")


def score(metric: Metric, probe: Probe) -> float:
    try:
        return metric(probe)
    except ValueError:  # no score, with a reason
        return math.nan


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    known = np.isfinite(a) & np.isfinite(b)
    return float(np.corrcoef(rankdata(a[known]), rankdata(b[known]))[0, 1])


if __name__ == "__main__":
    main()
