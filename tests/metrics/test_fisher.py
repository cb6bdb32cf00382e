"""fisher inside of attention and recurrent layers, against networks written out with a factor on every channel.

The sum over positions of a dL/da is the derivative of L along a factor of the channel a, one for each sample.
"""

import copy
import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from untrained.metrics import METRICS
from untrained.probe import Probe

LABELS = torch.tensor([0, 2, 1, 1, 0])
fisher = METRICS["fisher"]


class Factors:
    """Layers with a factor for each sample and channel on what they return."""

    def __init__(self) -> None:
        self.made: list[tuple[Tensor, int]] = []

    def linear(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """x is n x ... x features."""
        factor = torch.ones(len(x), len(weight), dtype=x.dtype, requires_grad=True)
        self.made.append((factor, weight.shape[1]))
        return F.linear(x, weight, bias) * factor.reshape(len(x), *[1] * (x.ndim - 2), -1)

    def once(self, n: int, weight: Tensor) -> Tensor:
        """A factor for a layer that is called several times."""
        self.made.append((torch.ones(n, len(weight), dtype=weight.dtype, requires_grad=True), weight.shape[1]))
        return self.made[-1][0]

    def fisher(self, outputs: Tensor, fan_in: bool = True) -> float:
        gradients = torch.autograd.grad(
            F.cross_entropy(outputs, LABELS), [factor for factor, _ in self.made], retain_graph=True
        )
        parts = zip(gradients, self.made, strict=True)
        return sum((width if fan_in else 1) * g.square().sum().item() / (2 * len(g)) for g, (_, width) in parts)


class Attending(nn.Module):
    """Tokens attend to each other, or to others; one projection for all, or one each."""

    def __init__(self, to: str, first: bool, **options: Any) -> None:
        super().__init__()
        self.attends_to = to
        self.attention = nn.MultiheadAttention(6, 2, batch_first=first, **options)
        self.memory = nn.Linear(6, options.get("kdim", 6))
        self.head = nn.Linear(6, 3)
        nn.init.normal_(self.attention.out_proj.bias)
        assert self.attention.in_proj_bias is not None
        nn.init.normal_(self.attention.in_proj_bias)

    def forward(self, x: Tensor) -> Tensor:
        memory = x if self.attends_to == "themselves" else self.memory(x)
        values = memory if self.attends_to != "two others" else memory.tanh()
        order = (lambda t: t) if self.attention.batch_first else (lambda t: t.transpose(0, 1))
        attended = order(self.attention(order(x), order(memory), order(values))[0])
        return self.head(torch.tanh(attended).mean(1))

    def written_out(self, x: Tensor, factors: Factors) -> Tensor:
        inner = self.attention
        memory = x if self.attends_to == "themselves" else factors.linear(x, self.memory.weight, self.memory.bias)
        values = memory if self.attends_to != "two others" else memory.tanh()
        if inner.in_proj_weight is None:
            weights = inner.q_proj_weight, inner.k_proj_weight, inner.v_proj_weight
        else:
            weights = inner.in_proj_weight.chunk(3)
        assert inner.in_proj_bias is not None
        given = zip((x, memory, values), weights, inner.in_proj_bias.chunk(3), strict=True)
        q, k, v = (factors.linear(t, w, b).unflatten(-1, (2, 3)).transpose(1, 2) for t, w, b in given)
        attended = ((q @ k.mT / math.sqrt(3)).softmax(-1) @ v).transpose(1, 2).flatten(2)
        attended = factors.linear(attended, inner.out_proj.weight, inner.out_proj.bias)
        return factors.linear(torch.tanh(attended).mean(1), self.head.weight, self.head.bias)


@pytest.mark.parametrize("first", [True, False], ids=["batch first", "sequence first"])
@pytest.mark.parametrize(
    ("to", "options"), [("themselves", {}), ("others", {}), ("two others", {}), ("others", {"kdim": 4, "vdim": 4})]
)
def test_attention(to: str, options: dict[str, int], first: bool) -> None:
    torch.manual_seed(1)
    net, x = Attending(to, first, **options).double(), torch.randn(5, 4, 6, dtype=torch.float64)
    factors = Factors()
    outputs = net.written_out(x, factors)
    assert torch.allclose(outputs, net(x))
    assert fisher(Probe(net, x, LABELS)) == pytest.approx(factors.fisher(outputs), rel=1e-10)
    unweighted = fisher.with_options(fan_in=False)
    assert unweighted(Probe(net, x, LABELS)) == pytest.approx(factors.fisher(outputs, fan_in=False), rel=1e-10)


class Remembering(nn.Module):
    def __init__(self, bias: bool) -> None:
        super().__init__()
        self.cells = nn.LSTM(6, 4, batch_first=True, bias=bias)
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.cells(x)[0][:, -1])

    def written_out(self, x: Tensor, factors: Factors) -> Tensor:
        cells: Any = self.cells
        n = len(x)
        of_input, of_state = factors.once(n, cells.weight_ih_l0), factors.once(n, cells.weight_hh_l0)
        biases = (cells.bias_ih_l0, cells.bias_hh_l0) if cells.bias else (None, None)
        h = c = x.new_zeros(n, 4)
        for step in x.unbind(1):
            gates = of_input * F.linear(step, cells.weight_ih_l0, biases[0])
            gates = gates + of_state * F.linear(h, cells.weight_hh_l0, biases[1])
            i, f, g, o = gates.chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
        return factors.linear(h, self.head.weight, self.head.bias)


class Stepping(Remembering):
    """The same, step by step."""

    def __init__(self, bias: bool) -> None:
        super().__init__(bias)
        self.cell = nn.LSTMCell(6, 4, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        state = None
        for step in x.unbind(1):
            state = self.cell(step, state)
        assert state is not None
        return self.head(state[0])


@pytest.mark.parametrize("bias", [True, False])
def test_recurrent(bias: bool) -> None:
    torch.manual_seed(2)
    net, x = Remembering(bias).double(), torch.randn(5, 7, 6, dtype=torch.float64)
    factors = Factors()
    outputs = net.written_out(x, factors)
    assert torch.allclose(outputs, net(x))
    expected = factors.fisher(outputs)
    assert fisher(Probe(net, x, LABELS)) == pytest.approx(expected, rel=1e-10)
    assert fisher(Probe(net, x, LABELS, chunk=2)) == pytest.approx(expected, rel=1e-10)
    cells = Stepping(bias).double()
    for name, parameter in cells.cell.named_parameters():
        parameter.data.copy_(getattr(net.cells, f"{name}_l0"))
    cells.head.load_state_dict(net.head.state_dict())
    cells.cells = nn.LSTM(1, 1)  # not called, so that it counts for nothing
    assert fisher(Probe(cells.double(), x, LABELS)) == pytest.approx(expected, rel=1e-10)


def test_a_recurrent_cell_does_not_return_what_its_weights_make() -> None:
    class OneStep(nn.Module):
        def __init__(self, inner: nn.Module) -> None:
            super().__init__()
            self.inner, self.head = inner, nn.Linear(4, 3)

        def forward(self, x: Tensor) -> Tensor:
            x = self.inner(x if isinstance(self.inner, nn.GRUCell) else x[:, None])
            return self.head(x if isinstance(x, Tensor) else x[0][:, 0])

    torch.manual_seed(3)
    cell, layer = OneStep(nn.GRUCell(6, 4)).double(), OneStep(nn.GRU(6, 4, batch_first=True)).double()
    for name, parameter in cell.inner.named_parameters():
        getattr(layer.inner, f"{name}_l0").data.copy_(parameter)
    layer.head.load_state_dict(copy.deepcopy(cell.head.state_dict()))
    x = torch.randn(5, 6, dtype=torch.float64)
    assert torch.allclose(cell(x), layer(x))
    assert fisher(Probe(cell, x, LABELS)) == pytest.approx(fisher(Probe(layer, x, LABELS)), rel=1e-10)


def test_samples_of_a_recurrent_network_that_cannot_go_one_by_one() -> None:
    torch.manual_seed(4)
    net = nn.Sequential(Remembering(True), nn.BatchNorm1d(3)).double()
    x = torch.randn(5, 7, 6, dtype=torch.float64)
    with pytest.raises(ValueError, match=r"0\.cells\.weight_ih_l0 .* one sample at a time only: BatchNorm"):
        fisher(Probe(net, x, LABELS))
    assert fisher(Probe(net, x, LABELS, strict=True)) > 0
    assert METRICS["snip"](Probe(net, x, LABELS)) > 0


def test_a_weight_of_which_no_product_is_seen() -> None:
    class Bilinear(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight, self.head = nn.Parameter(torch.randn(4, 6)), nn.Linear(4, 3)

        def forward(self, x: Tensor) -> tuple[Tensor]:
            return (self.head((self.weight @ x.T).T),)

    class Unpacked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = Bilinear()

        def forward(self, x: Tensor) -> Tensor:
            return self.inner(x)[0]

    with pytest.raises(ValueError, match=r"what inner\.weight makes is not seen: no module returns it alone"):
        fisher(Probe(Unpacked().double(), torch.randn(5, 6, dtype=torch.float64), LABELS))


def by_hooks(net: nn.Module, x: Tensor, layers: list[nn.Module]) -> float:
    """From each call of each layer, over which channels come last."""
    calls: list[tuple[nn.Module, Any]] = []
    handles = [layer.register_forward_hook(lambda m, _, output: calls.append((m, output))) for layer in layers]
    loss = F.cross_entropy(net(x), LABELS)
    for handle in handles:
        handle.remove()
    total = 0.0
    for (layer, a), da in zip(calls, torch.autograd.grad(loss, [a for _, a in calls]), strict=True):
        s = (a * da).flatten(1, -2).sum(1) if a.ndim > 2 else a * da
        weight = layer.get_parameter("weight")
        total += weight.numel() / a.shape[-1] * s.square().sum().item() / (2 * len(x))
    return total


def test_a_tied_weight_between_lookups() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.tied, self.head = nn.Embedding(7, 4), nn.Linear(4, 7, bias=False), nn.Linear(4, 3)
            self.tied.weight = self.embed.weight

        def forward(self, ids: Tensor) -> Tensor:
            mixed = self.tied(torch.tanh(self.embed(ids))).mean(-1, keepdim=True)
            return self.head((mixed * self.embed(ids.flip(1))).mean(1))

    torch.manual_seed(5)
    net, ids = Tied().double(), torch.randint(7, (5, 6))
    expected = by_hooks(net, ids, [net.embed, net.tied, net.head])
    assert fisher(Probe(net, ids, LABELS)) == pytest.approx(expected, rel=1e-10)


def test_strict_leaves_attention_out_with_all_its_layers() -> None:
    torch.manual_seed(6)
    net, x = Attending("themselves", True).double(), torch.randn(5, 4, 6, dtype=torch.float64)
    expected = by_hooks(net, x, [net.head])
    assert fisher(Probe(net, x, LABELS, strict=True)) == pytest.approx(expected, rel=1e-10)


def test_a_layer_on_samples_and_on_a_table() -> None:
    """All of its calls taken together, sample by sample, as one that does not show them."""

    class Queries(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.p, self.head = nn.Linear(6, 4), nn.Linear(4, 3)
            self.register_buffer("queries", torch.randn(7, 6))

        def forward(self, x: Tensor, factor: Tensor | None = None) -> Tensor:
            mine, table = self.p(x), self.p(self.get_buffer("queries"))
            table = table.expand(len(x), 7, 4)
            if factor is not None:
                mine, table = mine * factor, table * factor[:, None]
            return self.head(torch.tanh(mine[:, None] * table).mean(1))

    torch.manual_seed(7)
    net, x = Queries().double(), torch.randn(5, 6, dtype=torch.float64)
    factors = Factors()
    factor = factors.once(5, net.p.weight)
    (s,) = torch.autograd.grad(F.cross_entropy(net(x, factor), LABELS), factor)
    expected = 6 * s.square().sum().item() / 10 + by_hooks(net, x, [net.head])
    assert fisher(Probe(net, x, LABELS)) == pytest.approx(expected, rel=1e-10)


class Called(nn.Module):
    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.add_module(name, nn.GRU(6, 4, batch_first=True))
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.get_submodule(self.name)(x)[0][:, -1])


@pytest.mark.parametrize("metric", ["fisher", "ntk_trace"])
def test_a_bias_is_found_whatever_its_module_is_called(metric: str) -> None:
    x, found = torch.randn(5, 7, 6, dtype=torch.float64), list[float]()
    for name in ("rnn", "weight_rnn"):
        torch.manual_seed(8)
        found.append(METRICS[metric](Probe(Called(name).double(), x, LABELS)))
    assert found[0] == pytest.approx(found[1], rel=1e-12)


def test_bilinear_channels_come_last() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.two, self.head = nn.Bilinear(6, 6, 4), nn.Linear(4, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(torch.tanh(self.two(x, x.flip(1))).mean(1))

    torch.manual_seed(9)
    net, x = Two().double(), torch.randn(5, 7, 6, dtype=torch.float64)
    assert fisher(Probe(net, x, LABELS)) == pytest.approx(by_hooks(net, x, [net.two, net.head]), rel=1e-10)
