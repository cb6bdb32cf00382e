"""The best architectures of a search trained again, in full."""

from untrained.deploying.refitting.refit import refit
from untrained.deploying.refitting.result import Refit
from untrained.searching.folder import load_refit

__all__ = ["Refit", "load_refit", "refit"]
