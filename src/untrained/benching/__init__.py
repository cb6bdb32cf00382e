"""Compares samplers on tabular benchmarks over several seeds, and sums the searches up."""

from untrained.benching.collect import BenchResult, Ran, bench
from untrained.benching.curves import RANK, Curve, Panel, panels
from untrained.benching.run import Opened, Run, open_benchmark, run_search
from untrained.benching.summary import Row, Spread, compare, holm, summarise

__all__ = [
    "RANK",
    "BenchResult",
    "Curve",
    "Opened",
    "Panel",
    "Ran",
    "Row",
    "Run",
    "Spread",
    "bench",
    "compare",
    "holm",
    "open_benchmark",
    "panels",
    "run_search",
    "summarise",
]
