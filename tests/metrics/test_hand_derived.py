"""Scores of networks small enough to be worked out by hand.

No expected number here comes from the package. It is either written out in the docstring of its test, or computed by a
second derivation that is spelled out in plain numpy or torch operations on explicit weights, without modules.
All networks are in double precision, so that only the formula can make a difference.
"""

from collections.abc import Callable, Sequence
from itertools import product
from math import log, sqrt

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.functional import hessian

from untrained.metrics import METRICS
from untrained.probe import Probe

K = 1e-5  # the constant of jacob_cov

Loss = Callable[[Tensor, Tensor], Tensor]


def mean_squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean over the samples of (o - y)^2 for one output per sample: dL/do = 2 (o - y) / n."""
    return ((outputs - targets) ** 2).mean()


def half_squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """Half the squared error, summed within a sample, averaged over samples: dL/do = (o - y) / n."""
    return ((outputs - targets) ** 2).sum() / (2 * len(outputs))


def tensor(values: Sequence) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def fill(net: nn.Module, *values: Sequence) -> nn.Module:
    """`net` in double precision with `values` as its parameters, in order."""
    net = net.double()
    with torch.no_grad():
        for parameter, value in zip(net.parameters(), values, strict=True):
            parameter.copy_(tensor(value))
    return net


def score(name: str, net: nn.Module, inputs: Tensor, targets: Tensor | None = None, loss: Loss | None = None) -> float:
    return METRICS[name](Probe(net, inputs, targets) if loss is None else Probe(net, inputs, targets, loss=loss))


def perceptron() -> tuple[nn.Module, Tensor, Tensor]:
    """Two inputs, two hidden ReLUs, one output; two samples with targets for `mean_squared_error`.

    W1 = [1 -1; 2 1], b1 = (0, 1), W2 = [3 -1], b2 = 2, x1 = (1, 2), x2 = (2, 1), y = (-4, 1).

    hidden before the ReLU:  z1 = (1-2+0, 2+2+1) = (-1, 5),  z2 = (2-1+0, 4+1+1) = (1, 6)
    hidden after it:         h1 = (0, 5),                    h2 = (1, 6)
    outputs:                 o1 = 0-5+2 = -3,                o2 = 3-6+2 = -1
    dL/do = 2 (o - y) / 2:   1,                              -2
    dL/dz = dL/do W2 [z>0]:  (0, -1),                        (-6, 2)
    dL/dW2 = 1 (0, 5) - 2 (1, 6) = (-2, -7)
    dL/dW1 = rows 0 (1, 2) - 6 (2, 1) = (-12, -6)  and  -1 (1, 2) + 2 (2, 1) = (3, 0)
    """
    net = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1))
    return fill(net, [[1, -1], [2, 1]], [0, 1], [[3, -1]], [2]), tensor([[1, 2], [2, 1]]), tensor([[-4], [1]])


PERCEPTRON = {
    # Layer norms are added: sqrt(144 + 36 + 9 + 0) and sqrt(4 + 49).
    "grad_norm": sqrt(189) + sqrt(53),
    # |1 * -12| + |-1 * -6| + |2 * 3| + |1 * 0| = 24 in the first layer, |3 * -2| + |-1 * -7| = 13 in the second.
    "snip": 24 + 13,
    # The same with sign: -12 + 6 + 6 + 0 = 0 and -6 + 7 = 1.
    "plain": 0 + 1,
    # s = output times its gradient. Layer 1: (-1 * 0, 5 * -1) = (0, -5) and (1 * -6, 6 * 2) = (-6, 12), so
    # f = ((0 + 36) / 4, (25 + 144) / 4) = (9, 42.25); two weights feed each unit. Layer 2: s = -3 and 2,
    # f = 13 / 4, two weights. Together 2 * 51.25 + 2 * 3.25.
    "fisher": 109,
    # Absolute values and ones: z = (1 + 1 + 0, 2 + 1 + 1) = (2, 4), R = 3 * 2 + 1 * 4 + 2.
    # Layer 2: 3 * 2 + 1 * 4 = 10. Layer 1: 3 * (1 + 1) + 1 * (2 + 1) = 9.
    "synflow": 19,
    # Active units: (0, 1) and (1, 1). Agreement of a sample with itself 2, of the two 1: det [2 1; 1 2] = 3.
    "naswot": log(3),
    # sqrt(1 + 1 + 4 + 1) and sqrt(9 + 1).
    "l2_norm": sqrt(7) + sqrt(10),
    # 4 + 2 + 2 + 1 numbers, in millions.
    "params": 9e-6,
    # 2 * 2 products, 2 ReLUs, 2 products, in millions; the bias of a linear layer is free.
    "flops": 8e-6,
}


@pytest.mark.parametrize("name", PERCEPTRON)
def test_perceptron(name: str) -> None:
    net, inputs, targets = perceptron()
    assert score(name, net, inputs, targets, mean_squared_error) == pytest.approx(PERCEPTRON[name], rel=1e-12)


def test_perceptron_needs_only_what_the_metric_uses() -> None:
    """Metrics that never look at a loss take a probe without targets."""
    net, inputs, _ = perceptron()
    for name in ("synflow", "naswot", "l2_norm", "params", "flops"):
        assert score(name, net, inputs) == pytest.approx(PERCEPTRON[name], rel=1e-12)


@pytest.mark.parametrize(("name", "expected"), [("grad_norm", 0.5), ("snip", 1.5), ("plain", 0.0), ("fisher", 2.8125)])
def test_cross_entropy(name: str, expected: float) -> None:
    """One linear layer W = [2 1; 3 0] whose two logits are equal, so that every softmax is (1/2, 1/2).

    x1 = (1, 1), label 0: logits (3, 3), dL/do = (-1/2, 1/2) / 2 = (-1/4, 1/4).
    x2 = (2, 2), label 1: logits (6, 6), dL/do = (1/4, -1/4).
    dL/dW: row 0 = -1/4 (1, 1) + 1/4 (2, 2) = (1/4, 1/4), row 1 = (-1/4, -1/4).
    grad_norm = sqrt(4 / 16) = 1/2; snip = (2 + 1 + 3 + 0) / 4 = 3/2; plain = (2 + 1 - 3 - 0) / 4 = 0.
    fisher: s1 = (-3/4, 3/4), s2 = (3/2, -3/2); f = (9/16 + 36/16) / 4 = 45/64 for both; 2 weights each: 4 * 45/64.
    """
    net = fill(nn.Linear(2, 2, bias=False), [[2, 1], [3, 0]])
    got = score(name, net, tensor([[1, 1], [2, 2]]), torch.tensor([0, 1]))
    assert got == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_cross_entropy_with_unequal_logits() -> None:
    """Logits (ln 3, 0) for x = 1: softmax (3/4, 1/4). Label 1 for the first sample, 0 for the other two.

    dL/dW_0 = (3/4 - 1/4 - 1/4) / 3 = 1/12 and dL/dW_1 = -1/12 for W = (ln 3, 0).
    plain = ln 3 / 12, snip the same, grad_norm = sqrt(2) / 12.
    """
    net = fill(nn.Linear(1, 2, bias=False), [[log(3)], [0]])
    inputs, targets = tensor([[1], [1], [1]]), torch.tensor([1, 0, 0])
    assert score("plain", net, inputs, targets) == pytest.approx(log(3) / 12, rel=1e-12)
    assert score("snip", net, inputs, targets) == pytest.approx(log(3) / 12, rel=1e-12)
    assert score("grad_norm", net, inputs, targets) == pytest.approx(sqrt(2) / 12, rel=1e-12)


# grasp


@pytest.mark.parametrize("bias", [False, True])
def test_grasp_quadratic(bias: bool) -> None:
    """L = mean (w.x + b - y)^2 has the constant Hessian H = 2/n sum x x^T in w, whatever b.

    w = (1, -1), x1 = (1, 2), x2 = (3, 1): w.x = -1, 2.
    Residuals e = (-2, 1) either way: y = (1, 1), or b = 1 and y = (2, 2).
    g = 2/2 (-2 (1, 2) + 1 (3, 1)) = (1, -3).
    H = [1 2; 2 4] + [9 3; 3 1] = [10 5; 5 5].  H g = (10 - 15, 5 - 15) = (-5, -10).
    -w.H g = -(-5 + 10) = -5.
    With the bias in g, whose gradient is -1, it would be -(w.((-5, -10) - (4, 3))) = -4: only weights enter.
    """
    inputs = tensor([[1, 2], [3, 1]])
    if bias:
        net, targets = fill(nn.Linear(2, 1), [[1, -1]], [1]), tensor([[2], [2]])
    else:
        net, targets = fill(nn.Linear(2, 1, bias=False), [[1, -1]]), tensor([[1], [1]])
    assert score("grasp", net, inputs, targets, mean_squared_error) == pytest.approx(-5, rel=1e-12)


def test_grasp_couples_layers() -> None:
    """o = v w x with w = 2, v = 3, x = (1, 2), y = (5, 14), L = sum e^2 / 2: the Hessian has a term between the layers.

    o = (6, 12), e = (1, -2), sum e x = 1 - 4 = -3, S = sum x^2 = 5.
    g_w = v sum e x = -9, g_v = w sum e x = -6.
    H_ww = v^2 S = 45, H_vv = w^2 S = 20, H_wv = sum e x + v w S = -3 + 30 = 27.
    H g = (-405 - 162, -243 - 120) = (-567, -363).  -(2 * -567 + 3 * -363) = 1134 + 1089.
    """
    net = fill(nn.Sequential(nn.Linear(1, 1, bias=False), nn.ReLU(), nn.Linear(1, 1, bias=False)), [[2]], [[3]])
    got = score("grasp", net, tensor([[1], [2]]), tensor([[5], [14]]), mean_squared_error)
    assert got == pytest.approx(1134 + 1089, rel=1e-12)


def test_grasp_does_not_depend_on_the_graph_the_probe_keeps() -> None:
    """`second_order` is a matter of cost: the quadratic above scores -5 with it as well."""
    net, inputs = fill(nn.Linear(2, 1, bias=False), [[1, -1]]), tensor([[1, 2], [3, 1]])
    for second_order in (False, True):
        probe = Probe(net, inputs, tensor([[1], [1]]), loss=mean_squared_error, second_order=second_order)
        # Something may have asked for the plain gradient first: (1, -3).
        assert METRICS["grad_norm"](probe) == pytest.approx(sqrt(10), rel=1e-12)
        assert METRICS["grasp"](probe) == pytest.approx(-5, rel=1e-12)


# Convolutions


def test_fisher_convolution() -> None:
    """A 1x1 convolution with bias, two channels, two positions, L = sum (a - t)^2 / 4.

    Weights (2, -1), biases (0, 1).
    x1 = (1, 2): a = (2, 4 | 0, -1), t = (1, 2 | 1, -3), a - t = (1, 2 | -1, 2).
    x2 = (0, 3): a = (0, 6 | 1, -2), t = (4, 7 | 0, 0), a - t = (-4, -1 | 1, -2).
    s = sum over positions of a (a - t) / 2.
    x1: (2 + 8) / 2 = 5 | (0 - 2) / 2 = -1.  x2: (0 - 6) / 2 = -3 | (1 + 4) / 2 = 5/2.
    f = (25 + 9) / 4 = 8.5 | (1 + 6.25) / 4 = 1.8125; one weight feeds a channel.
    """
    net = fill(nn.Conv2d(1, 2, 1), [[[[2]]], [[[-1]]]], [0, 1])
    inputs = tensor([[[[1, 2]]], [[[0, 3]]]])
    targets = tensor([[[[1, 2]], [[1, -3]]], [[[4, 7]], [[0, 0]]]])
    assert score("fisher", net, inputs, targets, half_squared_error) == pytest.approx(8.5 + 1.8125, rel=1e-12)


def test_fisher_depthwise_convolution() -> None:
    """A 2x2 depthwise convolution: 4 weights feed each channel (not 8), L = sum (a - t)^2 / 4.

    Kernels [1 0; 0 -1] and [2 1; 0 0].
    x1 = [3 1; 0 1], [1 1; 2 0]: a = (3 - 1, 2 + 1) = (2, 3), t = (1, 1), s = (2 * 1 / 2, 3 * 2 / 2) = (1, 3).
    x2 = [1 0; 0 2], [0 2; 1 1]: a = (1 - 2, 0 + 2) = (-1, 2), t = (1, 0), s = (-1 * -2 / 2, 2 * 2 / 2) = (1, 2).
    f = (1 + 1) / 4 + (9 + 4) / 4 = 15 / 4, times 4.
    """
    net = fill(nn.Conv2d(2, 2, 2, groups=2, bias=False), [[[[1, 0], [0, -1]]], [[[2, 1], [0, 0]]]])
    inputs = tensor([[[[3, 1], [0, 1]], [[1, 1], [2, 0]]], [[[1, 0], [0, 2]], [[0, 2], [1, 1]]]])
    targets = tensor([[[[1]], [[1]]], [[[1]], [[0]]]])
    assert score("fisher", net, inputs, targets, half_squared_error) == pytest.approx(15, rel=1e-12)
    # The same kernels, in millions: 2 * 2 * 2 * 2 / 2 products for the one position.
    assert score("flops", net, inputs) == pytest.approx(8e-6, rel=1e-12)
    assert score("params", net, inputs) == pytest.approx(8e-6, rel=1e-12)


@pytest.mark.parametrize("inplace", [False, True])
def test_fisher_reads_the_output_of_the_convolution(inplace: bool) -> None:
    """A ReLU that overwrites the output of the convolution does not change what the output was.

    Weight -1, bias 3, x = (1, 5) and (2, 4): a = (2, -2) and (1, -1); h = (2, 0) and (1, 0); t = (0, 5) and (4, 1).
    dL/dh = (h - t) / 2 = (1, -5/2) and (-3/2, -1/2); dL/da = (1, 0) and (-3/2, 0).
    s = 2 and -3/2; f = (4 + 9/4) / 4 = 25/16.
    """
    net = fill(nn.Sequential(nn.Conv2d(1, 1, 1), nn.ReLU(inplace=inplace)), [[[[-1]]]], [3])
    inputs, targets = tensor([[[[1, 5]]], [[[2, 4]]]]), tensor([[[[0, 5]]], [[[4, 1]]]])
    assert score("fisher", net, inputs, targets, half_squared_error) == pytest.approx(25 / 16, rel=1e-12)


def test_fisher_sees_an_output_that_is_doubled_in_place() -> None:
    """An in-place change that shows: after a ReLU, output times gradient is the same before and after it.

    Weight 2, x = 1 and 3: a = 2 and 6, o = 2 a = 4 and 12, t = 2 and 16.
    dL/do = (o - t) / 2 = 1 and -2, dL/da = 2 and -4.
    s = 4 and -24; f = (16 + 576) / 4.
    """

    class Doubled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(1, 1, bias=False)

        def forward(self, x: Tensor) -> Tensor:
            return self.layer(x).mul_(2)

    got = score("fisher", fill(Doubled(), [[2]]), tensor([[1], [3]]), tensor([[2], [16]]), half_squared_error)
    assert got == pytest.approx(148, rel=1e-12)


def small_convolutional() -> nn.Module:
    """conv 2x2 -> BatchNorm -> ReLU -> linear, on 1x2x3 images: two positions."""
    net = nn.Sequential(nn.Conv2d(1, 1, 2), nn.BatchNorm2d(1), nn.ReLU(), nn.Flatten(), nn.Linear(2, 1))
    fill(net, [[[[1, -2], [0, 3]]]], [-1], [-5], [2], [[-2, 4]], [-3])
    bn = net[1]
    assert isinstance(bn, nn.BatchNorm2d)
    assert bn.running_mean is not None
    bn.running_mean.fill_(7)
    return net


def test_synflow_convolution() -> None:
    """BatchNorm is the identity, whatever its parameters; every weight and bias is replaced by its absolute value.

    Ones through |kernel| and |bias|: 1 + 2 + 0 + 3 + 1 = 7 at both positions; R = 2 * 7 + 4 * 7 + 3.
    Linear: 2 * 7 + 4 * 7 = 42. Convolution: (1 + 2 + 0 + 3) * (2 + 4) = 36.
    """
    inputs = torch.zeros(2, 1, 2, 3, dtype=torch.float64)  # the data do not enter
    assert score("synflow", small_convolutional(), inputs) == pytest.approx(42 + 36, rel=1e-12)


def test_synflow_in_double_precision() -> None:
    """R = 1e15^3 overflows single precision; each of the three layers contributes R."""
    net = nn.Sequential(*(nn.Linear(1, 1, bias=False) for _ in range(3)))
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.fill_(-1e15)
    assert score("synflow", net, torch.zeros(2, 1)) == pytest.approx(3e45, rel=1e-6)


def test_sizes_of_convolutional() -> None:
    """Weights, biases and the affine part of BatchNorm: 4 + 1, 1 + 1, 2 + 1.

    Operations on one 1x2x3 sample: 2 positions * (4 products + 1 bias) = 10, BatchNorm 2 * 2, ReLU 2,
    flatten 0, linear 2.
    l2_norm leaves biases and BatchNorm out: sqrt(1 + 4 + 0 + 9) + sqrt(4 + 16).
    """
    net, inputs = small_convolutional(), torch.zeros(2, 1, 2, 3, dtype=torch.float64)
    assert score("params", net, inputs) == pytest.approx(10e-6, rel=1e-12)
    assert score("flops", net, inputs) == pytest.approx(18e-6, rel=1e-12)
    assert score("l2_norm", net, inputs) == pytest.approx(sqrt(14) + sqrt(20), rel=1e-12)


def test_flops_of_pools() -> None:
    """Operations on one 1x3x3 sample.

    conv 2x2 to 2 channels, no bias, 2x2 positions: 4 * 1 * 2 * 4 = 32.
    average pool 3x3, stride 1, padding 1: 2x2x2 outputs, full windows of 9: 72.
    max pool 2x2: 2 outputs, windows of 4: 8.
    linear 2 -> 3: 6.
    """
    net = nn.Sequential(
        nn.Conv2d(1, 2, 2, bias=False),
        nn.AvgPool2d(3, stride=1, padding=1),
        nn.Identity(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(2, 3),
    )
    assert score("flops", net, torch.zeros(5, 1, 3, 3)) == pytest.approx((32 + 72 + 8 + 6) * 1e-6, rel=1e-12)


def test_flops_of_the_global_pool() -> None:
    """Global pooling of 2 channels of 2x4: (2 + 1) * (4 + 1) per channel. Convolution 1x1 without bias: 2 * 8."""
    net = nn.Sequential(nn.Conv2d(1, 2, 1, bias=False), nn.AdaptiveAvgPool2d(1))
    assert score("flops", net, torch.zeros(3, 1, 2, 4)) == pytest.approx((16 + 2 * 15) * 1e-6, rel=1e-12)


# jacob_cov


@pytest.mark.parametrize("name", ["jacob_cov", "jacov"])
def test_jacob_cov(name: str) -> None:
    """Two samples whose input gradients correlate by one half.

    W1 = [1 -1 0; 0 1 -1], W2 = [1 1], logit = sum of the active hidden units.
    x1 = (2, 1, 3): z = (1, -2), gradient (1, -1, 0).  x2 = (3, 2, 1): z = (1, 1), gradient (1, 0, -1).
    Both have mean 0 and sum of squares 2, their product is 1: correlation 1/2, eigenvalues 3/2 and 1/2.
    """
    net = nn.Sequential(nn.Linear(3, 2, bias=False), nn.ReLU(), nn.Linear(2, 1, bias=False))
    fill(net, [[1, -1, 0], [0, 1, -1]], [[1, 1]])
    expected = -(log(1.5 + K) + 1 / (1.5 + K) + log(0.5 + K) + 1 / (0.5 + K))
    assert score(name, net, tensor([[2, 1, 3], [3, 2, 1]])) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", ["jacob_cov", "jacov"])
def test_jacob_cov_of_a_linear_net(name: str) -> None:
    """All rows are the same, so the correlation is 1 throughout and the eigenvalues are 0, 0 and 3."""
    net = fill(nn.Linear(2, 2), [[1, 2], [3, -1]], [1, 1])
    expected = -(2 * (log(K) + 1 / K) + log(3 + K) + 1 / (3 + K))
    assert score(name, net, tensor([[1, 2], [3, 4], [5, 7]])) == pytest.approx(expected, rel=1e-9)


def test_jacob_cov_of_a_constant_row() -> None:
    """A sample that activates nothing has the gradient 0, which correlates with nothing: there is no score."""
    net = fill(nn.Sequential(nn.Linear(2, 1, bias=False), nn.ReLU()), [[1, 2]])
    with pytest.raises(ValueError, match="constant"):
        score("jacob_cov", net, tensor([[1, 2], [-3, -4], [1, 0]]))


def naive_jacob_cov(rows: np.ndarray) -> float:
    """From the definition, with the correlations written out."""
    n = len(rows)
    correlation = np.empty((n, n))
    for i in range(n):
        for j in range(n):
            a, b = rows[i] - rows[i].mean(), rows[j] - rows[j].mean()
            correlation[i, j] = (a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum())
    return -sum(np.log(v + K) + 1 / (v + K) for v in np.linalg.eigvalsh(correlation))


def test_jacob_cov_nonlinear() -> None:
    """tanh network: the gradient of the sum of the logits is W1^T ((1 - tanh^2 z) * sum over the logits of W2)."""
    rng = np.random.default_rng(0)
    w1, b1, w2, x = rng.normal(size=(5, 6)), rng.normal(size=5), rng.normal(size=(3, 5)), rng.normal(size=(4, 6))
    net = fill(
        nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3, bias=False)), w1.tolist(), b1.tolist(), w2.tolist()
    )
    rows = np.stack([w1.T @ ((1 - np.tanh(w1 @ sample + b1) ** 2) * w2.sum(axis=0)) for sample in x])
    assert score("jacob_cov", net, torch.from_numpy(x)) == pytest.approx(naive_jacob_cov(rows), rel=1e-9)


# naswot


def naive_naswot(codes: Sequence[Sequence[Sequence[bool]]]) -> float:
    """ln |det K|, K counting by two loops the units on which two samples agree; `codes` holds a list per ReLU call."""
    n = len(codes[0])
    kernel = np.zeros((n, n))
    for code in codes:
        for i in range(n):
            for j in range(n):
                kernel[i, j] += sum(a == b for a, b in zip(code[i], code[j], strict=True))
    return log(abs(np.linalg.det(kernel)))


class TwoReLU(nn.Module):
    """Two rectified layers, with the ReLU written in one of several ways."""

    def __init__(self, relu: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.first, self.second, self.relu = nn.Linear(4, 6), nn.Linear(6, 5), relu

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.second(self.relu(self.first(x))))


@pytest.mark.parametrize(
    "relu",
    [nn.ReLU(), nn.ReLU(inplace=True), F.relu, lambda x: F.relu(x, inplace=True), torch.relu, Tensor.relu],
    ids=["module", "in-place module", "functional", "in-place functional", "torch.relu", "Tensor.relu"],
)
def test_naswot_of_several_relus(relu: Callable[[Tensor], Tensor]) -> None:
    """Every call of a ReLU counts once, as a module used twice or as a function."""
    rng = np.random.default_rng(1)
    w1, b1, w2, b2 = rng.normal(size=(6, 4)), rng.normal(size=6), rng.normal(size=(5, 6)), rng.normal(size=5)
    x = rng.normal(size=(4, 4))
    z1 = x @ w1.T + b1
    z2 = np.maximum(z1, 0) @ w2.T + b2
    net = fill(TwoReLU(relu), w1.tolist(), b1.tolist(), w2.tolist(), b2.tolist())
    expected = naive_naswot([(z1 > 0).tolist(), (z2 > 0).tolist()])
    assert score("naswot", net, torch.from_numpy(x)) == pytest.approx(expected, rel=1e-9)


def test_naswot_convolution_units() -> None:
    """Every position of every channel is a unit, and a unit at exactly 0 is off.

    1x1 convolution with weight 1: inputs (1, 0, -1, 2), (1, 1, -1, -2), (-1, 1, 1, -2).
    Codes 1001, 1100, 0110. Agreement 4 with itself, 2 of the first two, 0 of the first and third, 2 of the last two.
    det [4 2 0; 2 4 2; 0 2 4] = 4 (16 - 4) - 2 (8 - 0) = 32.
    """
    net = fill(nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.ReLU()), [[[[1]]]])
    inputs = tensor([[[[1, 0], [-1, 2]]], [[[1, 1], [-1, -2]]], [[[-1, 1], [1, -2]]]])
    assert score("naswot", net, inputs) == pytest.approx(log(32), rel=1e-12)


def test_naswot_of_equal_samples() -> None:
    """Two samples with one code make K singular: ln 0 is no score."""
    net = fill(nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU()), [[1, 0], [0, 1]])
    with pytest.raises(ValueError, match="singular"):
        score("naswot", net, tensor([[1, -1], [2, -3]]))


@pytest.mark.parametrize("units", [1, 2, 3, 4, 5])
def test_naswot_of_more_samples_than_the_units_can_tell_apart(units: int) -> None:
    """K = (d 1 1^T + S S^T) / 2 for the n x d signs S has rank d + 1 at most: singular for all 2^d codes of d > 1 units

    though no two samples are alike; what elimination leaves of the determinant is rounding, and no score.
    For d = 2: K = [2 1 1 0; 1 2 0 1; 1 0 2 1; 0 1 1 2] maps (1, -1, -1, 1) to 0.
    With one unit, codes 1 and 0: K is the identity, ln 1.
    """
    net = nn.Sequential(nn.Linear(units, units, bias=False), nn.ReLU())
    fill(net, np.eye(units).tolist())
    inputs = tensor(list(product([1, -1], repeat=units)))
    if units == 1:
        assert score("naswot", net, inputs) == pytest.approx(0, abs=1e-12)
    else:
        with pytest.raises(ValueError, match="singular"):
            score("naswot", net, inputs)


# BatchNorm: explicit weights, batch statistics by hand


class Normalised(nn.Module):
    """conv -> BatchNorm -> ReLU or tanh -> linear."""

    def __init__(self, activation: nn.Module) -> None:
        super().__init__()
        self.conv, self.bn, self.linear = nn.Conv2d(2, 3, 2), nn.BatchNorm2d(3), nn.Linear(12, 4)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.activation(self.bn(self.conv(x))).flatten(1))


def explicit_normalise(a: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    """BatchNorm with the mean and the biased variance of this batch."""
    mean = a.sum(dim=(0, 2, 3)) / (a.numel() // a.shape[1])
    centred = a - mean[:, None, None]
    variance = (centred**2).sum(dim=(0, 2, 3)) / (a.numel() // a.shape[1])
    return centred / torch.sqrt(variance + 1e-5)[:, None, None] * gamma[:, None, None] + beta[:, None, None]


def explicit_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean of ln sum exp o - o[label]."""
    return torch.stack([torch.log(torch.exp(o).sum()) - o[t] for o, t in zip(logits, targets, strict=True)]).mean()


def normalised(activation: nn.Module) -> tuple[Normalised, Tensor, Tensor]:
    """A network in eval mode with statistics that are nothing like those of the batch."""
    torch.manual_seed(3)
    net = Normalised(activation).double()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(torch.randn_like(parameter))
        assert net.bn.running_mean is not None
        assert net.bn.running_var is not None
        # Every channel switches on for some positions and off for others.
        net.bn.weight.copy_(tensor([1.5, -2, 0.7]))
        net.bn.bias.copy_(tensor([0.3, 0.1, -0.2]))
        net.bn.running_mean.fill_(4)
        net.bn.running_var.fill_(9)
    return net.eval(), torch.randn(5, 2, 3, 3, dtype=torch.float64), torch.tensor([0, 3, 1, 1, 2])


def rest_of(net: Normalised, targets: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
    """Loss as a function of the output of the convolution and the weight of the linear layer."""
    gamma, beta, bias = net.bn.weight.detach(), net.bn.bias.detach(), net.linear.bias.detach()
    act = torch.tanh if isinstance(net.activation, nn.Tanh) else lambda z: z * (z > 0)

    def loss(a: Tensor, weight: Tensor) -> Tensor:
        h = act(explicit_normalise(a, gamma, beta)).reshape(len(a), -1)
        return explicit_cross_entropy(h @ weight.T + bias, targets)

    return loss


def explicit_convolve(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """The 2x2 convolution as a sum over its four taps."""
    out = bias[:, None, None].expand(len(x), -1, 2, 2)
    for r in range(2):
        for c in range(2):
            out = out + torch.einsum("nihw,oi->nohw", x[:, :, r : r + 2, c : c + 2], weight[:, :, r, c])
    return out


def flat_loss(net: Normalised, inputs: Tensor, targets: Tensor) -> tuple[Callable[[Tensor], Tensor], Tensor, int]:
    """Loss as a function of both weights in one vector, that vector, and where the second layer begins in it."""
    rest, bias, size = rest_of(net, targets), net.conv.bias, net.conv.weight.numel()
    assert bias is not None

    def loss(flat: Tensor) -> Tensor:
        a = explicit_convolve(inputs, flat[:size].reshape(net.conv.weight.shape), bias.detach())
        return rest(a, flat[size:].reshape(net.linear.weight.shape))

    return loss, torch.cat([net.conv.weight.detach().flatten(), net.linear.weight.detach().flatten()]), size


@pytest.mark.parametrize("activation", [nn.ReLU(), nn.ReLU(inplace=True), nn.Tanh()], ids=["relu", "in-place", "tanh"])
def test_loss_gradient_through_batch_norm(activation: nn.Module) -> None:
    net, inputs, targets = normalised(activation)
    loss, flat, size = flat_loss(net, inputs, targets)
    (gradient,) = torch.autograd.grad(loss(flat.requires_grad_()), flat)
    weights, gradients = flat.detach().numpy(), gradient.numpy()
    norms = sqrt((gradients[:size] ** 2).sum()) + sqrt((gradients[size:] ** 2).sum())
    assert score("grad_norm", net, inputs, targets) == pytest.approx(norms, rel=1e-10)
    assert score("snip", net, inputs, targets) == pytest.approx(np.abs(weights * gradients).sum(), rel=1e-10)
    assert score("plain", net, inputs, targets) == pytest.approx((weights * gradients).sum(), rel=1e-8)


@pytest.mark.parametrize("activation", [nn.ReLU(), nn.ReLU(inplace=True), nn.Tanh()], ids=["relu", "in-place", "tanh"])
def test_grasp_through_batch_norm(activation: nn.Module) -> None:
    """-w.H g with the whole Hessian over the weights of both layers."""
    net, inputs, targets = normalised(activation)
    loss, flat, _ = flat_loss(net, inputs, targets)
    full = hessian(loss, flat)
    assert isinstance(full, Tensor)
    (gradient,) = torch.autograd.grad(loss(flat.requires_grad_()), flat)
    expected = -(flat.detach() @ full @ gradient).item()
    assert score("grasp", net, inputs, targets) == pytest.approx(expected, rel=1e-8)


def test_grasp_nonlinear() -> None:
    """Two layers and softplus, biases held fixed: against the Hessian over the flattened weights."""
    torch.manual_seed(5)
    net = nn.Sequential(nn.Linear(3, 4), nn.Softplus(), nn.Linear(4, 3)).double()
    inputs, targets = torch.randn(6, 3, dtype=torch.float64), torch.tensor([0, 1, 2, 2, 1, 1])
    w1, b1, w2, b2 = (parameter.detach().clone() for parameter in net.parameters())

    def loss(flat: Tensor) -> Tensor:
        hidden = torch.log(1 + torch.exp(inputs @ flat[:12].reshape(4, 3).T + b1))
        return explicit_cross_entropy(hidden @ flat[12:].reshape(3, 4).T + b2, targets)

    flat = torch.cat([w1.flatten(), w2.flatten()])
    full = hessian(loss, flat)
    assert isinstance(full, Tensor)
    (gradient,) = torch.autograd.grad(loss(flat.requires_grad_()), flat)
    expected = -(flat.detach() @ full @ gradient).item()
    assert score("grasp", net, inputs, targets) == pytest.approx(expected, rel=1e-9)


def explicit_fisher(outputs: Tensor, gradients: Tensor, weights_per_channel: int) -> float:
    """Loops over samples and channels; outputs and gradients are n x channels x positions."""
    total = 0.0
    for channel in range(outputs.shape[1]):
        squares = [(outputs[i, channel] * gradients[i, channel]).sum().item() ** 2 for i in range(len(outputs))]
        total += 0.5 * sum(squares) / len(squares) * weights_per_channel
    return total


def central_differences(function: Callable[[Tensor], Tensor], at: Tensor, step: float = 1e-5) -> Tensor:
    gradient = torch.zeros_like(at)
    for index in np.ndindex(*at.shape):
        shift = torch.zeros_like(at)
        shift[index] = step
        gradient[index] = (function(at + shift) - function(at - shift)) / (2 * step)
    return gradient


@pytest.mark.parametrize("activation", [nn.ReLU(), nn.ReLU(inplace=True), nn.Tanh()], ids=["relu", "in-place", "tanh"])
def test_fisher_through_batch_norm(activation: nn.Module) -> None:
    """The gradient with respect to each layer's output by central differences."""
    net, inputs, targets = normalised(activation)
    rest, bias = rest_of(net, targets), net.conv.bias
    assert bias is not None
    weight = net.linear.weight.detach()
    a = explicit_convolve(inputs, net.conv.weight.detach(), bias.detach())
    normal = explicit_normalise(a, net.bn.weight.detach(), net.bn.bias.detach())
    hidden = torch.tanh(normal) if isinstance(activation, nn.Tanh) else normal.clamp(min=0)
    logits = hidden.reshape(5, -1) @ weight.T + net.linear.bias.detach()

    da = central_differences(lambda values: rest(values, weight), a)
    dlogits = central_differences(lambda values: explicit_cross_entropy(values, targets), logits)
    expected = explicit_fisher(a.flatten(2), da.flatten(2), 2 * 2 * 2)
    expected += explicit_fisher(logits[..., None], dlogits[..., None], 12)
    assert score("fisher", net, inputs, targets) == pytest.approx(expected, rel=1e-7)


def test_fisher_against_hooks() -> None:
    """The same from copies that forward hooks take of the outputs, on a net without anything in place."""
    torch.manual_seed(7)
    net = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1, groups=2), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(36, 3)
    ).double()
    inputs, targets = torch.randn(4, 2, 3, 3, dtype=torch.float64), torch.tensor([0, 2, 1, 1])
    outputs: list[Tensor] = []

    def keep(_module: nn.Module, _arguments: tuple, output: Tensor) -> None:
        outputs.append(output)

    handles = [net[0].register_forward_hook(keep), net[4].register_forward_hook(keep)]
    gradients = torch.autograd.grad(F.cross_entropy(net(inputs), targets), outputs)
    for handle in handles:
        handle.remove()
    conv, linear = (output.detach() for output in outputs)
    expected = explicit_fisher(conv.flatten(2), gradients[0].flatten(2), 9)
    expected += explicit_fisher(linear[..., None], gradients[1][..., None], 36)
    assert score("fisher", net, inputs, targets) == pytest.approx(expected, rel=1e-10)


def test_jacob_cov_through_batch_norm() -> None:
    """Rows of the gradient of the sum of all logits, the coupling of the samples by the batch statistics included."""
    net, inputs, _ = normalised(nn.Tanh())
    assert net.conv.bias is not None
    conv, bias = net.conv.weight.detach(), net.conv.bias.detach()
    gamma, beta, weight = net.bn.weight.detach(), net.bn.bias.detach(), net.linear.weight.detach()

    def total(x: Tensor) -> Tensor:
        hidden = torch.tanh(explicit_normalise(explicit_convolve(x, conv, bias), gamma, beta)).reshape(len(x), -1)
        return (hidden @ weight.T).sum()

    rows = central_differences(total, inputs).reshape(5, -1).numpy()
    assert score("jacob_cov", net, inputs) == pytest.approx(naive_jacob_cov(rows), rel=1e-7)


def test_naswot_through_batch_norm() -> None:
    net, inputs, _ = normalised(nn.ReLU())
    assert net.conv.bias is not None
    a = explicit_convolve(inputs, net.conv.weight.detach(), net.conv.bias.detach())
    code = explicit_normalise(a, net.bn.weight.detach(), net.bn.bias.detach()) > 0
    expected = naive_naswot([code.flatten(1).tolist()])
    assert score("naswot", net, inputs) == pytest.approx(expected, rel=1e-9)


def test_softmax_is_stable_for_large_logits() -> None:
    """Logits 1000 and 1000 - ln 3: softmax (3/4, 1/4), with label 0 dL/do = (-1/4, 1/4), though exp(1000) overflows."""
    net = fill(nn.Linear(1, 2, bias=False), [[1000], [1000 - log(3)]])
    got = score("grad_norm", net, tensor([[1], [1]]), torch.tensor([0, 0]))
    assert got == pytest.approx(sqrt(2) / 4, rel=1e-9)


class Recurrent(nn.Module):
    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.layer = nn.LSTM(3, 4, num_layers=2, bidirectional=True, batch_first=True)
        self.cell, self.factor = nn.GRUCell(3, 4), nn.Parameter(torch.randn(5, 3, 6))

    def forward(self, x: Tensor) -> Tensor:
        if self.kind == "layer":
            return self.layer(x)[0]
        if self.kind == "packed":
            lengths = torch.full((len(x),), x.shape[1])
            packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True)
            return self.layer(packed)[0].data
        if self.kind == "cell":
            return self.cell(x[:, 0])
        return torch.einsum("bti,tio->bto", x, self.factor)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        # 5 steps; two directions with 16 x (3 + 4), then 16 x (8 + 4) weights each
        ("layer", 5 * 2 * (16 * 7 + 16 * 12)),
        ("packed", 5 * 2 * (16 * 7 + 16 * 12)),
        ("cell", 12 * 7),
    ],
)
def test_flops_of_recurrent_layers(kind: str, expected: int) -> None:
    assert score("flops", Recurrent(kind).double(), torch.zeros(7, 5, 3, dtype=torch.float64)) == pytest.approx(
        expected * 1e-6, rel=1e-12
    )


def test_flops_of_products_that_are_not_counted_are_refused() -> None:
    with pytest.raises(ValueError, match="einsum"):
        score("flops", Recurrent("einsum").double(), torch.zeros(7, 5, 3, dtype=torch.float64))
