"""Metrics on which ReLU units each sample switches on."""

import torch

from untrained.metrics.base import metric
from untrained.metrics.probe import Probe


@metric(
    "naswot",
    paper="Mellor, Turner, Storkey & Crowley, Neural Architecture Search without Training, ICML 2021",
    needs=("activations",),
    cost="forward",
)
def naswot(probe: Probe) -> float:
    """ln |det K|, K[i,j] the number of ReLU units on which samples i and j agree.

    Raises ValueError where K is singular: two samples switch on the same units, or there are too few units.
    """
    n = len(probe.inputs)
    kernel = torch.zeros(n, n, dtype=torch.float64, device=probe.inputs.device)
    for active in probe.active_units:
        on = active.float()  # sums of 0 and 1 are exact in float32 below 2^24 units
        both = (on @ on.T).double()
        count = both.diagonal()
        # both on, plus both off
        kernel += 2 * both + active.shape[1] - count[:, None] - count[None, :]
    if torch.linalg.matrix_rank(kernel, hermitian=True) < n:
        raise ValueError("the kernel is singular: two samples switch on the same units, or there are too few units")
    return torch.linalg.slogdet(kernel).logabsdet.item()
