"""VKDNW: how evenly the eigenvalues of the Fisher information are spread."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from untrained.metrics.base.metric import metric
from untrained.probe import Probe, shared
from untrained.probe.evaluation import check_rows, evaluation_pass, pieces
from untrained.probe.per_sample import Use

PARAMETERS = 128
"""How many parameter tensors, the first ones, give one scalar each."""
SMOOTHING = 0.05
EPS = 1e-10


@metric(
    "vkdnw",
    paper="Tybl & Neumann, Training-free Neural Architecture Search through Variance of Knowledge of Deep Network "
    "Weights, CVPR 2025",
    needs=("sample gradients",),
    cost="several passes",
    formula=r"-\sum_{k=1}^{9} d_k \ln d_k",
)
def vkdnw(
    probe: Probe,
    reading: Literal["paper", "code"] = "paper",
    part: Literal["entropy", "dimension", "both"] = "entropy",
) -> float:
    """How evenly the Fisher information's spectrum is spread: -sum_k d_k ln d_k, d its nine deciles, scaled to sum 1.

    The spectrum is that of F = mean_i J_i^T (diag p_i - p_i p_i^T) J_i, in evaluation mode: J_i = d logits_i / d theta
    (classes x |theta|), and p_i is the softmax, smoothed by 0.05. theta holds the first element of each of the first
    128 parameter tensors, in the order in which the network holds them, biases and normalisations included.

    The low deciles can be rounding noise if parameters have no effect: compare such scores in double precision.

    Args:
        probe: A network that returns n x classes, two or more.
        reading: "code" has the Cholesky factor L of diag p - p p^T the wrong way round: F = mean_i J_i^T L_i^T L_i J_i.
            Both readings smooth in half precision, as the code does, unless rounding then takes more than a class gets,
            as with most numbers of classes above 256.
        part: "dimension" is the number of parameter tensors; "both" adds it to the entropy, which ranks by dimension
            first.

    Returns:
        The entropy, at most ln 9; see `part`.

    Raises:
        ValueError: If the outputs are not n x classes, or do not depend on any of the parameters.

    Example:
        One parameter tensor gives one singular value, and nine equal deciles:

        >>> net = nn.Linear(2, 3, bias=False)
        >>> round(vkdnw(Probe(net, torch.ones(4, 2))), 4)  # ln 9
        2.1972
    """
    if reading not in ("paper", "code") or part not in ("entropy", "dimension", "both"):
        raise ValueError(f"reading {reading!r}, part {part!r}: give paper or code; entropy, dimension or both")
    dimension = float(len(list(probe.net.parameters())))
    if part == "dimension":
        return dimension
    logits, J = _jacobian(probe)
    L = _factor(_probabilities(logits))
    LJ = (L.mT if reading == "paper" else L) @ J
    LJ = LJ.flatten(0, 1)
    fisher = LJ.T @ LJ / len(J)
    s = torch.linalg.eigvalsh(fisher).abs()  # symmetric: singular values are absolute eigenvalues
    if s.max() == 0:
        raise ValueError("the outputs do not depend on the parameters: the Fisher information is zero")
    d = torch.quantile(s, torch.arange(1, 10, dtype=s.dtype, device=s.device) / 10)
    d = d / (d.sum() + EPS)
    entropy = -(d * (d + EPS).log()).sum().item()
    return entropy if part == "entropy" else dimension + entropy


@shared
def _jacobian(probe: Probe) -> tuple[Tensor, Tensor]:
    """Returns the logits, n x classes, and J, n x classes x parameters, in double precision."""
    if probe.chunk is not None:
        check_rows(probe, lambda part: ((run := evaluation_pass(part)).uses, run.outputs))
        logits, J = zip(*map(_jacobian, pieces(probe)), strict=True)
        return torch.cat(logits), torch.cat(J)
    names = [name for name, _ in probe.net.named_parameters()][:PARAMETERS]
    run = evaluation_pass(probe)
    logits = run.outputs
    if run.heads is not None:
        raise ValueError("the network returns several tensors: the classes' probabilities need one")
    if logits.ndim != 2:
        raise ValueError(f"the outputs have shape {tuple(logits.shape)}: they must be n x classes")
    if logits.shape[1] == 1:
        raise ValueError("there is one output: its softmax is 1 whatever the parameters are")
    if run.uses.unsupported & set(names):
        return _one_by_one(probe, names)
    rows = []
    for logit in logits.unbind(1):
        elements = _FirstElements(names, logits)
        run.uses.backward(logit.sum(), elements)
        rows.append(elements.values)
    return logits.detach().double(), torch.stack(rows, 1)


class _FirstElements:
    """Gradients, n x names in double precision, of the first element of each of the parameters `names`.

    To be called by `Uses.backward`.
    """

    def __init__(self, names: Sequence[str], like: Tensor) -> None:
        self.position = {name: k for k, name in enumerate(names)}
        self.values = torch.zeros(len(like), len(names), dtype=torch.float64, device=like.device)

    def __call__(self, name: str, parts: list[tuple[Use, Tensor]]) -> None:
        if name in self.position:
            for use, B in parts:
                self.values[:, self.position[name]] += use.first(B)


def _one_by_one(probe: Probe, names: list[str]) -> tuple[Tensor, Tensor]:
    all_logits, all_rows = [], []
    for single in pieces(probe, 1):
        run = single.run(training=False)
        (logits,) = run.outputs
        rows = []
        for logit in logits:
            parameters = [run.params[name] for name in names]
            gradients = torch.autograd.grad(logit, parameters, retain_graph=True, materialize_grads=True)
            rows.append(torch.stack([g.flatten()[0] for g in gradients]))
        all_logits.append(logits.detach())
        all_rows.append(torch.stack(rows))
    return torch.stack(all_logits).double(), torch.stack(all_rows).double()


def _probabilities(logits: Tensor) -> Tensor:
    """Returns the smoothed softmax; the smoothing's two numbers are rounded to half precision if that does no harm."""
    classes = logits.shape[1]
    smoothing = torch.tensor(SMOOTHING, dtype=torch.float16)
    keep, spread = (1 - smoothing).item(), (smoothing / classes).item()
    if abs(1 - keep - classes * spread) >= spread:
        keep, spread = 1 - SMOOTHING, SMOOTHING / classes
    return logits.softmax(1) * keep + spread


def _factor(p: Tensor) -> Tensor:
    """Returns n x classes x classes lower triangular L with L L^T = diag p - p p^T, in closed form.

    With q_j = 1 - p_1 - ... - p_j: L_jj = sqrt(p_j q_j / q_{j-1}), and L_ij = -p_i / q_j L_jj below it.
    """
    q = (1 - p.cumsum(1)).clamp_min(EPS)
    q[:, -1] = 0
    before = torch.cat([torch.ones_like(q[:, :1]), q[:, :-1]], 1)
    d = (p * q / before).sqrt()
    ratio = p[:, :, None] / torch.where(q > 0, q, 1.0)[:, None, :]
    return torch.diag_embed(d) - torch.tril(ratio * d[:, None, :], -1)
