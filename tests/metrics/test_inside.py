"""Metrics on what is inside of a network: by hand on tiny networks, and by plain loops on small ones."""

import itertools
from collections.abc import Callable
from math import exp, log, sqrt

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from untrained.metrics import METRICS
from untrained.probe import Probe

LABELS = torch.tensor([0, 2, 1, 1])


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.act, self.conv, self.norm = nn.ReLU(), nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(self.act(x))) + x


class Small(nn.Module):
    """A stem, two residual blocks, an activation that is no ReLU, a head."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4)
        self.blocks = nn.Sequential(Residual(), Residual())
        self.head = nn.Linear(4, 3)

    @property
    def parts(self) -> list[Residual]:
        return [block for block in self.blocks if isinstance(block, Residual)]

    def forward(self, x: Tensor) -> Tensor:
        return self.head(F.gelu(self.blocks(self.norm(self.stem(x)))).mean((2, 3)))


def small() -> tuple[Small, Tensor]:
    torch.manual_seed(3)
    net = Small().double()
    return net, torch.randn(4, 3, 7, 6, dtype=torch.float64)


def inside(net: Small, x: Tensor) -> dict[str, Tensor]:
    """Everything between the layers of `Small`, by hand, with its graph."""
    net.train()
    t = {"stem": net.stem(x)}
    t["x0"] = net.norm(t["stem"])
    for k, block in enumerate(net.parts):
        t[f"act{k}"] = t[f"x{k}"].relu()
        t[f"conv{k}"] = block.conv(t[f"act{k}"])
        t[f"x{k + 1}"] = block.norm(t[f"conv{k}"]) + t[f"x{k}"]
    t["act2"] = F.gelu(t["x2"])
    t["head"] = net.head(t["act2"].mean((2, 3)))
    return t


def channel_rows(t: Tensor) -> np.ndarray:
    t = t.detach()
    return (t.permute(0, 3, 2, 1) if t.ndim == 4 else t).reshape(-1, t.shape[1]).numpy()


def effective_rank(matrix: np.ndarray) -> float:
    s = np.linalg.svd(matrix, compute_uv=False)
    p = s[s > 0] / s.sum()
    return exp(-(p * np.log(p)).sum())


# layers


def test_layers() -> None:
    """A weight that two layers share is one; a normalisation is none; attention has its projections."""
    net = nn.Sequential(nn.Embedding(5, 4), nn.Linear(4, 4), nn.LayerNorm(4), nn.Linear(4, 4))
    tokens = torch.tensor([[0, 1]])
    assert METRICS["layers"](Probe(net, tokens)) == 3
    net[3].weight = net[1].weight
    assert METRICS["layers"](Probe(net, tokens)) == 2
    assert METRICS["layers"](Probe(nn.ReLU(), torch.ones(1, 2))) == 0


# near


def test_near_by_hand() -> None:
    """W = diag(3, 1) on the samples (1, 0), (0, 1), (0, -1): of three rows two count, which are any neighbours.

    Rows (3, 0), (0, 1) have s = 3, 1, p = 3/4, 1/4. Rows (0, 1), (0, -1) have one direction. The ReLU makes (3, 0),
    (0, 1) or (0, 1), (0, 0). So the layer has the rank r or 1, and the ReLU the rank r or 1.
    """
    net = nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU()).double()
    net[0].weight.data = torch.tensor([[3.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
    inputs = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, -1.0]], dtype=torch.float64)
    r = exp(-(0.75 * log(0.75) + 0.25 * log(0.25)))
    possible = [r + r, r + 1, 1 + r, 1 + 1]
    got = {round(METRICS["near"](Probe(net, inputs, seed=seed)), 9) for seed in range(12)}
    assert got <= {round(value, 9) for value in possible}
    assert len(got) > 1  # the place is random
    assert METRICS["near"](Probe(net, inputs[:2])) == pytest.approx(2 * r, rel=1e-12)


@pytest.mark.parametrize("reading", ["paper", "code"])
def test_near_by_loops(reading: str) -> None:
    """Where it looks is drawn in order: layers, then activations (with normalisations, as they are called)."""
    net, x = small()
    t = inside(net, x)
    layers, later = ["stem", "conv0", "conv1", "head"], ["act0", "act1", "act2"]
    if reading == "code":
        t |= {f"norm{k}": net.parts[k].norm(t[f"conv{k}"]) for k in range(2)}
        later = ["x0", "act0", "norm0", "act1", "norm1", "act2"]
    stream, expected = torch.Generator().manual_seed(5), 0.0
    for name in layers + later:
        rows = channel_rows(t[name])
        n, channels = rows.shape
        start = int(torch.randint(n - channels + 1, (), generator=stream)) if n > channels else 0
        expected += effective_rank(rows[start : start + channels])
    assert METRICS["near"].with_options(reading=reading)(Probe(net, x, seed=5)) == pytest.approx(expected, rel=1e-9)


# wrcor


def correlations(t: Tensor) -> np.ndarray:
    return np.abs(np.corrcoef(t.detach().reshape(len(t), -1).numpy()))


def test_wrcor_by_loops() -> None:
    """The blocks are levels 1 and 2, the activation behind them is level 3."""
    net, x = small()
    t = inside(net, x)
    gradients = torch.autograd.grad(F.cross_entropy(t["head"], LABELS), [t[f"act{k}"] for k in range(3)])
    # Into an activation goes what comes back from what it made, times its slope.
    leaves = [t[f"x{k}"].detach().requires_grad_() for k in range(3)]
    made = [leaves[0].relu(), leaves[1].relu(), F.gelu(leaves[2])]
    K = np.zeros((4, 4))
    for k in range(3):
        (into,) = torch.autograd.grad(made[k], leaves[k], gradients[k])
        K += 2 ** (k + 1) * (correlations(t[f"x{k}"]) + correlations(into))
    assert METRICS["wrcor"](Probe(net, x, LABELS)) == pytest.approx(np.linalg.slogdet(K)[1], rel=1e-9)


def test_wrcor_of_activations_that_write_into_their_input() -> None:
    torch.manual_seed(2)
    layers = [nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.ReLU6(), nn.Flatten(), nn.Linear(24, 3)]
    x = torch.randn(4, 3, 7, 6, dtype=torch.float64)
    usual = METRICS["wrcor"](Probe(nn.Sequential(*layers).double(), x, LABELS))
    layers[1], layers[3] = nn.ReLU(inplace=True), nn.ReLU6(inplace=True)
    assert METRICS["wrcor"](Probe(nn.Sequential(*layers), x, LABELS)) == pytest.approx(usual, rel=1e-9)


def test_wrcor_leaves_out_what_has_no_correlation() -> None:
    """The second activation sees one number a sample, and so does what comes back to it: K is that of the first alone.

    x = (1, 2), (2, 0), all positive: both are correlated by -1 with each other, and the gradient of the mean of sums is
    one number throughout. K = 2 ((1, 1), (1, 1)) is singular.
    """
    net = nn.Sequential(nn.ReLU(), nn.Linear(2, 1, bias=False), nn.ReLU()).double()
    net[1].weight.data = torch.ones(1, 2, dtype=torch.float64)
    x = torch.tensor([[1.0, 2.0], [2.0, 0.5]], dtype=torch.float64)
    with pytest.raises(ValueError, match="two samples respond alike"):
        METRICS["wrcor"](Probe(net, x, 0, loss=lambda z, _: z.mean()))


# rbflex


def test_rbflex_by_loops() -> None:
    """Each sample alone in training mode; determinants of kernels that are not close to singular, by numpy."""
    net, x = small()
    made, entered = [], []
    for i in range(3):
        t = inside(net, x[i : i + 1])
        made.append(np.concatenate([t[f"act{k}"].detach().numpy().ravel() for k in range(3)]))
        entered.append(t["act2"].mean((2, 3)).detach().numpy().ravel())
    expected = 0.0
    for rows in (np.array(made), np.array(entered)):
        spread = rows.max(0) - rows.min(0)
        rows = (rows - rows.min(0))[:, spread > 0] / spread[spread > 0]
        kernel = np.array([[exp(-0.01 * ((a - b) ** 2).sum()) for b in rows] for a in rows])
        expected += 3 * np.linalg.slogdet(kernel)[1]
    got = METRICS["rbflex"].with_options(gamma_k=0.01, gamma_q=0.01)(Probe(net, x))
    assert got == pytest.approx(expected, rel=1e-9)


def test_rbflex_to_full_precision_where_the_kernel_is_close_to_one() -> None:
    """Of two samples, 1 - e^(-2 g d) is 2 g d for a small g: 3 units differ by 1 each after scaling."""
    net = nn.Sequential(nn.Linear(1, 3, bias=False), nn.ReLU(), nn.Linear(3, 1)).double()
    net[0].weight.data = torch.ones(3, 1, dtype=torch.float64)
    probe = Probe(net, torch.tensor([[1.0], [2.0]], dtype=torch.float64))
    got = METRICS["rbflex"].with_options(samples=2, gamma_k=1e-15, gamma_q=1e-14)(probe)
    assert got == pytest.approx(2 * (log(2 * 3 * 1e-15) + log(2 * 3 * 1e-14)), rel=1e-9)


# l_swag


def test_l_swag_by_loops() -> None:
    net, x = small()
    second = torch.randn(4, 3, 7, 6, dtype=torch.float64), LABELS.flip(0)
    gradients, units = [], []
    for inputs, labels in ((x, LABELS), second):
        t = inside(net, inputs)
        weights = [net.stem.weight, net.parts[0].conv.weight, net.parts[1].conv.weight, net.head.weight]
        gradients.append(torch.autograd.grad(F.cross_entropy(t["head"], labels), weights))
        units.append([t[f"act{k}"].reshape(4, -1) > 0 for k in range(3)])
    steadiness = []
    for pair in zip(*gradients, strict=True):
        deviation = np.std([np.abs(g.numpy()) for g in pair], axis=0)
        steadiness.append(log((1 / deviation[deviation > 0]).sum()))
    patterns = [{tuple(unit.tolist()) for unit in code.T} for code in units[0]]
    probe = Probe(net, x, LABELS, second=second)
    everything = sum(steadiness) * len(set().union(*patterns))
    assert METRICS["l_swag"](probe) == pytest.approx(everything, rel=1e-9)
    # Layers 2 and 3 of 4 stand at 50 and 75 %, activations 1 and 2 of 3 at 33 and 67 %.
    part = sum(steadiness[1:3]) * len(patterns[0] | patterns[1])
    assert METRICS["l_swag"].with_options(start=40, stop=80)(probe) == pytest.approx(part, rel=1e-9)


def test_l_swag_and_zico_share_the_second_batch() -> None:
    calls = itertools.count()

    class Counted(nn.Linear):
        def forward(self, input: Tensor) -> Tensor:
            next(calls)
            return super().forward(input)

    net, x = nn.Sequential(Counted(3, 4), nn.ReLU(), nn.Linear(4, 3)), torch.randn(4, 3)
    probe = Probe(net, x, LABELS, second=(x.flip(0) * 2, LABELS))
    METRICS["zico"](probe)
    before = next(calls)
    METRICS["l_swag"](probe)
    assert next(calls) - before <= 3  # the pass that hears the activations, and the look for blocks


# intrain


def test_intrain_by_loops() -> None:
    net, x = small()
    t = inside(net, x)
    loss = F.cross_entropy(t["head"], LABELS)
    capacity = 0.0
    for name in ("stem", "conv0", "conv1", "head"):
        v = np.linalg.eigvalsh(np.cov(channel_rows(t[name]), rowvar=False))
        capacity += log(v.sum() ** 2 / (v**2).sum())
    health = 0.0
    for g in torch.autograd.grad(loss, list(net.parameters())):
        health += min(1, g.numpy().std() / (np.abs(g.numpy()).max() + 1e-10))
    got = METRICS["intrain"].with_options(inputs="batch")(Probe(net, x, LABELS))
    assert got == pytest.approx(capacity * (1 + health) / log(5), rel=1e-6)


def test_intrain_draws_its_own_batch() -> None:
    """The same for any batch of a shape and any loss, another for another seed."""
    net, x = small()
    metric = METRICS["intrain"]
    first = metric(Probe(net, x, LABELS))
    assert metric(Probe(net, x * 3, None, loss=lambda z, _: z.mean())) == first
    assert metric(Probe(net, x, LABELS, seed=1)) != first
    assert metric.with_options(size=12)(Probe(net, x, LABELS)) != first
    with pytest.raises(ValueError, match="inputs=batch"):
        metric(Probe(nn.Embedding(4, 3), torch.tensor([[0, 1]])))


# grad_norm


def test_grad_norm_of_all_parameters() -> None:
    net, x = small()
    gradients = torch.autograd.grad(F.cross_entropy(inside(net, x)["head"], LABELS), list(net.parameters()))
    expected = sqrt(sum((g**2).sum().item() for g in gradients))
    metric = METRICS["grad_norm"].with_options(reading="aznas")
    assert metric(Probe(net, x, LABELS)) == pytest.approx(expected, rel=1e-9)
    plain = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(80, 3)).double()
    probes = [Probe(plain, x, LABELS, chunk=chunk) for chunk in (None, 3)]
    assert metric(probes[1]) == pytest.approx(metric(probes[0]), rel=1e-9)


# meco_opt


def test_meco_opt_of_all_channels_is_meco() -> None:
    net, x = small()
    probe = Probe(net, x)
    assert METRICS["meco_opt"](probe) == pytest.approx(METRICS["meco"](probe), rel=1e-9)  # no module has more than 8


def test_meco_opt_draws_and_weighs() -> None:
    """One convolution: half of its channels count twice, whichever these are."""
    torch.manual_seed(1)
    net, x = nn.Conv2d(3, 6, 3).double(), torch.randn(2, 3, 9, 9, dtype=torch.float64)
    rows = net(x[:1])[0].detach().reshape(6, -1).numpy()
    possible = [
        2 * np.linalg.eigvalsh(np.corrcoef(rows[list(three)]))[0] for three in itertools.combinations(range(6), 3)
    ]
    metric = METRICS["meco_opt"].with_options(channels=3, inputs="batch")
    got = [metric(Probe(net, x, seed=seed)) for seed in range(6)]
    assert all(min(abs(value - p) for p in possible) < 1e-9 for value in got)
    assert len({round(value, 9) for value in got}) > 1


# dextr


def test_dextr_by_loops() -> None:
    """Derivatives along the circle class by class; the directions from the definition, by Gram-Schmidt."""
    net, x = small()
    stream = torch.Generator().manual_seed(0)
    g = torch.randn(2, 126, generator=stream, dtype=torch.float32).double()
    u = g[0] / g[0].norm()
    w = g[1] - (g[1] @ u) * u
    u, w = u.reshape(1, 3, 7, 6), (w / w.norm()).reshape(1, 3, 7, 6)
    t = torch.zeros((), dtype=torch.float64, requires_grad=True)
    v, a = [], []
    for z in net.train()(u * t.cos() + w * t.sin())[0]:
        (first,) = torch.autograd.grad(z, t, create_graph=True)
        (second,) = torch.autograd.grad(first, t, retain_graph=True)
        v.append(first.item())
        a.append(second.item())
    v, a = np.array(v), np.array(a)
    bend = log(1 + sqrt((v @ v) * (a @ a) - (v @ a) ** 2) / (v @ v) ** 1.5)
    maps = inside(net, x[:1])
    norms = [net.parts[k].norm(maps[f"conv{k}"]) for k in range(2)]
    names = ("stem", "x0", "act0", "conv0", "act1", "conv1")  # GELU is a function here, and no module
    total = 1.0  # the head's one position
    for f in [*(maps[name] for name in names), *norms]:
        s = np.linalg.svd(f[0].detach().reshape(4, -1).numpy(), compute_uv=False)
        total += s[-1] / s[0]
    a_part = log(1 + total)
    assert METRICS["dextr"](Probe(net, x)) == pytest.approx(a_part * bend / (a_part + bend), rel=1e-8)


# epsinas


def test_epsinas_by_hand() -> None:
    """relu(w x) - 1 is not to be had without biases: two layers and ReLUs give w^2 relu(x), scaled to 0, 1/3, 1.

    With a normalisation in between they differ: LayerNorm of one feature makes 0 of everything.
    """
    net = nn.Sequential(nn.Linear(1, 1), nn.ReLU(), nn.Linear(1, 1)).double()
    x = torch.tensor([[-1.0], [1.0], [3.0]], dtype=torch.float64)
    assert METRICS["epsinas"].with_options(low=0.5, high=2)(Probe(net, x)) == pytest.approx(0, abs=1e-12)
    with pytest.raises(ValueError, match="all outputs are the same"):
        METRICS["epsinas"](Probe(nn.Sequential(net, nn.LayerNorm(1).double()), x))


def test_epsinas_by_loops() -> None:
    net, x = small()
    scaled = []
    for weight in (0.01, 1.0):
        for name, p in net.named_parameters():
            nn.init.constant_(p, weight if "weight" in name else 0.0)
        y = inside(net, x)["head"].detach().numpy().ravel()
        y = (y - y.min()) / (y.max() - y.min())
        scaled.append(np.where(y == 0, np.nan, y))
    expected = np.nanmean(np.abs(scaled[0] - scaled[1])) / np.nanmean(scaled)
    net, x = small()
    metric = METRICS["epsinas"].with_options(low=0.01)
    assert metric(Probe(net, x)) == pytest.approx(expected, rel=1e-9)
    single = metric(Probe(net.float(), x.float()))  # is computed in double precision
    assert single == pytest.approx(expected, rel=1e-5)


# zen


@pytest.mark.parametrize("reading", ["paper", "code"])
def test_zen_over_repeats(reading: str) -> None:
    """The mean over draws from one stream; in the code's reading running variances go on."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1)).double()
    x = torch.randn(4, 3, 7, 6, dtype=torch.float64)
    stream, running, scores = torch.Generator().manual_seed(2), np.ones(4), []

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=stream, dtype=torch.float32).double()

    for _ in range(3):
        first, e = draw(*x.shape), draw(*x.shape)
        weight = draw(4, 3, 3, 3)
        conv: list[np.ndarray] = [F.conv2d(each, weight).numpy() for each in (first, first + 0.01 * e)]
        maps = []
        for z in conv:
            running = 0.9 * running + 0.1 * z.var((0, 2, 3), ddof=1)
            maps.append((z - z.mean((0, 2, 3), keepdims=True)) / np.sqrt(z.var((0, 2, 3), keepdims=True) + 1e-5))
        difference = (maps[0] - maps[1]).reshape(4, -1)
        if reading == "paper":
            scores.append(log(np.linalg.norm(difference, axis=1).mean()) + 0.5 * log(conv[0].var((0, 2, 3)).mean()))
        else:
            scores.append(log(np.abs(difference).sum(1).mean()) + 0.5 * log(running.mean()))
    metric = METRICS["zen"].with_options(reading=reading, repeats=3)
    assert metric(Probe(net, x, seed=2)) == pytest.approx(np.mean(scores), rel=1e-9)


# Refusals


@pytest.mark.parametrize(
    ("name", "options", "reason"),
    [
        ("near", {"reading": "word"}, "paper"),
        ("intrain", {"size": 0}, "size 0"),
        ("rbflex", {"samples": 9}, "9 samples of 4"),
        ("rbflex", {"gamma_k": -1.0}, "above 0"),
        ("l_swag", {"start": 60, "stop": 50}, "start"),
        ("meco_opt", {"channels": 0}, "channels 0"),
        ("epsinas", {"low": 1.0}, "two weights"),
        ("zen", {"repeats": 0}, "repeats 0"),
        ("zen", {"repeats": 2, "drawn": False}, "own weights"),
    ],
)
def test_bad_options_are_refused(name: str, options: dict[str, float], reason: str) -> None:
    net, x = small()
    with pytest.raises(ValueError, match=reason):
        METRICS[name].with_options(**options)(Probe(net, x, LABELS, second=(x, LABELS)))


@pytest.mark.parametrize(
    ("name", "net", "reason"),
    [
        ("wrcor", lambda: nn.Linear(3, 3), "no activation"),
        ("rbflex", lambda: nn.Linear(3, 3), "no activation"),
        ("l_swag", lambda: nn.Linear(3, 3), "no activation"),
        ("near", nn.ReLU, "no layer"),
        ("intrain", nn.ReLU, "no layer"),
    ],
)
def test_networks_without_what_a_metric_looks_at(name: str, net: Callable[[], nn.Module], reason: str) -> None:
    torch.manual_seed(1)
    x = torch.randn(4, 3).requires_grad_()
    with pytest.raises(ValueError, match=reason):
        METRICS[name](Probe(net(), x, LABELS, second=(x * 2, LABELS)))
