"""What is known of each sampler by its name: how to make it, whose it is, what it needs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from optuna.pruners import BasePruner

from untrained.errors import InputError
from untrained.samplers.base import PoolSampler
from untrained.samplers.encoded import bohb, gp, hyperband, tpe
from untrained.samplers.evolution import REA
from untrained.samplers.greedy import AZ_NAS, by_az_nas, by_rank_average, single
from untrained.samplers.hnas import CONDITION, GRADIENT_METRICS, HNAS
from untrained.samplers.local_search import LocalSearch
from untrained.samplers.mixture import Mixture
from untrained.samplers.random_search import RandomSearch
from untrained.samplers.reinforce import REINFORCE
from untrained.samplers.robot import RoBoT
from untrained.scores import ScoreTable
from untrained.spaces import SearchSpace


@dataclass(frozen=True)
class SamplerInfo:
    """A sampler that can be asked for by name.

    make: (table, space, *, budget, seed) -> the sampler.
    summary: what it does, in a line. citation: whose it is (authors, title, venue, year).
    metrics: groups of metric names; the table must have one name of each group. Empty: whatever metrics it has.
    decisions: whether it needs to know what an architecture is made of, so that a plain list of names will not do.
    pruner: the pruner that belongs to it, for evaluations that report intermediate values at given steps.
    takes_metric: whether it is asked for as `name:METRIC`.
    """

    name: str
    make: Callable[..., PoolSampler]
    summary: str
    citation: str
    metrics: tuple[tuple[str, ...], ...] = ()
    decisions: bool = False
    pruner: Callable[[Sequence[int]], BasePruner] | None = None
    takes_metric: bool = False

    @property
    def form(self) -> str:
        """How it is asked for."""
        return f"{self.name}:METRIC" if self.takes_metric else self.name

    @property
    def needs(self) -> str:
        """What it needs of the table and the space, in words."""
        needs = [" or ".join(group) for group in self.metrics]
        needs += ["a named space"] * self.decisions + ["intermediate values"] * (self.pruner is not None)
        return ", ".join(needs)

    def lacks(self, metrics: Sequence[str], space: SearchSpace) -> str:
        """What a table of these `metrics` over `space` lacks for this sampler, in words; empty where it can run."""
        for group in self.metrics:
            if not set(group) & set(metrics):
                wanted = repr(group[0]) if len(group) == 1 else f"one of {', '.join(group)}"
                return f"the metric {wanted}: the scores have {', '.join(metrics) or 'none'}"
        if self.decisions and space.opaque:
            return "to know what an architecture is made of: name the space of the table"
        return ""


SAMPLERS: dict[str, SamplerInfo] = {
    info.name: info
    for info in (
        SamplerInfo(
            "robot",
            RoBoT,
            "Bayesian optimisation of one weight vector over the metrics, then down its ranking",
            "He et al., Robustifying and Boosting Training-Free Neural Architecture Search, ICLR 2024",
        ),
        SamplerInfo(
            "mixture",
            Mixture,
            "weighs many hypotheses of how the objective depends on the metrics and the architecture",
            "this project",
        ),
        SamplerInfo(
            "random",
            lambda table, space, *, budget, seed: RandomSearch(table, space, seed=seed),
            "uniformly from the pool, without replacement",
            "Bergstra & Bengio, Random Search for Hyper-Parameter Optimization, JMLR 2012",
        ),
        SamplerInfo(
            "rea",
            REA,
            "ageing evolution: the best of a sample is mutated, the oldest dies",
            "Real et al., Regularized Evolution for Image Classifier Architecture Search, AAAI 2019",
            decisions=True,
        ),
        SamplerInfo(
            "reinforce",
            lambda table, space, *, budget, seed: REINFORCE(table, space, seed=seed),
            "policy gradient on one categorical distribution a decision",
            "Zoph & Le, Neural Architecture Search with Reinforcement Learning, ICLR 2017",
            decisions=True,
        ),
        SamplerInfo(
            "local_search",
            lambda table, space, *, budget, seed: LocalSearch(table, space, seed=seed),
            "hill climbing over neighbours that differ in one decision, with restarts",
            "White et al., Exploring the Loss Landscape in Neural Architecture Search, UAI 2021",
            decisions=True,
        ),
        SamplerInfo(
            "hnas",
            HNAS,
            "Bayesian optimisation of how a gradient metric and the condition number are weighed",
            "Shu et al., Unifying and Boosting Gradient-Based Training-Free Neural Architecture Search, NeurIPS 2022",
            metrics=(GRADIENT_METRICS, (CONDITION,)),
        ),
        SamplerInfo(
            "tpe",
            tpe,
            "tree-structured Parzen estimators over the decisions (Optuna's)",
            "Bergstra et al., Algorithms for Hyper-Parameter Optimization, NeurIPS 2011",
            decisions=True,
        ),
        SamplerInfo(
            "gp",
            gp,
            "a Gaussian process over the decisions (Optuna's)",
            "Snoek et al., Practical Bayesian Optimization of Machine Learning Algorithms, NeurIPS 2012",
            decisions=True,
        ),
        SamplerInfo(
            "bohb",
            bohb,
            "Parzen estimators, and Hyperband to stop what does badly early (Optuna's)",
            "Falkner et al., BOHB: Robust and Efficient Hyperparameter Optimization at Scale, ICML 2018",
            decisions=True,
            pruner=hyperband,
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
        ),
        SamplerInfo(
            "az_nas",
            by_az_nas,
            "down AZ-NAS' sum of log ranks over its four metrics",
            "Lee & Ham, AZ-NAS: Assembling Zero-Cost Proxies for Network Architecture Search, CVPR 2024",
            metrics=tuple((name,) for name in AZ_NAS),
        ),
    )
}
"""Every sampler by its name; `sampler_info` also knows `single:METRIC`."""


def sampler_info(name: str) -> SamplerInfo:
    """What is known of the sampler called `name`; raises `InputError` for an unknown one."""
    base, _, metric = name.partition(":")
    info = SAMPLERS.get(base)
    if info is None or (metric and not info.takes_metric):
        raise InputError(f"unknown sampler {name!r}: choose from {', '.join(i.form for i in SAMPLERS.values())}")
    if not info.takes_metric:
        return info
    if not metric:
        raise InputError(f"sampler {name!r} needs a metric: write {info.form}")
    return replace(info, name=name, make=partial(info.make, metric=metric), metrics=((metric,),), takes_metric=False)


def check_sampler(name: str, metrics: Sequence[str], space: SearchSpace) -> None:
    """Raises `InputError` for an unknown sampler, or one that scores of these `metrics` over `space` do not suffice."""
    if lack := sampler_info(name).lacks(metrics, space):
        raise InputError(f"sampler {name!r} needs {lack}")


def get_sampler(name: str, table: ScoreTable, space: SearchSpace, budget: int, seed: int) -> PoolSampler:
    """The sampler called `name`; raises `InputError` for an unknown one, or one that needs what `table` lacks."""
    check_sampler(name, table.metrics, space)
    return sampler_info(name).make(table, space, budget=budget, seed=seed)
