"""epsinas: how far apart two constant weights drive the outputs."""

import torch
from torch import Generator, Tensor

from untrained.metrics.base.metric import metric
from untrained.probe import Probe
from untrained.probe.outputs import join
from untrained.probe.redrawn import generator, redrawn


@metric(
    "epsinas",
    paper="Gracheva, Neural architecture search: two constant shared weights initialisations, Artificial Intelligence "
    "Review 2025",
    needs=("forward pass",),
    cost="several passes",
    formula=r"\frac{\operatorname{mean} \lvert y_1 - y_2 \rvert}{\operatorname{mean} (y_1, y_2)}",
)
def epsinas(probe: Probe, low: float = 1e-7, high: float = 1.0) -> float:
    """How far apart two constant weights drive the outputs: mean |y_1 - y_2| / mean of y_1 and y_2.

    y_k are the outputs for the whole batch, scaled to lie between 0 and 1, when every weight is constant, those of
    normalisations included, and every bias 0. The least output of each is left out, as the public code leaves out
    zeros. In training mode, and in double precision: small weights in a row are beyond the single one, which gives no
    value for many networks.

    The defaults are the weights that the author has for NAS-Bench-201. She finds them for a space as far apart as
    leaves most networks a value.

    Args:
        probe: A network with a batch.
        low: The one weight.
        high: The other.

    Returns:
        The ratio, 0 or more.

    Raises:
        ValueError: If all outputs of the batch are the same, as those of an embedding are, or beyond double precision.

    Example:
        Weights 1 and 2 give 2, 3, 6 and 4, 6, 12: scaled and without the least, 1/4 and 1 both times. A bias is 0.

        >>> net = nn.Linear(1, 1)
        >>> epsinas(Probe(net, torch.tensor([[2.0], [3.0], [6.0]])), low=1, high=2)
        0.0
    """
    if low == high:
        raise ValueError(f"low and high are both {low}: give two weights")
    double = probe.replace(dtype=torch.float64, autocast=None, targets=None)
    one, other = (_outputs(double, weight) for weight in (low, high))
    known = ~(one.isnan() | other.isnan())
    both = torch.cat([one, other])
    return ((one - other).abs()[known].mean() / both[~both.isnan()].mean()).item()


def _outputs(probe: Probe, weight: float) -> Tensor:
    """Returns the scaled outputs of the whole batch in one row, the least of them nan."""

    def fill(tensor: Tensor, _stream: Generator) -> None:
        tensor.fill_(weight)

    state = redrawn(probe, fill, generator(probe), weight)
    with probe.untouched(), torch.no_grad():
        z, _ = join(probe.call(state, probe.inputs.detach()))
    z = z.flatten()
    low, high = z.min(), z.max()
    if not torch.isfinite(z).all():
        raise ValueError(f"with the weight {weight}, outputs are beyond double precision")
    if low == high:
        raise ValueError(f"with the weight {weight}, all outputs are the same")
    y = (z - low) / (high - low)
    return torch.where(y > 0, y, torch.nan)
