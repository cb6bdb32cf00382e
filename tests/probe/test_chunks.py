"""A batch in chunks has the scores of the whole batch, or none."""

import math
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from untrained.errors import InputError
from untrained.metrics import METRICS
from untrained.probe import Probe

ACCUMULATED = ("grad_norm", "snip", "grasp", "fisher", "plain", "jacob_cov", "naswot", "synflow", "l2_norm", "vkdnw")


def convolutional() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1),
        nn.GroupNorm(2, 6),
        nn.ReLU(),
        nn.Conv2d(6, 6, 3, stride=2, groups=3),
        nn.InstanceNorm2d(6, affine=True),
        nn.ReLU(inplace=True),
        nn.Flatten(),
        nn.Linear(54, 3),
    )


def general() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(192, 9), nn.LayerNorm(9), nn.GELU(), nn.ReLU(), nn.Linear(9, 3))


class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, *grad_outputs: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return 2 * x * grad_outputs[0]


class Squares(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return Square.apply(x)


def unseen() -> nn.Module:
    """The curvature comes from double backward."""
    return nn.Sequential(nn.Flatten(), nn.Linear(192, 9), Squares(), nn.Linear(9, 20), nn.ReLU(), nn.Linear(20, 3))


def batch(net: Callable[[], nn.Module]) -> tuple[nn.Module, Tensor, Tensor]:
    torch.manual_seed(3)
    return net().double(), torch.randn(7, 3, 8, 8, dtype=torch.float64), torch.tensor([0, 1, 2, 1, 0, 2, 2])


def normalised() -> nn.Module:
    """BatchNorm sees one sample at a time in GradSign, and none in evaluation mode."""
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 3, bias=False), nn.Flatten(), nn.Linear(64, 3)
    )


class Reused(nn.Module):
    """A weight that is used where no gradient a sample is known: the samples go one by one."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.head = nn.Linear(192, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer(x.flatten(1))
        return self.head(torch.tanh(x @ (self.layer.weight @ self.layer.weight.T)))


@pytest.mark.parametrize("name", ["gradsign", "vkdnw"])
@pytest.mark.parametrize("net", [normalised, Reused])
@pytest.mark.parametrize("chunk", [1, 3, 6])
def test_samples_that_are_batches_of_their_own(chunk: int, net: Callable[[], nn.Module], name: str) -> None:
    network, inputs, targets = batch(net)
    whole, chunked = Probe(network, inputs, targets), Probe(network, inputs, targets, chunk=chunk)
    assert METRICS[name](chunked) == pytest.approx(METRICS[name](whole), rel=1e-9)


def contrast(outputs: Tensor, targets: Tensor) -> Tensor:
    """No mean over the samples: each is compared with all others."""
    return F.cross_entropy(outputs @ outputs.T, targets) * outputs.std()


@pytest.mark.parametrize("loss", [F.cross_entropy, contrast])
@pytest.mark.parametrize("net", [convolutional, general, unseen])
@pytest.mark.parametrize("chunk", [1, 3, 6, 7, 100])
def test_chunks_change_nothing(chunk: int, net: Callable[[], nn.Module], loss: Callable) -> None:
    """Seven samples: chunks that leave a shorter last one, and chunks that hold the whole batch."""
    network, inputs, targets = batch(net)
    whole, chunked = Probe(network, inputs, targets, loss=loss), Probe(network, inputs, targets, loss=loss, chunk=chunk)
    for name in (*ACCUMULATED, *(["gradsign"] if loss is F.cross_entropy else [])):  # which takes samples one by one
        expected = METRICS[name](whole)
        assert math.isfinite(expected)
        assert METRICS[name](chunked) == pytest.approx(expected, rel=1e-9), name


def test_gradients_of_chunks_are_those_of_the_batch() -> None:
    network, inputs, targets = batch(convolutional)
    whole, chunked = Probe(network, inputs, targets), Probe(network, inputs, targets, chunk=2)
    for expected, got in zip(whole.weight_gradients, chunked.weight_gradients, strict=True):
        assert torch.allclose(got, expected, rtol=1e-12, atol=1e-15)
    assert torch.allclose(chunked.input_jacobian, whole.input_jacobian, rtol=1e-12, atol=1e-15)
    assert all(torch.equal(*pair) for pair in zip(chunked.active_units, whole.active_units, strict=True))


class Centred(nn.Module):
    """Mixes the samples of a batch without any normalisation layer."""

    def forward(self, x: Tensor) -> Tensor:
        return x - x.mean(0)


@pytest.mark.parametrize(
    ("name", "middle", "reason"),
    [
        ("gradsign", nn.Dropout(0.5), "draws random numbers"),
        ("gradsign", Centred(), "depend on the other samples"),
        ("vkdnw", Centred(), "depend on the other samples"),
    ],
    ids=["gradsign-dropout", "gradsign-centred", "vkdnw-centred"],
)
def test_samples_that_are_not(name: str, middle: nn.Module, reason: str) -> None:
    network, inputs, targets = batch(
        lambda: nn.Sequential(nn.Conv2d(3, 4, 3), middle, nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))
    )
    METRICS[name](Probe(network, inputs, targets))
    with pytest.raises(ValueError, match=reason):
        METRICS[name](Probe(network, inputs, targets, chunk=3))


@pytest.mark.parametrize(
    ("middle", "reason"),
    [
        (nn.BatchNorm2d(4), "BatchNorm takes its statistics from the whole batch"),
        (nn.Dropout(0.5), "draws random numbers"),
        (Centred(), "depend on the other samples"),
    ],
    ids=["BatchNorm", "dropout", "centred"],
)
@pytest.mark.parametrize("name", ["grad_norm", "grasp", "fisher", "jacob_cov", "naswot"])
def test_what_cannot_be_chunked_is_refused(name: str, middle: nn.Module, reason: str) -> None:
    network, inputs, targets = batch(
        lambda: nn.Sequential(nn.Conv2d(3, 4, 3), middle, nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))
    )
    METRICS[name](Probe(network, inputs, targets))
    with pytest.raises(ValueError, match=reason):
        METRICS[name](Probe(network, inputs, targets, chunk=3))


def test_a_pass_over_the_whole_batch_is_refused() -> None:
    network, inputs, targets = batch(convolutional)
    with pytest.raises(ValueError, match="cannot be had in chunks"):
        _ = Probe(network, inputs, targets, chunk=3).forward


def test_an_empty_chunk_is_refused() -> None:
    with pytest.raises(InputError, match="a chunk of 0 samples"):
        Probe(*batch(convolutional), chunk=0)
