"""Compares samplers on tabular benchmarks over several seeds, and sums the searches up."""

from untrained.benching.collect import bench
from untrained.benching.curves import ERROR, RANK, Curve, Panel, curves, panels
from untrained.benching.result import BenchResult, Ran
from untrained.benching.run import Opened, Run, open_benchmark, run_search
from untrained.benching.stored import load_bench
from untrained.benching.summary import Row, Spread, compare, holm, summarise

__all__ = [
    "ERROR",
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
    "curves",
    "holm",
    "load_bench",
    "open_benchmark",
    "panels",
    "run_search",
    "summarise",
]
