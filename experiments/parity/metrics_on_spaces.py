"""Which metrics have a value on which built-in space, as a table in Markdown, and why the others have none.

    python experiments/parity/metrics_on_spaces.py
    python experiments/parity/metrics_on_spaces.py transnas101-macro transnas101-macro/jigsaw

Four networks of each space, two small ones of TransNAS-Bench-101, on a batch of 8 random samples of the kind that the
space is for.
"""

import re
import string
import sys
import warnings

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from untrained.metrics import METRICS
from untrained.scoring.pool import compute_scores
from untrained.spaces import (
    DARTS,
    BERTs,
    GPTs,
    MLPs,
    MnasNets,
    MobileNets,
    NASBench101,
    NASBench201,
    NATSBenchSize,
    ResNets,
    SearchSpace,
    Transformers,
    TransNASMacro,
    TransNASMicro,
    UNets,
    ViTs,
)

SIDE, FEATURES, TOKENS, LENGTH, CLASSES = 16, 12, 32, 10, 4
SPACES: tuple[SearchSpace, ...] = (
    NASBench201(N=1, C=8, num_classes=CLASSES),
    NASBench101(N=1, C=16, num_classes=CLASSES),
    NATSBenchSize(CLASSES),
    TransNASMicro(num_classes=CLASSES, image_size=SIDE),
    TransNASMacro(num_classes=CLASSES, image_size=SIDE),
    TransNASMacro("jigsaw", CLASSES, image_size=SIDE),
    TransNASMacro("segmentsemantic", CLASSES, image_size=SIDE),
    TransNASMacro("normal", 3, image_size=SIDE),
    DARTS(C=8, layers=4, num_classes=CLASSES, image_size=SIDE),
    ResNets(CLASSES, image_size=SIDE),
    MnasNets(CLASSES, image_size=SIDE),
    MobileNets(CLASSES, image_size=SIDE),
    ViTs(CLASSES, image_size=SIDE),
    UNets(CLASSES, image_size=SIDE),
    MLPs(CLASSES, FEATURES),
    Transformers(CLASSES, TOKENS, LENGTH),
    BERTs(CLASSES, TOKENS, LENGTH),
    GPTs(TOKENS, LENGTH),
)

SMALL = {
    "transnas101-micro": ["64-41414-2_00_100", "64-41414-1_20_010"],
    "transnas101-macro": ["64-2311-basic", "64-1134-basic"],
}
"""Space whose networks are large -> some that are not."""


def batch(space: SearchSpace, seed: int) -> tuple[Tensor, Tensor]:
    """8 inputs of the kind that the space is for, with targets."""
    rng = torch.Generator().manual_seed(seed)
    labels = torch.randint(CLASSES, (8,), generator=rng)
    if isinstance(space, GPTs):
        text = torch.randint(TOKENS, (8, LENGTH + 1), generator=rng)
        return text[:, :-1], text[:, 1:]
    if isinstance(space, Transformers | BERTs):
        return torch.randint(TOKENS, (8, LENGTH), generator=rng), labels
    if isinstance(space, MLPs):
        return torch.randn(8, FEATURES, generator=rng), labels
    task = getattr(space, "task", "")
    if task == "jigsaw":
        return torch.randn(8, 9, 3, SIDE, SIDE, generator=rng), labels
    masks, images = torch.randint(CLASSES, (8, SIDE, SIDE), generator=rng), torch.randn(8, 3, SIDE, SIDE, generator=rng)
    if task == "normal":
        return images, images.clamp(-1, 1)
    return images, masks if isinstance(space, UNets) or task == "segmentsemantic" else labels


def called(space: SearchSpace) -> str:
    """The name of a space, with its task if that is another than to classify."""
    task = getattr(space, "task", "class_object")
    return space.name if task == "class_object" else f"{space.name}/{task}"


def main() -> None:
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    cells, notes = dict[tuple[str, str], str](), dict[str, str]()
    spaces = [space for space in SPACES if called(space) in sys.argv[1:] or not sys.argv[1:]]
    for space in spaces:
        loss = F.l1_loss if called(space).endswith("/normal") else F.cross_entropy
        first, second = batch(space, 0), batch(space, 1)
        archs = SMALL.get(space.name) or space.pool(4)
        table = compute_scores(space, archs, list(METRICS), first, second_batch=second, loss=loss)
        for k, name in enumerate(table.metrics):
            present = int(np.isfinite(table.values[:, k]).sum())
            reasons = {re.sub(r"\d+", "k", why[name]) for why in table.reasons.values() if name in why}
            letters = [notes.setdefault(reason, string.ascii_letters[len(notes)]) for reason in sorted(reasons)]
            cells[name, called(space)] = (
                " ".join([*([f"{present}/{len(archs)}"] if 0 < present < len(archs) else []), *letters]) or "x"
            )
    print(f"| metric | {' | '.join(f'`{called(space)}`' for space in spaces)} |")
    print("| --- " * (1 + len(spaces)) + "|")
    for name in METRICS:
        print(f"| `{name}` | {' | '.join(cells[name, called(space)] for space in spaces)} |")
    for reason, letter in notes.items():
        print(f"- {letter}: {reason.partition(': ')[2]}")


if __name__ == "__main__":
    main()
