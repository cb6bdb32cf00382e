"""Parameters and FLOPs of TransNAS-Bench-101's networks, counted without building them.

For images of 256 x 256 pixels, the counts are those of NAS-Bench-Suite-Zero's tables (Krishnakumar et al., NeurIPS
2022) to the last digit, for all tasks: 100 objects and 63 scenes, as its networks have them. There, transposed
convolutions count nothing but their BatchNorm, and the nine pieces of a jigsaw go through the network as one, of 64 x
64, and through the pooling as nine.
"""

from collections.abc import Sequence

from untrained.spaces.cell import EDGES, SKIP
from untrained.spaces.counter import Counter
from untrained.spaces.transnas101_heads import PIECES, Head, steps_up
from untrained.spaces.transnas101_network import BLOCKS, CHANNELS, CONVOLUTIONS


def count(
    macro: str,
    ops: Sequence[str] | None,
    head: Head,
    outputs: int,
    in_channels: int,
    size: tuple[int, int],
    stem: Sequence[int],
) -> Counter:
    """Counts a network.

    Args:
        macro, ops, in_channels, stem: as `Encoder` has them.
        head: what the task asks for.
        outputs: numbers for an image, or for each pixel.
        size: height and width of the images, or of the pieces of one.

    Returns:
        What was counted.

    Example:
        >>> from untrained.spaces.transnas101_heads import HEADS
        >>> count("4111", None, HEADS["class_scene"], 63, 3, (256, 256), (2, 2)).params
        2325727
    """
    at = Counter(in_channels, *size)
    at.conv(CHANNELS // 2, 3, stem[0])
    at.relu()
    at.conv(CHANNELS, 3, stem[1])
    halvings = [*stem].count(2)
    for digit in macro:
        halvings += digit in "34"
        for k in range(BLOCKS):
            channels = at.channels * (2 if digit in "24" and k == 0 else 1)
            stride = 2 if digit in "34" and k == 0 else 1
            if ops is None:
                _basic(at, channels, stride)
            else:
                _cell(at, ops, channels, stride)
    if head.kind in ("linear", "pieces"):
        at.channels *= PIECES if head.kind == "pieces" else 1
        at.global_pool()
        at.linear(outputs)
        return at
    for channels, doubles in steps_up(head.kind, halvings):
        if doubles:
            at.params += channels * (9 * at.channels + 3)
            at.channels, at.height, at.width = channels, 2 * at.height, 2 * at.width
            at.flops += 2 * at.elements
        else:
            at.conv(channels, 3, bias=True)
        at.relu()
    at.conv(outputs, 3, bias=True, norm=False)
    return at


def _basic(at: Counter, channels: int, stride: int) -> None:
    if stride > 1 or channels != at.channels:
        with at.beside():
            at.conv(channels, 1, stride)
    for s in (stride, 1):
        at.relu()
        at.conv(channels, 3, s)


def _cell(at: Counter, ops: Sequence[str], channels: int, stride: int) -> None:
    changes = stride > 1 or channels != at.channels
    for (i, _), op in zip(EDGES, ops, strict=True):
        if i == 0 and (op in CONVOLUTIONS or (op == SKIP and changes)):
            _edge(at, op, channels, stride)
    at.channels = channels
    at.shrink(stride)
    for (i, _), op in zip(EDGES, ops, strict=True):
        if i > 0 and op in CONVOLUTIONS:
            _edge(at, op, channels, 1)


def _edge(at: Counter, op: str, channels: int, stride: int) -> None:
    with at.beside():
        at.relu()
        at.conv(channels, CONVOLUTIONS.get(op, 1), stride)
