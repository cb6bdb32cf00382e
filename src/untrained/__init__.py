"""Neural architecture search without training everything.

`import untrained` loads nothing heavy: each public name is imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    __version__: str
    from untrained.benching import BenchResult, bench
    from untrained.benchmarks import BENCHMARKS, Benchmark
    from untrained.data import Data, ImageData, Task, as_data, load_data
    from untrained.deploying.export import Exportable, export_network
    from untrained.deploying.measure import Measured, measure
    from untrained.deploying.refitting import Refit, refit
    from untrained.errors import InputError
    from untrained.metrics import METRICS, ROBOT_METRICS, Metric, default_metrics, metric
    from untrained.objectives import (
        Evaluation,
        EvaluationFailed,
        Objective,
        Recipe,
        TabularObjective,
        TrainingObjective,
    )
    from untrained.probe import Probe
    from untrained.report.drawing import Drawing, draw
    from untrained.report.page import write_report
    from untrained.samplers import SAMPLERS, Mixture, PoolSampler, RandomSearch, RoBoT
    from untrained.scores import ScoreTable
    from untrained.scoring.pool import Scoring, compute_scores
    from untrained.searching.for_optuna import sampler_for
    from untrained.searching.loggers import MLflow, TensorBoard
    from untrained.searching.result import Result
    from untrained.searching.saved import load_network
    from untrained.searching.search import search
    from untrained.searching.trained import TrainedNetwork
    from untrained.spaces import (
        DARTS,
        SPACES,
        ArchitectureList,
        BERTs,
        GPTs,
        MLPs,
        MnasNets,
        MobileNets,
        NASBench101,
        NASBench201,
        NATSBenchSize,
        ResNets,
        SearchSpace,
        Transformers,
        TransNASMacro,
        TransNASMicro,
        UNets,
        ViTs,
        choice,
        repeat,
        space,
    )

_HOMES = {
    "benching": ("BenchResult", "bench"),
    "benchmarks": ("BENCHMARKS", "Benchmark"),
    "data": ("Data", "ImageData", "Task", "as_data", "load_data"),
    "deploying.refitting": ("Refit", "refit"),
    "deploying.measure": ("Measured", "measure"),
    "deploying.export": ("Exportable", "export_network"),
    "errors": ("InputError",),
    "metrics": ("METRICS", "ROBOT_METRICS", "Metric", "default_metrics", "metric"),
    "objectives": ("Evaluation", "EvaluationFailed", "Objective", "Recipe", "TabularObjective", "TrainingObjective"),
    "probe": ("Probe",),
    "report.drawing": ("Drawing", "draw"),
    "report.page": ("write_report",),
    "samplers": ("SAMPLERS", "Mixture", "PoolSampler", "RandomSearch", "RoBoT"),
    "scores": ("ScoreTable",),
    "scoring.pool": ("Scoring", "compute_scores"),
    "searching.for_optuna": ("sampler_for",),
    "searching.loggers": ("MLflow", "TensorBoard"),
    "searching.result": ("Result",),
    "searching.saved": ("load_network",),
    "searching.search": ("search",),
    "searching.trained": ("TrainedNetwork",),
    "spaces": (
        "SPACES",
        "ArchitectureList",
        "MLPs",
        "UNets",
        "Transformers",
        "MnasNets",
        "MobileNets",
        "ViTs",
        "NATSBenchSize",
        "DARTS",
        "GPTs",
        "NASBench101",
        "BERTs",
        "NASBench201",
        "ResNets",
        "SearchSpace",
        "TransNASMacro",
        "TransNASMicro",
        "choice",
        "repeat",
        "space",
    ),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "BENCHMARKS",
    "DARTS",
    "METRICS",
    "ROBOT_METRICS",
    "SAMPLERS",
    "SPACES",
    "ArchitectureList",
    "BERTs",
    "BenchResult",
    "Benchmark",
    "Data",
    "Drawing",
    "Evaluation",
    "EvaluationFailed",
    "Exportable",
    "GPTs",
    "ImageData",
    "InputError",
    "MLPs",
    "MLflow",
    "Measured",
    "Metric",
    "Mixture",
    "MnasNets",
    "MobileNets",
    "NASBench101",
    "NASBench201",
    "NATSBenchSize",
    "Objective",
    "PoolSampler",
    "Probe",
    "RandomSearch",
    "Recipe",
    "Refit",
    "ResNets",
    "Result",
    "RoBoT",
    "ScoreTable",
    "Scoring",
    "SearchSpace",
    "TabularObjective",
    "Task",
    "TensorBoard",
    "TrainedNetwork",
    "TrainingObjective",
    "TransNASMacro",
    "TransNASMicro",
    "Transformers",
    "UNets",
    "ViTs",
    "as_data",
    "bench",
    "choice",
    "compute_scores",
    "default_metrics",
    "draw",
    "export_network",
    "load_data",
    "load_network",
    "measure",
    "metric",
    "refit",
    "repeat",
    "sampler_for",
    "search",
    "space",
    "write_report",
]


def __dir__() -> list[str]:
    return [*globals(), *__all__]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version  # takes longer than all the rest

        return version("untrained")
    if name not in _HOME:
        raise AttributeError(f"module 'untrained' has no attribute {name!r}")
    return getattr(import_module(f"untrained.{_HOME[name]}"), name)
