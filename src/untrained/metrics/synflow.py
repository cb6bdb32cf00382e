"""Metrics that need no data at all.

Every parameter and buffer is replaced by its absolute value, the input by one sample of ones; R is the sum of the
outputs. In double precision.
"""

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from untrained.metrics.base.metric import metric
from untrained.probe import Probe, shared
from untrained.probe.functions import NORMS, bound
from untrained.probe.outputs import join

TANAKA = "Tanaka, Kunin, Yamins & Ganguli, Pruning neural networks without any data, NeurIPS 2020"


@metric(
    "synflow",
    paper=TANAKA,
    needs=("data-free pass",),
    formula=r"\sum_w \left\lvert w \frac{\partial R}{\partial w} \right\rvert",
)
def synflow(probe: Probe, log: bool = False) -> float:
    """How strongly the layers are connected, without data or normalisations: sum |w dR/dw|.

    R is the sum of the outputs for one sample of ones, in a network of absolute weights in which every normalisation
    (Batch-, Layer-, Group-, Instance-, RMSNorm) is the identity. zero-cost-nas's own NAS-Bench-201 network keeps
    BatchNorm on inside its two reduction blocks; NASLib keeps it nowhere, and nor does this metric.

    The value spans dozens of orders of magnitude over a space, so compare it by rank or by logarithm.

    Args:
        probe: A network on floating-point inputs; of its batch only the shape of a sample enters.
        log: Return the natural logarithm of the value, as the published tables have it.

    Returns:
        The sum over all weights, 0 or more.

    Raises:
        ValueError: If the inputs are whole numbers, the network has no layer with a weight, the value exceeds double
            precision or, with `log`, is 0.

    Example:
        Two paths of weight 2 and 3 = |-3| to one output: 2 * 1 + 3 * 1.

        >>> net = nn.Linear(2, 1, bias=False)
        >>> net.weight.data = torch.tensor([[2.0, -3.0]])
        >>> synflow(Probe(net, torch.zeros(4, 2)))
        5.0
    """
    return _total(data_free_gradients(probe), log)


@metric(
    "synflow_bn",
    paper=TANAKA + "; BatchNorm left on as in zero-cost-nas",
    needs=("data-free pass",),
    formula=r"\sum_w \left\lvert w \frac{\partial R}{\partial w} \right\rvert",
)
def synflow_bn(probe: Probe, log: bool = False) -> float:
    """`synflow` with normalisations active: BatchNorm takes its statistics from the one sample of ones.

    Args:
        probe: A network on floating-point inputs; of its batch only the shape of a sample enters.
        log: Return the natural logarithm of the value.

    Returns:
        The sum over all weights, 0 or more.

    Raises:
        ValueError: As for `synflow`.

    Example:
        Without a normalisation it is `synflow`:

        >>> probe = Probe(nn.Linear(2, 1), torch.zeros(4, 2))
        >>> synflow_bn(probe) == synflow(probe)
        True
    """
    return _total(absolute_gradients(probe), log)


@shared
def data_free_gradients(probe: Probe) -> list[tuple[Tensor, Tensor]]:
    """Returns (|W_l|, dR/d|W_l|) in float64 for each of the probe's layers, every normalisation being the identity.

    Args:
        probe: A network on floating-point inputs.

    Example:
        >>> net = nn.Linear(2, 1, bias=False)
        >>> ((w, g),) = data_free_gradients(Probe(net, torch.zeros(1, 2)))
        >>> g.tolist()
        [[1.0, 1.0]]
    """
    return _gradients(probe, _WithoutNorms())


@shared
def absolute_gradients(probe: Probe) -> list[tuple[Tensor, Tensor]]:
    """As `data_free_gradients`, with normalisations active."""
    return _gradients(probe, nullcontext())


def _gradients(probe: Probe, mode: AbstractContextManager[Any]) -> list[tuple[Tensor, Tensor]]:
    """Returns (|W_l|, dR/d|W_l|) for each of the probe's layers, in a pass under `mode`."""
    if not probe.inputs.is_floating_point():
        raise ValueError(f"the inputs are {probe.inputs.dtype}: an all-ones sample needs floating-point inputs")
    state = probe.state(_positive)
    ones = torch.ones_like(probe.inputs[:1], dtype=torch.float64)
    with probe.untouched(), torch.enable_grad(), mode:
        outputs, _ = join(probe.call(state, ones, dtype=torch.float64))
    weights = [state[layer.weight] for layer in probe.layers]
    gradients = torch.autograd.grad(outputs.sum(), weights, materialize_grads=True)
    return [(w.detach(), g) for w, g in zip(weights, gradients, strict=True)]


def _positive(t: Tensor) -> Tensor:
    """Returns |t| in double precision; what is infinite, as in a mask, stays as it is."""
    return torch.where(t.isinf(), t, t.abs()).double() if t.is_floating_point() else t.clone()


class _WithoutNorms(TorchFunctionMode):
    """Every normalisation hands its input on."""

    def __torch_function__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in NORMS:
            return bound(func, args, kwargs)["input"]
        return func(*args, **kwargs)


def _total(pairs: list[tuple[Tensor, Tensor]], log: bool) -> float:
    value = sum((w * g).abs().sum().item() for w, g in pairs)
    if not math.isfinite(value):
        raise ValueError("the value exceeds double precision")
    if log and value == 0:
        raise ValueError("the value is 0: it has no logarithm")
    return math.log(value) if log else value
