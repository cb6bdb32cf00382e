"""Hooks last as long as the block; copies of a probe keep its settings."""

from contextlib import suppress
from typing import Any

import torch
from torch import Tensor, nn

from untrained.probe import Probe
from untrained.probe.hooks import hooked


def registered(net: nn.Module) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in net.modules())


def test_hooks_are_gone_after_an_error() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    seen = list[Any]()
    with suppress(KeyError), hooked((m, lambda m, x: seen.append(m), None) for m in net):
        assert registered(net) == 2
        net(torch.zeros(1, 2))
        raise KeyError
    assert registered(net) == 0
    assert seen == list(net)


def test_hooks_may_change_what_goes_through_and_get_keywords() -> None:
    class Scaled(nn.Module):
        def forward(self, x: Tensor, factor: float) -> Tensor:
            return x * factor

    net, given = Scaled(), list[Any]()

    def before(_module: nn.Module, _args: Any, kwargs: Any) -> None:
        given.append(kwargs)

    with hooked([(net, before, lambda m, x, y: y + 1)], with_kwargs=True):
        assert net(torch.ones(2), factor=3.0).tolist() == [4, 4]
    assert given == [{"factor": 3.0}]


def test_a_replaced_probe_keeps_the_other_settings() -> None:
    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        return (outputs - targets).square().mean()

    probe = Probe(
        nn.Linear(3, 2),
        torch.randn(6, 3),
        torch.zeros(6, 2),
        loss=loss,
        seed=4,
        strict=True,
        second_order=True,
        dtype=torch.float64,
        second=(torch.randn(6, 3), None),
        chunk=2,
    )
    half = probe.replace(inputs=probe.inputs[:3], targets=probe.targets[:3])
    assert (half.net, half.loss_function, half.seed, half.strict, half.dtype, half.chunk) == (
        *(probe.net, loss, 4, True, torch.float64, 2),
    )
    assert torch.equal(half.inputs, probe.inputs[:3])
    assert half.second is None
    assert not half.second_order
    assert probe.replace(chunk=None).chunk is None
    assert torch.equal(probe.replace(chunk=None).outputs[:3], half.replace(chunk=None).outputs)
