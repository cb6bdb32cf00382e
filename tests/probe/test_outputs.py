"""A network with several outputs scores as one does that returns the same numbers side by side."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from untrained.metrics import METRICS
from untrained.probe import Probe

LABELS = {"epe_nas"}
"""Metrics that need a label a sample."""
OF_TOKENS = {name for name, m in METRICS.items() if m.function.__module__.endswith(("transformer", "recurrent"))}
"""Of transformers and recurrent networks."""
NAMES = [name for name in METRICS if name not in {"latency", "vkdnw", "ntk_trace", *LABELS, *OF_TOKENS}]


class Trunk(nn.Module):
    """Three class scores and a 2 x 4 x 4 map of each sample."""

    def __init__(self, normalised: bool) -> None:
        super().__init__()
        torch.manual_seed(3)
        norm: tuple[type, int] = (nn.BatchNorm2d, 6) if normalised else (nn.Identity, 6)
        self.stem = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), norm[0](norm[1]), nn.ReLU())
        self.body = nn.Sequential(nn.Conv2d(6, 6, 3, padding=1), nn.ReLU())
        self.classes, self.map = nn.Linear(6, 3), nn.Conv2d(6, 2, 1, stride=2)

    def outputs(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.body(self.stem(x))
        return self.classes(x.mean((2, 3))), self.map(x)


class Tuple(Trunk):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.outputs(x)

    @staticmethod
    def loss(outputs: Any, targets: Any) -> Tensor:
        return F.cross_entropy(outputs[0], targets[0]) + 0.3 * F.mse_loss(outputs[1], targets[1])


class Dictionary(Trunk):
    def forward(self, x: Tensor) -> dict[str, Any]:
        classes, dense = self.outputs(x)
        return {"a": {"classes": classes}, "nothing": None, "dense": [dense]}

    @staticmethod
    def loss(outputs: Any, targets: Any) -> Tensor:
        assert outputs["nothing"] is None
        return Tuple.loss((outputs["a"]["classes"], outputs["dense"][0]), targets)


class SideBySide(Trunk):
    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([part.flatten(1) for part in self.outputs(x)], 1)

    @staticmethod
    def loss(outputs: Tensor, targets: Any) -> Tensor:
        return Tuple.loss((outputs[:, :3], outputs[:, 3:].reshape(-1, 2, 4, 4)), targets)


def probe(kind: type[Tuple | Dictionary | SideBySide], normalised: bool = True, **options: Any) -> Probe:
    torch.manual_seed(4)
    inputs, other = torch.randn(2, 6, 3, 8, 8, dtype=torch.float64)
    targets = (torch.tensor([0, 1, 2, 1, 0, 2]), torch.randn(6, 2, 4, 4, dtype=torch.float64))
    net = kind(normalised).double()
    return Probe(net, inputs, targets, loss=kind.loss, second=(other, targets), **options)


@pytest.mark.parametrize("kind", [Tuple, Dictionary])
@pytest.mark.parametrize("name", NAMES)
def test_as_one_output(kind: type[Tuple | Dictionary], name: str) -> None:
    assert METRICS[name](probe(kind)) == pytest.approx(METRICS[name](probe(SideBySide)), rel=1e-9)


def test_a_kernel_of_summed_outputs() -> None:
    metric = METRICS["ntk_trace"].with_options(output="sum")
    assert metric(probe(Tuple)) == pytest.approx(metric(probe(SideBySide)), rel=1e-9)


@pytest.mark.parametrize("name", ["grad_norm", "snip", "grasp", "fisher", "plain", "jacob_cov", "naswot", "zico"])
def test_in_chunks(name: str) -> None:
    """The whole batch's score, as this loss is a mean over samples."""
    whole, parts = probe(Tuple, normalised=False), probe(Tuple, normalised=False, chunk=4)
    assert METRICS[name](parts) == pytest.approx(METRICS[name](whole), rel=1e-9)


@pytest.mark.parametrize("name", ["vkdnw", "epe_nas", "ntk_trace"])
def test_what_needs_classes_says_so(name: str) -> None:
    with pytest.raises(ValueError, match=r"class|labels"):
        METRICS[name](probe(Tuple))


class Returns(nn.Module):
    def __init__(self, outputs: Any) -> None:
        super().__init__()
        self.layer, self.returned = nn.Linear(4, 4), outputs

    def forward(self, x: Tensor) -> Any:
        return self.returned(self.layer(x))


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (lambda x: "text", "returns a str: give a tensor"),
        (lambda x: (x.argmax(1), None), "returns a tuple: give a tensor"),
        (lambda x: (x, x[:2]), r"shapes \(5, 4\), \(2, 4\)"),
        (lambda x: (x, x.sum()), r"shapes \(5, 4\), \(\)"),
    ],
)
def test_other_outputs_are_refused(returned: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        METRICS["jacob_cov"](Probe(Returns(returned), torch.randn(5, 4)))


def test_labels_beside_the_outputs_are_handed_to_the_loss() -> None:
    def loss(outputs: Any, targets: Tensor) -> Tensor:
        assert torch.equal(outputs[1], outputs[0].argmax(1))
        return F.cross_entropy(outputs[0], targets)

    torch.manual_seed(0)
    inputs, targets = torch.randn(5, 4), torch.tensor([0, 1, 2, 3, 0])
    net = Returns(lambda x: (x, x.argmax(1)))
    whole = METRICS["snip"](Probe(net, inputs, targets, loss=loss))
    plain = Returns(lambda x: x)
    plain.load_state_dict(net.state_dict())
    assert whole == pytest.approx(METRICS["snip"](Probe(plain, inputs, targets)), rel=1e-6)
    with pytest.raises(ValueError, match="cannot go in chunks"):
        METRICS["snip"](Probe(net, inputs, targets, loss=loss, chunk=2))
