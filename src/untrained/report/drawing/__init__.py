"""Pictures of architectures."""

from untrained.report.drawing.drawing import Drawing, draw

__all__ = ["Drawing", "draw"]
