"""Every sampler by its name, and samplers of one's own."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from optuna.samplers import BaseSampler

from untrained.errors import InputError
from untrained.runtime.lookup import installed, look_up
from untrained.samplers.base import PoolSampler
from untrained.samplers.encoded import bohb, gp, hyperband, tpe
from untrained.samplers.evolution import REA
from untrained.samplers.greedy import AZ_NAS, VKDNW, by_az_nas, by_rank_average, by_rank_product, by_vkdnw, single
from untrained.samplers.hnas import CONDITION, GRADIENT_METRICS, HNAS
from untrained.samplers.info import SamplerInfo, info_of
from untrained.samplers.local_search import LocalSearch
from untrained.samplers.mixture import Mixture
from untrained.samplers.random_search import RandomSearch
from untrained.samplers.reinforce import REINFORCE
from untrained.samplers.robot import RoBoT
from untrained.scores import ScoreTable
from untrained.spaces import SearchSpace

SAMPLERS: dict[str, SamplerInfo] = {
    info.name: info
    for info in (
        SamplerInfo(
            "robot",
            RoBoT,
            "Bayesian optimisation of one weight vector over the metrics, then down its ranking",
            "He et al., Robustifying and Boosting Training-Free Neural Architecture Search, ICLR 2024",
            colour="#d1344b",
            method="RoBoT",
        ),
        SamplerInfo(
            "mixture",
            Mixture,
            "weighs many hypotheses of how the objective depends on the metrics and the architecture",
            "this project",
            colour="#1f5fd0",
        ),
        SamplerInfo(
            "random",
            RandomSearch,
            "uniformly from the pool, without replacement",
            "Bergstra & Bengio, Random Search for Hyper-Parameter Optimization, JMLR 2012",
            colour="#8b929c",
            method="RS",
        ),
        SamplerInfo(
            "rea",
            REA,
            "ageing evolution: the best of a sample is mutated, the oldest dies",
            "Real et al., Regularized Evolution for Image Classifier Architecture Search, AAAI 2019",
            decisions=True,
            colour="#1f9e89",
            method="REA",
        ),
        SamplerInfo(
            "reinforce",
            REINFORCE,
            "policy gradient on one categorical distribution a decision",
            "Zoph & Le, Neural Architecture Search with Reinforcement Learning, ICLR 2017",
            decisions=True,
            colour="#c77d12",
            method="REINFORCE",
        ),
        SamplerInfo(
            "local_search",
            LocalSearch,
            "hill climbing over neighbours that differ in one decision, with restarts",
            "White et al., Exploring the Loss Landscape in Neural Architecture Search, UAI 2021",
            decisions=True,
            colour="#7a54b8",
        ),
        SamplerInfo(
            "hnas",
            HNAS,
            "Bayesian optimisation of how a gradient metric and the condition number are weighed",
            "Shu et al., Unifying and Boosting Gradient-Based Training-Free Neural Architecture Search, NeurIPS 2022",
            metrics=(GRADIENT_METRICS, (CONDITION,)),
            colour="#9a8a14",
            method="HNAS",
        ),
        SamplerInfo(
            "tpe",
            tpe,
            "tree-structured Parzen estimators over the decisions (Optuna's)",
            "Bergstra et al., Algorithms for Hyper-Parameter Optimization, NeurIPS 2011",
            decisions=True,
            colour="#58a13c",
        ),
        SamplerInfo(
            "gp",
            gp,
            "a Gaussian process over the decisions (Optuna's)",
            "Snoek et al., Practical Bayesian Optimization of Machine Learning Algorithms, NeurIPS 2012",
            decisions=True,
            colour="#c65f9b",
        ),
        SamplerInfo(
            "bohb",
            bohb,
            "Parzen estimators, and Hyperband to stop what does badly early (Optuna's)",
            "Falkner et al., BOHB: Robust and Efficient Hyperparameter Optimization at Scale, ICML 2018",
            decisions=True,
            pruner=hyperband,
            colour="#8c6a4a",
            method="BOHB",
        ),
        SamplerInfo(
            "single",
            single,
            "down the ranking of one metric",
            "the metric's own (untrained metrics)",
            takes_metric=True,
        ),
        SamplerInfo(
            "rank_average",
            by_rank_average,
            "down the mean rank over all metrics",
            "Chen et al., Neural Architecture Search on ImageNet in Four GPU Hours, ICLR 2021 (with two)",
            colour="#2c97bd",
        ),
        SamplerInfo(
            "rank_product",
            by_rank_product,
            "down the sum of log ranks over all metrics, as over jacov and params",
            "Lee & Ham, AZ-NAS: Assembling Zero-Cost Proxies for Network Architecture Search, CVPR 2024 (with four)",
            colour="#4f8f8a",
        ),
        SamplerInfo(
            "az_nas",
            by_az_nas,
            "down AZ-NAS' sum of log ranks over its four metrics",
            "Lee & Ham, AZ-NAS: Assembling Zero-Cost Proxies for Network Architecture Search, CVPR 2024",
            metrics=tuple((name,) for name in AZ_NAS),
            colour="#6f7b8c",
        ),
        SamplerInfo(
            "vkdnw_agg",
            by_vkdnw,
            "down VKDNW's sum of log ranks over its five metrics",
            "Tybl & Neumann, Training-free Neural Architecture Search through Variance of Knowledge of Deep Network "
            "Weights, CVPR 2025",
            metrics=VKDNW,
            colour="#a3672f",
        ),
    )
}
"""Every sampler that comes with this package. `sampler_info` finds these and others."""


def sampler_info(name: str) -> SamplerInfo:
    """Finds what is known of a sampler.

    Args:
        name: A name from `SAMPLERS`, `single:METRIC`, `package.module:Name`, `file.py:Name`, or the name of an entry
            point in the group `untrained.samplers`. What a name of one's own stands for: see `info_of`.

    Returns:
        What the sampler is, whose it is and what it needs.

    Raises:
        InputError: If nothing has this name, or what has it is no sampler.

    Example:
        >>> sampler_info("rea").citation
        'Real et al., Regularized Evolution for Image Classifier Architecture Search, AAAI 2019'
        >>> sampler_info("single:snip").metrics
        (('snip',),)
    """
    base, _, metric = name.partition(":")
    info = SAMPLERS.get(base)
    if info is None:
        return info_of(name, look_up("sampler", name, {info.form: info for info in SAMPLERS.values()}))
    if info.takes_metric != bool(metric):
        raise InputError(f"sampler {name!r} takes {'a' if info.takes_metric else 'no'} metric: write {info.form}")
    return info.with_metric(metric) if metric else info


def installed_samplers() -> list[SamplerInfo]:
    """The samplers of installed packages; a package whose code cannot be used gives its error as the summary."""
    found = []
    for name, points in installed("sampler").items():
        if name in SAMPLERS:
            continue
        try:
            info = sampler_info(name)
        except InputError as error:
            info = SamplerInfo(name, PoolSampler, f"error: {error}", "")
        found.append(replace(info, citation=info.citation or f"from {points[0].value}"))
    return found


def check_sampler(name: str, metrics: Sequence[str], space: SearchSpace) -> None:
    """Makes sure that a sampler can learn from a table.

    Args:
        name: As in `sampler_info`.
        metrics: The metrics that the table has or will have.
        space: The space of the table.

    Raises:
        InputError: If there is no such sampler, or the table is not enough for it.

    Example:
        >>> from untrained import ArchitectureList
        >>> check_sampler("single:snip", ["synflow"], ArchitectureList(["a", "b"]))
        Traceback (most recent call last):
        untrained.errors.InputError: ...
    """
    if missing := sampler_info(name).missing(metrics, space):
        raise InputError(f"sampler {name!r} needs {missing}")


def get_sampler(
    name: str, table: ScoreTable, space: SearchSpace, budget: int, seed: int, costs: Any = None
) -> BaseSampler:
    """Makes a sampler.

    Args:
        name: As in `sampler_info`.
        table: The scores to learn from.
        space: The space of the table.
        budget: How many queries the search is to make.
        seed: Decides every random draw.
        costs: n x m, what the architectures of the table cost, lower is better; None to look for one objective.

    Returns:
        An Optuna sampler, for one study.

    Raises:
        InputError: If there is no such sampler, or the table is not enough for it.

    Example:
        >>> import numpy as np
        >>> from untrained import ArchitectureList, ScoreTable
        >>> table = ScoreTable(("a", "b"), ("snip",), np.array([[1.0], [2.0]]))
        >>> sampler = get_sampler("single:snip", table, ArchitectureList(["a", "b"]), budget=1, seed=0)
        >>> sampler.choose([]).architecture
        'b'
    """
    check_sampler(name, table.metrics, space)
    return sampler_info(name).sampler(table, space, budget=budget, seed=seed, costs=costs)
