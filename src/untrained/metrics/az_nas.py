"""AZ-NAS's three metrics on the feature maps F_0 .. F_m between a network's blocks (see `probe.blocks`).

They run in training mode. `untrained.scores.az_nas_aggregate` puts them together with `flops`.
"""

from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor

from untrained.metrics.base.metric import metric
from untrained.probe import Probe, shared
from untrained.probe.feature_maps import FeatureMap, FeaturePass, feature_pass, map_features
from untrained.probe.redrawn import generator, kaiming_normal, redrawn

AZ_NAS = "Lee & Ham, AZ-NAS: Assembling Zero-Cost Proxies for Network Architecture Search, CVPR 2024"
EPS = 1e-8
ROUNDING = 1e-6


@metric(
    "az_expressivity",
    paper=AZ_NAS,
    needs=("feature maps",),
    cost="forward",
    formula=r"\sum_l e_l, \quad e_l = -\sum_k p_{lk} \ln p_{lk}",
)
def az_expressivity(probe: Probe, redraw: bool = False) -> float:
    """How many directions the feature maps use: sum_l e_l, e_l = -sum p ln p, p the spectrum of F_l's covariance.

    The covariance is that of the channels over all positions of all samples; its spectrum is scaled to sum to 1.

    Args:
        probe: A network with blocks, or activations between layers (docs/catalogue/metrics.md, Feature maps).
        redraw: Take weights from Kaiming's normal distribution and biases 0, as the public code, instead of the
            network's own.

    Returns:
        The sum of the entropies, in nats: at most ln(channels) for each map.

    Raises:
        ValueError: If the network has no feature map, or one is constant (public value: -inf).

    Example:
        Two channels of one variance that are not correlated:

        >>> net = nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU())
        >>> _ = nn.init.eye_(net[0].weight)
        >>> inputs = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
        >>> round(az_expressivity(Probe(net, inputs)), 4)  # ln 2
        0.6931
    """
    return sum(_entropies(probe, redraw))


@metric(
    "az_progressivity",
    paper=AZ_NAS,
    needs=("feature maps",),
    cost="forward",
    formula=r"\min_l \; e_l - e_{l-1}",
)
def az_progressivity(probe: Probe, redraw: bool = False) -> float:
    """The least that a block adds to the expressivity: min_l e_l - e_{l-1}.

    Args:
        probe: A network with two feature maps or more; see `az_expressivity`.
        redraw: As for `az_expressivity`.

    Returns:
        The least difference, in nats.

    Raises:
        ValueError: If there is one feature map only, or as for `az_expressivity`.

    Example:
        Of two channels, one is left, which has no entropy:

        >>> net = nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU(), nn.Linear(2, 1, bias=False), nn.ReLU())
        >>> net[0].weight.data, net[2].weight.data = torch.eye(2), torch.ones(1, 2)
        >>> inputs = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
        >>> round(az_progressivity(Probe(net, inputs)), 4)  # 0 - ln 2
        -0.6931
    """
    e = _entropies(probe, redraw)
    if len(e) < 2:
        raise ValueError("there is one feature map only: nothing progresses")
    return min(b - a for a, b in pairwise(e))


@metric(
    "az_trainability",
    paper=AZ_NAS,
    needs=("feature maps", "random draws"),
    formula=r"\operatorname{mean}_l \left( 2 - q_l - \frac{1}{q_l} \right)",
)
def az_trainability(probe: Probe, redraw: bool = False, signs: Literal["random", "hash"] = "random") -> float:
    """How well blocks keep the size of a gradient: mean_l 2 - q_l - 1 / q_l, at most 0.

    Random signs R go back through block l to B. q_l is the largest singular value of B^T R / rows, both with a row for
    each position and a column for each channel. If the sizes differ, the positions of B that meet in one of R's become
    channels.

    Args:
        probe: A network with two feature maps or more; see `az_expressivity`.
        redraw: As for `az_expressivity`.
        signs: "hash" takes R from an integer hash of the position, which is the same everywhere.

    Returns:
        The mean over blocks; 0 if every block keeps the size of a gradient.

    Raises:
        ValueError: If there is one feature map only, or a block hands gradients on unchanged (public value: -inf), does
            not depend on the one before it, or has positions that do not match.

    Example:
        A block that doubles: 2 - 2 - 1/2.

        >>> net = nn.Sequential(nn.Linear(1, 1, bias=False), nn.ReLU(), nn.Linear(1, 1, bias=False), nn.ReLU())
        >>> net[0].weight.data, net[2].weight.data = torch.ones(1, 1), torch.full((1, 1), 2.0)
        >>> round(az_trainability(Probe(net, torch.tensor([[1.0], [2.0]]))), 4)
        -0.5
    """
    if signs not in ("random", "hash"):
        raise ValueError(f"signs {signs!r}: give random or hash")
    maps = _maps(probe, redraw)
    if len(maps) < 2:
        raise ValueError("there is one feature map only: no block stands between two")
    stream = generator(probe)
    values = []
    for k, ((before, of_before), (after, of_after)) in enumerate(zip(maps[-2::-1], maps[:0:-1], strict=True)):
        R = _hashed(after, k) if signs == "hash" else _random(after, stream)
        (B,) = torch.autograd.grad(after, before, R, retain_graph=True, allow_unused=True)
        if B is None:
            raise ValueError("a block does not depend on the one before it: they stand on parallel branches")
        if B.shape == R.shape and torch.equal(B, R):
            raise ValueError("a block hands gradients on unchanged")
        B, R = B.movedim(of_before, 1), R.movedim(of_after, 1)
        if B.ndim == R.ndim and B.shape[2:] != R.shape[2:]:
            if any(b % r for b, r in zip(B.shape[2:], R.shape[2:], strict=True)):
                sizes = f"{tuple(B.shape[2:])} positions to {tuple(R.shape[2:])}"
                raise ValueError(f"a block maps {sizes}: the one must be a multiple of the other")
            B = _unshuffled(B, [b // r for b, r in zip(B.shape[2:], R.shape[2:], strict=True)])
        b, r = _rows(B, 1), _rows(R, 1)
        if len(b) != len(r):
            raise ValueError(f"a block maps {tuple(before.shape)} to {tuple(after.shape)}: the positions do not match")
        q = torch.linalg.matrix_norm((b.T @ r).double() / len(r), 2).item()
        values.append(2 - q - 1 / (q + ROUNDING))
    return sum(values) / len(values)


def _maps(probe: Probe, redraw: bool) -> list[FeatureMap]:
    maps = (_redrawn(probe) if redraw else feature_pass(probe)).maps
    if not maps:
        raise ValueError("no feature map: the network has no blocks, and names none with feature_modules()")
    return maps


@shared
def _redrawn(probe: Probe) -> FeaturePass:
    return map_features(probe, redrawn(probe, kaiming_normal, generator(probe)))


def _entropies(probe: Probe, redraw: bool) -> list[float]:
    values = []
    for f, channel in _maps(probe, redraw):
        rows = _rows(f.detach(), channel)
        rows = rows - rows.mean(0)
        spectrum = torch.linalg.eigvalsh((rows.T @ rows).double() / len(rows)).clamp_min(0)
        if spectrum.sum() == 0:
            raise ValueError("a feature map is constant")
        p = spectrum / spectrum.sum()
        values.append(-(p * (p + EPS).log()).sum().item())
    return values


def _rows(f: Tensor, channel: int) -> Tensor:
    """Returns `f` as a matrix: positions of all samples x channels."""
    return f.movedim(channel, -1).flatten(0, -2)


def _random(like: Tensor, stream: torch.Generator) -> Tensor:
    bits = torch.randint(0, 2, like.shape, generator=stream, dtype=torch.float32)
    return torch.empty_like(like).copy_(bits.mul_(2).sub_(1))  # in its memory format


def _hashed(like: Tensor, k: int) -> Tensor:
    h = torch.arange(like.numel(), device=like.device) * 2654435761 + 40503 * (k + 1)
    for shift, factor in ((16, 2246822519), (13, 3266489917), (16, 1)):
        h = h % 2**32
        h = (h ^ (h >> shift)) * factor
    return (2 * (h % 2) - 1).to(like.dtype).reshape(like.shape)


def _unshuffled(B: Tensor, factors: list[int]) -> Tensor:
    """Makes channels of blocks of `factors` positions, as `F.pixel_unshuffle` does in two dimensions."""
    n, channels, *size = B.shape
    split = [part for s, f in zip(size, factors, strict=True) for part in (s // f, f)]
    dims = len(size)
    B = B.reshape(n, channels, *split)
    order = [0, 1, *range(3, 3 + 2 * dims, 2), *range(2, 2 + 2 * dims, 2)]
    return B.permute(order).reshape(n, -1, *(s // f for s, f in zip(size, factors, strict=True)))
