"""Neural architecture search with training-free metrics, as a sampler for an ordinary study."""

from untrained import Mixture, RoBoT, sampler_for

__all__ = ["Mixture", "RoBoT", "sampler_for"]
