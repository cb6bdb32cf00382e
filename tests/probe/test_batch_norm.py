"""BatchNorm in the channels-last format against PyTorch's own in double precision."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from untrained.metrics import METRICS
from untrained.probe import Probe
from untrained.probe.substitutes.batch_norm import batch_norm, channel_dot, jacobian_product, normalise

EPS = 0.01


def case() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """x, far from centred, a gradient, gain and bias; in double precision, in the default format."""
    torch.manual_seed(0)
    x = torch.randn(8, 5, 6, 7, dtype=torch.float64) * 2 + 9
    return x, torch.randn_like(x), torch.randn(5, dtype=torch.float64), torch.randn(5, dtype=torch.float64)


def single(x: Tensor) -> Tensor:
    x = x.float()
    return x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x


def close(got: Tensor, exact: Tensor) -> bool:
    return torch.allclose(got.double(), exact, rtol=1e-5, atol=1e-5 * float(exact.abs().max()))


@pytest.mark.parametrize("affine", [True, False])
def test_values_gradients_and_gradients_of_gradients(affine: bool) -> None:
    found = []
    for convert, function in ((Tensor.double, F.batch_norm), (single, batch_norm)):
        x, g, gain, bias = (convert(value) for value in case())
        x.requires_grad_()
        gain, bias = (gain.requires_grad_(), bias.requires_grad_()) if affine else (None, None)
        running = torch.zeros(5, dtype=x.dtype), torch.ones(5, dtype=x.dtype)
        y = function(x, *running, gain, bias, True, 0.3, EPS)
        inputs = [value for value in (x, gain, bias) if value is not None]
        first = torch.autograd.grad(y, inputs, g, retain_graph=True)
        (graphed,) = torch.autograd.grad(y, x, g, create_graph=True)
        second = torch.autograd.grad((graphed * g.roll(1, 0)).sum(), x)
        found.append([y.detach(), *running, *first, graphed.detach(), *second])
    for exact, got in zip(*found, strict=True):
        assert close(got, exact)


def test_the_formulas_are_those_of_the_default_format() -> None:
    x, t, gain, bias = case()
    y, mean, s = normalise(x, gain, bias, None, None, 0.1, EPS)
    product, sums, total = jacobian_product(t, x, gain, mean, s, EPS)
    y_, mean_, s_ = normalise(single(x), single(gain), single(bias), None, None, 0.1, EPS)
    product_, sums_, total_ = jacobian_product(single(t), single(x), single(gain), mean_, s_, EPS)
    for got, exact in ((y_, y), (mean_, mean), (s_, s), (product_, product), (sums_, sums), (total_, total)):
        assert close(got, exact)
    assert close(channel_dot(single(x), single(t)), (x * t).sum((0, 2, 3)))


def test_sums_of_many_numbers_lose_nothing() -> None:
    """32,768 numbers a channel: added up one after the other they are off by 1e-5."""
    torch.manual_seed(0)
    x = torch.randn(32, 4, 32, 32) * 2 + 0.5
    exact = F.batch_norm(x.double(), None, None, training=True)
    assert torch.allclose(batch_norm(single(x), None, None, training=True).double(), exact, atol=1e-6)


def test_a_single_number_for_each_channel_is_refused_as_pytorch_does() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 8), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 3))
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        METRICS["snip"](Probe(net, torch.randn(1, 3, 8, 8), torch.tensor([1])))


def test_running_statistics_do_not_matter() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))
    inputs, targets = torch.randn(6, 3, 8, 8), torch.tensor([0, 1, 2, 0, 1, 2])
    first = {name: METRICS[name](Probe(net, inputs, targets)) for name in ("snip", "grasp", "fisher", "jacob_cov")}
    bn = net[1]
    assert isinstance(bn, nn.BatchNorm2d)
    assert bn.running_var is not None
    bn.running_var.fill_(7)
    assert {name: METRICS[name](Probe(net, inputs, targets)) for name in first} == first


@pytest.mark.parametrize("name", ["grad_norm", "snip", "grasp", "fisher", "jacob_cov", "naswot", "synflow"])
def test_autocast_stays_near(name: str) -> None:
    """bfloat16 has 8 bits; the tangents go through under autocast too."""
    torch.manual_seed(0)
    net = nn.Sequential(
        *(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.GELU()),
        *(nn.AvgPool2d(2), nn.Flatten(), nn.Linear(32, 3)),
    )
    inputs, targets = torch.randn(6, 3, 8, 8), torch.tensor([0, 1, 2, 0, 1, 2])
    probe = Probe(net, inputs, targets, autocast=torch.bfloat16)
    assert probe.outputs.dtype == torch.bfloat16
    assert probe.forward.tape.gap is None
    exact = METRICS[name](Probe(net, inputs, targets, dtype=torch.float64))
    assert METRICS[name](probe) == pytest.approx(exact, rel=0.1)
