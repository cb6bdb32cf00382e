"""Metrics on the spectrum of what layers and activations make: how many directions do they use?"""

import math
from collections.abc import Iterator
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from untrained.metrics.base.metric import metric
from untrained.probe import Probe, shared
from untrained.probe.evaluation import detached_state
from untrained.probe.functions import ACTIVATIONS, NORMS
from untrained.probe.outputs import join
from untrained.probe.redrawn import generator, normal
from untrained.probe.responses import Response, listen

EPS = 1e-10


@metric(
    "near",
    paper="Husistein, Reiher & Eckhoff, NEAR: A Training-Free Pre-Estimator of Machine Learning Model Performance, "
    "ICLR 2025",
    needs=("activations", "random draws"),
    cost="forward",
    formula=r"\sum_l \exp \left( -\sum_k p_{lk} \ln p_{lk} \right), \quad p_{lk} = s_{lk} / \sum_j s_{lj}",
)
def near(probe: Probe, reading: Literal["paper", "code"] = "paper") -> float:
    """How many directions layers and activations use: the sum of effective ranks exp(-sum p ln p), p = s / sum s.

    s are the singular values of a square part of what a layer or an activation makes, positions of all samples by
    channels: as many consecutive positions as there are channels, from a random place, or all if there are fewer. In
    training mode.

    Args:
        probe: A network with a batch.
        reading: "code" adds the normalisations with a scale, as the public code counts every module with a weight.

    Returns:
        The sum: at most the number of channels for each layer and each activation.

    Raises:
        ValueError: If the network has no layer, or something makes numbers that are not finite.

    Example:
        A layer and its ReLU, each of which makes two directions of one size for two samples:

        >>> net = nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU())
        >>> _ = nn.init.eye_(net[0].weight)
        >>> round(near(Probe(net, torch.eye(2))), 4)
        4.0
    """
    if reading not in ("paper", "code"):
        raise ValueError(f"reading {reading!r}: give paper or code")
    stream = generator(probe)
    parts = [_part(output, channel, stream) for output, channel in layer_outputs(probe)]

    def hear(response: Response) -> None:
        if response.function in ACTIVATIONS or response.weight is not None:
            parts.append(_part(response.output, response.channel, stream))

    functions = ACTIVATIONS | NORMS if reading == "code" else ACTIVATIONS
    with torch.no_grad():
        listen(probe, detached_state(probe), probe.inputs.detach(), hear, functions)
    return sum(_effective_ranks(parts))


def layer_outputs(probe: Probe) -> Iterator[tuple[Tensor, int]]:
    """Yields what each call of a layer makes, detached, and which of its dimensions holds the channels.

    Raises:
        ValueError: If the network has no layer with a weight, or the batch is to go through in chunks.
    """
    probe.check_whole()
    for layer, _, output in probe.forward.calls if probe.layers else ():
        convolution = probe.forward.params[layer.weight].ndim > 2 and not isinstance(layer.module, nn.Bilinear)
        yield output.detach(), 1 if convolution else output.ndim - 1


def _part(output: Tensor, channel: int, stream: Generator) -> Tensor:
    """Returns consecutive positions x channels, as many as there are channels, in double precision on the CPU."""
    rows = output.transpose(channel, -1).flatten(0, -2)
    surplus = len(rows) - rows.shape[1]
    start = int(torch.randint(surplus + 1, (), generator=stream)) if surplus > 0 else 0
    return rows[start : start + rows.shape[1]].double().cpu()


def _effective_ranks(parts: list[Tensor]) -> Iterator[float]:
    """Yields the effective rank of each part; those of one shape go together."""
    of_shape = dict[torch.Size, list[Tensor]]()
    for part in parts:
        of_shape.setdefault(part.shape, []).append(part)
    for alike in of_shape.values():
        stacked = torch.stack(alike)
        if not torch.isfinite(stacked).all():
            raise ValueError("a layer or an activation makes numbers that are not finite")
        s = torch.linalg.svdvals(stacked)
        total = s.sum(1, keepdim=True)
        p = s / torch.where(total > 0, total, 1.0)
        ranks = torch.exp(-torch.special.xlogy(p, p).sum(1))
        yield from torch.where(total[:, 0] > 0, ranks, 0.0).tolist()  # what is 0 throughout has no direction


@metric(
    "intrain",
    paper="Zhou, Chen, Wu, Chen, Hu & Cai, InTrain: Intrinsic Trainability for Zero-Cost Neural Architecture Search, "
    "CVPR 2026",
    needs=("feature maps", "loss gradient", "random draws"),
    formula=r"\frac{G \, (1 + O)}{\ln (L + 1)}",
)
def intrain(probe: Probe, inputs: Literal["random", "batch"] = "random", size: int | None = None) -> float:
    """How trainable the network is: G (1 + O) / ln(L + 1), G = sum_l ln PR_l, O = sum_i min(1, std g_i / max |g_i|).

    PR_l = (tr C)^2 / tr C^2 is the participation ratio of C, the covariance of layer l's channels over all positions of
    all samples; it tells over how many directions their variance spreads. g_i is the loss gradient of parameter tensor
    i, biases and normalisations included; 1e-10 is added to its maximum, and to the diagonal of C. L layers,
    convolutions and linear layers alike, are what the network calls.

    Inputs are ~ N(0, 1), and labels random: the loss is the cross entropy, or for outputs other than n x classes the
    mean squared distance to N(0, 1).

    In double precision: what a normalisation takes away again, as a shift before it, has no gradient, and rounding
    would pass for one.

    Args:
        probe: A network with layers.
        inputs: "batch" takes the batch and its loss.
        size: The height and width of random images; None: as the batch's. The paper has 64.

    Returns:
        The product, 0 or more.

    Raises:
        ValueError: If inputs are whole numbers and random ones are asked for, the network has no layer, or a layer
        makes
            one number throughout.

    Example:
        Two channels of one variance, not correlated: PR = 2. The gradient (-1, 1) has deviation and maximum 1.

        >>> net = nn.Linear(2, 2, bias=False)
        >>> _ = nn.init.eye_(net.weight)
        >>> data = torch.tensor([[1.0, 1], [1, -1], [-1, 1], [-1, -1]])
        >>> loss = lambda z, _: (z[:, 1] * data[:, 1] - z[:, 0] * data[:, 0]).mean()
        >>> round(intrain(Probe(net, data, 0, loss=loss), inputs="batch"), 4)  # ln 2 (1 + 1 / sqrt 2) / ln 2
        1.7071
    """
    if inputs not in ("random", "batch"):
        raise ValueError(f"inputs {inputs!r}: give random or batch")
    if size is not None and size < 1:
        raise ValueError(f"size {size}: give 1 or more pixels")
    probe = _on_noise(probe, size) if inputs == "random" else _in_double(probe)
    ratios = [
        _participation_ratio(output.movedim(channel, -1).flatten(0, -2)) for output, channel in layer_outputs(probe)
    ]
    health = 0.0
    for g in probe.parameter_gradients.values():
        g = g.double()
        health += min(1.0, (g.std(correction=0) / (g.abs().max() + EPS)).item())
    return sum(map(math.log, ratios)) * (1 + health) / math.log(len(ratios) + 1)


@shared
def _in_double(probe: Probe) -> Probe:
    return probe.replace(dtype=torch.float64, autocast=None)


def _on_noise(probe: Probe, size: int | None) -> Probe:
    """Returns a probe on random inputs in double precision, with a loss against random targets."""
    x, stream = probe.inputs, generator(probe)
    if not x.is_floating_point():
        raise ValueError(f"the inputs are {x.dtype}: use inputs=batch")
    shape = (*x.shape[:2], size, size) if size is not None and x.ndim == 4 else x.shape
    drawn = normal(shape, stream).to(x)

    def loss(outputs: Any, _targets: Any) -> Tensor:
        z, _ = join(outputs)
        if z.ndim == 2 and z.shape[1] > 1:
            return F.cross_entropy(z, torch.randint(z.shape[1], (len(z),), generator=generator(probe)).to(z.device))
        return F.mse_loss(z, normal(z.shape, generator(probe)).to(z))

    return probe.replace(inputs=drawn, targets=0, loss=loss, dtype=torch.float64, autocast=None)


def _participation_ratio(rows: Tensor) -> float:
    rows = rows - rows.mean(0)
    C = (rows.T @ rows).double() / len(rows)
    if not C.any():
        raise ValueError("a layer makes one number throughout")
    C.diagonal().add_(EPS)
    return (C.trace().square() / C.square().sum()).item()
