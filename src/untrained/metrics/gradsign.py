"""GradSign: do the samples agree on which way each weight should go?"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from untrained.metrics.base import metric
from untrained.metrics.passes import frozen, rows, sibling
from untrained.metrics.probe import Probe, shared
from untrained.metrics.samples import Use, Uses, summed


@metric(
    "gradsign",
    paper="Zhang & Jia, GradSign: Model Performance Inference with Theoretical Insights, ICLR 2022",
    needs=("labels", "sample gradients"),
    cost="several passes",
)
def gradsign(probe: Probe, mean: bool = False) -> float:
    """sum over weights of |sum_i sign(g_i)|, g_i the gradient of sample i's own loss; sign(0) = 0.

    Each sample is a batch of its own in training mode, so BatchNorm takes its statistics over one sample's positions.
    All samples go through in one pass with just these statistics; where a layer is used in a way of which no gradient a
    sample is known, they go one by one.

    mean: divided by the number of weights, as one of the two public scripts has it.

    Raises ValueError where BatchNorm would see one number a channel.
    """
    agreement = _agreement(probe)
    return agreement / sum(w.numel() for w in probe.weights) if mean else float(agreement)


@shared
def _agreement(probe: Probe) -> int:
    if probe.targets is None:
        raise ValueError("the batch has no targets")
    names = [layer.weight for layer in probe.layers]
    state = frozen(probe)
    uses = Uses({name: state[name] for name in names}, len(probe.inputs))
    with probe.untouched(), torch.enable_grad(), uses, _OneByOne():
        outputs = probe.call(state, probe.inputs.detach())
    if uses.elsewhere:
        del uses, outputs
        return _loop(probe)
    with probe.untouched(), torch.enable_grad(), probe.precision():
        samples = [slice(i, i + 1) for i in range(len(probe.inputs))]
        losses = [probe.loss_function(rows(outputs, one), rows(probe.targets, one)) for one in samples]
        total = torch.stack(losses).sum()
    agreement = 0

    def add(_name: str, parts: list[tuple[Use, Tensor]]) -> None:
        nonlocal agreement
        agreement += _agreeing(summed(parts).sign())

    uses.backward(total, add)
    return agreement


def _agreeing(signs: Tensor) -> int:
    """sum over weights of |sum_i sign_i|, for n x ... signs."""
    return int(signs.sum(0).abs().sum(dtype=torch.float64).item())


def _loop(probe: Probe) -> int:
    signs: list[Tensor] = []
    for i in range(len(probe.inputs)):
        one = slice(i, i + 1)
        single = sibling(probe, probe.inputs[one], rows(probe.targets, one))
        new = [g.sign() for g in single.weight_gradients]
        signs = [a + b for a, b in zip(signs, new, strict=True)] if signs else new
    return int(sum(s.abs().sum(dtype=torch.float64).item() for s in signs))


class _OneByOne(TorchFunctionMode):
    """BatchNorm in training mode treats each sample as a batch of its own."""

    def __torch_function__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is not F.batch_norm:
            return func(*args, **kwargs)
        names = ("input", "running_mean", "running_var", "weight", "bias", "training", "momentum", "eps")
        given = dict(zip(names, args, strict=False)) | kwargs
        x: Tensor = given["input"]
        if not given.get("training") and given.get("running_mean") is not None:
            return func(*args, **kwargs)
        if x[0, 0].numel() < 2:
            raise ValueError(f"BatchNorm sees {tuple(x.shape)}: a sample on its own has one number a channel")
        output = F.instance_norm(x, None, None, given.get("weight"), given.get("bias"), eps=given.get("eps", 1e-5))
        if x.ndim == 4 and x.is_contiguous(memory_format=torch.channels_last):
            return output.contiguous(memory_format=torch.channels_last)  # which instance_norm does not keep
        return output
