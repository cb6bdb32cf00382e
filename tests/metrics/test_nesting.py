"""The same layers, nested in many ways, are the same network: every metric gives the same value."""

import random
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from untrained.metrics import METRICS
from untrained.probe import Probe
from untrained.probe.blocks import blocks
from untrained.probe.feature_maps import feature_pass

LABELS = torch.arange(6) % 3


class Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.body(x))


class Inverted(nn.Module):
    """Without its shortcut it hands its input from one child to the next, and is a block all the same."""

    def __init__(self, width: int, shortcut: bool) -> None:
        super().__init__()
        self.expand, self.act = nn.Conv2d(width, 2 * width, 1), nn.ReLU6(inplace=True)
        self.depthwise = nn.Conv2d(2 * width, 2 * width, 3, padding=1, groups=2 * width)
        self.project, self.shortcut = nn.Conv2d(2 * width, width, 1), shortcut

    def forward(self, x: Tensor) -> Tensor:
        y = self.project(self.depthwise(self.act(self.expand(x))))
        return x + y if self.shortcut else y


class Mean(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mean(1)


def images() -> list[nn.Module]:
    """A stem, blocks, a plain run with an activation in place, a head. 7 maps: see `test_where_maps_are`."""
    return [
        *(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4)),
        *(Residual(4), Residual(4), Inverted(4, True), Inverted(4, False)),
        *(nn.Conv2d(4, 4, 3, padding=1, groups=4), nn.Conv2d(4, 6, 1), nn.BatchNorm2d(6), nn.ReLU(inplace=True)),
        *(nn.MaxPool2d(2), nn.Conv2d(6, 6, 1), nn.GELU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 3)),
    ]


def sequences() -> list[nn.Module]:
    return [
        nn.Linear(5, 8),
        *(nn.TransformerEncoderLayer(8, 2, 12, dropout=0.0, batch_first=True) for _ in range(2)),
        *(Mean(), nn.Linear(8, 3)),
    ]


class Chain(nn.Module):
    """Its children by name, called one after another."""

    def __init__(self, parts: Sequence[nn.Module]) -> None:
        super().__init__()
        for k, part in enumerate(parts):
            self.add_module(f"part{k}", part)

    def forward(self, x: Tensor) -> Tensor:
        for part in self.children():
            x = part(x)
        return x


class Listed(nn.Module):
    def __init__(self, parts: Sequence[nn.Module]) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)

    def forward(self, x: Tensor) -> Tensor:
        for part in self.parts:
            x = part(x)
        return x


class HalfListed(nn.Module):
    """The first in a dictionary, the others in a list within a list."""

    def __init__(self, parts: Sequence[nn.Module]) -> None:
        super().__init__()
        self.first = nn.ModuleDict({"stem": parts[0]})
        self.others = nn.ModuleList([nn.ModuleList(parts[1:])])

    def forward(self, x: Tensor) -> Tensor:
        x = self.first["stem"](x)
        for part in self.others[0].children():
            x = part(x)
        return x


GROUPS: tuple[Callable[[Sequence[nn.Module]], nn.Module], ...] = (
    lambda parts: nn.Sequential(*parts),
    lambda parts: nn.Sequential(nn.Sequential(*parts)),
    Chain,
    Listed,
    HalfListed,
)


def nested(layers: Sequence[nn.Module], draw: random.Random, depth: int = 3) -> nn.Module:
    """One network of all `layers`: neighbours are grouped, and neighbouring groups again."""
    parts = list(layers)
    for _ in range(depth):
        cuts = [0, *sorted(draw.sample(range(1, len(parts)), min(3, len(parts) - 1))), len(parts)]
        groups = [parts[a:b] for a, b in pairwise(cuts)]
        parts = [draw.choice(GROUPS)(group) if draw.random() < 0.7 else group for group in groups]
        parts = [part for group in parts for part in (group if isinstance(group, list) else [group])]
    return draw.choice(GROUPS)(parts)


KINDS = {"images": (images, (3, 8, 8)), "sequences": (sequences, (7, 5))}
OPTIONS = {
    "zen": [{}, {"drawn": False}],
    "meco": [{}, {"inputs": "batch"}],
    "swap": [{}, {"draws": 2}],
    "az_expressivity": [{}, {"redraw": True}],
    "ntk_condition_number": [{}, {"mode": "train"}],
}


def probe_of(kind: str, group: Callable[[Sequence[nn.Module]], nn.Module]) -> Probe:
    layers, shape = KINDS[kind]
    torch.manual_seed(4)
    net, inputs = group(layers()).double(), torch.randn(6, *shape, dtype=torch.float64)
    return Probe(net, inputs, LABELS, second=(inputs.flip(0) * 2, LABELS.flip(0)))


def outcomes(probe: Probe) -> Iterator[tuple[str, float | str]]:
    for name in (name for name in METRICS if name != "latency"):
        for options in OPTIONS.get(name, [{}]):
            metric = METRICS[name].with_options(**options)
            try:
                yield metric.name, metric(probe)
            except ValueError as error:
                yield metric.name, str(error)


@pytest.fixture(scope="module", params=KINDS)
def flat(request: pytest.FixtureRequest) -> tuple[str, dict[str, float | str]]:
    return request.param, dict(outcomes(probe_of(request.param, lambda parts: nn.Sequential(*parts))))


@pytest.mark.parametrize("seed", range(6))
def test_no_metric_depends_on_nesting(flat: tuple[str, dict[str, float | str]], seed: int) -> None:
    kind, expected = flat
    draw = random.Random(seed)
    assert dict(outcomes(probe_of(kind, lambda parts: nested(parts, draw)))) == expected


def test_metrics_have_values_on_these_networks(flat: tuple[str, dict[str, float | str]]) -> None:
    kind, values = flat
    without = {name for name, value in values.items() if isinstance(value, str)}
    # LayerNorm makes nothing of features that one weight has made alike.
    if kind == "images":
        assert {METRICS[name].function.__module__ for name in without} == {
            "untrained.metrics.transformer",
            "untrained.metrics.recurrent",
        }
    else:
        assert without == {"swap(draws=2)", "epsinas", "hidden_covariance"}


def test_where_maps_are() -> None:
    """After the stem, each block, and each run of layers that mix channels."""
    probe = probe_of("images", Chain)
    assert [type(block) for block in blocks(probe)[0]] == [Residual, Residual, Inverted, Inverted]
    net, x, maps = probe.net.train(), probe.inputs, list[Tensor]()
    for k, layer in enumerate(net.children()):
        x = layer(x)
        if k in (1, 2, 3, 4, 5, 9, 12):
            maps.append(x.detach().clone())
    found = feature_pass(probe).maps
    assert [tuple(f.output.shape) for f in found] == [tuple(f.shape) for f in maps]
    assert all(torch.allclose(f.output, expected, rtol=1e-9) for f, expected in zip(found, maps, strict=True))


class Backbone(nn.Module):
    """Each block sees the two before it: no chain, and yet no block itself."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.blocks = nn.Conv2d(3, 4, 3), nn.ModuleList(Residual(4) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        before, now = 0, self.stem(x)
        for block in self.blocks:
            before, now = now, block(now + before)
        return now


class Named(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 5, 3)

    def feature_modules(self) -> list[nn.Module]:
        return [self.a, self.b]

    def forward(self, x: Tensor) -> Tensor:
        return self.b(torch.relu(self.a(x)))


@pytest.mark.parametrize("body", [Backbone, Named])
def test_a_body_with_a_head_has_the_blocks_of_the_body(body: Callable[[], nn.Module]) -> None:
    inputs, found = torch.randn(4, 3, 8, 8), list[list[tuple[int, ...]]]()
    for wrap in (lambda net: net, lambda net: Chain([net, nn.AdaptiveAvgPool2d(1), nn.Flatten()])):
        maps = feature_pass(Probe(wrap(body()), inputs, LABELS[:4])).maps
        found.append([tuple(f.output.shape) for f in maps])
    assert found[0] == found[1]
    assert len(found[0]) == (4 if body is Backbone else 2)


class HandWritten(nn.Module):
    """An activation that uses its input twice."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gate(x)


def test_an_activation_written_by_hand_is_no_block() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), HandWritten(), nn.Conv2d(4, 4, 3), HandWritten())
    assert blocks(Probe(net, torch.randn(4, 3, 8, 8))) == ([], False)
