"""fisher of networks with dropout, against one gradient a sample of the very pass that the metric sees.

sum_p a[i,c,p] dL/da[i,c,p] is the derivative of L along a factor of sample i's channel c, which scales what feeds it,
the weights and the bias. So it is sum_j w[c,j] g_i[c,j] + b[c] g_i[c], with g_i sample i's share of the loss gradient.
"""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from untrained.metrics import METRICS
from untrained.probe import Probe

LABELS = torch.tensor([0, 2, 1, 1, 0])


def transformer(dropout: float, first: bool = True) -> nn.TransformerEncoderLayer:
    return nn.TransformerEncoderLayer(8, 2, 12, dropout=dropout, batch_first=first)


class Vision(nn.Module):
    """Patches, a class token, positions, dropout, two transformer layers on samples first or tokens first."""

    def __init__(self, dropout: float, first: bool = True) -> None:
        super().__init__()
        self.patch, self.drop, self.head = nn.Conv2d(3, 8, 4, 4), nn.Dropout(dropout), nn.Linear(8, 3)
        self.token, self.positions = nn.Parameter(torch.randn(1, 1, 8)), nn.Parameter(torch.randn(1, 5, 8))
        self.layers, self.first = nn.ModuleList(transformer(dropout, first) for _ in range(2)), first

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch(x).flatten(2).mT
        x = self.drop(torch.cat([self.token.expand(len(x), -1, -1), x], 1) + self.positions)
        x = x if self.first else x.transpose(0, 1)
        for layer in self.layers:
            x = layer(x)
        return self.head(x[:, 0] if self.first else x[0])


class Language(nn.Module):
    """A table of positions is called once for all samples."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.embed, self.positions = nn.Embedding(9, 8), nn.Embedding(6, 8)
        self.layer, self.head = transformer(dropout), nn.Linear(8, 3)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.layer(self.embed(ids) + self.positions(torch.arange(6))).mean(1))


class Recurrent(nn.Module):
    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.inner, self.head = nn.LSTM(5, 6, 2, dropout=dropout, batch_first=True), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.inner(x)[0][:, -1])


CASES = {
    "samples first": (Vision, (True,), torch.randn(5, 3, 8, 8, dtype=torch.float64)),
    "tokens first": (Vision, (False,), torch.randn(5, 3, 8, 8, dtype=torch.float64)),
    "tokens": (Language, (), torch.arange(30).reshape(5, 6) % 9),
    "recurrent": (Recurrent, (), torch.randn(5, 7, 5, dtype=torch.float64)),
}


def by_definition(net: nn.Module, inputs: Tensor) -> float:
    net = copy.deepcopy(net).train()
    torch.manual_seed(0)  # as a probe does
    outputs = net(inputs)
    total = 0.0
    for name, weight in net.named_parameters():
        owner = net.get_submodule(name.rpartition(".")[0])
        if weight.ndim < 2 or owner is net:  # tokens and positions are added
            continue
        lookup = isinstance(owner, nn.Embedding)
        biases = [b for other, b in net.named_parameters() if other == name.replace("weight", "bias") != name]
        channels = weight.T if lookup else weight
        for i in range(len(inputs)):
            share = F.cross_entropy(outputs[i : i + 1], LABELS[i : i + 1]) / len(inputs)
            g, *g_biases = torch.autograd.grad(share, [weight, *biases], retain_graph=True)
            along = (channels * (g.T if lookup else g)).flatten(1).sum(1)
            along = along + sum((b * g for b, g in zip(biases, g_biases, strict=True)), start=torch.zeros_like(along))
            total += channels[0].numel() * along.square().sum().item() / (2 * len(inputs))
    return total


@pytest.mark.parametrize("dropout", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("case", CASES)
def test_fisher_with_dropout(case: str, dropout: float) -> None:
    kind, options, inputs = CASES[case]
    torch.manual_seed(3)
    net = kind(dropout, *options).double()
    with sdpa_kernel(SDPBackend.MATH):  # others draw other numbers
        expected = by_definition(net, inputs)
    assert METRICS["fisher"](Probe(net, inputs, LABELS)) == pytest.approx(expected, rel=1e-8)


def test_samples_that_touch_each_other_are_told() -> None:
    """A recurrent layer shows what its weights make one sample at a time only, which BatchNorm does not allow."""

    class Normalised(Recurrent):
        def __init__(self) -> None:
            super().__init__(0.5)
            self.norm = nn.BatchNorm1d(3)

        def forward(self, x: Tensor) -> Tensor:
            return self.norm(super().forward(x))

    class Mixed(Recurrent):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x + x.mean(0))

    for net in (Normalised(), Mixed(0.5)):
        with pytest.raises(ValueError, match="one sample at a time"):
            METRICS["fisher"](Probe(net.double(), CASES["recurrent"][2], LABELS))
