"""Metrics on transformers: what attention and the MLPs beside it do.

A layer's part follows from where its outputs go, not from its name: see `untrained.probe.token_layers`. On a network
without a linear layer on tokens, n x tokens x features, each says that there is none.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from untrained.metrics.base.metric import metric
from untrained.metrics.synflow import absolute_gradients
from untrained.probe import Probe, shared
from untrained.probe.evaluation import detached_state
from untrained.probe.responses import Response, listen
from untrained.probe.token_layers import token_layers

SERIANNI = "Serianni & Kalita, Training-free Neural Architecture Search for RNNs and Transformers, ACL 2023"


@metric(
    "dss",
    paper="Zhou, Sheng, Zheng, Li, Sun, Tian, Chen & Ji, Training-free Transformer Architecture Search, CVPR 2022",
    needs=("data-free pass",),
    formula=r"\sum_m \left\lVert \frac{\partial R}{\partial W_m} \right\rVert_* \lVert W_m \rVert_* + "
    r"\sum_l \sum_{w \in l} \left\lvert w \frac{\partial R}{\partial w} \right\rvert",
)
def dss(
    probe: Probe,
    part: Literal["both", "diversity", "saliency"] = "both",
    inputs: Literal["ones", "batch"] = "ones",
    reading: Literal["paper", "code"] = "paper",
) -> float:
    """Synaptic diversity of attention and saliency of MLPs: sum_m |dR/dW_m|_* |W_m|_* + sum_l sum |w dR/dw|.

    |.|_* is the nuclear norm, the sum of singular values; m goes over the linear layers around attention, its
    projection included, and l over those of MLPs. Queries, keys and values in one weight count as one. R is the sum of
    the outputs for one sample of ones in a network of absolute weights, normalisations active.

    Args:
        probe: A transformer.
        part: Only the diversity of attention, or only the saliency of the MLPs.
        inputs: "batch" has the network's own weights and its batch: for tokens, which cannot be ones. Behind a
            normalisation as the last module, whose outputs add up to a constant, all gradients vanish but for rounding.
        reading: "code" counts all other layers, such as the embedding of patches and the classifier, as salient too.

    Returns:
        The sum, 0 or more.

    Raises:
        ValueError: If the network is no transformer, or the inputs are whole numbers and `inputs` is "ones".

    Example:
        An MLP on tokens, all of whose weights are 1: the sample of ones has 2 tokens, so that each weight has the
        gradient 2.

        >>> net = nn.Sequential(nn.Linear(1, 1, bias=False), nn.ReLU(), nn.Linear(1, 1, bias=False))
        >>> _ = [nn.init.ones_(w) for w in net.parameters()]
        >>> dss(Probe(net, torch.zeros(3, 2, 1)))
        4.0
    """
    if part not in ("both", "diversity", "saliency"):
        raise ValueError(f"part {part!r}: give both, diversity or saliency")
    if inputs not in ("ones", "batch"):
        raise ValueError(f"inputs {inputs!r}: give ones or batch")
    if reading not in ("paper", "code"):
        raise ValueError(f"reading {reading!r}: give paper or code")
    found = token_layers(probe)
    if inputs == "ones" and not probe.inputs.is_floating_point():
        raise ValueError(f"the inputs are {probe.inputs.dtype}, which cannot be ones: give inputs=batch")
    pairs = absolute_gradients(probe) if inputs == "ones" else _output_gradients(probe)
    value = 0.0
    for layer, (w, g) in zip(probe.layers, pairs, strict=True):
        if layer.weight in found.mixing:
            value += _nuclear(w) * _nuclear(g) if part != "saliency" else 0.0
        elif part != "diversity" and (layer.weight in found.mlp or reading == "code"):
            value += _saliency(w, g)
    return value


@metric(
    "head_importance",
    paper=SERIANNI,
    needs=("activations",),
    formula=r"\sum_w \left\lvert w \frac{\partial R}{\partial w} \right\rvert",
)
def head_importance(probe: Probe, mean: bool = False) -> float:
    """How much attention's inputs feel their weights: sum |w dR/dw| over the layers that make queries, keys and values.

    R is the sum of the outputs. As in the authors' code. Behind a normalisation as the last module, whose outputs add
    up to a constant, all gradients vanish but for rounding.

    Args:
        probe: A transformer.
        mean: Divide by the number of these layers.

    Returns:
        The sum, 0 or more.

    Raises:
        ValueError: If the network is no transformer.

    Example:
        A product of what two layers make: 3 * 2 for one token, and each layer's weight times its gradient is 6.

        >>> class Product(nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.q, self.k = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
        ...     def forward(self, x):
        ...         return self.q(x) @ self.k(x).mT
        >>> net = Product()
        >>> net.q.weight.data, net.k.weight.data = torch.tensor([[3.0]]), torch.tensor([[2.0]])
        >>> head_importance(Probe(net, torch.ones(1, 1, 1)))
        12.0
    """
    names = _of_attention(probe)
    pairs = zip(probe.layers, _output_gradients(probe), strict=True)
    found = [_saliency(w, g) for layer, (w, g) in pairs if layer.weight in names]
    return _total(found, mean)


@metric(
    "head_confidence",
    paper=SERIANNI,
    needs=("activations",),
    cost="forward",
    formula=r"\sum_l \frac{1}{n d} \sum_{i,k} \max_t z_{litk}",
)
def head_confidence(probe: Probe, mean: bool = False) -> float:
    """How large the largest token is in what attention gets: the maximum over tokens of each query, key and value.

    The mean of this maximum over samples and features, summed over the layers that make queries, keys and values. As
    in the authors' code.

    Args:
        probe: A transformer.
        mean: Divide by the number of these layers.

    Returns:
        The sum, of either sign.

    Raises:
        ValueError: If the network is no transformer.

    Example:
        A product of what two layers make, 3 x and 2 x, for two tokens of which the larger is 1: 3 + 2.

        >>> class Product(nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.q, self.k = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
        ...     def forward(self, x):
        ...         return self.q(x) @ self.k(x).mT
        >>> net = Product()
        >>> net.q.weight.data, net.k.weight.data = torch.tensor([[3.0]]), torch.tensor([[2.0]])
        >>> head_confidence(Probe(net, torch.tensor([[[1.0], [-4.0]]])))
        5.0
    """
    _of_attention(probe)
    return _total(token_layers(probe).peaks, mean)


@metric(
    "softmax_confidence",
    paper=SERIANNI,
    needs=("activations",),
    cost="forward",
    formula=r"\sum_l \frac{1}{n T^2} \sum_{i,s,t} \max_h A_{lihst}",
)
def softmax_confidence(probe: Probe, mean: bool = False) -> float:
    """How sure the surest head is: the maximum over heads of the attention between two tokens.

    The mean of this maximum over samples and pairs of tokens, summed over the softmaxes. As in the authors' code.

    Args:
        probe: A transformer.
        mean: Divide by the number of softmaxes.

    Returns:
        The sum, more than 0: at most 1 for each.

    Raises:
        ValueError: If the network is no transformer, or has no softmax over tokens.

    Example:
        Two tokens without a difference: each attends to both by a half.

        >>> layer = nn.TransformerEncoderLayer(2, 2, 4, dropout=0.0, batch_first=True)
        >>> softmax_confidence(Probe(layer, torch.ones(1, 2, 2)))
        0.5
    """
    found = token_layers(probe).attention_peaks
    if not found:
        raise ValueError("the network has no softmax over tokens")
    return _total(found, mean)


@metric(
    "activation_distance",
    paper=SERIANNI,
    needs=("activations",),
    cost="forward",
    formula=r"\sum_l \sum_{s,t} \sum_k 1[c_{lsk} = c_{ltk}]",
)
def activation_distance(probe: Probe, between: Literal["tokens", "samples"] = "tokens", mean: bool = False) -> float:
    """On how many units tokens agree, over all activations: sum_ij #{units that i and j both switch on, or both off}.

    A unit is on if the activation's input is above 0; i and j go over the tokens of the first sample; what has
    no tokens is left out. As in the authors' code, despite the name.

    Args:
        probe: A network with activations.
        between: "samples" has i and j go over the samples of the batch.
        mean: Divide by the number of calls of activations.

    Returns:
        The sum, 0 or more.

    Raises:
        ValueError: If the network calls no activation, or none on tokens.

    Example:
        Two tokens on one unit, on for one of them: each agrees with itself alone.

        >>> activation_distance(Probe(nn.ReLU(), torch.tensor([[[1.0], [-1.0]]])))
        2.0
    """
    if between not in ("tokens", "samples"):
        raise ValueError(f"between {between!r}: give tokens or samples")
    codes = _codes(probe)
    if between == "tokens":
        codes = [active[0] for active in codes if active.ndim == 3]
        if not codes:
            raise ValueError("no activation's input has tokens: it must be n x tokens x features")
    found = list[float]()
    for active in codes:
        # sum_ij of a unit that k of n switch on: k^2 + (n - k)^2
        on = active.flatten(1).sum(0, dtype=torch.float64)
        found.append((on.square() + (len(active) - on).square()).sum().item())
    return _total(found, mean)


@metric(
    "w_pca",
    paper="Wang, W-PCA Based Gradient-Free Proxy for Efficient Search of Lightweight Language Models, ICLR 2025",
    needs=("activations",),
    cost="forward",
    formula=r"P \sum_l k_l",
)
def w_pca(probe: Probe, eta: float = 0.99, weighted: bool = True) -> float:
    """How many principal components carry a share of an MLP's variance, times the parameters: P sum_l k_l.

    k_l is the least number of components of what the layer before an activation makes, all tokens of all samples by
    features, whose share of the variance exceeds eta; P the number of parameters.

    Args:
        probe: A transformer.
        eta: The share, from 0 to 1.
        weighted: If false, without the parameters: the paper's "vanilla PCA".

    Returns:
        The product, 0 or more.

    Raises:
        ValueError: If the network has no linear layer on tokens before an activation.

    Example:
        Two features that vary alike and independently: both are needed. 2 * 4 parameters.

        >>> net = nn.Sequential(nn.Linear(2, 2, bias=False), nn.GELU())
        >>> _ = nn.init.eye_(net[0].weight)
        >>> w_pca(Probe(net, torch.tensor([[[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]])))
        8.0
    """
    if not 0 <= eta <= 1:
        raise ValueError(f"eta {eta}: give a share from 0 to 1")
    names = token_layers(probe).into_activation
    if not names:
        raise ValueError("the network has no linear layer on tokens before an activation")
    total = 0
    for layer, _, output in probe.forward.calls:
        if layer.weight in names:
            total += _components(output.detach().flatten(0, -2), eta)
    return float(total * (sum(p.numel() for p in probe.net.parameters()) if weighted else 1))


def _components(rows: Tensor, eta: float) -> int:
    """Returns how many components' share of the variance exceeds eta, all of them if none does."""
    rows = rows.double()
    rows = rows - rows.mean(0)
    C = rows @ rows.T if rows.shape[0] < rows.shape[1] else rows.T @ rows  # their eigenvalues but 0 are the same
    if not torch.isfinite(C).all():
        raise ValueError("a layer makes numbers that are not finite")
    values = torch.linalg.eigvalsh(C).flip(0).clamp(min=0)
    total = values.sum()
    if total == 0:
        return 0
    exceed = (values / total).cumsum(0) > eta
    return len(values) if not exceed.any() else int(exceed.double().argmax()) + 1


def _of_attention(probe: Probe) -> set[str]:
    names = token_layers(probe).into_mixing
    if not names:
        raise ValueError("the network has no linear layer before a product of tokens")
    return names


@shared
def _output_gradients(probe: Probe) -> list[tuple[Tensor, Tensor]]:
    """Returns (W_l, dR/dW_l) for each of the probe's layers, R the sum of the batch's outputs."""
    probe.check_whole()
    outputs = probe.forward.outputs
    weights = [probe.forward.params[layer.weight] for layer in probe.layers]
    gradients = torch.autograd.grad(outputs.sum(), weights, retain_graph=True, materialize_grads=True)
    return [(w.detach(), g) for w, g in zip(weights, gradients, strict=True)]


@shared
def _codes(probe: Probe) -> list[Tensor]:
    """Returns n x ... booleans for each call of an activation: is its input above 0?"""
    found: list[Tensor] = []

    def hear(response: Response) -> None:
        found.append(response.input > 0)

    with torch.no_grad():
        listen(probe, detached_state(probe), probe.inputs.detach(), hear)
    if not found:
        raise ValueError("the network calls no activation")
    return found


def _nuclear(w: Tensor) -> float:
    return torch.linalg.svdvals(w.double().flatten(1)).sum().item()


def _saliency(w: Tensor, g: Tensor) -> float:
    return (w * g).abs().sum(dtype=torch.float64).item()


def _total(found: Sequence[float], mean: bool) -> float:
    return sum(found) / (len(found) if mean else 1)
