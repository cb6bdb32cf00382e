"""Procedures of papers, whole, each by one call."""

from untrained.reproducing.darts import DARTS_SCALES, DARTSScale, Reproduced, reproduce_darts

__all__ = ["DARTS_SCALES", "DARTSScale", "Reproduced", "reproduce_darts"]
