"""The network of NAS-Bench-101 (Ying et al., "NAS-Bench-101: Towards Reproducible NAS", ICML 2019)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

STACKS = 3
"""Stacks of cells; each but the first halves the sides and doubles the channels."""


class ConvNormReLU(nn.Sequential):
    """Padded convolution without a bias, BatchNorm, ReLU.

    Args:
        c_in, c_out: channels before and after.
        kernel: of the convolution.
    """

    def __init__(self, c_in: int, c_out: int, kernel: int) -> None:
        conv = nn.Conv2d(c_in, c_out, kernel, padding=kernel // 2, bias=False)
        super().__init__(conv, nn.BatchNorm2d(c_out), nn.ReLU())


OPERATIONS = {
    "conv3x3": lambda c: ConvNormReLU(c, c, 3),
    "conv1x1": lambda c: ConvNormReLU(c, c, 1),
    "maxpool3x3": lambda c: nn.MaxPool2d(3, stride=1, padding=1),
}
"""Operation name -> module for `c` channels."""


def vertex_channels(edges: set[tuple[int, int]], vertices: int, c_in: int, c_out: int) -> list[int]:
    """Channels of each vertex, as the benchmark deals them out (its section 2.2 and code).

    The vertices that go into the output share its channels, the first ones with one more if that does not come out
    even; any other vertex has as many as the widest that it goes into.

    Args:
        edges: (from, to) of vertices 0 (input) to vertices - 1 (output), each on a way from input to output.
        vertices: how many.
        c_in, c_out: channels of the input and of the output.

    Example:
        >>> vertex_channels({(0, 1), (0, 2), (1, 3), (2, 4), (3, 4)}, 5, 128, 129)
        [128, 64, 65, 64, 129]
    """
    out = vertices - 1
    last = [v for v in range(1, out) if (v, out) in edges]
    channels = [c_in, *[0] * (vertices - 2), c_out]
    for place, v in enumerate(last):
        channels[v] = c_out // len(last) + (place < c_out % len(last))
    for v in range(vertices - 2, 0, -1):
        if (v, out) not in edges:
            channels[v] = max(channels[w] for w in range(v + 1, out) if (v, w) in edges)
    return channels


class Cell(nn.Module):
    """A graph of operations: each is applied to the sum of what comes in; what goes into the output is joined.

    What comes from the input is brought to the right number of channels by a 1 x 1 convolution, what comes from other
    vertices by leaving out its last channels. An edge from input to output is added to what is joined.

    Args:
        ops: operations of the vertices between input and output.
        edges: as for `vertex_channels`.
        c_in, c_out: channels before and after.
    """

    def __init__(self, ops: Sequence[str], edges: set[tuple[int, int]], c_in: int, c_out: int) -> None:
        super().__init__()
        vertices = len(ops) + 2
        self.channels = vertex_channels(edges, vertices, c_in, c_out)
        self.sources = [[u for u in range(1, v) if (u, v) in edges] for v in range(vertices)]
        self.ops = nn.ModuleList(OPERATIONS[op](self.channels[v]) for v, op in enumerate(ops, start=1))
        self.projections = nn.ModuleDict(
            {str(v): ConvNormReLU(c_in, self.channels[v], 1) for v in range(1, vertices) if (0, v) in edges}
        )

    def forward(self, x: Tensor) -> Tensor:
        """n x c_in x h x w -> n x c_out x h x w."""
        found = dict[int, Tensor]()
        for v, op in enumerate(self.ops, start=1):
            terms = [found[u][:, : self.channels[v]] for u in self.sources[v]]
            terms += [self.projections[str(v)](x)] if str(v) in self.projections else []
            found[v] = op(sum(terms[1:], start=terms[0]))
        out = len(self.ops) + 1
        joined = [found[u] for u in self.sources[out]]
        y = torch.cat(joined, 1) if len(joined) > 1 else joined[0] if joined else None
        if str(out) in self.projections:
            projected = self.projections[str(out)](x)
            y = projected if y is None else y + projected
        assert y is not None
        return y


class NASBench101Network(nn.Module):
    """Stem, three stacks of N cells with a pooling between two, head.

    Args:
        ops, edges: the cell.
        N: cells of each stack.
        C: channels of the first stack; each further one has twice as many.
        num_classes: outputs.
        in_channels: channels of the images.
    """

    def __init__(
        self, ops: Sequence[str], edges: set[tuple[int, int]], N: int, C: int, num_classes: int, in_channels: int
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [ConvNormReLU(in_channels, C, 3)]
        c_in = C
        for stack in range(STACKS):
            layers += [nn.MaxPool2d(2, ceil_mode=True)] if stack else []
            for _ in range(N):
                layers.append(Cell(ops, edges, c_in, C * 2**stack))
                c_in = C * 2**stack
        self.layers = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(c_in, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """n x in_channels x h x w images -> n x num_classes logits."""
        return self.classifier(torch.flatten(self.pool(self.layers(x)), 1))
