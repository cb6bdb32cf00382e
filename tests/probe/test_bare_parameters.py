"""Weights that are no PyTorch module's count like those of the module that does the same."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from untrained.metrics import METRICS
from untrained.probe import Probe

LABELS = torch.arange(6) % 3


def parameter(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.randn(shape) * 0.4)


class InList(nn.Module):
    """Convolutions in a ParameterList, a linear layer by a matrix product, a normalisation by function."""

    def __init__(self) -> None:
        super().__init__()
        self.kernels = nn.ParameterList([parameter(6, 3, 3, 3), parameter(5, 6, 3, 3)])
        self.out = parameter(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        for kernel in self.kernels:
            x = F.relu(F.conv2d(x, kernel, padding=1))
        return x.mean((2, 3)) @ self.out


class Mean(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3))


def in_modules(net: InList) -> nn.Sequential:
    first, second = nn.Conv2d(3, 6, 3, padding=1, bias=False), nn.Conv2d(6, 5, 3, padding=1, bias=False)
    head = nn.Linear(5, 3, bias=False)
    first.weight, second.weight = net.kernels
    head.weight = nn.Parameter(net.out.detach().T.contiguous())
    return nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), Mean(), head)


def probe_of(net: nn.Module, inputs: Tensor, strict: bool = False) -> Probe:
    return Probe(net.double(), inputs.double(), LABELS, second=(inputs.double().flip(0) * 2, LABELS), strict=strict)


# meco and dextr see modules; vkdnw the first element of each parameter, zen and redrawn weights as well: in another
# order here.
OTHERS = {"latency", "meco", "meco_opt", "dextr", "vkdnw", "zen"}
# Of transformers and recurrent networks.
OF_TOKENS = {name for name, m in METRICS.items() if m.function.__module__.endswith(("transformer", "recurrent"))}


@pytest.mark.parametrize("name", [name for name in METRICS if name not in OTHERS | OF_TOKENS])
def test_every_metric_sees_bare_parameters(name: str) -> None:
    torch.manual_seed(1)
    net, inputs = InList(), torch.randn(6, 3, 6, 6)
    expected = METRICS[name](probe_of(in_modules(net), inputs))
    assert METRICS[name](probe_of(net, inputs)) == pytest.approx(expected, rel=1e-9)


class Transposed(nn.Module):
    def __init__(self, turn: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.kernel, self.out, self.turn = parameter(4, 5), parameter(3, 4), turn

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(x @ self.turn(self.kernel)) @ self.turn(self.out)


@pytest.mark.parametrize("turn", [lambda w: w.T, lambda w: w.t(), lambda w: w.mT, lambda w: w.transpose(0, 1)])
def test_fisher_of_transposed_weights(turn: Callable[[Tensor], Tensor]) -> None:
    torch.manual_seed(2)
    net, inputs = Transposed(turn), torch.randn(6, 5)
    usual = nn.Sequential(nn.Linear(5, 4, bias=False), nn.Tanh(), nn.Linear(4, 3, bias=False))
    usual.load_state_dict({"0.weight": net.kernel, "2.weight": net.out})
    for name in ("fisher", "grasp"):
        expected = METRICS[name](probe_of(usual, inputs))
        assert METRICS[name](probe_of(net, inputs)) == pytest.approx(expected, rel=1e-9)


class Manifold(nn.Module):
    """Parameters of two dimensions or more in every role: `weights` are layers', the others are not."""

    weights = ("table", "kernel", "A", "B", "query", "factor")

    def __init__(self) -> None:
        super().__init__()
        self.table, self.positions, self.token = parameter(9, 4), parameter(1, 5, 4), parameter(1, 1, 4)
        self.kernel, self.scale, self.bias = parameter(4, 4, 1), parameter(1, 4, 1), parameter(1, 4, 1)
        self.A, self.B, self.query, self.factor = parameter(4, 2), parameter(2, 4), parameter(2, 4), parameter(4, 3)
        self.learned = parameter(2, 4)
        self.inner = nn.Linear(4, 4)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.table[ids] + self.positions[:, : ids.shape[1]]
        x = torch.cat([self.token.expand(len(ids), -1, -1), x], 1).mT
        standard = self.kernel - self.kernel.mean((1, 2), keepdim=True)
        x = F.conv1d(x, standard) * self.scale + self.bias
        x = x.mT @ (self.A @ self.B)
        chosen = (self.query @ x.mT).softmax(-1) @ x + self.inner(self.learned)
        return torch.einsum("nqc,co->no", chosen, self.factor)


def test_which_parameters_are_weights() -> None:
    torch.manual_seed(3)
    net, ids = Manifold(), torch.randint(0, 9, (6, 5))
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    found = [layer.weight for layer in Probe(net, ids, LABELS).layers]
    assert found == [*Manifold.weights, "inner.weight"]
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
    names = {name: parameter for name, parameter in net.named_parameters() if name in found}
    gradients = torch.autograd.grad(F.cross_entropy(net(ids), LABELS), list(names.values()))
    expected = sum(g.norm().item() for g in gradients)
    assert METRICS["grad_norm"](Probe(net, ids, LABELS)) == pytest.approx(expected, rel=1e-5)


class NoWeight(nn.Module):
    """Scales and shifts only."""

    def __init__(self) -> None:
        super().__init__()
        self.scale, self.shift = parameter(1, 40), parameter(40)

    def forward(self, x: Tensor) -> Tensor:
        x = x * self.scale + self.shift
        return (F.relu(x) + x.square())[:, :3]


@pytest.mark.parametrize("strict", [False, True])
def test_networks_without_a_layer(strict: bool) -> None:
    """A bare network has none in strict mode, which counts modules, nor has one of scales and shifts in any."""
    torch.manual_seed(4)
    inputs = torch.randn(6, 3, 6, 6) if strict else torch.randn(6, 40)
    probe = probe_of(InList() if strict else NoWeight(), inputs, strict)
    for name in ("grad_norm", "snip", "grasp", "fisher", "plain", "l2_norm", "zico", "gradsign", "synflow", "zen"):
        with pytest.raises(ValueError, match="no layer"):
            METRICS[name](probe)
    for name in ("jacob_cov", "epe_nas", "params", "flops"):
        METRICS[name](probe)
    for name in ("naswot", "swap", "linear_regions"):
        if strict:
            with pytest.raises(ValueError, match="no ReLU module"):
                METRICS[name](probe)
        else:
            METRICS[name](probe)
