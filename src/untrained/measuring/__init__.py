"""Cheap figures of a network: what it weighs, and what an inference takes on this machine."""

from untrained.measuring.example import example_for
from untrained.measuring.figure import FIGURES, UNITS, Figure, is_figure, read_figure, unit_of
from untrained.measuring.subject import Measurement, Subject, measured
from untrained.measuring.timing import Unsteady

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
