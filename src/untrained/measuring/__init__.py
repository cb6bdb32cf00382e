"""Cheap figures of a network: what it weighs, and what an inference takes on this machine.

Each name is imported when it is first used: reports ask for units alone, without PyTorch.
"""

from typing import TYPE_CHECKING

from untrained.runtime.lazy import lazily

if TYPE_CHECKING:
    from untrained.measuring.example import example_for
    from untrained.measuring.figure import Figure, read_figure
    from untrained.measuring.subject import Measurement, Subject, measured
    from untrained.measuring.timing import Unsteady
    from untrained.measuring.units import FIGURES, UNITS, is_figure, unit_of

__all__ = [
    "FIGURES",
    "UNITS",
    "Figure",
    "Measurement",
    "Subject",
    "Unsteady",
    "example_for",
    "is_figure",
    "measured",
    "read_figure",
    "unit_of",
]

__getattr__ = lazily(
    __name__,
    {
        "measuring.example": ("example_for",),
        "measuring.figure": ("Figure", "read_figure"),
        "measuring.subject": ("Measurement", "Subject", "measured"),
        "measuring.timing": ("Unsteady",),
        "measuring.units": ("FIGURES", "UNITS", "is_figure", "unit_of"),
    },
)
