"""TransNAS-Bench-101 (Duan et al., CVPR 2021), cells and skeletons on seven tasks, as in RoBoT's table 3."""

from untrained.benchmarks.base import Benchmark, Published, Source
from untrained.spaces import TransNASMacro, TransNASMicro

SPACES = {"micro": TransNASMicro, "macro": TransNASMacro}

OBJECTIVES = {  # in the order of the paper's table
    "class_scene": "top1",
    "class_object": "top1",
    "jigsaw": "top1",
    "room_layout": "neg_loss",
    "segmentsemantic": "acc",
    "normal": "ssim",
    "autoencoder": "ssim",
}
"""Task -> its figure, to be maximised: `valid_` + figure is the objective, `test_` + figure the test figure."""

METRICS = {
    "micro": {
        "class_scene": ("synflow", "epe_nas", "zen"),
        "class_object": ("synflow", "epe_nas", "fisher", "zen"),
        "jigsaw": ("synflow", "fisher", "zen"),
        "room_layout": ("synflow", "epe_nas", "zen"),
    },
    "macro": {
        "class_scene": ("synflow", "zen", "epe_nas"),
        "class_object": ("synflow", "zen", "epe_nas"),
        "jigsaw": ("synflow", "zen", "fisher"),
        "room_layout": ("synflow", "zen", "epe_nas"),
    },
}
"""Task -> the metrics published for the whole space, in the files' order; for the other tasks only zen is.

Without jigsaw's epe_nas, which is defined for classification and 0 for nine architectures in ten.
"""

_NOTE = "only the metrics that are published for the whole space; the paper's six are not"
_DEAD = "by default without epe_nas: it is defined for classification only (0 for nine in ten)"

_FIGURES = {  # objective rank of the pick on the seven tasks, (mean, std)
    "micro": {
        "REA": ((26, 22), (23, 28), (24, 22), (28, 23), (22, 28), (22, 20), (18, 16)),
        "RS": ((40, 35), (34, 32), (57, 67), (42, 43), (41, 40), (43, 41), (49, 51)),
        "REINFORCE": ((35, 28), (37, 31), (40, 37), (38, 32), (34, 35), (33, 40), (34, 32)),
        "HNAS": ((96, 35), (147, 0), (67, 49), (480, 520), (4, 0), (22, 0), (1391, 0)),
        "RoBoT": ((2, 0), (1, 0), (17, 5), (17, 34), (4, 1), (8, 8), (66, 70)),
    },
    "macro": {
        "REA": ((23, 24), (22, 21), (21, 16), (21, 20), (17, 20), (23, 22), (19, 17)),
        "RS": ((35, 32), (26, 24), (33, 39), (29, 29), (33, 38), (26, 23), (31, 26)),
        "REINFORCE": ((49, 45), (37, 31), (20, 22), (27, 25), (51, 43), (48, 39), (32, 17)),
        "HNAS": ((552, 0), (566, 0), (150, 52), (49, 6), (16, 0), (204, 0), (674, 0)),
        "RoBoT": ((1, 0), (6, 3), (3, 1), (6, 6), (2, 2), (2, 0), (5, 1)),
    },
}


def _file(kind: str, task: str) -> str:
    return f"transnas101_{kind}_{task}.parquet"


def _benchmark(kind: str, task: str) -> Benchmark:
    place = list(OBJECTIVES).index(task)
    return Benchmark(
        name=f"transnas101-{kind}",
        task=task,
        objective=f"valid_{OBJECTIVES[task]}",
        space=SPACES[kind](task),
        table=_file(kind, task),
        scores=_file(kind, task),
        metrics=METRICS[kind].get(task, ("zen",)),
        prefix="metric_",
        budget=100,
        test=f"test_{OBJECTIVES[task]}",
        cost="train_seconds",
        published={method: Published(*row[place]) for method, row in _FIGURES[kind].items()},
        whole=True,
        notes=(_NOTE, _DEAD) if task == "jigsaw" else (_NOTE,),
    )


TRANSNAS101 = tuple(_benchmark(kind, task) for kind in SPACES for task in OBJECTIVES)

SOURCES = {
    _file(kind, task): Source(
        f"{kind} space, task {task}: figures, seconds, metrics",
        "TransNAS-Bench-101 (Duan et al., CVPR 2021), via github.com/Zhenhan-Huang/NASGraph-Public and "
        "github.com/VascoLopes/NAS-Benchmark-Evaluation; metrics of NAS-Bench-Suite-Zero (Krishnakumar et al., 2022)",
        "Apache-2.0; MIT",
        "from the benchmark's own API as CSV, then: "
        f"untrained data import FILE.csv --space transnas101-{kind} --out FILE",
    )
    for kind in SPACES
    for task in OBJECTIVES
}
