"""What there is to draw of TransNAS-Bench-101's networks."""

from untrained.spaces.outline import Outline
from untrained.spaces.picture import Block, Chain, Kind, Stage
from untrained.spaces.transnas101_heads import PIECES, Head, steps_up
from untrained.spaces.transnas101_network import BLOCKS


def skeleton(net: Outline, macro: str, head: Head, halvings: int, *, cells: bool) -> Chain:
    """The network: a stem, layers of two blocks, the head of the task.

    Args:
        net: the outline of the network.
        macro: a digit for each layer (see `untrained.spaces.transnas101`).
        head: what the task asks for.
        halvings: how often the encoder halves the sides.
        cells: whether the blocks are cells; else they are residual.
    """
    title, kind = ("cell", "cell") if cells else ("basic", "conv")
    stages = [Stage((net.input(),)), Stage((net.block("2 conv 3×3", "conv", "encoder.stem"),))]
    for i, digit in enumerate(macro):
        blocks = [
            net.block(
                title,
                kind,
                f"encoder.layers.{BLOCKS * i + k}",
                details=("stride 2" if digit in "34" and not k else "",),
            )
            for k in range(BLOCKS)
        ]
        stages.append(Stage(tuple(blocks), f"layer {i + 1}"))
    return Chain("network", (*stages, Stage(_decoder(net, head, halvings), "head")))


def _decoder(net: Outline, head: Head, halvings: int) -> tuple[Block, ...]:
    if head.kind in ("linear", "pieces"):
        joined = f"of {PIECES} pieces" if head.kind == "pieces" else ""
        pool = net.block("average pool", "pool", "decoder.0", details=(joined,))
        return pool, net.block("linear", "linear", "decoder.2")
    steps = steps_up(head.kind, halvings)
    kinds: list[tuple[str, Kind]] = [("up-conv 3×3" if doubles else "conv 3×3", "conv") for _, doubles in steps]
    blocks = [
        net.block(*kind, *(f"decoder.{3 * k + part}" for part in range(3))) for k, kind in enumerate(kinds)
    ]  # a convolution, its BatchNorm and its activation
    return (*blocks, net.block("conv 3×3", "conv", f"decoder.{3 * len(steps)}"))
