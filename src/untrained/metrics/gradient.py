"""Metrics on the gradient of the loss with respect to the weights.

W_l is the weight of layer l, and g_l its gradient dL/dW_l (see `untrained.probe`). A sum without an index runs over all
weights of all layers. Biases and normalisations do not enter.
"""

import math
from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor, nn

from untrained.metrics.base.metric import metric
from untrained.probe import Layer, Probe, shared
from untrained.probe.curvature import curvature
from untrained.probe.evaluation import check_samples
from untrained.probe.sample_dimension import check_alone

ZERO_COST = "Abdelfattah, Mehrotra, Dudziak & Lane, Zero-Cost Proxies for Lightweight NAS, ICLR 2021"


@metric(
    "grad_norm",
    paper=ZERO_COST,
    needs=("labels", "loss gradient"),
    formula=r"\sum_l \left\lVert \frac{\partial L}{\partial W_l} \right\rVert_2",
)
def grad_norm(probe: Probe, reading: Literal["layers", "aznas"] = "layers") -> float:
    """The sum of the layers' gradient norms, sum_l |g_l|_2 (not the norm of the whole gradient).

    Args:
        probe: A network with a batch and its targets.
        reading: "aznas" is the norm of the whole gradient, biases and normalisations included, as in Zen-NAS's code and
            AZ-NAS's.

    Returns:
        The sum, 0 or more.

    Raises:
        ValueError: If the network has no layer with a weight, or the batch has no targets.

    Example:
        Equal logits, so that the gradient is (-1/2, 1/2):

        >>> net = nn.Linear(1, 2, bias=False)
        >>> _ = nn.init.ones_(net.weight)
        >>> round(grad_norm(Probe(net, torch.ones(1, 1), torch.tensor([0]))), 4)
        0.7071
    """
    if reading not in ("layers", "aznas"):
        raise ValueError(f"reading {reading!r}: give layers or aznas")
    gradients = probe.weight_gradients if reading == "layers" else probe.parameter_gradients.values()
    norms = [torch.linalg.vector_norm(g, dtype=torch.float64).item() for g in gradients]
    return sum(norms) if reading == "layers" else math.hypot(*norms)


@metric(
    "snip",
    paper="Lee, Ajanthan & Torr, SNIP, ICLR 2019; summed as in ICLR 2021",
    needs=("labels", "loss gradient"),
    formula=r"\sum_w \left\lvert w \frac{\partial L}{\partial w} \right\rvert",
)
def snip(probe: Probe) -> float:
    """How much the loss feels each weight's removal, to first order: sum |w g|.

    Args:
        probe: A network with a batch and its targets.

    Returns:
        The sum over all weights, 0 or more.

    Raises:
        ValueError: If the network has no layer with a weight, or the batch has no targets.

    Example:
        Equal logits, so that the gradient is (-1/2, 1/2):

        >>> net = nn.Linear(1, 2, bias=False)
        >>> _ = nn.init.ones_(net.weight)
        >>> snip(Probe(net, torch.ones(1, 1), torch.tensor([0])))
        1.0
    """
    pairs = zip(probe.weights, probe.weight_gradients, strict=True)
    return sum((w * g).abs().sum(dtype=torch.float64).item() for w, g in pairs)


@metric(
    "plain",
    paper="Mozer & Smolensky, Skeletonization, NIPS 1988; " + ZERO_COST,
    needs=("labels", "loss gradient"),
    formula=r"\sum_w w \frac{\partial L}{\partial w}",
)
def plain(probe: Probe) -> float:
    """`snip` with its signs: sum w g.

    Args:
        probe: A network with a batch and its targets.

    Returns:
        The sum over all weights, of either sign.

    Raises:
        ValueError: If the network has no layer with a weight, or the batch has no targets.

    Example:
        Equal logits, so that the gradient is (-1/2, 1/2), and weights 1 and 2:

        >>> net = nn.Linear(2, 2, bias=False)
        >>> net.weight.data = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
        >>> plain(Probe(net, torch.tensor([[2.0, 1.0]]), torch.tensor([0])))
        0.0
    """
    pairs = zip(probe.weights, probe.weight_gradients, strict=True)
    return sum((w * g).sum(dtype=torch.float64).item() for w, g in pairs)


@metric(
    "grasp",
    paper="Wang, Zhang & Grosse, GraSP, ICLR 2020; sign and temperature 1 as in ICLR 2021",
    needs=("labels", "loss gradient", "Hessian"),
    cost="several passes",
    formula=r"-w^\top H g, \quad g = \frac{\partial L}{\partial w}, \quad H = \frac{\partial^2 L}{\partial w^2}",
)
def grasp(probe: Probe) -> float:
    """How much removing the weights would lower the gradient flow: -w^T H g, H the Hessian of the loss.

    Args:
        probe: A network with a batch and its targets. `Probe(second_order=True)` makes the first pass keep what this
            metric needs.

    Returns:
        The product, of either sign.

    Raises:
        ValueError: If the network has no layer with a weight, or the batch has no targets.

    Example:
        The loss w^2 / 2 of one weight w = 3 has the gradient 3 and the Hessian 1:

        >>> net = nn.Linear(1, 1, bias=False)
        >>> _ = nn.init.constant_(net.weight, 3)
        >>> grasp(Probe(net, torch.ones(1, 1), torch.zeros(1), loss=lambda z, _: z.square().mean() / 2))
        -9.0
    """
    return -curvature(probe)


@metric(
    "fisher",
    paper="Theis et al. 2018; Turner et al., BlockSwap, ICLR 2020; weighted by fan-in as in ICLR 2021",
    needs=("labels", "loss gradient"),
    formula=r"\sum_c n_c \cdot \frac{1}{2n} \sum_i \left( \sum_p a_{icp} \frac{\partial L}{\partial a_{icp}} \right)^2",
)
def fisher(probe: Probe, fan_in: bool = True) -> float:
    """How much the loss feels each channel: sum_c (weights feeding c) * 1/2 mean_i (sum_p a[i,c,p] dL/da[i,c,p])^2.

    The sum runs over the channels c of the layers' outputs a, the mean over samples i, the inner sum over positions p.
    Channels are dimension 1 of a convolution's output and the last dimension of any other layer's.

    A recurrent layer does not show what its weights make. A table of positions that is called once for all samples does
    not show what it is to each. For these the inner sum is taken from the gradient g_i of each sample, as sum_j w[c,j]
    g_i[c,j], the bias being one more w. With dropout, g_i comes of the same random numbers as all the rest. In strict
    mode recurrent layers and attention are left out, as by the public code.

    Args:
        probe: A network with a batch and its targets.
        fan_in: Weigh each channel by the number of weights that feed it, as zero-cost-nas and NASLib do, and with them
            the published tables; False is BlockSwap's formula.

    Returns:
        The sum, 0 or more.

    Raises:
        ValueError: If the network has no layer with a weight, the batch has no targets, a weight is used in a way that
            does not show what it makes, or the samples touch each other and a recurrent layer or a table of positions
            needs them one by one.

    Example:
        Equal logits 1, so that a dL/da is (-1/2, 1/2), from one weight each:

        >>> net = nn.Linear(1, 2, bias=False)
        >>> _ = nn.init.ones_(net.weight)
        >>> fisher(Probe(net, torch.ones(1, 1), torch.tensor([0])))
        0.25
    """
    total = 0.0
    for weights, saliency in saliencies(probe):
        of_channels = saliency.square().sum(dtype=torch.float64).item() / (2 * len(saliency))
        total += of_channels * (weights if fan_in else 1)
    return total


@shared
def saliencies(probe: Probe) -> list[tuple[float, Tensor]]:
    """Returns the weights feeding one channel, and sum_p a[i,c,p] dL/da[i,c,p], n x channels, for each layer's call."""
    parts = [_saliencies(part) for part in probe.parts() if probe.layers]
    return [(calls[0][0], torch.cat([saliency for _, saliency in calls])) for calls in zip(*parts, strict=True)]


def _saliencies(probe: Probe) -> list[tuple[float, Tensor]]:
    found, hidden = [], list[Layer]()
    calls = zip(probe.forward.calls, probe.output_gradients, probe.samples_first(lambda f: f.called), strict=True)
    for (layer, used, a), da, arrange in calls:
        if arrange is None:  # called once for all samples, as a table of positions is
            hidden.append(layer)
            continue
        saliency = arrange(a.detach() * da)
        # If samples shared a dimension with their parts, such as windows, the parts have one of their own now.
        convolution = probe.forward.params[layer.weight].ndim > 2 and not isinstance(layer.module, nn.Bilinear)
        channel = 1 + saliency.ndim - a.ndim if convolution else saliency.ndim - 1
        if saliency.ndim > 2:
            saliency = saliency.sum([dim for dim in range(1, saliency.ndim) if dim != channel])
        found.append((layer, used / saliency.shape[1], saliency))
    if not probe.strict:
        pairs = zip(probe.layers, probe.weight_gradients, strict=True)
        hidden += [layer for layer, g in pairs if layer.weight not in probe.forward.seen and g.any()]
    shown = [(feeding, saliency) for layer, feeding, saliency in found if layer not in hidden]
    return shown + (_one_by_one(probe, hidden) if hidden else [])


ROWS_ARE_CHANNELS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.RNNBase, nn.RNNCellBase, nn.MultiheadAttention)


def _one_by_one(probe: Probe, layers: list[Layer]) -> list[tuple[float, Tensor]]:
    """Returns the same for layers that do not show what they make of a sample, all calls of a layer taken together.

    sum_p a da is the derivative along a factor of the channel, which scales what feeds it: its weights and its bias.
    """
    feeding = dict[str, list[str]]()
    for layer in layers:
        if not isinstance(layer.module, (*ROWS_ARE_CHANNELS, nn.Embedding)):
            raise ValueError(f"what {layer.weight} makes is not seen: no module returns it alone")
        feeding[layer.weight] = [name for name in (layer.weight, layer.bias) if name in probe.forward.params]
    axis = {layer.weight: 1 if isinstance(layer.module, nn.Embedding) else 0 for layer in layers}
    params = {name: probe.forward.params[name].detach() for names in feeding.values() for name in names}
    rows: dict[str, list[Tensor]] = {name: [] for name in feeding}
    try:
        for gradients in _sample_gradients(probe, list(params)):
            products = {name: w * g for (name, w), g in zip(params.items(), gradients, strict=True)}
            for weight, names in feeding.items():
                of_weight = products[weight].movedim(axis[weight], 0).flatten(1).sum(1)
                rows[weight].append(sum((products[bias] for bias in names[1:]), start=of_weight))
    except ValueError as error:
        raise ValueError(f"what {layers[0].weight} makes is seen one sample at a time only: {error}") from error
    return [(w.numel() / w.shape[axis[n]], torch.stack(rows[n])) for n in rows for w in (params[n],)]


def _sample_gradients(probe: Probe, names: list[str]) -> Iterator[tuple[Tensor, ...]]:
    """Yields each sample's share of the loss gradient with respect to the parameters `names`.

    The samples go through one by one. A network that draws random numbers (dropout) would draw others then: for such a
    network the pass over the whole batch is differentiated once for each sample.

    Raises:
        ValueError: If the samples touch each other, so that a gradient is no sample's own.
    """
    if not probe.forward.draws:
        for part in probe.replace(chunk=1).parts():
            params = [part.forward.params[name] for name in names]
            yield torch.autograd.grad(part.loss, params, materialize_grads=True)
        return
    _check_apart(probe)
    params = [probe.forward.params[name] for name in names]
    for z, adjoint in zip(probe.outputs, probe.output_adjoint, strict=True):
        yield torch.autograd.grad(z, params, adjoint, retain_graph=True, materialize_grads=True)


def _check_apart(probe: Probe) -> None:
    """Raises ValueError if the samples touch each other, by a look at evaluation mode, in which nothing is drawn."""
    if probe.forward.tape.batch_statistics:
        raise ValueError("BatchNorm takes its statistics from the whole batch")
    check_samples(probe, probe.outputs)
    together = probe.run(training=False).outputs
    for i in range(min(2, len(together))):
        check_alone(
            together[i], probe.replace(inputs=probe.inputs[i : i + 1], targets=None).run(training=False).outputs[0]
        )


@metric(
    "l2_norm",
    paper=ZERO_COST,
    cost="weights only",
    formula=r"\sum_l \lVert W_l \rVert_2",
)
def l2_norm(probe: Probe) -> float:
    """The sum of the layers' weight norms, sum_l |W_l|_2, without any data.

    Args:
        probe: A network; its batch is not looked at, unless to find out which bare parameters are weights.

    Returns:
        The sum, 0 or more.

    Raises:
        ValueError: If the network has no layer with a weight.

    Example:
        >>> net = nn.Linear(2, 2)
        >>> _ = nn.init.ones_(net.weight)
        >>> l2_norm(Probe(net, torch.zeros(1, 2)))
        2.0
    """
    return sum(torch.linalg.vector_norm(w, dtype=torch.float64).item() for w in probe.weights)
