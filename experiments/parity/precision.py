"""How far single precision and bfloat16 move each metric's ranking: Spearman correlation with double precision.

    python experiments/parity/precision.py --networks 100 --cells 1 --channels 16 --batch 32 --out precision.json

NAS-Bench-201 networks, a random batch of normal numbers, the same weights in every precision. Adds CUDA's precisions
where there is such a device. Kept in `--out` network by network: killed, it goes on where it was.
"""

import argparse
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import rankdata

from untrained.metrics import METRICS
from untrained.probe import Probe
from untrained.spaces import NASBench201

SETTINGS: dict[str, dict[str, Any]] = {
    "float64": {"dtype": torch.float64},
    "float32": {"dtype": torch.float32},
    "bfloat16 autocast": {"dtype": torch.float32, "autocast": torch.bfloat16},
}
NAMES = [name for name in METRICS if name not in ("latency", "jacov")]


def scores(arch: str, cells: int, channels: int, n: int, device: str) -> dict[str, dict[str, float]]:
    """Setting -> metric -> score, NaN where there is none."""
    generator = torch.Generator().manual_seed(0)
    x, e = torch.randn(2, n, 3, 32, 32, generator=generator, dtype=torch.float64)
    y, z = torch.randint(0, 10, (2, n), generator=generator)
    found: dict[str, dict[str, float]] = {}
    for setting, options in SETTINGS.items():
        torch.manual_seed(int.from_bytes(arch.encode()) % 2**63)
        net = NASBench201(N=cells, C=channels).build(arch).to(device)
        probe = Probe(net, x.to(device), y.to(device), second=(e.to(device), z.to(device)), **options)
        found[setting] = {}
        for name in NAMES:
            try:
                found[setting][name] = METRICS[name](probe)
            except (ValueError, RuntimeError):  # counted below as failed
                found[setting][name] = float("nan")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    for option, default in (("networks", 100), ("cells", 1), ("channels", 16), ("batch", 32)):
        parser.add_argument(f"--{option}", type=int, default=default)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    torch.set_num_threads(1)
    done: dict[str, Any] = json.loads(given.out.read_text()) if given.out.exists() else {}
    settings = f"N={given.cells} C={given.channels} batch={given.batch}"
    space = list(NASBench201())
    archs = random.Random(0).sample([arch for arch in space if NASBench201().canonical(arch) == arch], given.networks)
    for device in ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]:
        for arch in archs:
            if f"{device} {settings} {arch}" not in done:
                done[f"{device} {settings} {arch}"] = scores(arch, given.cells, given.channels, given.batch, device)
                given.out.write_text(json.dumps(done))
        report(device, [done[f"{device} {settings} {arch}"] for arch in archs])


def report(device: str, rows: list[dict[str, dict[str, float]]]) -> None:
    others = [setting for setting in SETTINGS if setting != "float64"]
    print(f"\n{device}, {len(rows)} networks; (k): k networks have a score in double precision only\n")
    print("| metric | " + " | ".join(others) + " |\n|---" + "|---" * len(others) + "|")
    for name in NAMES:
        exact = np.array([row["float64"][name] for row in rows])
        cells = []
        for setting in others:
            other = np.array([row[setting][name] for row in rows])
            known = np.isfinite(exact) & np.isfinite(other)
            lost = int((np.isfinite(exact) & ~np.isfinite(other)).sum())
            if known.sum() < 3 or np.ptp(exact[known]) == 0:
                cells.append("constant" if known.sum() >= 3 else f"none ({lost})")
                continue
            correlation = np.corrcoef(rankdata(exact[known]), rankdata(other[known]))[0, 1]
            cells.append(f"{correlation:.4f}" + (f" ({lost})" if lost else ""))
        print(f"| `{name}` | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
