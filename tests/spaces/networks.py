"""What the tests of spaces with networks share: counting, training a little, scoring."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from untrained.metrics import METRICS
from untrained.probe import Probe
from untrained.runtime.seeding import seeded
from untrained.spaces import SearchSpace


def parameters(space: SearchSpace, arch: str) -> int:
    """Parameters of a network; nothing is allocated."""
    with torch.device("meta"):
        return sum(p.numel() for p in space.build(arch).parameters())


def measured(network: nn.Module, inputs: Tensor) -> dict[str, float]:
    """`params` and `flops` of a network as the metrics count them."""
    probe = Probe(network, inputs)
    return {name: METRICS[name](probe) for name in ("params", "flops")}


def losses(
    space: SearchSpace,
    arch: str,
    inputs: Tensor,
    targets: Tensor,
    loss: Callable[[Tensor, Tensor], Tensor] = nn.functional.cross_entropy,
    steps: int = 8,
) -> tuple[float, float]:
    """The loss on a batch before and after a few steps of AdamW on it."""
    with seeded(0):
        net = space.build(arch)
        optimiser = torch.optim.AdamW(net.parameters(), lr=3e-3)
        found = list[float]()
        for _ in range(steps + 1):
            value = loss(net(inputs), targets)
            optimiser.zero_grad()
            value.backward()
            optimiser.step()
            found.append(value.item())
    return found[0], found[-1]
