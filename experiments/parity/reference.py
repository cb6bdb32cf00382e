"""How far every metric is from the values of the public implementations, as a table.

    python experiments/parity/reference.py reference [NETWORK ...]

Each row is one entry of `values.json`, each number the largest over the networks: the relative difference in double
precision, the same in single precision, and the difference between the entry's own two precisions. For random entries,
the mean over seeds in standard errors from the published mean.
"""

import importlib
import os
import sys
from collections import defaultdict
from math import sqrt
from pathlib import Path

import torch

SEEDS = 4


def main(folder: str, *names: str) -> None:
    os.environ["UNTRAINED_SHARED"] = str(Path(folder).resolve().parent)
    sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
    public_values = importlib.import_module("metrics.public_values")

    values = public_values.read("values.json")
    fixed, random = defaultdict(list), defaultdict(list)
    for net in names or values:
        for key, entry in values[net].items():
            reading = public_values.READINGS[key]
            if "mean" in entry:
                mean = sum(public_values.score(net, reading, torch.float32, seed) for seed in range(SEEDS)) / SEEDS
                random[key].append((mean - entry["mean"]) / (entry["std"] * sqrt(1 / SEEDS + 1 / entry["n"])))
                continue
            single, double = entry["value"], entry.get("value_float64")
            size = abs(single) or 1.0
            off = [abs(public_values.score(net, reading, torch.float32) - single) / size, float("nan"), float("nan")]
            if double is not None:
                off[1] = abs(public_values.score(net, reading, torch.float64) - double) / (abs(double) or 1.0)
                off[2] = abs(single - double) / size
            fixed[key].append(off)
        print(net, "done", file=sys.stderr, flush=True)

    print("| entry | metric | networks | double | single | the entry's own noise |\n|---|---|---|---|---|---|")
    for key, rows in sorted(fixed.items()):
        known = [row for row in rows if row[1] == row[1]]
        single = f"{max(row[0] for row in rows):.0e}"
        double, noise = (f"{max(row[k] for row in known):.0e}" if known else "" for k in (1, 2))
        name = public_values.READINGS[key].build().name
        note = f" ({public_values.ANOTHER_NETWORK[key]})" if key in public_values.ANOTHER_NETWORK else ""
        print(f"| {key}{note} | `{name}` | {len(rows)} | {double} | {single} | {noise} |")
    print(f"\n| random entry | metric | networks | standard errors from its mean, {SEEDS} seeds |\n|---|---|---|---|")
    for key, errors in sorted(random.items()):
        print(f"| {key} | `{public_values.READINGS[key].build().name}` | {len(errors)} | {max(errors, key=abs):+.1f} |")


if __name__ == "__main__":
    main(*sys.argv[1:])
