"""Which weights count, on modules that keep theirs under other names, against PyTorch's own double backward."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.utils.parametrizations import spectral_norm, weight_norm

from untrained.metrics import METRICS
from untrained.probe import Probe

Batch = tuple[nn.Module, Tensor, Tensor]
LABELS = torch.tensor([0, 1, 2, 1, 0, 2])


class Sentence(nn.Module):
    def __init__(self, tied: bool = False) -> None:
        super().__init__()
        self.embed = nn.Embedding(11, 8)
        self.block = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
        self.head = nn.Linear(8, 11, bias=False)
        if tied:
            self.head.weight = self.embed.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.block(self.embed(x)).mean(1))


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cells, self.head = nn.LSTM(4, 5, batch_first=True), nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.cells(x)[0][:, -1])


def sentences(tied: bool) -> Batch:
    return Sentence(tied).double(), torch.randint(0, 11, (6, 7)), LABELS


def recurrent() -> Batch:
    return Recurrent().double(), torch.randn(6, 5, 4, dtype=torch.float64), LABELS


def parametrised() -> Batch:
    net = nn.Sequential(weight_norm(nn.Linear(4, 5)), nn.ReLU(), spectral_norm(nn.Linear(5, 3)))
    return net.double(), torch.randn(6, 4, dtype=torch.float64), LABELS


BLOCK = ["block.self_attn.in_proj_weight", "block.self_attn.out_proj.weight", "block.linear1.weight"]
CASES: dict[str, tuple[Callable[[], Batch], list[str]]] = {
    "transformer": (lambda: sentences(False), ["embed.weight", *BLOCK, "block.linear2.weight", "head.weight"]),
    "tied": (lambda: sentences(True), ["embed.weight", *BLOCK, "block.linear2.weight"]),
    "recurrent": (recurrent, ["cells.weight_ih_l0", "cells.weight_hh_l0", "head.weight"]),
    "parametrised": (
        parametrised,
        [f"{place}.parametrizations.weight.original{k}" for place, k in (("0", 0), ("0", 1), ("2", ""))],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_every_weight_counts(name: str) -> None:
    build, weights = CASES[name]
    torch.manual_seed(2)
    net, inputs, targets = build()
    before = torch.backends.mha.get_fastpath_enabled()
    probe = Probe(net, inputs, targets)
    assert [layer.weight for layer in probe.layers] == weights
    twin = copy.deepcopy(net).train()
    w = [twin.get_parameter(weight) for weight in weights]
    with sdpa_kernel(SDPBackend.MATH):
        torch.manual_seed(0)
        gradients = torch.autograd.grad(F.cross_entropy(twin(inputs), targets), w, create_graph=True)
        inner = torch.stack([(g * g.detach()).sum() for g in gradients]).sum()
        products = torch.autograd.grad(inner, w, materialize_grads=True)
    w, gradients = [x.detach() for x in w], [g.detach() for g in gradients]
    expected = {
        "l2_norm": sum(x.norm() for x in w),
        "grad_norm": sum(g.norm() for g in gradients),
        "snip": sum((x * g).abs().sum() for x, g in zip(w, gradients, strict=True)),
        "grasp": -sum((x * p).sum() for x, p in zip(w, products, strict=True)),
    }
    for metric, value in expected.items():
        assert METRICS[metric](probe) == pytest.approx(float(value), rel=1e-9), metric
    assert torch.backends.mha.get_fastpath_enabled() == before


@pytest.mark.parametrize("name", CASES)
def test_gradsign_sample_by_sample(name: str) -> None:
    build, weights = CASES[name]
    torch.manual_seed(2)
    net, inputs, targets = build()
    net.train()
    total = [torch.zeros_like(net.get_parameter(weight)) for weight in weights]
    for i in range(len(inputs)):
        twin = copy.deepcopy(net)  # spectral_norm moves on with every pass
        loss = F.cross_entropy(twin(inputs[i : i + 1]), targets[i : i + 1])
        found = torch.autograd.grad(loss, [twin.get_parameter(weight) for weight in weights])
        total = [t + g.sign() for t, g in zip(total, found, strict=True)]
    expected = sum(float(t.abs().sum()) for t in total)
    assert METRICS["gradsign"](Probe(net, inputs, targets)) == expected


class Listed(nn.Module):
    """Weights by other names than PyTorch's, and a table of positions that is none."""

    layer_weights = ("W", "U")

    def __init__(self) -> None:
        super().__init__()
        self.W, self.U = nn.Parameter(torch.randn(5, 4)), nn.Parameter(torch.randn(3, 5))
        self.positions = nn.Parameter(torch.randn(1, 5))

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(x @ self.W.T + self.positions) @ self.U.T


def test_weights_that_a_module_lists() -> None:
    torch.manual_seed(3)
    net, usual = Listed().double(), nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3, bias=False)).double()
    usual.load_state_dict({"0.weight": net.W, "0.bias": net.positions[0], "2.weight": net.U})
    inputs = torch.randn(6, 4, dtype=torch.float64)
    assert torch.allclose(net(inputs), usual(inputs))
    assert [layer.weight for layer in Probe(net, inputs, LABELS).layers] == ["W", "U"]
    for name in ("grad_norm", "snip", "plain", "grasp", "l2_norm", "gradsign", "synflow"):
        expected = METRICS[name](Probe(usual, inputs, LABELS))
        assert METRICS[name](Probe(net, inputs, LABELS)) == pytest.approx(expected, rel=1e-9), name


def test_fisher_of_parametrised_layers() -> None:
    """Their outputs are those of the layers, not of what makes the weight."""
    torch.manual_seed(2)
    plain = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3)).double()
    net = copy.deepcopy(plain)
    weight_norm(net[0])
    inputs = torch.randn(6, 4, dtype=torch.float64)
    expected = METRICS["fisher"](Probe(plain, inputs, LABELS))
    assert METRICS["fisher"](Probe(net, inputs, LABELS)) == pytest.approx(expected, rel=1e-9)


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.head = nn.Embedding(11, 8), nn.Linear(8, 11, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.embed(x).mean(1))


def test_fisher_sees_every_call_of_a_tied_weight() -> None:
    """The embedding's output and the linear layer's, by the definition."""
    torch.manual_seed(2)
    net = Tied().double()
    inputs, targets = torch.randint(0, 11, (6, 7)), LABELS
    twin = copy.deepcopy(net)
    outputs: list[Any] = []
    for module in (twin.embed, twin.head):
        module.register_forward_hook(lambda _module, _inputs, output: outputs.append(output))
    loss = F.cross_entropy(twin(inputs), targets)
    embedded, logits = (a.detach() * g for a, g in zip(outputs, torch.autograd.grad(loss, outputs), strict=True))
    expected = (embedded.sum(1) ** 2).mean(0).sum() / 2 + (logits**2).mean(0).sum() / 2
    alone = METRICS["fisher"].with_options(fan_in=False)(Probe(net, inputs, targets))
    assert alone == pytest.approx(float(expected), rel=1e-9)
