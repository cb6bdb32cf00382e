"""Parameters and FLOPs of TransNAS-Bench-101's networks, counted without building them.

The skeleton is that of Duan et al. (CVPR 2021, section 3): a stem that quarters the resolution, layers of two blocks,
and a head for the task. The counts are those of NAS-Bench-Suite-Zero's tables (Krishnakumar et al., NeurIPS 2022), to
the last digit for the tasks class_object, jigsaw, segmentsemantic and normal; for the others, no table has them.

Its FLOPs are multiply-accumulates of convolutions and linear layers, 2 for each output of a BatchNorm and 1 for each
of an activation or a convolution's bias; transposed convolutions count nothing, and a global pooling of h x h maps
(h + 1)^2 a channel. The nine pieces of a jigsaw go through the network as one, of 64 x 64, and through the pooling as
nine. The classes are those of the networks counted: 100 objects and 63 scenes.
"""

from untrained.spaces.cell import EDGES

HEADS = {
    "class_object": ("linear", 100),
    "class_scene": ("linear", 63),
    "jigsaw": ("pieces", 1000),
    "room_layout": ("linear", 9),
    "segmentsemantic": ("segmentation", 17),
    "normal": ("generation", 3),
    "autoencoder": ("generation", 3),
}
"""Task -> kind of head, outputs."""

IMAGE, PIECE, PIECES = 256, 64, 9
CHANNELS, WIDEST = 64, 1024


class _Counter:
    """Walks through a network and adds up what it passes.

    Args:
        side: height and width of the image, which has 3 channels.

    Attributes:
        channels, side: the shape of the maps at the present place, channels x side x side.
        params, flops: what was passed so far.
    """

    def __init__(self, side: int) -> None:
        self.channels, self.side = 3, side
        self.params = self.flops = 0

    def relu(self) -> None:
        """Activation."""
        self.flops += self.channels * self.side**2

    def conv(self, channels: int, kernel: int, stride: int = 1, *, bias: bool = False, norm: bool = True) -> None:
        """Convolution to `channels`, with a bias, a BatchNorm, or both."""
        weights = self.channels * channels * kernel**2
        self.channels, self.side = channels, self.side // stride
        self.params += weights + channels * (bias + 2 * norm)
        self.flops += (weights + channels * (bias + 2 * norm)) * self.side**2

    def deconv(self, channels: int) -> None:
        """Transposed 3 x 3 convolution that doubles the side, and a BatchNorm."""
        self.params += 9 * self.channels * channels + 3 * channels
        self.channels, self.side = channels, 2 * self.side
        self.flops += 2 * channels * self.side**2

    def branch(self, channels: int, kernel: int, stride: int) -> None:
        """Activation, convolution and BatchNorm beside the path: they are counted, and the shape stays."""
        here = self.channels, self.side
        self.relu()
        self.conv(channels, kernel, stride)
        self.channels, self.side = here

    def basic(self, channels: int, stride: int) -> None:
        """Residual block of two 3 x 3 convolutions, with a 1 x 1 one as its shortcut if shapes differ."""
        if stride > 1 or channels != self.channels:
            here = self.channels, self.side
            self.conv(channels, 1, stride)
            self.channels, self.side = here
        for s in (stride, 1):
            self.relu()
            self.conv(channels, 3, s)

    def cell(self, ops: str, channels: int, stride: int) -> None:
        """Cell with the digits `ops` on its edges; those out of the input change the shape."""
        changes = stride > 1 or channels != self.channels
        inside = _Counter(self.side // stride)
        inside.channels = channels
        for (i, _), op in zip(EDGES, ops, strict=True):
            at, s = (self, stride) if i == 0 else (inside, 1)
            if op in "23" or (op == "1" and i == 0 and changes):
                at.branch(channels, 3 if op == "3" else 1, s)
        self.params, self.flops = self.params + inside.params, self.flops + inside.flops
        self.channels, self.side = channels, self.side // stride

    def linear(self, outputs: int, pieces: int = 1) -> None:
        """Global pooling, linear layer."""
        self.flops += pieces * self.channels * ((self.side + 1) ** 2 + outputs)
        self.params += (pieces * self.channels + 1) * outputs

    def segmentation(self, outputs: int) -> None:
        """Halves the channels six times but for the last, doubling the side as late as 256 x 256 allows."""
        ups = (IMAGE // self.side).bit_length() - 1
        self._up(WIDEST, False)
        for step in range(6):
            self._up(self.channels // (1 if step == 5 else 2), step >= 6 - ups)
        self.conv(outputs, 3, bias=True, norm=False)

    def generation(self, outputs: int) -> None:
        """Thirteen steps down to 16 channels, doubling the side as late as 256 x 256 allows; a last convolution."""
        ups = (IMAGE // self.side).bit_length() - 1
        widths = (1024, 1024, 512, 512, 256, 128, 64, 64, 32, 32, 16, 32, 16)
        doubles = {2: 6, 4: 5, 6: 4, 8: 3, 10: 2, 12: 1}  # step -> from how many doublings on it is one
        for step, width in enumerate(widths):
            self._up(width, ups >= doubles.get(step, IMAGE))
        self.conv(outputs, 3, bias=True, norm=False)

    def _up(self, channels: int, double: bool) -> None:
        if double:
            self.deconv(channels)
        else:
            self.conv(channels, 3, bias=True)
        self.relu()


def count(macro: str, cell: str | None, task: str) -> tuple[int, int]:
    """Counts a network.

    Args:
        macro: a digit for each layer of two blocks (see `untrained.spaces.transnas101`).
        cell: the six digits of the cell that the blocks are; None for residual blocks.
        task: one of `HEADS`.

    Returns:
        The number of parameters, and of FLOPs.

    Example:
        >>> count("41414", "102333", "class_object")[0]
        22571908
    """
    head, outputs = HEADS[task]
    net = _Counter(PIECE if head == "pieces" else IMAGE)
    net.conv(CHANNELS // 2, 3, 2)
    net.relu()
    net.conv(CHANNELS, 3, 2)
    for layer in macro:
        channels, stride = net.channels * (2 if layer in "24" else 1), 2 if layer in "34" else 1
        for s in (stride, 1):
            if cell is None:
                net.basic(channels, s)
            else:
                net.cell(cell, channels, s)
    match head:
        case "linear":
            net.linear(outputs)
        case "pieces":
            net.linear(outputs, PIECES)
        case "segmentation":
            net.segmentation(outputs)
        case "generation":
            net.generation(outputs)
    return net.params, net.flops
