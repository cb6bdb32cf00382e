"""Metrics on the input Jacobian J (see `probe`)."""

from dataclasses import replace

import torch

from untrained.metrics.base import metric
from untrained.metrics.probe import Probe

K = 1e-5


@metric(
    "jacob_cov",
    paper="Mellor, Turner, Storkey & Crowley, NAS without Training, arXiv 2006.04647v1, 2020",
    needs=("input Jacobian",),
)
def jacob_cov(probe: Probe) -> float:
    """-sum_i ln(v_i + k) + 1/(v_i + k), v the eigenvalues of the correlation matrix of the rows of J, k = 1e-5.

    Raises ValueError where a sample's gradient is constant: it has no correlation with the others.
    """
    rows = probe.input_jacobian.double()
    rows = rows - rows.mean(1, keepdim=True)
    norms = rows.norm(dim=1, keepdim=True)
    if (norms == 0).any():
        raise ValueError("a sample's input gradient is constant: no correlation exists")
    rows = rows / norms
    v = torch.linalg.eigvalsh(rows @ rows.T)
    return -(torch.log(v + K) + 1 / (v + K)).sum().item()


jacov = replace(jacob_cov, name="jacov")
"""The same metric, under NASLib's name."""
