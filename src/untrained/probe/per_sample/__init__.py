"""Gradients sample by sample, from one backward pass over the batch."""

from untrained.probe.per_sample.gradients import Use
from untrained.probe.per_sample.recorder import Take, Uses, summed

__all__ = ["Take", "Use", "Uses", "summed"]
