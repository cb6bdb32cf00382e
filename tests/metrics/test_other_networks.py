"""Metrics on networks unlike those of the literature, against a plain derivation: one sample, one weight at a time.

Nothing here is vectorised, hooked or shared: every expected number comes from its definition, written out with loops.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from math import exp, log, sqrt

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from untrained.metrics import METRICS
from untrained.probe import Probe

Build = Callable[[], tuple[nn.Module, Tensor, Tensor]]


class Convolutional(nn.Module):
    """5x5 and 1x1 kernels, stride, dilation, groups, biases, GroupNorm, an in-place and a functional ReLU, a skip."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, 6, 5, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(6)
        self.wide = nn.Conv2d(6, 6, 3, padding="same", dilation=2, groups=3)
        self.group_norm = nn.GroupNorm(2, 6)
        self.point = nn.Conv2d(6, 4, 1, bias=False)
        self.act = nn.ReLU(inplace=True)
        self.head = nn.Linear(4 * 5 * 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm(self.stem(x)))
        x = self.act(self.group_norm(self.wide(x))) + x
        return self.head(torch.flatten(torch.tanh(self.point(x)), 1))


class Sequence(nn.Module):
    """Token ids: an embedding used twice, Linear on every token, LayerNorm, Conv1d over the tokens, mean pooling."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(7, 4, padding_idx=0)
        self.mix = nn.Linear(4, 6)
        self.norm = nn.LayerNorm(6)
        self.conv = nn.Conv1d(6, 5, 3, padding=1)
        self.head = nn.Linear(5, 4, bias=False)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.embed(ids) + self.embed(ids.flip(1))
        x = F.relu(self.norm(self.mix(x)))
        x = F.relu(self.conv(x.mT))
        return self.head(x.mean(2)[:, :5])


class Attention(nn.Module):
    """A transformer's layer, whose projection is used in a way of which no gradient a sample is known."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.TransformerEncoderLayer(8, 2, 12, dropout=0.0, batch_first=True)
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.inner(x).mean(1))


def convolutional() -> tuple[nn.Module, Tensor, Tensor]:
    return Convolutional(), torch.randn(5, 2, 11, 9), torch.tensor([0, 2, 1, 1, 0])


def sequence() -> tuple[nn.Module, Tensor, Tensor]:
    return Sequence(), torch.randint(0, 7, (6, 8)), torch.tensor([3, 1, 0, 2, 1, 1])


def attention() -> tuple[nn.Module, Tensor, Tensor]:
    return Attention(), torch.randn(4, 5, 8), torch.tensor([0, 2, 1, 2])


BUILDERS: dict[str, Build] = {"convolutional": convolutional, "sequence": sequence, "attention": attention}


@pytest.fixture(params=BUILDERS)
def case(request: pytest.FixtureRequest) -> tuple[nn.Module, Tensor, Tensor]:
    torch.manual_seed(5)
    net, x, y = BUILDERS[request.param]()
    net.double()
    for module in net.modules():  # as if trained for a while: nothing is 0 or 1
        if isinstance(module, nn.BatchNorm2d):
            module(torch.randn(8, module.num_features, 3, 3, dtype=torch.float64) * 2 + 1)
            assert module.weight is not None
        if isinstance(module, nn.BatchNorm2d | nn.GroupNorm | nn.LayerNorm):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.2)
    return net, x.double() if x.is_floating_point() else x, y


def score(name: str, case: tuple[nn.Module, Tensor, Tensor], **options: object) -> float:
    net, x, y = case
    second = x.flip(0) * 2 if x.is_floating_point() else x.roll(1, 1), y.roll(1)
    return METRICS[name].with_options(**options)(Probe(net, x, y, second=second))


def layer_weights(net: nn.Module) -> Iterator[nn.Parameter]:
    """Parameters of two dimensions or more that are called weights."""
    return (p for name, p in net.named_parameters() if p.ndim > 1 and "weight" in name)


def row(value: Tensor, parameters: list[nn.Parameter]) -> np.ndarray:
    gradients = torch.autograd.grad(value, parameters, retain_graph=True, materialize_grads=True)
    return np.concatenate([g.flatten().numpy() for g in gradients])


def test_gradsign(case: tuple[nn.Module, Tensor, Tensor]) -> None:
    net, x, y = case
    signs = 0
    weights = list(layer_weights(net))
    for i in range(len(x)):
        net.train()
        signs = signs + np.sign(row(F.cross_entropy(net(x[i : i + 1]), y[i : i + 1]), weights))
    expected = np.abs(signs).sum()
    assert score("gradsign", case) == expected > 0
    assert score("gradsign", case, mean=True) == pytest.approx(expected / sum(w.numel() for w in weights), rel=1e-12)


@pytest.mark.parametrize("output", ["sum", "target"])
def test_neural_tangent_kernel(case: tuple[nn.Module, Tensor, Tensor], output: str) -> None:
    net, x, y = case
    parameters = [p for name, p in net.named_parameters() if "weight" in name]
    net.eval()
    rows = []
    for i in range(len(x)):
        logits = net(x[i : i + 1])[0]
        rows.append(row(logits.sum() if output == "sum" else logits[y[i]], parameters))
    kernel = np.array([[a @ b for b in rows] for a in rows])
    v = np.linalg.eigvalsh(kernel)
    assert score("ntk_condition_number", case, output=output) == pytest.approx(v[-1] / v[0], rel=1e-6)
    trace = sqrt(np.trace(kernel) / len(x))
    assert score("ntk_trace", case, mode="eval", output=output, layerwise=False) == pytest.approx(trace, rel=1e-9)


def test_neural_tangent_kernel_of_a_whole_batch(case: tuple[nn.Module, Tensor, Tensor]) -> None:
    net, x, _ = case
    parameters = [p for name, p in net.named_parameters() if "weight" in name]
    net.train()
    rows = np.array([row(logits.sum(), parameters) for logits in net(x)])
    v = np.linalg.eigvalsh(rows @ rows.T)
    assert score("ntk_condition_number", case, mode="train") == pytest.approx(v[-1] / v[0], rel=1e-6)


@pytest.mark.parametrize("reading", ["paper", "code"])
def test_vkdnw(case: tuple[nn.Module, Tensor, Tensor], reading: str) -> None:
    net, x, _ = case
    net.eval()
    parameters = list(net.parameters())
    fisher: np.ndarray | float = 0.0
    for i in range(len(x)):
        logits = net(x[i : i + 1])[0]
        classes = len(logits)
        J = np.zeros((classes, len(parameters)))
        for c in range(classes):
            for k, g in enumerate(
                torch.autograd.grad(logits[c], parameters, retain_graph=True, materialize_grads=True)
            ):
                J[c, k] = g.flatten()[0]
        alpha = np.float16(0.05)
        p = F.softmax(logits, 0).detach().numpy() * float(np.float16(1) - alpha) + float(alpha / np.float16(classes))
        q = 1 - np.cumsum(p)
        q[-1] = 0
        L = np.zeros((classes, classes))
        for j in range(classes):
            L[j, j] = sqrt(p[j] * q[j] / (q[j - 1] if j else 1))
            for a in range(j + 1, classes):
                L[a, j] = -p[a] / q[j] * L[j, j]
        LJ = (L.T if reading == "paper" else L) @ J
        fisher = fisher + LJ.T @ LJ / len(x)
    d = np.quantile(np.linalg.svd(fisher)[1], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])
    d = d / (d.sum() + 1e-10)
    expected = -(d * np.log(d + 1e-10)).sum()
    assert score("vkdnw", case, reading=reading) == pytest.approx(expected, rel=1e-6)
    assert score("vkdnw", case, part="dimension") == len(parameters)


def test_zico(case: tuple[nn.Module, Tensor, Tensor]) -> None:
    net, x, y = case
    net.train()
    second = x.flip(0) * 2 if x.is_floating_point() else x.roll(1, 1)
    weights = list(layer_weights(net))
    of = [torch.autograd.grad(F.cross_entropy(net(b), t), weights) for b, t in ((x, y), (second, y.roll(1)))]
    expected = 0.0
    for g1, g2 in zip(*of, strict=True):
        pairs = list(zip(g1.flatten().tolist(), g2.flatten().tolist(), strict=True))
        expected += log(sum((abs(a) + abs(b)) / 2 / float(np.std([a, b])) for a, b in pairs if a != b))
    assert score("zico", case) == pytest.approx(expected, rel=1e-9)


def test_epe_nas(case: tuple[nn.Module, Tensor, Tensor]) -> None:
    net, x, y = case
    if not x.is_floating_point():
        with pytest.raises(ValueError, match="only floating-point inputs"):
            score("epe_nas", case)
        return
    net.train()
    inputs = x.clone().requires_grad_()
    net(inputs).sum().backward()
    assert inputs.grad is not None
    expected = 0.0
    for c in range(int(y.max()) + 1):
        rows = [r.flatten().numpy() for r, label in zip(inputs.grad, y, strict=True) if label == c]
        total = sum(log(abs(np.corrcoef(a, b)[0, 1]) + 1e-5) for a in rows for b in rows)
        expected += abs(total)
    assert score("epe_nas", case) == pytest.approx(expected, rel=1e-9)


def relu_inputs(net: nn.Module, x: Tensor, monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray]:
    """n x units of every call of F.relu, which nn.ReLU calls as well, in training mode."""
    seen: list[np.ndarray] = []
    if isinstance(net, Attention):  # it took hold of F.relu when it was built
        linear = net.inner.linear1
        handle = linear.register_forward_hook(lambda _m, _i, z: seen.append(z.detach().clone().flatten(1).numpy()))
        net.train()(x)
        handle.remove()
        return seen
    relu = F.relu

    def watching(z: Tensor, inplace: bool = False) -> Tensor:
        seen.append(z.detach().clone().flatten(1).numpy())
        return relu(z, inplace)

    net.train()
    with monkeypatch.context() as patch:
        patch.setattr(F, "relu", watching)
        net(x)
    return seen


def test_patterns(case: tuple[nn.Module, Tensor, Tensor], monkeypatch: pytest.MonkeyPatch) -> None:
    net, x, _ = case
    on = np.concatenate(relu_inputs(net, x, monkeypatch), 1) > 0
    assert score("linear_regions", case) == len({tuple(r) for r in on})
    columns = len({tuple(c) for c in on.T})
    assert score("swap", case) == columns
    thousands = sum(p.numel() for p in net.parameters()) / 1000
    regularised = columns * exp(-((thousands - 0.3) ** 2) / 2.5)
    assert score("swap", case, mu=0.3, sigma=2.5) == pytest.approx(regularised, rel=1e-12)
    kernel = [[np.sum(a == b) for b in on] for a in on]
    assert score("naswot", case) == pytest.approx(np.linalg.slogdet(kernel)[1], rel=1e-9)


def test_equal_samples_are_one_region() -> None:
    torch.manual_seed(1)
    x = torch.randn(4, 3)[[0, 1, 0, 2, 1, 3]]
    net = nn.Sequential(nn.Linear(3, 40), nn.ReLU(), nn.Linear(40, 2))
    assert METRICS["linear_regions"](Probe(net, x)) == 4


def test_more_samples_than_fit_one_word() -> None:
    """70 samples: distinct columns are told apart by the last samples as by the first."""
    x = torch.zeros(70, 3)
    x[0, 0] = x[69, 1] = x[69, 2] = x[24, 2] = 1
    linear = nn.Linear(3, 6, bias=False)
    net = nn.Sequential(linear, nn.ReLU())
    with torch.no_grad():
        linear.weight.copy_(torch.tensor([[1, 0, 0], [0, 1, 0], [0, 0, 1], [2, 0, 0], [-1, 0, 0], [1.0, 1, 0]]))
    # On for samples {0}, {69}, {24, 69}, {0}, {}, {0, 69}.
    assert METRICS["swap"](Probe(net, x)) == 5


def absolute_gradient(net: nn.Module, x: Tensor) -> float:
    """sum |w dR/dw| of a copy in which everything is absolute, for one sample of ones."""
    with torch.no_grad():
        for tensor in (*net.parameters(), *net.buffers()):
            tensor.copy_(tensor.abs())
    net.train()
    weights = list(layer_weights(net))
    gradients = torch.autograd.grad(net(torch.ones_like(x[:1])).sum(), weights)
    return sum((w * g).abs().sum().item() for w, g in zip(weights, gradients, strict=True))


def test_synflow_bn() -> None:
    torch.manual_seed(3)
    net, x, y = convolutional()
    net.double()
    got = METRICS["synflow_bn"](Probe(net, x.double(), y))
    assert METRICS["synflow_bn"].with_options(log=True)(Probe(net, x.double(), y)) == pytest.approx(log(got))
    assert got == pytest.approx(absolute_gradient(net, x.double()), rel=1e-9)


def correlation(rows: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.nan_to_num(np.corrcoef(rows), nan=0.0, posinf=0.0, neginf=0.0)


def test_meco() -> None:
    """Module by module, on paper; the network itself returns what its last layer does, one number a channel: 0."""
    torch.manual_seed(4)
    net = nn.Sequential(
        nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Sequential(nn.Conv2d(4, 3, 1)), nn.Flatten(), nn.Linear(48, 2)
    )
    net.double()
    x = torch.randn(3, 2, 6, 6, dtype=torch.float64)
    a = net[0](x[:1])
    b = torch.relu(a)
    c = net[2](b)
    maps = [a, b, c, c]  # the last convolution counts again as its container
    expected = sum(np.linalg.eigvalsh(correlation(m.detach()[0].flatten(1).numpy()))[0] for m in maps)
    last = np.linalg.eigvalsh(correlation(c.detach()[0].flatten(1).numpy()))[0]
    metric = METRICS["meco"].with_options(inputs="batch")
    assert metric.with_options(modules="all")(Probe(net, x)) == pytest.approx(expected, rel=1e-9)
    assert metric(Probe(net, x, strict=True)) == pytest.approx(expected, rel=1e-9)
    assert metric(Probe(net, x)) == pytest.approx(expected - last, rel=1e-9)


def test_meco_counts_what_makes_no_weight() -> None:
    """A parametrised layer counts by its output, not by the weight that is made for it, which is 1 x ..., too."""
    torch.manual_seed(4)
    plain = nn.Sequential(nn.Conv2d(2, 1, 3), nn.Conv2d(1, 2, 3)).double()
    net = nn.Sequential(weight_norm(deepcopy(plain[0])), plain[1])
    x = torch.randn(3, 2, 8, 8, dtype=torch.float64)
    assert METRICS["meco"](Probe(net, x)) == pytest.approx(METRICS["meco"](Probe(plain, x)), rel=1e-9)


@pytest.mark.parametrize("norm", ["batch", "group", "layer"])
def test_zen(norm: str) -> None:
    """The network's own weights and inputs; s^2 is what the normalisation divides by, before its epsilon."""
    torch.manual_seed(6)
    norms = {"batch": nn.BatchNorm2d(4), "group": nn.GroupNorm(2, 4), "layer": nn.LayerNorm([4, 5, 5])}
    conv, last = nn.Conv2d(2, 4, 3, padding=1), nn.Conv2d(4, 3, 1)
    net = nn.Sequential(conv, norms[norm], nn.ReLU(), last, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2))
    net.double()
    x, e = torch.randn(2, 6, 2, 5, 5, dtype=torch.float64)
    a, moved = conv(x).detach().numpy(), conv(x + 0.01 * e).detach().numpy()
    groups = {"batch": a.transpose(1, 0, 2, 3).reshape(4, -1), "group": a.reshape(12, -1), "layer": a.reshape(6, -1)}
    variance = np.mean([g.var() for g in groups[norm]])
    net.train()
    difference = (net[:4](x) - net[:4](x + 0.01 * e)).detach().numpy()
    frobenius = np.mean([np.sqrt((d**2).sum()) for d in difference])
    probe = Probe(net, x, second=(e, None))
    metric = METRICS["zen"].with_options(drawn=False)
    assert metric(probe) == pytest.approx(log(frobenius) + 0.5 * log(variance), rel=1e-9)

    # The public code: sums of absolute values, and a running variance that starts at 1 and is updated twice.
    net2 = METRICS["zen"].with_options(drawn=False, reading="code")
    fresh = nn.Sequential(conv, nn.BatchNorm2d(4).double(), *list(net)[2:]) if norm == "batch" else net
    n = a[:, 0].size
    running = np.mean(
        [
            0.81 + 0.09 * u.var() * n / (n - 1) + 0.1 * v.var() * n / (n - 1)
            for u, v in zip(groups["batch"], moved.transpose(1, 0, 2, 3).reshape(4, -1), strict=True)
        ]
    )
    second = 0.5 * log(running) if norm == "batch" else 0.0
    l1 = np.mean([np.abs(d).sum() for d in difference])
    assert net2(Probe(fresh, x, second=(e, None))) == pytest.approx(log(l1) + second, rel=1e-9)


def perceptron(width: int) -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(nn.Flatten(), nn.Linear(32, width), nn.ReLU(), nn.Linear(width, 3)).double()


def test_zen_of_images_that_are_flattened_first() -> None:
    """The flattening's input is the image, whatever the network is: the map is the hidden layer."""
    net = perceptron(6)
    x, e = torch.randn(2, 5, 2, 4, 4, dtype=torch.float64)
    difference = (net[:3](x) - net[:3](x + 0.01 * e)).detach().numpy()
    expected = log(np.mean([np.sqrt((d**2).sum()) for d in difference]))
    metric = METRICS["zen"].with_options(drawn=False)
    assert metric(Probe(net, x, second=(e, None))) == pytest.approx(expected, rel=1e-9)
    with pytest.raises(ValueError, match="no feature map"):
        METRICS["zen"](Probe(nn.Sequential(nn.Flatten(), nn.Linear(32, 3)).double(), x))


# A batch soon falls into as many regions as it has samples. A wider layer is one layer, and one weight for all makes
# its units alike. Maps and correlations need positions, which tables lack.
EVEN = {"latency", "linear_regions", "layers", "epsinas"}
# Of transformers and recurrent networks.
OF_TOKENS = {name for name, m in METRICS.items() if m.function.__module__.endswith(("transformer", "recurrent"))}
REFUSED = {"meco", "meco_opt", "az_expressivity", "az_progressivity", "az_trainability"}


@pytest.mark.parametrize("name", [name for name in METRICS if name not in EVEN | OF_TOKENS])
def test_no_metric_ignores_the_network(name: str) -> None:
    """Another width gives another value, or there is none."""
    x, y = torch.randn(5, 2, 4, 4, dtype=torch.float64), torch.tensor([0, 2, 1, 1, 0])
    probes = [Probe(perceptron(width), x, y, second=(x.flip(0) * 2, y)) for width in (16, 24)]
    if name in REFUSED:
        with pytest.raises(ValueError, match=r"no feature map|0 for any network"):
            METRICS[name](probes[0])
    else:
        assert METRICS[name](probes[0]) != METRICS[name](probes[1])


class Blocks(nn.Module):
    """Two stages that halve the size; the second block is given by name."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Conv2d(2, 3, 3, padding=1)
        self.b = nn.Sequential(nn.Conv2d(3, 4, 2, stride=2), nn.Tanh())
        self.head = nn.Linear(4, 2)

    def feature_modules(self) -> list[nn.Module]:
        return [self.a, self.b]

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.b(self.a(x)).mean((2, 3)))


def hashed_signs(size: int, k: int) -> list[float]:
    signs = []
    for i in range(size):
        h = (i * 2654435761 + 40503 * (k + 1)) % 2**32
        h = ((h ^ (h >> 16)) * 2246822519) % 2**32
        h = ((h ^ (h >> 13)) * 3266489917) % 2**32
        signs.append(1.0 if (h ^ (h >> 16)) % 2 else -1.0)
    return signs


def test_az_nas_on_named_blocks() -> None:
    torch.manual_seed(7)
    net = Blocks().double()
    x = torch.randn(5, 2, 6, 6, dtype=torch.float64)
    f0 = net.a(x).detach().requires_grad_()
    f1 = net.b(f0)
    entropies = []
    for f in (f0, f1):
        rows = f.detach().movedim(1, -1).reshape(-1, f.shape[1]).numpy()
        v = np.linalg.eigvalsh(np.cov(rows.T, bias=True))
        p = v / v.sum()
        entropies.append(-(p * np.log(p + 1e-8)).sum())
    assert METRICS["az_expressivity"](Probe(net, x)) == pytest.approx(sum(entropies), rel=1e-9)
    assert METRICS["az_progressivity"](Probe(net, x)) == pytest.approx(entropies[1] - entropies[0], rel=1e-9)

    R = torch.tensor(hashed_signs(f1.numel(), 0), dtype=torch.float64).reshape(f1.shape)
    (B,) = torch.autograd.grad(f1, f0, R)
    M = np.zeros((12, 4))
    for i in range(5):
        for u in range(3):
            for v in range(3):
                for c in range(3):
                    for du in range(2):
                        for dv in range(2):
                            b = B[i, c, 2 * u + du, 2 * v + dv].item()
                            M[4 * c + 2 * du + dv] += b * R[i, :, u, v].numpy() / 45
    q = np.linalg.svd(M)[1][0]
    expected = 2 - q - 1 / (q + 1e-6)
    metric = METRICS["az_trainability"].with_options(signs="hash")
    assert metric(Probe(net, x)) == pytest.approx(expected, rel=1e-9)


def test_constant_outputs_have_reasons() -> None:
    """Logits that do not depend on the input: a reason where there is no number, and 0 where 0 is the number."""
    torch.manual_seed(8)
    conv, head = nn.Conv2d(2, 3, 1), nn.Linear(3, 2)
    net = nn.Sequential(conv, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)
    with torch.no_grad():
        for parameter in (*conv.parameters(), head.weight):
            parameter.zero_()
    x = torch.randn(4, 2, 5, 5)
    probe = Probe(net, x, torch.tensor([0, 1, 1, 0]), second=(x.flip(0), torch.tensor([0, 0, 1, 1])))
    for name in ("jacob_cov", "epe_nas", "naswot", "ntk_condition_number", "az_expressivity", "az_trainability"):
        with pytest.raises(ValueError, match=r"constant|singular|zero|one feature map"):
            METRICS[name](probe)
    with pytest.raises(ValueError, match="does not depend"):
        METRICS["zen"].with_options(drawn=False)(probe)
    assert METRICS["synflow"](probe) == METRICS["snip"](probe) == 0
    with pytest.raises(ValueError, match="logarithm"):
        METRICS["synflow"].with_options(log=True)(probe)


class Silent(nn.Module):
    """A branch that sees nothing, beside one that sees all."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(4)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.norm(x * 0)


class Pair(nn.Sequential):
    """A block: a convolution that halves 5 positions to 3, and an activation."""

    def __init__(self, c_in: int, c_out: int, stride: int = 1) -> None:
        super().__init__(nn.Conv2d(c_in, c_out, 3, stride, 1), nn.ReLU())


@pytest.mark.parametrize(
    ("name", "layers", "reason"),
    [
        ("vkdnw", [nn.Flatten(), nn.Linear(75, 1)], "there is one output"),
        (
            "zen",
            [nn.Conv2d(3, 4, 3), nn.ReLU(), Silent(), nn.Flatten(), nn.Linear(36, 3)],
            "normalisation sees",
        ),
        ("az_trainability", [Pair(3, 4), Pair(4, 4, 2), nn.Flatten(), nn.Linear(36, 3)], "multiple of the other"),
    ],
)
def test_no_value_and_why(name: str, layers: list[nn.Module], reason: str) -> None:
    torch.manual_seed(0)
    net, inputs = nn.Sequential(*layers), torch.randn(4, 3, 5, 5)
    with pytest.raises(ValueError, match=reason):
        METRICS[name](Probe(net, inputs, torch.tensor([0, 0, 0, 0])))


@pytest.mark.parametrize(("name", "option", "value"), [("swap", "draws", -1), ("meco", "size", 0)])
def test_options_out_of_range_are_named(name: str, option: str, value: int) -> None:
    net, inputs = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(36, 3)), torch.randn(4, 3, 5, 5)
    with pytest.raises(ValueError, match=f"{option} {value}: give"):
        METRICS[name].with_options(**{option: value})(Probe(net, inputs))


def test_a_label_without_an_output_is_named() -> None:
    net, inputs = nn.Sequential(nn.Flatten(), nn.Linear(75, 1)), torch.randn(4, 3, 5, 5)
    with pytest.raises(ValueError, match="label 1: the network has outputs for 1 classes"):
        METRICS["ntk_trace"](Probe(net, inputs, torch.tensor([0, 1, 0, 1])))
