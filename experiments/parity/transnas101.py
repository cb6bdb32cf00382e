"""TransNAS-Bench-101's networks against the tables of NAS-Bench-Suite-Zero: every count, and the ranks of scores.

    python experiments/parity/transnas101.py tables
    python experiments/parity/transnas101.py tables --scores class_scene,segmentsemantic --out parity

Without `--scores`, the encoder of every architecture of which a table holds `params` is built, and each head that there
is, and the parameters are compared, on all seven tasks. With it, `--networks` of them are scored, as written, on one
batch of noise: printed are Spearman correlations of our scores with the published ones, which were computed on real
images, and with other weights. Images are of `--side` pixels, with the benchmark's strides. Killed and run
again, scoring goes on where it was.
"""

import argparse
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.stats import rankdata
from torch import Tensor, nn

import untrained
from untrained.spaces import TransNASMacro, TransNASMicro
from untrained.spaces.transnas101 import TASKS

METRICS = {
    "synflow(log=True)": "synflow",
    "zen(reading=code)": "zen",
    "naswot": "nwot",
    **{name: name for name in ("jacov", "epe_nas", "l2_norm", "plain", "snip", "grad_norm", "fisher", "grasp")},
}
"""Our name -> the published one."""


class Micro(TransNASMicro):
    """Every architecture stands for itself, dead edges and all."""

    def canonical(self, arch: str) -> str:
        return arch


SPACES = {"micro": Micro, "macro": TransNASMacro}


def published(folder: Path, kind: str, task: str) -> dict[str, list[float | None]]:
    """Column -> values, of the architectures that have `params`."""
    table = pq.read_table(folder / f"transnas101_{kind}_{task}.parquet")
    known = table.filter(table["metric_subset_params"].is_valid())
    return {name: known[name].to_pylist() for name in known.column_names}


class Counted:
    """Parameters of a network's encoder, which is the same for all tasks, and of its head: each built once."""

    def __init__(self) -> None:
        self.encoders = dict[str, tuple[int, int, int]]()
        self.heads = dict[tuple[str, int, int], int]()

    def params(self, kind: str, task: str, arch: str) -> int:
        """Of the network of an architecture for a task."""
        if arch not in self.encoders:
            net: Any = self._built(SPACES[kind]("class_object"), arch).encoder
            self.encoders[arch] = _number(net), net.channels, net.halvings
        own, channels, halvings = self.encoders[arch]
        key = task, channels, halvings
        if key not in self.heads:
            self.heads[key] = _number(self._built(SPACES[kind](task), arch).decoder)
        return own + self.heads[key]

    def _built(self, space: TransNASMicro | TransNASMacro, arch: str) -> Any:
        with torch.device("meta"):
            return space.build(arch)


def _number(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def count(folder: Path, kind: str, task: str, counted: Counted) -> str:
    """Compares all architectures that have `params`."""
    table = published(folder, kind, task)
    pairs = list(zip(table["arch"], table["metric_subset_params"], strict=True))
    equal = sum(counted.params(kind, task, str(arch)) / 1e6 == params for arch, params in pairs)
    return f"{equal} of {len(pairs)} networks have the published parameters"


def batch(space: TransNASMicro | TransNASMacro, n: int) -> tuple[Tensor, Tensor]:
    """Noise, and targets of the task."""
    rng = torch.Generator().manual_seed(0)
    side, outputs = space.image_size, space.num_classes
    assert isinstance(side, int)
    assert outputs is not None
    images = torch.randn(n, *([9] if space.task == "jigsaw" else []), 3, side, side, generator=rng)
    match space.task:
        case "room_layout":
            return images, torch.randn(n, outputs, generator=rng)
        case "segmentsemantic":
            return images, torch.randint(outputs, (n, side, side), generator=rng)
        case "normal" | "autoencoder":
            return images, images.clamp(-1, 1)
    return images, torch.randint(outputs, (n,), generator=rng)


LOSSES = {"room_layout": F.mse_loss, "normal": F.l1_loss, "autoencoder": F.l1_loss}
"""Task -> its loss; the others have cross entropy."""


def spearman(a: NDArray[np.float64], b: NDArray[np.float64]) -> tuple[float, int]:
    """The correlation of ranks, and of how many."""
    known = ~(np.isnan(a) | np.isnan(b))
    if known.sum() < 3:
        return float("nan"), int(known.sum())
    return float(np.corrcoef(rankdata(a[known]), rankdata(b[known]))[0, 1]), int(known.sum())


def compare(given: argparse.Namespace, kind: str, task: str) -> Iterator[str]:
    """Scores architectures, and correlates."""
    table = published(given.data, kind, task)
    rows = sorted(random.Random(0).sample(range(len(table["arch"])), given.networks))
    space = SPACES[kind](task, image_size=given.side // 4 if task == "jigsaw" else given.side)
    scores = untrained.compute_scores(
        space,
        [str(table["arch"][row]) for row in rows],
        list(METRICS),
        batch(space, given.batch),
        loss=LOSSES.get(task, F.cross_entropy),
        path=given.out / f"{kind}_{task}_{given.networks}_{given.side}_{given.batch}.parquet",
    )
    for k, name in enumerate(METRICS):
        best = (0, float("nan"), "")
        for column in (f"metric_{METRICS[name]}", f"metric_subset_{METRICS[name]}"):
            values = [table[column][row] if column in table else None for row in rows]
            theirs = np.array([np.nan if value is None else value for value in values], float)
            found, n = spearman(scores.values[:, k], theirs)
            best = max(best, (n, found, column), key=lambda one: one[0])
        n, found, column = best
        if n > 2:
            yield f"{kind:>6} {task:>16} {name:>18} {n:>4} {found:7.3f}  {column}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--scores", default="", help="tasks, as a,b")
    parser.add_argument("--spaces", default="micro,macro")
    parser.add_argument("--out", type=Path, default=Path("parity"), help="folder for the scores")
    parser.add_argument("--networks", type=int, default=30)
    parser.add_argument("--side", type=int, default=100)
    parser.add_argument("--batch", type=int, default=8)
    given = parser.parse_args()
    tasks, counted = given.scores.split(",") if given.scores else TASKS, Counted()
    for kind in given.spaces.split(","):
        for task in tasks:
            if not given.scores:
                print(f"{kind:>6} {task:>16}: {count(given.data, kind, task, counted)}", flush=True)
                continue
            given.out.mkdir(exist_ok=True, parents=True)
            for line in compare(given, kind, task):
                print(line, flush=True)


if __name__ == "__main__":
    main()
