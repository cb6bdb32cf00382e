"""Metrics on which ReLU units each sample switches on.

Every call of a ReLU counts once, be it a module or a function and whatever its shape. In strict mode, or with
`by_class_name`, modules count, as by the public code's hooks; for `linear_regions` and `swap` those on feature maps of
images.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import torch
from torch import Tensor, nn

from untrained.metrics.base.metric import metric
from untrained.probe import Probe, shared
from untrained.probe.evaluation import detached_state
from untrained.probe.hooks import hooked
from untrained.probe.redrawn import generator, redrawn, standard_normal


@metric(
    "naswot",
    paper="Mellor, Turner, Storkey & Crowley, Neural Architecture Search without Training, ICML 2021",
    needs=("activations",),
    cost="forward",
    formula=r"\ln \lvert \det K \rvert",
)
def naswot(probe: Probe, kernel: Literal["hamming", "linear"] = "hamming", by_class_name: bool = False) -> float:
    """How unlike the samples' patterns of active units are: ln |det K|, K[i,j] the units on which i and j agree.

    Args:
        probe: A network with ReLUs.
        kernel: "linear" has K[i,j] the inner product of the ReLUs' inputs themselves, as HNAS's "naswot" (together with
            `by_class_name`).
        by_class_name: Count the input of every module with "ReLU" in its class's name, as the original code does. On
            NAS-Bench-201 it counts most units twice, the wrapper ReLUConvBN being such a class; NASLib and AZ-NAS do
            not.

    Returns:
        The logarithm, in nats.

    Raises:
        ValueError: If the network calls no ReLU, or K is singular: two samples switch on the same units, or there are
            too few units.

    Example:
        Two units, of which one is on for each sample, and one for both: K = ((2, 1), (1, 2)).

        >>> net = nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU())
        >>> net[0].weight.data = torch.tensor([[1.0, 0], [0, 1]])
        >>> round(naswot(Probe(net, torch.tensor([[1.0, 1], [1, -1]]))), 4)  # ln 3
        1.0986
    """
    if kernel not in ("hamming", "linear"):
        raise ValueError(f"kernel {kernel!r}: give hamming or linear")
    n = len(probe.inputs)
    if kernel == "hamming" and not by_class_name:
        K = _agreements(probe)
    else:
        inputs = _module_inputs(probe, detached_state(probe), _named_relu if by_class_name else _relu)
        K = _agreement(_codes(inputs)) if kernel == "hamming" else _inner_products(inputs)
    if torch.linalg.matrix_rank(K, hermitian=True) < n:
        raise ValueError("the kernel is singular: two samples switch on the same units, or there are too few units")
    return torch.linalg.slogdet(K).logabsdet.item()


nwot = replace(naswot, name="nwot")
"""The same metric under NASLib's name, which published tables use."""


@metric(
    "linear_regions",
    paper="Chen, Gong & Wang, Neural Architecture Search on ImageNet in Four GPU Hours (TE-NAS), ICLR 2021",
    needs=("activations",),
    cost="forward",
    formula=r"\left\lvert \{ (1[z_u(x_i) > 0])_u : i \le n \} \right\rvert",
)
def linear_regions(probe: Probe) -> float:
    """The number of linear regions that the batch's samples fall into: how many sets of active units are distinct.

    It is n at most, and reaches n for most networks on a batch of images. TE-NAS's own code feeds thousands of tiny
    samples (3 x 3) to a thinned network: give such a batch to tell networks apart. Its sum of reciprocals is off the
    whole number by rounding.

    Args:
        probe: A network with ReLUs.

    Returns:
        A whole number from 1 to n.

    Raises:
        ValueError: If the network calls no ReLU.

    Example:
        >>> net = nn.Sequential(nn.Linear(1, 1, bias=False), nn.ReLU())
        >>> linear_regions(Probe(net, torch.tensor([[1.0], [2.0], [-1.0]])))
        2.0
    """
    K = _agreement(_image_units(probe)) if probe.strict else _agreements(probe)
    units = K[0, 0]  # a sample agrees with itself on all of them
    return float(len(torch.unique(units == K, dim=0)))


@metric(
    "swap",
    paper="Peng, Song, Fayek, Ciesielski & Chang, SWAP-NAS: Sample-Wise Activation Patterns, ICLR 2024",
    needs=("activations",),
    cost="forward",
    formula=r"\left\lvert \{ (1[z_u(x_i) > 0])_i : u \} \right\rvert",
)
def swap(probe: Probe, draws: int = 0, mu: float | None = None, sigma: float | None = None) -> float:
    """How many units differ in the set of samples that switch them on: the distinct columns of the n x units code.

    Args:
        probe: A network with ReLUs.
        draws: Instead of the network's own weights, take the mean over so many draws of N(0, 1) weights (the authors'
            script: 32, on 16 images).
        mu: With `sigma`, the regularised score: times exp(-(p - mu)^2 / sigma) for p thousand parameters.
        sigma: See `mu`.

    Returns:
        The number of columns, regularised if asked for.

    Raises:
        ValueError: If the network calls no ReLU, or only one of `mu` and `sigma` is given.

    Example:
        Three units, of which two are on for the same sample:

        >>> net = nn.Sequential(nn.Linear(1, 3, bias=False), nn.ReLU())
        >>> net[0].weight.data = torch.tensor([[1.0], [2.0], [-1.0]])
        >>> swap(Probe(net, torch.tensor([[1.0], [-1.0]])))
        2.0
    """
    if (mu is None) != (sigma is None):
        raise ValueError("the regularised score takes both mu and sigma")
    if draws < 0:
        raise ValueError(f"draws {draws}: give 0 (the network's own weights) or more")
    if draws:
        stream = generator(probe)
        states = (redrawn(probe, standard_normal, stream) for _ in range(draws))
        value = sum(distinct_units(_codes(_module_inputs(probe, s, _image_relu))) for s in states) / draws
    else:
        value = float(distinct_units(_image_units(probe) if probe.strict else probe.active_units))
    if mu is not None and sigma is not None:
        thousands = sum(p.numel() for p in probe.net.parameters()) / 1e3
        value *= math.exp(-((thousands - mu) ** 2) / sigma)
    return value


def distinct_units(codes: list[Tensor]) -> int:
    """Counts the distinct columns of codes, n x units booleans each, packed into whole numbers of 64 bits.

    Example:
        >>> distinct_units([torch.tensor([[True, True], [False, False]]), torch.tensor([[True], [True]])])
        2
    """
    bits = torch.cat(codes, 1)
    words = [_packed(part) for part in bits.split(64)]
    return len(torch.unique(words[0]) if len(words) == 1 else torch.unique(torch.stack(words), dim=1).T)


def _packed(bits: Tensor) -> Tensor:
    """Packs at most 64 x units booleans into one whole number a unit."""
    word = torch.zeros(bits.shape[1], dtype=torch.int64, device=bits.device)
    for start in range(0, len(bits), 24):  # float32 is exact below 2^24, and its products are fast
        part = bits[start : start + 24].float()
        powers = 2.0 ** torch.arange(len(part), device=bits.device, dtype=torch.float32)
        word += (powers @ part).long() << start
    return word


@shared
def _agreements(probe: Probe) -> Tensor:
    return _agreement(_active_units(probe))


def _agreement(codes: list[Tensor]) -> Tensor:
    """Returns n x n: the number of units on which two samples agree."""
    n = len(codes[0])
    K = torch.zeros(n, n, dtype=torch.float64, device=codes[0].device)
    for active in codes:
        on = active.float()  # sums of 0 and 1 are exact in float32 below 2^24 units
        both = (on @ on.T).double()
        count = both.diagonal()
        # both on, plus both off
        K += 2 * both + active.shape[1] - count[:, None] - count[None, :]
    return K


def _inner_products(inputs: list[Tensor]) -> Tensor:
    """Returns n x n, each module's product in single precision as in HNAS's code, whatever the network is in."""
    return torch.stack([(z.float() @ z.float().T).double() for z in inputs]).sum(0)


@shared
def _active_units(probe: Probe) -> list[Tensor]:
    """Returns n x units booleans for each ReLU that counts: is the unit's input above 0?"""
    if not probe.strict:
        return probe.active_units
    return _codes(_module_inputs(probe, detached_state(probe), _relu))


@shared
def _image_units(probe: Probe) -> list[Tensor]:
    return _codes(_module_inputs(probe, detached_state(probe), _image_relu))


def _codes(inputs: list[Tensor]) -> list[Tensor]:
    return [z > 0 for z in inputs]


def _relu(module: nn.Module, _x: Tensor) -> bool:
    return isinstance(module, nn.ReLU)


def _image_relu(module: nn.Module, x: Tensor) -> bool:
    return isinstance(module, nn.ReLU) and x.ndim == 4


def _named_relu(module: nn.Module, _x: Tensor) -> bool:
    return "ReLU" in type(module).__name__


def _module_inputs(probe: Probe, state: dict[str, Tensor], counts: Callable[[nn.Module, Tensor], bool]) -> list[Tensor]:
    """Returns n x units: what went into each module that counts.

    The inputs are as they stand after the call: an in-place ReLU has written into its own.
    """
    found: list[Tensor] = []

    def record(module: nn.Module, inputs: tuple[Any, ...], _output: Any) -> None:
        if inputs and isinstance(inputs[0], Tensor) and counts(module, inputs[0]):
            if len(inputs[0]) != len(probe.inputs):
                raise ValueError(f"a module's input has shape {tuple(inputs[0].shape)}: samples must come first")
            found.append(inputs[0].flatten(1).clone())

    with probe.untouched(), hooked((module, None, record) for module in probe.net.modules()), torch.no_grad():
        probe.call(state, probe.inputs.detach())
    if not found:
        raise ValueError("the network calls no ReLU module")
    return found
