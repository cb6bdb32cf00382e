"""Parameters and FLOPs of convolutional networks, counted without building them."""

from collections.abc import Iterator
from contextlib import contextmanager


class Counter:
    """Walks through a network and adds up what it passes, by the convention of the metrics `params` and `flops`.

    A convolution or a linear layer counts its multiply-adds once, a convolution also one for each output's bias;
    BatchNorm 2 and an activation 1 for each element; adaptive average pooling (h + 1)(w + 1) for each output.

    Published tables have other conventions, too. `macs` is that of thop: no biases and no activations, BatchNorm 4
    for each element, adaptive average pooling h w + 1 for each output.

    Args:
        channels: of the input.
        height, width: of the input.

    Attributes:
        params, flops, macs: what was passed so far.
        channels, height, width: the shape at the present place.

    Example:
        >>> count = Counter(3, 8, 8)
        >>> count.conv(4, kernel=3, stride=2)
        >>> count.params, count.flops, count.height
        (116, 1856, 4)
    """

    def __init__(self, channels: int, height: int, width: int) -> None:
        self.channels, self.height, self.width = channels, height, width
        self.params = self.flops = self.macs = 0

    @property
    def elements(self) -> int:
        """Numbers in the present map."""
        return self.channels * self.height * self.width

    def shrink(self, stride: int) -> None:
        """Divides the sides by `stride`, rounded up."""
        self.height, self.width = -(-self.height // stride), -(-self.width // stride)

    def conv(
        self, channels: int, kernel: int, stride: int = 1, *, groups: int = 1, bias: bool = False, norm: bool = True
    ) -> None:
        """A padded convolution to `channels`, by default with a BatchNorm behind it."""
        weights = self.channels // groups * kernel**2
        self.shrink(stride)
        self.channels = channels
        self.params += channels * (weights + bias + 2 * norm)
        self.flops += self.elements * (weights + bias + 2 * norm)
        self.macs += self.elements * (weights + 4 * norm)

    def relu(self) -> None:
        """An activation that counts."""
        self.flops += self.elements

    def pool(self, kernel: int, stride: int) -> None:
        """A padded pooling."""
        self.shrink(stride)
        self.flops += self.elements * kernel**2

    def global_pool(self) -> None:
        """Adaptive average pooling to 1 x 1."""
        self.flops += self.channels * (self.height + 1) * (self.width + 1)
        self.macs += self.channels * (self.height * self.width + 1)
        self.height = self.width = 1

    def linear(self, outputs: int) -> None:
        """A linear layer with a bias, on each position."""
        self.params += self.channels * outputs + outputs
        self.flops += self.elements * outputs
        self.macs += self.elements * outputs
        self.channels = outputs

    @contextmanager
    def beside(self) -> Iterator[None]:
        """What is passed inside the block runs beside the path: it counts, and the shape stays."""
        here = self.channels, self.height, self.width
        yield
        self.channels, self.height, self.width = here

    def millions(self) -> dict[str, float]:
        """`params` and `flops` in millions."""
        return {"params": self.params / 1e6, "flops": self.flops / 1e6}
