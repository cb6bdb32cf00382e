"""Dextr: how well-conditioned feature maps are, and how much the outputs bend along a circle of inputs."""

import torch
from torch import Tensor

from untrained.metrics.base.metric import metric
from untrained.metrics.meco import module_outputs
from untrained.probe import Probe
from untrained.probe.evaluation import detached_state
from untrained.probe.outputs import join
from untrained.probe.redrawn import generator, normal


@metric(
    "dextr",
    paper="Asthana, Conrad, Ortmanns & Belagiannis, Dextr: Zero-Shot Neural Architecture Search with Singular Value "
    "Decomposition and Extrinsic Curvature, TMLR 2025",
    needs=("feature maps", "random draws"),
    cost="several passes",
    formula=r"\frac{a b}{a + b}, \; a = \ln ( 1 + \sum_l \frac{\min s_l}{\max s_l} ), \; b = \ln (1 + \kappa)",
)
def dextr(probe: Probe) -> float:
    """Well-conditioned maps and bent outputs: a b / (a + b), a = ln(1 + sum_l s_min / s_max), b = ln(1 + curvature).

    s are the singular values of what module l makes of the batch's first sample, channels x positions, of the modules
    that call no other; what is 0 throughout adds 0. The curvature is that of the outputs along the circle u cos t +
    w sin t of inputs, at t = 0: sqrt(|v|^2 |a|^2 - (v a)^2) / |v|^3, v and a being their first and second derivative by
    t. u and w are random, of length 1, at right angles. Everything is in training mode, on one sample.

    The public code also counts containers, so that what ends its container counts twice.

    Args:
        probe: A network on floating-point inputs.

    Returns:
        Half the harmonic mean of the two logarithms: 0 or more.

    Raises:
        ValueError: If the inputs are whole numbers, or the outputs do not move along the circle.

    Example:
        The outputs of an orthogonal matrix run along a circle, too, of curvature 1; their map of one position counts 1:

        >>> net = nn.Linear(2, 2, bias=False)
        >>> _ = nn.init.eye_(net.weight)
        >>> round(dextr(Probe(net, torch.ones(1, 2))), 4)  # ln 2 / 2
        0.3466
    """
    if not probe.inputs.is_floating_point():
        raise ValueError(f"the inputs are {probe.inputs.dtype}: only floating-point inputs run along a circle")
    maps = module_outputs(probe, probe.inputs[:1].detach())
    conditions = torch.tensor(sum(_inverse_condition(f) for f in maps), dtype=torch.float64).log1p()
    bend = torch.tensor(_curvature(probe), dtype=torch.float64).log1p()
    if bend == 0 or conditions == 0:
        return 0.0
    return (conditions * bend / (conditions + bend)).item()


def _inverse_condition(f: Tensor) -> float:
    s = torch.linalg.svdvals(f.reshape(len(f), -1).double().cpu())
    return (s[-1] / s[0]).item() if s[0] > 0 else 0.0


def _curvature(probe: Probe) -> float:
    x, stream = probe.inputs[:1], generator(probe)
    u, w = normal((2, x.numel()), stream).double()
    u = u / u.norm()
    w = w - (u @ w) * u
    w = w / w.norm()
    u, w = (direction.reshape(x.shape).to(x) for direction in (u, w))
    state = detached_state(probe)
    t = torch.zeros((), dtype=x.dtype, device=x.device, requires_grad=True)
    with probe.untouched(), torch.enable_grad():
        z, _ = join(probe.call(state, u * t.cos() + w * t.sin()))
    z = z.flatten()
    # The derivative of <c, z> by t is <c, v>, and that one's <c, a>: differentiated by c, they are v and a.
    c = torch.ones_like(z, requires_grad=True)
    (along,) = torch.autograd.grad((c * z).sum(), t, create_graph=True)
    (v,) = torch.autograd.grad(along, c, retain_graph=True, materialize_grads=True)
    (bend,) = torch.autograd.grad(along, t, create_graph=True, materialize_grads=True)
    (a,) = torch.autograd.grad(bend, c, materialize_grads=True)
    v, a = v.double(), a.double()
    vv, aa, va = v @ v, a @ a, v @ a
    if vv == 0:
        raise ValueError("the outputs do not move along the circle of inputs")
    return ((vv * aa - va.square()).clamp_min(0).sqrt() / vv.pow(1.5)).item()
