"""MeCo: how far the channels of each feature map are from being copies of each other."""

import math
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import ParametrizationList

from untrained.metrics.base.metric import metric
from untrained.probe import Probe
from untrained.probe.evaluation import detached_state
from untrained.probe.hooks import hooked
from untrained.probe.redrawn import generator, normal


@metric(
    "meco",
    paper="Jiang, Wang & Bie, MeCo: Zero-Shot NAS with One Data and Single Forward Pass via Minimum Eigenvalue of "
    "Correlation, NeurIPS 2023",
    needs=("feature maps", "random draws"),
    cost="forward",
    formula=r"\sum_m \lambda_{\min}(P_m)",
)
def meco(
    probe: Probe,
    size: int | None = None,
    inputs: Literal["random", "batch"] = "random",
    modules: Literal["leaves", "all"] = "leaves",
) -> float:
    """How far channels are from copying each other: sum over modules of the channels' least correlation eigenvalue.

    That is the smallest eigenvalue of the Pearson correlation matrix of the channels of a module's output. The network
    sees one sample ~ N(0, 1), in training mode. A channel that is constant has correlation 0 with all channels, itself
    included. An output with no more positions than channels counts 0, as its matrix is singular.

    Args:
        probe: A network on floating-point inputs.
        size: The height and width of the sample; None: as the batch's images. The public code has 64 always.
        inputs: "batch" takes the first sample of the batch.
        modules: "leaves" counts the modules that call no other: each computation once, however the layers are nested.
            "all", and strict mode, also count containers and the network itself, as the public code does: what ends
            its container counts twice.

    Returns:
        The sum over the modules, 0 or more.

    Raises:
        ValueError: If no module's output has more positions than channels, as in a perceptron: the sum is then 0
            whatever the network is.

    Example:
        >>> net = nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU())
        >>> meco(Probe(net, torch.randn(4, 3, 8, 8))) > 0
        True
    """
    outputs = _checked_outputs(probe, size, inputs, modules)
    if not any(_positions(f) > len(f) for f in outputs):
        raise ValueError("no module's output has more positions than channels: the value would be 0 for any network")
    return sum(_smallest_eigenvalue(f) for f in outputs)


@metric(
    "meco_opt",
    paper="Jiang, Wang & Bie, MeCo, NeurIPS 2023, with channels drawn as in its code",
    needs=("feature maps", "random draws"),
    cost="forward",
    formula=r"\sum_m \frac{c_m}{d_m} \lambda_{\min}(P_m)",
)
def meco_opt(
    probe: Probe,
    channels: int = 8,
    size: int | None = None,
    inputs: Literal["random", "batch"] = "random",
    modules: Literal["leaves", "all"] = "leaves",
) -> float:
    """`meco` on few channels of each module: sum of (channels / drawn) times their least correlation eigenvalue.

    The drawn channels cost less and leave an eigenvalue above 0 also where there are more channels than positions.

    Args:
        probe: A network on floating-point inputs.
        channels: How many are drawn of each module's; all of them if there are no more.
        size: As for `meco`.
        inputs: As for `meco`.
        modules: As for `meco`.

    Returns:
        The sum over the modules, 0 or more.

    Raises:
        ValueError: If no module's output has more positions than channels that are drawn.

    Example:
        >>> net = nn.Sequential(nn.Conv2d(3, 16, 3), nn.ReLU())
        >>> meco_opt(Probe(net, torch.randn(4, 3, 5, 5))) > 0
        True
    """
    if channels < 1:
        raise ValueError(f"channels {channels}: give 1 or more")
    stream, total, seen = generator(probe), 0.0, False
    for f in _checked_outputs(probe, size, inputs, modules):
        drawn = f[torch.randperm(len(f), generator=stream)[:channels].to(f.device)]
        seen |= _positions(drawn) > len(drawn)
        total += _smallest_eigenvalue(drawn) * len(f) / len(drawn)
    if not seen:
        raise ValueError("no module's output has more positions than channels: the value would be 0 for any network")
    return total


def _checked_outputs(probe: Probe, size: int | None, inputs: str, modules: str) -> list[Tensor]:
    if inputs not in ("random", "batch") or modules not in ("all", "leaves"):
        raise ValueError(f"inputs {inputs!r}, modules {modules!r}: give random or batch, all or leaves")
    if size is not None and size < 1:
        raise ValueError(f"size {size}: give 1 or more pixels")
    return module_outputs(probe, _sample(probe, size, inputs), containers=modules == "all" or probe.strict)


def _sample(probe: Probe, size: int | None, inputs: str) -> Tensor:
    x = probe.inputs[:1].detach().clone()
    if inputs == "batch":
        return x
    if not x.is_floating_point():
        raise ValueError(f"the inputs are {x.dtype}: use inputs=batch")
    shape = (1, x.shape[1], size, size) if size is not None and x.ndim == 4 else x.shape
    return normal(shape, generator(probe)).to(x)


def module_outputs(probe: Probe, x: Tensor, containers: bool = False) -> list[Tensor]:
    """Returns what each module makes of the sample `x`, channels x ..., in the order of the calls.

    Args:
        probe: The network; it runs in training mode.
        x: 1 x ...
        containers: Also of modules that call others.

    Example:
        >>> probe = Probe(nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU()), torch.randn(4, 3, 8, 8))
        >>> [tuple(f.shape) for f in module_outputs(probe, probe.inputs[:1])]
        [(2, 6, 6), (2, 6, 6)]
    """
    found = list[Tensor]()
    calls = list[int]()
    """For each call that is under way: how many modules it has called."""

    def enter(_module: nn.Module, _inputs: Any) -> None:
        calls.append(0)

    def leave(_module: nn.Module, _inputs: Any, output: Any) -> None:
        called = calls.pop()
        if calls:
            calls[-1] += 1
        if (containers or not called) and isinstance(output, Tensor) and output.ndim > 1:
            found.append(_of_sample(output).clone())  # what follows may write into it

    # What makes a weight, as a parametrisation does, makes no feature map.
    makers = {part for m in probe.net.modules() if isinstance(m, ParametrizationList) for part in m.modules()}
    counted = [module for module in probe.net.modules() if module not in makers]
    with probe.untouched(), hooked((module, enter, leave) for module in counted), torch.no_grad():
        probe.call(detached_state(probe), x)
    return found


def _of_sample(output: Tensor) -> Tensor:
    """Drops the dimension of the one sample: the first, or the only one that is 1 long, as in sequences first."""
    short = [d for d, length in enumerate(output.shape) if length == 1]
    return output.select(short[0], 0) if len(output) > 1 and len(short) == 1 else output[0]


def _positions(f: Tensor) -> int:
    return math.prod(f.shape[1:])


def _smallest_eigenvalue(f: Tensor) -> float:
    """Returns that of the correlations of the rows of `f`, channels x positions..."""
    if _positions(f) <= len(f):
        return 0.0  # centred rows span fewer dimensions than there are channels
    f = f.reshape(len(f), -1).double()
    f = f - f.mean(1, keepdim=True)
    norms = f.norm(dim=1, keepdim=True)
    f = f / torch.where(norms > 0, norms, 1.0)
    return torch.linalg.eigvalsh(f @ f.T)[0].item()
