"""Zen-score: how much a gaussian network's last feature map moves when its input does."""

import math
from collections.abc import Sequence
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree

from untrained.metrics.base.metric import metric
from untrained.probe import Probe
from untrained.probe.evaluation import detached_state
from untrained.probe.functions import FLATTENINGS, LAYERS, MAXIMA, MEANS, NORMS, POOLS, bound
from untrained.probe.redrawn import generator, normal, redrawn, standard_normal

ALPHA = 0.01


@metric(
    "zen",
    paper="Lin, Wang, Sun, Chen, Sun, Qian, Li & Jin, Zen-NAS: A Zero-Shot NAS for High-Performance Image Recognition, "
    "ICCV 2021",
    needs=("feature maps", "random draws"),
    formula=r"\ln \operatorname{E} \lVert f(x) - f(x + 0.01 \epsilon) \rVert + \sum \ln s",
)
def zen(probe: Probe, reading: Literal["paper", "code"] = "paper", drawn: bool = True, repeats: int = 1) -> float:
    """How much the last feature map moves with the input: ln E |f(x) - f(x + 0.01 e)| + sum of ln s.

    x and e ~ N(0, 1) have the batch's shape, and the sum runs over the normalisations. f is the feature map before
    global average pooling, in training mode, of the network with weights ~ N(0, 1), biases 0 and normalisations that
    scale by 1. s^2 is the variance that a normalisation divides by, averaged over what it normalises (BatchNorm:
    channels): adding ln s gives back the scale that was taken away. A sum of logarithms cannot overflow.

    The map is the input of the network's last global pooling; if there is none, of its last flattening; if there is
    none, of its last layer. What no layer has made yet, such as images that a perceptron flattens first, is no map.

    Args:
        probe: A network on floating-point inputs.
        reading: "paper" takes Frobenius's norm for |.|, and s from the batch, for x. "code" sums absolute values, and
            takes s^2 from BatchNorm's running variance after both passes: for a fresh network 0.81 + 0.09 var(x) + 0.1
            var(x + 0.01 e); other normalisations have no running variance, and do not count.
        drawn: False takes the network's own weights, x from the batch and e from the second batch.
        repeats: Take the mean over so many draws. With "code", the running variances go on from draw to draw, as when
            Zen-NAS's code scores with 32 repeats.

    Returns:
        The score, in nats.

    Raises:
        ValueError: If no map was found, the map does not move at all, or a normalisation has nothing to normalise.

    Example:
        >>> net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2))
        >>> round(zen(Probe(net, torch.randn(4, 3, 8, 8))), 1)
        -0.4
    """
    if reading not in ("paper", "code"):
        raise ValueError(f"reading {reading!r}: give paper or code")
    if repeats < 1 or (repeats > 1 and not drawn):
        raise ValueError(f"repeats {repeats}: give 1 or more, and 1 for the network's own weights")
    stream, running, scores = generator(probe), dict[str, Tensor](), list[float]()
    for _ in range(repeats):
        x, e = _inputs(probe, drawn, stream)
        state = (redrawn(probe, standard_normal, stream) if drawn else detached_state(probe)) | running
        scores.append(_score(probe, state, x, e, reading))
        running = {name: state[name] for name, _ in probe.net.named_buffers() if reading == "code"}
    return sum(scores) / repeats


def _score(probe: Probe, state: dict[str, Tensor], x: Tensor, e: Tensor, reading: str) -> float:
    for layer in probe.layers:
        setattr(state[layer.weight], MADE, True)
    with probe.untouched(), torch.no_grad():
        first, second = _Watch(), _Watch()
        with first:
            probe.call(state, x)
        with second:
            probe.call(state, x + ALPHA * e)
    difference = (_map(first, probe) - _map(second, probe)).flatten(1).double()
    moved = difference.norm(dim=1) if reading == "paper" else difference.abs().sum(1)
    if not moved.any():
        raise ValueError("the feature map does not depend on the input")
    variances = first.variances if reading == "paper" else [v.double().mean() for v in second.running]
    if any(v <= 0 for v in variances):
        raise ValueError("a normalisation sees the same number everywhere: the logarithm of its variance is unknown")
    return moved.mean().log().item() + sum(0.5 * math.log(v.item()) for v in variances)


def _inputs(probe: Probe, drawn: bool, stream: torch.Generator) -> tuple[Tensor, ...]:
    x = probe.inputs.detach()
    if not x.is_floating_point():
        raise ValueError(f"the inputs are {x.dtype}: only floating-point inputs can be moved a little")
    if drawn:
        return tuple(probe.prepared(normal(x.shape, stream).to(x)) for _ in range(2))
    if probe.second is None:
        raise ValueError("no second batch: it is the direction in which the input moves")
    return x, probe.second[0]


def _map(watch: "_Watch", probe: Probe) -> Tensor:
    found = next((m for m in (watch.pooled, watch.flattened, watch.last) if m is not None), None)
    if found is None or (probe.strict and found.ndim != 4):
        raise ValueError("no layer comes before the last pooling, flattening or layer: there is no feature map")
    return found


REDUCTIONS = POOLS | MEANS | MAXIMA
WATCHED = LAYERS | REDUCTIONS | FLATTENINGS


MADE = "_untrained_made"
"""The attribute that marks the layers' weights, and each tensor on which one of them has an influence."""


class _Watch(TorchFunctionMode):
    """Collects what `zen` needs of one pass.

    Attributes:
        pooled, flattened, last: candidates for the last feature map, the input of the last global pooling, flattening
            and layer.
        variances: what each normalisation divides by, squared.
        running: the running variance of each BatchNorm.
    """

    def __init__(self) -> None:
        super().__init__()
        self.pooled: Tensor | None = None
        self.flattened: Tensor | None = None
        self.last: Tensor | None = None
        self.variances: list[Tensor] = []
        self.running: list[Tensor] = []

    def __torch_function__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        made = any(hasattr(value, MADE) for value in pytree.tree_leaves((args, kwargs)))
        given = bound(func, args, kwargs) if func in NORMS | WATCHED else {}
        output = self._batch_norm(**given) if func is F.batch_norm else func(*args, **kwargs)
        if func in NORMS - {F.batch_norm}:
            self.variances.append(_variance(func, **given))
        elif func in WATCHED and isinstance(output, Tensor) and hasattr(given["input"], MADE):
            self._took(func, given["input"], output)
        for tensor in pytree.tree_leaves(output) if made else ():
            if isinstance(tensor, Tensor):
                setattr(tensor, MADE, True)
        return output

    def _took(self, func: Any, x: Tensor, output: Tensor) -> None:
        if func in LAYERS:
            self.last = x
        elif x.ndim < 3:
            return
        elif func in REDUCTIONS and _is_global(x, output):
            self.pooled = x
        elif func in FLATTENINGS and x[0, 0].numel() > 1 and output.ndim == 2 and len(output) == len(x):
            self.flattened = x

    def _batch_norm(self, input: Tensor, running_var: Tensor | None, weight: Tensor | None, **given: Any) -> Tensor:
        """Batch normalisation, which tells the batch's variance by a running one that forgets all else."""
        like = next(t for t in (running_var, weight, input) if t is not None)
        mean, variance = like.new_zeros(2, input.shape[1])
        output = F.batch_norm(input, mean, variance, weight, given["bias"], True, 1.0, given["eps"])
        count = input.numel() // input.shape[1]
        self.variances.append(variance.mean() * (count - 1) / count)
        if running_var is not None:
            running_var.lerp_(variance, given["momentum"])
            self.running.append(running_var)
        return output


def _variance(func: Any, input: Tensor, **given: Any) -> Tensor:
    """Returns the mean variance that a normalisation other than BatchNorm divides by."""
    if func is F.group_norm:
        return input.reshape(len(input), given["num_groups"], -1).var(2, correction=0).mean()
    if func is F.instance_norm:
        return input.flatten(2).var(2, correction=0).mean()
    rows = input.flatten(-len(given["normalized_shape"]))
    return (rows.var(-1, correction=0) if func is F.layer_norm else rows.square().mean(-1)).mean()


def _is_global(x: Tensor, output: Tensor) -> bool:
    """Tells whether every position was averaged away, with channels in dimension 1 or last."""
    return output.numel() in (x.shape[0] * x.shape[1], x.shape[0] * x.shape[-1])
