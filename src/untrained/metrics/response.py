"""Metrics on how unlike the samples' responses are: what activations are given, make, and send back."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge

from untrained.metrics.base.metric import metric
from untrained.probe import Probe
from untrained.probe.evaluation import detached_state
from untrained.probe.functions import ACTIVATIONS, LAYERS, MATRIX_PRODUCTS
from untrained.probe.outputs import join
from untrained.probe.responses import Response, listen


@metric(
    "wrcor",
    paper="Jing, Chen, Xu, Tai, Wang & Li, Zero-Shot Neural Architecture Search with Weighted Response Correlation, "
    "Neurocomputing 2025",
    needs=("labels", "loss gradient", "feature maps"),
    formula=r"\ln \det \sum_l 2^l \sum_i \left( \lvert A_{li} \rvert + \lvert G_{li} \rvert \right)",
)
def wrcor(probe: Probe) -> float:
    """How unlike the samples' responses are, late ones above all: ln det sum_l 2^l sum_i (|A_li| + |G_li|).

    A_li is the n x n correlation matrix of what the samples put into activation i of level l, and G_li that of the
    gradients of the loss with respect to it. A level is a block (docs/metrics.md, Feature maps), or an activation
    outside of the blocks. A matrix that is not defined, as of a sample that puts in one number throughout, is left out.

    The public code counts levels from 0, so that its values are n ln 2 less, and on NAS-Bench-201 it counts each
    activation again for the wrapper `ReLUConvBN`, whose name contains "ReLU".

    Args:
        probe: A network with activations, a batch and its targets.

    Returns:
        The logarithm, in nats.

    Raises:
        ValueError: If the network calls no activation, samples do not come first in what goes in, no correlation is
            defined, or the matrix is singular: two samples respond alike.

    Example:
        Two samples have put in opposite numbers: |A| = 1 throughout. Their gradients are not correlated.

        >>> net = nn.Sequential(nn.Linear(4, 4, bias=False), nn.ReLU())
        >>> _ = nn.init.eye_(net[0].weight)
        >>> inputs = torch.tensor([[1.0, 1, -1, -1], [-1, -1, 1, 1]])
        >>> loss = lambda z, _: (z * torch.tensor([[1.0, -1, 0, 0], [0, 0, 1, -1]])).sum()
        >>> round(wrcor(Probe(net, inputs, 0, loss=loss)), 4)  # 2^2 * (2 * 2 - 1 * 1)
        2.4849
    """
    n, heard = len(probe.inputs), list[tuple[int, Tensor | None, GradientEdge | None]]()

    def hear(response: Response) -> None:
        if len(response.input) != n:
            raise ValueError(f"an activation's input has shape {tuple(response.input.shape)}: samples must come first")
        heard.append((response.level, _correlations(response.input), response.edge))

    adjoint = probe.output_adjoint
    probe.check_whole()
    with torch.enable_grad():
        z, _ = join(listen(probe, probe.state(Tensor.clone), probe.inputs.detach(), hear))
    if not heard:
        raise ValueError("the network calls no activation")
    edges = list(dict.fromkeys(edge for *_, edge in heard if edge is not None))
    gradients = torch.autograd.grad(z, edges, adjoint, allow_unused=True) if edges else ()
    returned = dict(zip(edges, gradients, strict=True))
    top = max(level for level, *_ in heard)
    K = torch.zeros(n, n, dtype=torch.float64, device=z.device)
    for level, correlations, edge in heard:
        gradient = None if edge is None else returned[edge]
        for matrix in (correlations, None if gradient is None else _correlations(gradient)):
            if matrix is not None:
                K += 2.0 ** (level - top) * matrix
    return _log_determinant(K) + n * top * math.log(2)


def _correlations(rows: Tensor) -> Tensor | None:
    """Returns the absolute correlations of the rows, n x n in double precision; None if a row is constant."""
    rows = rows.flatten(1)
    rows = rows - rows.mean(1, keepdim=True)
    norms = torch.linalg.vector_norm(rows, dim=1, keepdim=True)
    if not (norms > 0).all():
        return None
    rows = rows / norms
    return (rows @ rows.T).abs().double()


def _log_determinant(K: Tensor) -> float:
    if not K.any():
        raise ValueError("no correlation is defined: in every activation, a sample has one number throughout")
    if torch.linalg.matrix_rank(K, hermitian=True) < len(K):
        raise ValueError("the matrix is singular: two samples respond alike")
    return torch.linalg.slogdet(K).logabsdet.item()


@metric(
    "rbflex",
    paper="Yamasaki, Wang, Luo, Chen & Wang, RBFleX-NAS: Training-Free Neural Architecture Search Using Radial Basis "
    "Function Kernel and Hyperparameter Detection, IEEE TNNLS 2025",
    needs=("activations",),
    cost="several passes",
    formula=r"n \, (\ln \det K + \ln \det Q)",
)
def rbflex(
    probe: Probe, samples: int = 3, gamma_k: float = 2.68690173088039e-12, gamma_q: float = 1.02460061284506e-11
) -> float:
    """How unlike few samples are inside: n (ln det K + ln det Q), K and Q kernels exp(-gamma |x_i - x_j|^2).

    Of K, x_i is what all activations make of sample i; of Q, what enters the last layer. Each sample goes through
    alone, in training mode, and each of its numbers is scaled over the samples to lie between 0 and 1.

    The paper finds the two gammas for a space from a sample of its networks. The defaults are those that the public
    code has for NAS-Bench-201 on CIFAR-10, with batches of 3.

    Args:
        probe: A network with activations and a layer.
        samples: How many of the batch's samples are compared.
        gamma_k: Of K.
        gamma_q: Of Q.

    Returns:
        The value: n times two logarithms, in nats, each at most 0.

    Raises:
        ValueError: If there are not so many samples, or two are the same for the network.

    Example:
        Two samples: det K = 1 - exp(-gamma d)^2, and each of three units differs by 1 after scaling.

        >>> net = nn.Sequential(nn.Linear(1, 3), nn.ReLU(), nn.Linear(3, 2))
        >>> net[0].weight.data, net[0].bias.data = torch.ones(3, 1), torch.zeros(3)
        >>> probe = Probe(net, torch.tensor([[1.0], [2.0]]))
        >>> round(rbflex(probe, samples=2, gamma_k=1.0, gamma_q=1.0), 6)  # 4 ln(1 - e^-6)
        -0.009927
    """
    if not 2 <= samples <= len(probe.inputs):
        raise ValueError(f"{samples} samples of {len(probe.inputs)}: give 2 or more, and no more than there are")
    if gamma_k <= 0 or gamma_q <= 0:
        raise ValueError(f"gamma_k {gamma_k}, gamma_q {gamma_q}: give numbers above 0")
    made, entered = zip(*(_inside(probe, i) for i in range(samples)), strict=True)
    return samples * (_kernel(made, gamma_k) + _kernel(entered, gamma_q))


def _inside(probe: Probe, i: int) -> tuple[Tensor, Tensor]:
    """Returns what the activations make of sample i, and what enters the last layer, each as one row."""
    state = detached_state(probe.replace(chunk=None))
    weights = {id(state[layer.weight]) for layer in probe.layers}
    made, entered = list[Tensor](), list[Tensor]()

    def hear(response: Response) -> None:
        if response.function in ACTIVATIONS:
            made.append(response.output.flatten().double())
        elif _holder(response.weight) in weights:
            entered[:] = [response.input.flatten().double()]

    with torch.no_grad():
        listen(probe, state, probe.inputs[i : i + 1].detach(), hear, ACTIVATIONS | LAYERS | MATRIX_PRODUCTS)
    if not made or not entered:
        raise ValueError(f"the network calls no {'layer' if made else 'activation'}")
    return torch.cat(made), entered[0]


def _holder(value: Tensor | None) -> int | None:
    """Returns the identity of the tensor that `value` is a view of, or of itself."""
    return id(value if value._base is None else value._base) if value is not None else None


def _kernel(samples: Sequence[Tensor], gamma: float) -> float:
    """Returns ln det of the kernel of the scaled rows.

    The kernel is close to 1 throughout. With E = 1 - K, which is known to full precision, subtracting the first row and
    the first column from the others leaves E_i0 + E_0j - E_ij - E_i0 E_0j, of the same determinant.
    """
    rows = torch.stack(list(samples))
    low, high = rows.min(0).values, rows.max(0).values
    rows = (rows - low) / torch.where(high > low, high - low, 1.0)
    distances = torch.stack([(rows - row).square().sum(1) for row in rows])
    E = -torch.expm1(-gamma * distances)
    if (E.fill_diagonal_(1.0) <= 0).any():
        raise ValueError("two samples are the same for the network")
    E.fill_diagonal_(0.0)
    reduced = E[1:, :1] + E[:1, 1:] - E[1:, 1:] - E[1:, :1] * E[:1, 1:]
    value = torch.linalg.slogdet(reduced).logabsdet.item()
    if not math.isfinite(value):
        raise ValueError("the kernel is singular: the samples differ in fewer ways than there are samples")
    return value
