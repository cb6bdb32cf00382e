"""Compiled networks are scored as what they were; what cannot be scored is refused, with a reason."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from untrained.errors import InputError
from untrained.metrics import METRICS
from untrained.probe import Probe

INPUTS, TARGETS = torch.randn(6, 3, 8, 8, generator=torch.Generator().manual_seed(0)), torch.arange(6) % 4
NAMES = ("grad_norm", "grasp", "fisher", "synflow", "jacob_cov", "gradsign", "ntk_trace", "az_expressivity")


def plain() -> nn.Sequential:
    torch.manual_seed(1)
    stem = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU())
    block = nn.Sequential(nn.Conv2d(6, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU())
    return nn.Sequential(stem, block, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 4))


def whole(net: nn.Sequential) -> nn.Module:
    return torch.compile(net, backend="eager")  # type: ignore[return-value]


def in_place(net: nn.Sequential) -> nn.Module:
    net.compile(backend="eager")
    return net


def a_part(net: nn.Sequential) -> nn.Module:
    net[1] = torch.compile(net[1], backend="eager")  # type: ignore[assignment]
    return net


def scores(net: nn.Module) -> list[float]:
    probe = Probe(net, INPUTS, TARGETS)
    return [METRICS[name](probe) for name in NAMES]


@pytest.mark.parametrize("compiled", [whole, in_place, a_part])
def test_a_compiled_network_scores_as_it_was_before(compiled: Callable[[nn.Sequential], nn.Module]) -> None:
    assert scores(compiled(plain())) == scores(plain())


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
def test_what_cannot_run_call_by_call_is_refused() -> None:
    lazy = nn.Sequential(nn.LazyConv2d(4, 3), nn.Flatten(), nn.LazyLinear(4))
    for net, message in [
        (torch.jit.script(plain()), "the network is TorchScript: give the nn.Module"),
        (nn.Sequential(torch.jit.script(plain())), "the network is TorchScript: give the nn.Module"),
        (lazy, r"0\.weight of the network has no shape yet"),
        (nn.Linear(3, 4, dtype=torch.complex64), r"weight of the network is complex"),
        (plain().to("meta"), r"0\.0\.weight of the network is on the meta device"),
    ]:
        with pytest.raises(InputError, match=message):
            Probe(net, INPUTS, TARGETS)


class Calls(nn.Module):
    """Two layers, one of them by a function that the network keeps and that refers to it."""

    def __init__(self, kept: Callable[["Calls"], Callable[[Tensor], Tensor]]) -> None:
        super().__init__()
        self.first, self.head = nn.Conv2d(3, 4, 3), nn.Linear(4, 4)
        self.function = kept(self)

    def step(self, x: Tensor) -> Tensor:
        return nn.functional.relu(self.first(x))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.function(x).mean((2, 3)))


@pytest.mark.parametrize(
    "kept", [lambda net: torch.compile(net.step, backend="eager"), lambda net: lambda x: net.step(x)]
)
def test_functions_that_a_network_keeps_run_on_the_weights_of_the_pass(kept: Any) -> None:
    """A deep copy of the network would go on calling the original's."""
    found = []
    names = [name for name in (*NAMES, "naswot") if not name.startswith("az")]
    for function in (lambda net: net.step, kept):
        torch.manual_seed(2)
        net = Calls(function)
        found.append({name: METRICS[name](Probe(net, INPUTS, TARGETS)) for name in names})
    assert found[1] == found[0]


class Spectrum(nn.Module):
    """Complex numbers between real weights."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(16, 16).double(), nn.Linear(9, 4).double()

    def forward(self, x: Tensor) -> Tensor:
        return self.b(torch.fft.rfft(self.a(x.flatten(1)[:, :16])).abs())


def test_complex_numbers_inside_are_differentiated_twice() -> None:
    net, inputs = Spectrum(), INPUTS.double()
    weights = [net.a.weight, net.b.weight]
    loss = nn.functional.cross_entropy(net(inputs), TARGETS)
    gradients = torch.autograd.grad(loss, weights, create_graph=True)
    products = torch.autograd.grad(torch.stack([(g.detach() * g).sum() for g in gradients]).sum(), weights)
    expected = -sum((w * p).sum().item() for w, p in zip(weights, products, strict=True))
    assert METRICS["grasp"](Probe(net, inputs, TARGETS)) == pytest.approx(expected, rel=1e-9)
