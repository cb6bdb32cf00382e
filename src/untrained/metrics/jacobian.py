"""Metrics on the input Jacobian J (see `untrained.probe`): how alike do the samples' gradients look?

The public code never clears the gradient of its input, so that a second call on the same batch adds up. Here every
network starts afresh.
"""

from dataclasses import replace

import torch
from torch import Tensor

from untrained.metrics.base.metric import metric
from untrained.probe import Probe, shared

K = 1e-5
MANY_CLASSES = 100


@metric(
    "jacob_cov",
    paper="Mellor, Turner, Storkey & Crowley, NAS without Training, arXiv 2006.04647v1, 2020",
    needs=("input Jacobian",),
    formula=r"-\sum_i \left( \ln (v_i + k) + \frac{1}{v_i + k} \right), \quad k = 10^{-5}",
)
def jacob_cov(probe: Probe) -> float:
    """How unlike the samples' input gradients are: -sum_i ln(v_i + k) + 1/(v_i + k), k = 1e-5.

    v are the eigenvalues of the correlation matrix of the rows of J. The public code takes a general eigensolver, this
    one a symmetric one; the values agree.

    Args:
        probe: A network on floating-point inputs.

    Returns:
        At most -n for n samples, reached if no two are correlated.

    Raises:
        ValueError: If the inputs are whole numbers, or a sample's gradient is constant and has no correlation with the
            others (public value: nan).

    Example:
        Two inputs that reach the output by opposite ways, for two samples on either side of 0, have the gradients
        (1, -1, 0, 0) and (0, 0, 1, -1), which are not correlated:

        >>> net = nn.Sequential(nn.Linear(4, 4, bias=False), nn.ReLU(), nn.Linear(4, 1, bias=False))
        >>> net[0].weight.data, net[2].weight.data = torch.eye(4), torch.tensor([[1.0, -1, 1, -1]])
        >>> inputs = torch.tensor([[1.0, 1, -1, -1], [-1, -1, 1, 1]])
        >>> round(jacob_cov(Probe(net, inputs)), 3)
        -2.0
    """
    v = torch.linalg.eigvalsh(_correlations(probe))
    return -(torch.log(v + K) + 1 / (v + K)).sum().item()


jacov = replace(jacob_cov, name="jacov")
"""The same metric under NASLib's name, which published tables use."""


@metric(
    "epe_nas",
    paper="Lopes, Alirezazadeh & Alexandre, EPE-NAS: Efficient Performance Estimation Without Training, ICANN 2021",
    needs=("labels", "input Jacobian"),
    formula=r"\sum_c \lvert s_c \rvert, \quad s_c = \sum_{ij} \ln (\lvert C_{ij} \rvert + k)",
)
def epe_nas(probe: Probe) -> float:
    """How alike the input gradients within each class are: sum_c |s_c|.

    s_c is the sum of ln(|C| + k) over the correlation matrix C of class c's rows of J, with k = 1e-5.

    For more than 100 outputs, s_c is divided by the number of samples of c, and the value is sum |s_c - s_d| over all
    ordered pairs of classes with two samples or more, divided by the number of these classes. (In that case only,
    NASLib's code drops a class of one sample: it asks a number for its length.)

    Args:
        probe: A network on floating-point inputs, with n class labels.

    Returns:
        The sum, 0 or more.

    Raises:
        ValueError: If the targets are not n classes, a sample's gradient is constant (public value: nan), or no class
            has two samples and more than 100 outputs need one.

    Example:
        Each sample is alone in its class: C = 1, and ln(1 + k) is near 0.

        >>> inputs = torch.tensor([[1.0, 0], [0, 1.0]])
        >>> round(epe_nas(Probe(nn.Linear(2, 2), inputs, torch.tensor([0, 1]))), 4)
        0.0
    """
    targets = probe.labels
    if targets is None:
        raise ValueError("the targets must be n class labels")
    logs = (_correlations(probe).abs() + K).log()
    many = probe.outputs.shape[-1] > MANY_CLASSES
    classes = [of_class for c in targets.unique() if (of_class := targets == c).sum() > many]
    if not classes:
        raise ValueError(
            f"no class has two samples: more than {MANY_CLASSES} outputs compare classes by those that have"
        )
    s = torch.stack([logs[of_class][:, of_class].sum() for of_class in classes])
    if not many:
        return s.abs().sum().item()
    s = s / torch.stack([of_class.sum() for of_class in classes])
    return ((s[:, None] - s[None, :]).abs().sum() / len(s)).item()


@shared
def _correlations(probe: Probe) -> Tensor:
    """Returns the Pearson correlations of the rows of J, n x n in double precision."""
    rows = probe.input_jacobian.double()
    rows = rows - rows.mean(1, keepdim=True)
    norms = rows.norm(dim=1, keepdim=True)
    if (norms == 0).any():
        raise ValueError("a sample's input gradient is constant: no correlation exists")
    rows = rows / norms
    return rows @ rows.T
