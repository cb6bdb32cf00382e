"""Metrics that need no data at all."""

from untrained.metrics.base import metric
from untrained.metrics.probe import Probe


@metric(
    "synflow",
    paper="Tanaka, Kunin, Yamins & Ganguli, Pruning neural networks without any data, NeurIPS 2020",
    needs=("data-free pass",),
)
def synflow(probe: Probe) -> float:
    """sum |w dR/dw|, R the sum of the outputs of the network of absolute values, without normalisation.

    In float64: the value spans dozens of orders of magnitude over a space, so compare it by rank or by log.
    """
    return sum((w * g).abs().sum().item() for w, g in probe.synflow_gradients)
