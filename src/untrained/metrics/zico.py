"""ZiCo: gradients that are large and vary little from batch to batch. L-SWAG: little variation, and many patterns."""

import math

import torch
from torch import Tensor

from untrained.metrics.activation import distinct_units
from untrained.metrics.base.metric import metric
from untrained.probe import Probe, shared
from untrained.probe.evaluation import detached_state, rows
from untrained.probe.functions import ACTIVATIONS
from untrained.probe.responses import Response, listen


@metric(
    "zico",
    paper="Li, Yang, Bhardwaj & Marculescu, ZiCo: Zero-shot NAS via Inverse Coefficient of Variation on Gradients, "
    "ICLR 2023",
    needs=("labels", "loss gradient", "second batch"),
    cost="several passes",
    formula=r"\sum_l \ln \sum_{w \in l} \frac{\operatorname{mean} \lvert g_w \rvert}{\operatorname{std} g_w}",
)
def zico(probe: Probe, halves: bool = False, accumulate: bool = False) -> float:
    """How large gradients are beside their spread over two batches: sum_l ln sum (mean |g| / std g).

    The inner sum runs over the weights of layer l. With two batches the mean is (|g_1| + |g_2|) / 2 and the deviation
    |g_1 - g_2| / 2. Weights whose deviation is 0 are left out, and so are layers of which nothing is left; the value is
    0 if no layer is left. The quotient's tails are heavy: in single precision, two or three digits are good.

    Args:
        probe: A network with two batches and their targets, `Probe(..., second=(inputs, targets))`.
        halves: Take the two halves of the first batch instead.
        accumulate: Let the second gradient be the sum of both, as if the code did not clear gradients (MeCo's
            repository, with `halves`).

    Returns:
        The sum over layers, in nats.

    Raises:
        ValueError: If there is neither a second batch nor `halves`, or the network has no layer with a weight.

    Example:
        The gradients of w are 1 and 3, so the quotient is 2 / 1:

        >>> net = nn.Linear(1, 1, bias=False)
        >>> first, second = (torch.ones(1, 1), torch.zeros(1)), (torch.full((1, 1), 3.0), torch.zeros(1))
        >>> round(zico(Probe(net, *first, second=second, loss=lambda z, _: z.mean())), 4)  # ln 2
        0.6931
    """
    first, second = _gradients(probe, halves)
    value = 0.0
    for g1, g2 in zip(first, second, strict=True):
        g1, g2 = g1.double(), g2.double()
        if accumulate:
            g2 = g1 + g2
        deviation = (g1 - g2).abs()
        varies = deviation > 0
        q = ((g1.abs() + g2.abs())[varies] / deviation[varies]).sum()
        if q > 0:
            value += q.log().item()
    return value


def _gradients(probe: Probe, halves: bool) -> tuple[list[Tensor], list[Tensor]]:
    if halves:
        half, targets = len(probe.inputs) // 2, probe.targets
        if half < 1 or targets is None:
            raise ValueError("halves need a batch of two samples or more, with targets")
        first, second = (
            probe.replace(inputs=probe.inputs[part], targets=rows(targets, part))
            for part in (slice(half), slice(half, None))
        )
        return first.weight_gradients, second.weight_gradients
    if probe.second is None:
        raise ValueError("no second batch: give the probe one, or use halves=True")
    return probe.weight_gradients, _second_gradients(probe)


@shared
def _second_gradients(probe: Probe) -> list[Tensor]:
    if probe.second is None:
        raise ValueError("no second batch: give the probe one")
    inputs, targets = probe.second
    return probe.replace(inputs=inputs, targets=targets).weight_gradients


@metric(
    "l_swag",
    paper="Casarin, Escalera & Lanz, L-SWAG: Layer-Sample Wise Activation with Gradients Information for Zero-Shot NAS "
    "on Vision Transformers, CVPR 2025",
    needs=("labels", "loss gradient", "activations", "second batch"),
    cost="several passes",
    formula=r"P \sum_l \ln \sum_{w \in l} \frac{1}{\operatorname{std} \lvert g_w \rvert}",
)
def l_swag(probe: Probe, start: float = 0.0, stop: float = 100.0) -> float:
    """How little gradients vary times how many units differ: P sum_l ln sum 1 / std |g|, P the distinct patterns.

    The deviation is that of |g| over two batches, as of ||g_1| - |g_2|| / 2; a weight that has none is left out. P
    counts the distinct columns of the n x units code, as `swap`, of activations of any kind: a unit is on if what the
    activation makes is above 0.

    The paper leaves out layers that add little, by a look at the gradients of 1000 networks of a space: of D layers, in
    the order in which the network holds them, layer l = 1 .. D counts if `start` <= 100 l / D <= `stop`; and so do
    activations, in the order of their calls, up to `stop`.

    Args:
        probe: A network with two batches and their targets, `Probe(..., second=(inputs, targets))`.
        start: Where the layers that count begin, in per cent of the depth.
        stop: Where the layers and the activations that count end.

    Returns:
        The product.

    Raises:
        ValueError: If there is no second batch, no layer that counts has gradients that vary, or the network calls no
            activation.

    Example:
        The gradients 1 and 3 deviate by 1, and 1 and 2 by 1/2. One unit has one pattern:

        >>> net = nn.Sequential(nn.Linear(2, 1, bias=False), nn.ReLU())
        >>> _ = nn.init.ones_(net[0].weight)
        >>> first, second = (torch.ones(1, 2), torch.zeros(1)), (torch.tensor([[3.0, 2.0]]), torch.zeros(1))
        >>> round(l_swag(Probe(net, *first, second=second, loss=lambda z, _: z.mean())), 4)  # 1 * ln(1 + 2)
        1.0986
    """
    if not 0 <= start < stop <= 100:
        raise ValueError(f"start {start}, stop {stop}: give 0 <= start < stop <= 100 per cent")
    if probe.second is None:
        raise ValueError("no second batch: give the probe one")
    pairs = list(zip(probe.weight_gradients, _second_gradients(probe), strict=True))
    steadiness, counted = 0.0, 0
    for number, (g1, g2) in enumerate(pairs, start=1):
        deviation = (g1.double().abs() - g2.double().abs()).abs() / 2
        inverse = (1 / deviation[deviation > 0]).sum().item()
        if inverse > 0 and start <= 100 * number / len(pairs) <= stop:
            steadiness, counted = steadiness + math.log(inverse), counted + 1
    if not counted:
        raise ValueError("no layer that counts has gradients that vary from batch to batch")
    codes = _active_outputs(probe)
    return steadiness * distinct_units([c for k, c in enumerate(codes, start=1) if 100 * k / len(codes) <= stop])


@shared
def _active_outputs(probe: Probe) -> list[Tensor]:
    """Returns n x units booleans for each call of an activation: is what it makes above 0?"""
    n, codes = len(probe.inputs), list[Tensor]()

    def hear(response: Response) -> None:
        if len(response.output) != n:
            raise ValueError(f"an activation makes {tuple(response.output.shape)}: samples must come first")
        codes.append((response.output > 0).flatten(1))

    with torch.no_grad():
        listen(probe, detached_state(probe), probe.inputs.detach(), hear, ACTIVATIONS)
    if not codes:
        raise ValueError("the network calls no activation")
    return codes
