"""The dimension of the samples: not always the first, sometimes shared with their parts, sometimes equal by chance."""

import copy
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from untrained.metrics import METRICS, get_metrics
from untrained.probe import Probe

LABELS = torch.tensor([0, 2, 1, 1, 0, 2])


class Tokens(nn.Module):
    """Linear layers and a norm over n x T x 4 tokens, in an order of their own; `order` and `back` undo each other."""

    def __init__(self, order: Callable[[Tensor], Tensor], back: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.order, self.back = order, back
        self.a, self.norm, self.b, self.head = nn.Linear(4, 8), nn.LayerNorm(8), nn.Linear(8, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.a(self.order(x)))
        return self.head(self.back(F.relu(self.b(x))).mean(1))


class Positions(nn.Module):
    """What is looked up or worked out once, for all samples."""

    def __init__(self) -> None:
        super().__init__()
        self.position, self.table = nn.Embedding(9, 4), nn.Linear(2, 4)
        self.register_buffer("where", torch.randn(6, 2, dtype=torch.float64))
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        steps = torch.arange(x.shape[1])
        return self.head(F.relu(x + self.position(steps) + F.relu(self.table(self.get_buffer("where")))).mean(1))


def unchanged(x: Tensor) -> Tensor:
    return x


ORDERS: dict[str, Callable[[], nn.Module]] = {
    "sequence first": lambda: Tokens(lambda x: x.transpose(0, 1), lambda x: x.transpose(0, 1)),
    "all tokens of a sample": lambda: Tokens(lambda x: x.flatten(0, 1), lambda x: x.unflatten(0, (-1, 6))),
    "all samples of a token": lambda: Tokens(
        lambda x: x.transpose(0, 1).flatten(0, 1), lambda x: x.unflatten(0, (6, -1)).transpose(0, 1)
    ),
}


def tokens(n: int) -> tuple[Tensor, Tensor]:
    return torch.randn(n, 6, 4, dtype=torch.float64), LABELS[:n]


@pytest.mark.parametrize("n", [1, 2, 5, 6])
@pytest.mark.parametrize("order", ORDERS)
def test_one_function_has_one_score(order: str, n: int) -> None:
    """In whatever order its tokens go, and where there are as many samples as tokens, too."""
    torch.manual_seed(3)
    batch = tokens(n)
    plain, other = Tokens(unchanged, unchanged).double(), ORDERS[order]().double()
    other.load_state_dict(plain.state_dict())
    assert torch.allclose(plain(batch[0]), other(batch[0]))
    for name in ("swap", "linear_regions", "fisher", *(["naswot"] if n > 1 else [])):
        expected = METRICS[name](Probe(plain, *batch))
        assert METRICS[name](Probe(other, *batch)) == pytest.approx(expected, rel=1e-9), name


def test_meco_of_a_sequence_that_comes_first() -> None:
    torch.manual_seed(3)
    batch = tokens(4)
    plain, other = Tokens(unchanged, unchanged).double(), ORDERS["sequence first"]().double()
    other.load_state_dict(plain.state_dict())
    assert METRICS["meco"](Probe(other, *batch)) == pytest.approx(METRICS["meco"](Probe(plain, *batch)), rel=1e-9)


class HandWritten(nn.Module):
    """BatchNorm as its formula."""

    def forward(self, x: Tensor) -> Tensor:
        return (x - x.mean((0, 2, 3), keepdim=True)) / (x.var((0, 2, 3), keepdim=True) + 1e-5).sqrt()


def images(norm: nn.Module, dtype: torch.dtype = torch.float64) -> tuple[nn.Sequential, Tensor, Tensor]:
    conv, head = nn.Conv2d(3, 6, 3), nn.Linear(24, 3)
    layers = (conv, norm, nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), head)
    return nn.Sequential(*layers).to(dtype), torch.randn(6, 3, 8, 8, dtype=dtype), LABELS


CASES: dict[str, Callable[[], tuple[nn.Module, Tensor, Tensor]]] = {
    **{order: lambda order=order: (ORDERS[order]().double(), *tokens(6)) for order in ORDERS},
    "positions": lambda: (Positions().double(), *tokens(6)),
    "batch statistics in evaluation": lambda: images(nn.BatchNorm2d(6, affine=False, track_running_stats=False)),
    "BatchNorm by hand": lambda: images(HandWritten()),
}


@pytest.mark.parametrize("case", CASES)
def test_sample_by_sample(case: str) -> None:
    """Against each sample going through alone, six of them, as there are tokens."""
    torch.manual_seed(4)
    net, inputs, targets = CASES[case]()
    weights = [p for name, p in net.named_parameters() if "weight" in name]
    layers = [p for p in weights if p.ndim > 1]
    signs, rows = torch.zeros(0), []
    for i in range(6):
        one, label = inputs[i : i + 1], targets[i : i + 1]
        found = torch.autograd.grad(F.cross_entropy(net.train()(one), label), layers)
        signs = torch.cat([g.flatten() for g in found]).sign() + (signs if i else 0)
        rows.append(torch.cat([g.flatten() for g in torch.autograd.grad(net.eval()(one).sum(), weights)]))
    J = torch.stack(rows)
    v = np.linalg.eigvalsh((J @ J.T).numpy())
    probe = Probe(net, inputs, targets)
    assert METRICS["gradsign"](probe) == signs.abs().sum()
    assert METRICS["ntk_condition_number"](probe) == pytest.approx(v[-1] / v[0], rel=1e-6)


@pytest.mark.parametrize("name", ["fisher", "naswot", "swap", "ntk_trace", "ntk_condition_number"])
def test_two_samples_and_batch_statistics(name: str) -> None:
    """A look at another number of samples is no look at one, of which BatchNorm has no statistics."""
    torch.manual_seed(3)
    layers = (nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))
    probe = Probe(nn.Sequential(*layers), torch.randn(2, 4), LABELS[:2])
    assert METRICS[name](probe) > 0


@pytest.mark.parametrize("draw", [torch.rand, lambda *shape: torch.full(shape, np.random.rand())])
def test_random_numbers_are_not_taken_for_other_samples(
    draw: Callable[..., Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network that draws has other outputs in another pass; its samples do not go one by one for that."""

    class Noisy(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x * draw(len(x), 1) * draw(len(x), 1)

    monkeypatch.setattr(sys.modules["untrained.metrics.gradsign"], "_loop", None)
    torch.manual_seed(3)
    net = nn.Sequential(nn.Linear(4, 8), Noisy(), nn.ReLU(), nn.Linear(8, 3))
    assert METRICS["gradsign"](Probe(net, torch.randn(6, 4), LABELS)) > 0


def test_layer_by_layer_kernel_of_samples_one_by_one() -> None:
    net, inputs, targets = CASES["sequence first"]()
    squares = 0.0
    for i in range(len(inputs)):
        output = net(inputs[i : i + 1])[0, targets[i]]
        layers = [p for name, p in net.named_parameters() if not name.startswith("norm")]
        gradients = torch.autograd.grad(output, layers)
        squares += sum(g.square().sum().item() for g in gradients)
    assert METRICS["ntk_trace"](Probe(net, inputs, targets)) == pytest.approx((squares / len(inputs)) ** 0.5, rel=1e-9)


@pytest.mark.parametrize("name", ["gradsign", "snip", "jacob_cov", "vkdnw"])
def test_a_chunk_of_one_sample(name: str) -> None:
    """PyTorch's gradient of one sample's instance norm is wrong in the channels-last format."""
    torch.manual_seed(5)
    conv, head = nn.Conv2d(6, 6, 3), nn.Linear(6, 3)
    layers = (nn.Conv2d(3, 6, 3), nn.InstanceNorm2d(6), conv, nn.GELU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)
    net, inputs = nn.Sequential(*layers), torch.randn(5, 3, 8, 8)
    expected = METRICS[name](Probe(copy.deepcopy(net).double(), inputs.double(), LABELS[:5]))
    for chunk in (None, 1, 4):
        assert METRICS[name](Probe(net, inputs, LABELS[:5], chunk=chunk)) == pytest.approx(expected, rel=1e-3)


def test_a_relu_with_an_end_is_one() -> None:
    """The module, which calls another function than `F.relu6`, and the function."""
    torch.manual_seed(6)
    first, head, inputs = nn.Conv2d(3, 4, 3), nn.Linear(144, 3), torch.randn(6, 3, 8, 8)
    nets = [nn.Sequential(first, act, nn.Flatten(), head) for act in (nn.ReLU(), nn.ReLU6(), nn.Hardtanh(0, 2))]
    for name in ("naswot", "swap", "flops", "az_expressivity"):
        plain, *ended = (METRICS[name](Probe(net, inputs, LABELS)) for net in nets)
        if name != "az_expressivity":  # which sees how large a number is, too
            assert ended == [plain, plain], name
    with pytest.raises(ValueError, match="no ReLU"):
        METRICS["naswot"](Probe(nn.Sequential(first, nn.Hardtanh(), nn.Flatten(), head), inputs, LABELS))


def test_fisher_outside_of_modules() -> None:
    """A function that takes a layer's weight is a call of the layer, in place written into or not."""

    class Functional(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.head = nn.Conv2d(3, 4, 3), nn.Linear(144, 3)

        def forward(self, x: Tensor) -> Tensor:
            x = F.relu_(F.conv2d(x, self.conv.weight, self.conv.bias))
            return F.linear(x.flatten(1), self.head.weight, self.head.bias)

    torch.manual_seed(7)
    net, inputs = Functional().double(), torch.randn(6, 3, 8, 8, dtype=torch.float64)
    modules = nn.Sequential(net.conv, nn.ReLU(), nn.Flatten(), net.head)
    expected = METRICS["fisher"](Probe(modules, inputs, LABELS))
    assert METRICS["fisher"](Probe(net, inputs, LABELS)) == pytest.approx(expected, rel=1e-12)


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cells, self.head = nn.GRU(4, 5, batch_first=True), nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.cells(x)[0].mean(1))


@pytest.mark.parametrize("net", [Recurrent, lambda: nn.Sequential(nn.Flatten(), parametrised(24), nn.Linear(8, 3))])
def test_redrawn_layers_have_no_bias(net: Callable[[], nn.Module]) -> None:
    torch.manual_seed(8)
    with_biases = net().double()
    without = copy.deepcopy(with_biases)
    for name, parameter in without.named_parameters():
        if "bias" in name:
            nn.init.zeros_(parameter)
    zen, inputs = METRICS["zen"], tokens(6)[0]
    assert zen(Probe(with_biases, inputs)) == zen(Probe(without, inputs))


def parametrised(width: int) -> nn.Module:
    return nn.utils.parametrizations.weight_norm(nn.Linear(width, 8))


@pytest.mark.parametrize("affine", [True, False])
def test_zen_of_batch_statistics_in_double_precision(affine: bool) -> None:
    torch.manual_seed(9)
    net, inputs, _ = images(nn.BatchNorm2d(6, affine=affine, track_running_stats=False))
    tracked = copy.deepcopy(net)
    tracked[1] = nn.BatchNorm2d(6, affine=affine).double()
    assert METRICS["zen"](Probe(net, inputs)) == METRICS["zen"](Probe(tracked, inputs))


def test_vkdnw_of_many_classes() -> None:
    """diag p - p p^T as it is: what half precision rounds the smoothing by is more than a rare class has."""
    torch.manual_seed(10)
    net = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 300)).double()
    nn.init.normal_(net.get_parameter("2.weight"), 0, 4)
    inputs = torch.randn(3, 4, dtype=torch.float64)
    fisher = np.zeros((4, 4))
    for x in inputs:
        logits = net(x)
        rows = [torch.autograd.grad(z, list(net.parameters()), retain_graph=True) for z in logits]
        J = np.array([[g.flatten()[0].item() for g in row] for row in rows])
        p = 0.95 * logits.softmax(0).detach().numpy() + 0.05 / 300
        fisher += J.T @ (np.diag(p) - np.outer(p, p)) @ J / 3
    d = np.quantile(np.linalg.svd(fisher)[1], np.arange(1, 10) / 10)
    d = d / (d.sum() + 1e-10)
    assert METRICS["vkdnw"](Probe(net, inputs)) == pytest.approx(-(d * np.log(d + 1e-10)).sum(), rel=1e-6)


@pytest.mark.parametrize("name", ["naswot", "swap", "linear_regions", "gradsign", "epe_nas", "l2_norm", "ntk_trace"])
def test_no_number_of_no_numbers(name: str) -> None:
    net, inputs, targets = images(nn.Identity())
    nn.init.constant_(net.get_parameter("0.weight"), torch.nan)
    with pytest.raises(ValueError, match=r"nan|finite"):
        METRICS[name](Probe(net, inputs, targets))


class Frozen(nn.BatchNorm2d):
    """Stays with its running statistics, whatever mode the network is in."""

    def train(self, mode: bool = True) -> "Frozen":
        super().train(False)
        return self


def test_a_module_has_a_say_in_its_mode() -> None:
    torch.manual_seed(11)
    net, inputs, targets = images(Frozen(6))
    nn.init.uniform_(net.get_buffer("1.running_var"), 0.5, 2)
    weights = [net.get_parameter("0.weight"), net.get_parameter("5.weight")]
    net.train()
    gradients = torch.autograd.grad(F.cross_entropy(net(inputs), targets), weights)
    expected = sum(float((w * g).detach().abs().sum()) for w, g in zip(weights, gradients, strict=True))
    assert METRICS["snip"](Probe(net, inputs, targets)) == pytest.approx(expected, rel=1e-9)


def test_attributes_are_as_they_were() -> None:
    """A counter, a tensor that is kept, and the weight that the older `weight_norm` puts in its place."""

    class Counting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.calls, self.kept = nn.utils.weight_norm(nn.Linear(4, 3)), 0, None

        def forward(self, x: Tensor) -> Tensor:
            self.calls += 1
            self.kept = self.layer(x)
            return self.kept * self.calls

    with pytest.warns(FutureWarning, match="weight_norm"):
        net = Counting()
    inputs, weight = torch.randn(6, 4), net.layer.weight
    values = [METRICS["snip"](Probe(net, inputs, LABELS)) for _ in range(2)]
    assert values[0] == values[1]
    assert (net.calls, net.kept) == (0, None)
    assert net.layer.weight is weight


def test_a_sparse_gradient_is_a_gradient() -> None:
    torch.manual_seed(12)
    inputs, second = torch.randint(0, 9, (2, 6, 7))
    scores = []
    for sparse in (False, True):
        embedding = nn.Embedding(9, 4, sparse=sparse)
        torch.manual_seed(13)
        nn.init.normal_(embedding.weight)
        net = nn.Sequential(embedding, nn.ReLU(), nn.Flatten(), nn.Linear(28, 3))
        probe = Probe(net, inputs, LABELS, second=(second, LABELS))
        nn.init.normal_(net.get_parameter("3.weight"))
        scores.append([m(probe) for m in get_metrics(["grad_norm", "snip", "grasp", "zico"])])
    assert scores[0] == pytest.approx(scores[1], rel=1e-6)


def test_one_number_a_sample() -> None:
    """Outputs of shape (n,)."""
    torch.manual_seed(14)
    net, inputs, _ = images(nn.Identity())
    flat = nn.Sequential(*list(net)[:-1], nn.Linear(24, 1).double(), nn.Flatten(0))
    column = nn.Sequential(*list(flat)[:-1])
    kappa = METRICS["ntk_condition_number"]
    assert kappa(Probe(flat, inputs)) == pytest.approx(kappa(Probe(column, inputs)), rel=1e-9)


@pytest.mark.parametrize("precision", [{"dtype": torch.float64}, {"autocast": torch.bfloat16}])
def test_latency_in_another_precision(precision: dict[str, Any]) -> None:
    net, inputs, _ = images(nn.BatchNorm2d(6), torch.float32)
    seen = list[torch.dtype]()
    net[0].register_forward_hook(lambda _module, _inputs, output: seen.append(output.dtype))
    assert METRICS["latency"](Probe(net, inputs, **precision)) > 0
    assert set(seen) == {*precision.values()}
