"""One network, one batch: the passes that metrics share."""

from untrained.probe.probe import Layer, Loss, Probe, shared

__all__ = ["Layer", "Loss", "Probe", "shared"]
