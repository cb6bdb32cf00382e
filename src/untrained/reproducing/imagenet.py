"""Table 4 of RoBoT's paper (He et al., ICLR 2024): what can be said of it without ImageNet."""

from dataclasses import dataclass
from typing import Any

import torch

from untrained.measuring import Subject, measured
from untrained.spaces.darts import DARTS

GENOTYPE = (
    "Genotype(normal=[('avg_pool_3x3', 1), ('sep_conv_5x5', 0), ('dil_conv_3x3', 2), ('sep_conv_3x3', 0), "
    "('sep_conv_5x5', 3), ('avg_pool_3x3', 0), ('skip_connect', 1), ('sep_conv_3x3', 0)], normal_concat=[2, 3, 4, 5], "
    "reduce=[('sep_conv_5x5', 1), ('max_pool_3x3', 0), ('sep_conv_5x5', 0), ('dil_conv_3x3', 2), ('max_pool_3x3', 2), "
    "('skip_connect', 3), ('sep_conv_3x3', 3), ('sep_conv_3x3', 0)], reduce_concat=[2, 3, 4, 5])"
)
"""The cells that the authors found on ImageNet (darts_space/genotypes.py of their repository)."""

PUBLISHED = {
    "RoBoT": (24.1, 7.3),
    "HNAS": (24.3, 7.4),
    "TE-NAS": (24.5, 7.5),
    "DARTS": (26.7, 8.7),
}
"""Method -> top-1 and top-5 error in %."""
PARAMS, FLOPS = 5.0, 556.0
"""What the paper prints for RoBoT's network: millions of parameters and of multiply-adds."""

LACKS = (
    "cannot be repeated here: each figure is a training of 250 epochs on the 1.28 million images of ImageNet, on eight "
    "GPUs; the search itself is `untrained reproduce darts`, on your own images"
)


@dataclass(frozen=True)
class Network:
    """The published network as this package builds it.

    Args:
        architecture: Its cells.
        params: Millions of parameters.
        flops: Millions of multiply-adds.
    """

    architecture: str
    params: float
    flops: float


def published_network() -> Network:
    """Builds the network of table 4 with 48 channels and 14 cells, as the authors' script does, and counts.

    Example:
        >>> round(published_network().params, 2)
        4.85
    """
    space = DARTS(C=48, layers=14, num_classes=1000, image_size=224)
    arch = space.read(GENOTYPE)
    counted = measured(Subject(lambda: space.build(arch), torch.zeros(1, 3, 224, 224)), "flops")
    return Network(arch, space.sizes(arch)["params"], round(counted.value or 0.0, 1))


def table4() -> dict[str, Any]:
    """The published figures, and those of them that can be counted here, as a JSON object."""
    network = published_network()
    return {
        "title": "Table 4 · DARTS space · ImageNet, error in %",
        "published": {name: {"top1": top1, "top5": top5} for name, (top1, top5) in PUBLISHED.items()},
        "lacks": LACKS,
        "params": {"ours": network.params, "published": PARAMS},
        "flops": {"ours": network.flops, "published": FLOPS},
        "architecture": network.architecture,
    }
