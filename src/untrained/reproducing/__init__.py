"""Procedures, tables and figures of papers, each by one call."""

from untrained.reproducing.ablations import Ablated, ablate
from untrained.reproducing.darts import DARTS_SCALES, DARTSScale, Reproduced, reproduce_darts
from untrained.reproducing.imagenet import published_network, table4
from untrained.reproducing.published import STUDIES, Cell, Repeated, Study, repeat

__all__ = [
    "DARTS_SCALES",
    "STUDIES",
    "Ablated",
    "Cell",
    "DARTSScale",
    "Repeated",
    "Reproduced",
    "Study",
    "ablate",
    "published_network",
    "repeat",
    "reproduce_darts",
    "table4",
]
