"""GradSign: do the samples agree on which way each weight should go?"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree

from untrained.metrics.base.metric import metric
from untrained.probe import Probe, shared
from untrained.probe.evaluation import check_rows, check_samples, detached_state, pieces, resized_probe, rows
from untrained.probe.functions import bound
from untrained.probe.outputs import join
from untrained.probe.per_sample import Use, Uses, summed


@metric(
    "gradsign",
    paper="Zhang & Jia, GradSign: Model Performance Inference with Theoretical Insights, ICLR 2022",
    needs=("labels", "sample gradients"),
    cost="several passes",
    formula=r"\sum_w \left\lvert \sum_i \operatorname{sign} \frac{\partial L_i}{\partial w} \right\rvert",
)
def gradsign(probe: Probe, mean: bool = False) -> float:
    """Whether the samples agree on each weight's way: sum over weights of |sum_i sign(g_i)|, with sign(0) = 0.

    g_i is the gradient of sample i's own loss. Each sample is a batch of its own in training mode, so BatchNorm takes
    its statistics over one sample's positions. All samples go through in one pass with just these statistics. If a
    layer is used in a way of which no gradient a sample is known, they go one by one.

    Args:
        probe: A network with a batch and its targets, one for each sample.
        mean: Divide by the number of weights, as one of the two public scripts does.

    Returns:
        The sum: at most n for each weight; with `mean` at most n.

    Raises:
        ValueError: If BatchNorm would see one number a channel, the targets are not one a sample, or the network has no
            layer with a weight.

    Example:
        Samples 1 and -1 pull one weight both ways, and another one way:

        >>> net = nn.Linear(2, 1, bias=False)
        >>> inputs = torch.tensor([[1.0, 1.0], [-1.0, 1.0]])
        >>> gradsign(Probe(net, inputs, torch.zeros(2), loss=lambda z, _: z.mean()))
        2.0
    """
    agreement = _agreement(probe)
    return agreement / sum(w.numel() for w in probe.weights) if mean else float(agreement)


@shared
def _agreement(probe: Probe) -> int:
    if probe.targets is None:
        raise ValueError("the batch has no targets")
    for part in pytree.tree_leaves(probe.targets):
        if isinstance(part, Tensor) and (part.ndim == 0 or len(part) != len(probe.inputs)):
            raise ValueError(f"targets of shape {tuple(part.shape)} for {len(probe.inputs)} samples: give one a sample")
    check_rows(probe, lambda part: _outputs(part, detached_state(part)))
    total: dict[str, Tensor] = {}
    for part in pieces(probe):
        for name, signs in _signs(part).items():
            total[name] = total[name] + signs if name in total else signs
    return int(sum(signs.abs().sum(dtype=torch.float64).item() for signs in total.values()))


def _outputs(probe: Probe, state: dict[str, Tensor]) -> tuple[Uses, Any]:
    uses = Uses({name: state[name] for name in (layer.weight for layer in probe.layers)}, len(probe.inputs))
    with probe.untouched(), torch.enable_grad(), uses, _OneByOne(uses):
        return uses, probe.call(state, probe.inputs.detach())


def _signs(probe: Probe) -> dict[str, Tensor]:
    """Returns sum_i sign(g_i) for each layer's weight that the loss depends on."""
    uses, outputs = _outputs(probe, detached_state(probe))
    check_samples(probe, outputs)
    if (part := resized_probe(probe)) is not None:
        of_part, outputs_of_part = _outputs(part, part.state(Tensor.clone))
        uses.compare(join(outputs)[0], of_part, join(outputs_of_part)[0])
    if uses.unsupported:
        del uses, outputs
        return _loop(probe)
    with probe.untouched(), torch.enable_grad(), probe.precision():
        samples = [slice(i, i + 1) for i in range(len(probe.inputs))]
        losses = [probe.loss_function(rows(outputs, one), rows(probe.targets, one)) for one in samples]
        total = torch.stack(losses).sum()
    if not torch.isfinite(total):
        raise ValueError(f"the loss is {total.item()}")
    signs: dict[str, Tensor] = {}

    def add(name: str, parts: list[tuple[Use, Tensor]]) -> None:
        signs[name] = summed(parts).sign().sum(0)

    uses.backward(total, add)
    return signs


def _loop(probe: Probe) -> dict[str, Tensor]:
    signs: dict[str, Tensor] = {}
    for single in pieces(probe, 1):
        for layer, g in zip(single.layers, single.weight_gradients, strict=True):
            signs[layer.weight] = signs[layer.weight] + g.sign() if layer.weight in signs else g.sign()
    return signs


class _OneByOne(TorchFunctionMode):
    """BatchNorm in training mode treats each sample as a batch of its own."""

    def __init__(self, uses: Uses) -> None:
        super().__init__()
        self.uses = uses

    def __torch_function__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is not F.batch_norm:
            return func(*args, **kwargs)
        given = bound(func, args, kwargs)
        x: Tensor = given["input"]
        if not given["training"] and given["running_mean"] is not None:
            return func(*args, **kwargs)
        if len(x) != self.uses.n:  # samples and their parts, such as windows, share a dimension: no pass for all
            self.uses.unsupported |= set(self.uses.names.values())
            return func(*args, **kwargs)
        if x[0, 0].numel() < 2:
            raise ValueError(f"BatchNorm sees {tuple(x.shape)}: a sample on its own has one number a channel")
        output = F.instance_norm(x, None, None, given["weight"], given["bias"], eps=given["eps"])
        if x.ndim == 4 and x.is_contiguous(memory_format=torch.channels_last):
            return output.contiguous(memory_format=torch.channels_last)  # which instance_norm does not keep
        return output
