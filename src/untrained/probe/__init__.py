"""One network, one batch: the passes that metrics share.

A metric needs `Probe`, and `shared` for a pass of its own. What else metrics may use stands in the modules

- `evaluation`, `feature_maps`, `curvature`, `redrawn`: passes that only some families of metrics need,
- `per_sample`: gradients sample by sample,
- `functions`, `hooks`, `outputs`, `sample_dimension`, `network`: words and tools for looking at a network's calls.

Everything else in this folder is private.
"""

from untrained.probe.probe import Layer, Loss, Probe, shared

__all__ = ["Layer", "Loss", "Probe", "shared"]
