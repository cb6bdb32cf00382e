"""Checks for whoever writes a metric or a space: what is wrong with it, a line each."""

from untrained.testing.metrics import MetricReport, check_metric
from untrained.testing.report import Check
from untrained.testing.spaces import SpaceReport, check_space

__all__ = ["Check", "MetricReport", "SpaceReport", "check_metric", "check_space"]
