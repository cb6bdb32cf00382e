"""Samplers: which architecture to query next, given the scores and the history."""

from untrained.samplers.base import PoolSampler
from untrained.samplers.greedy import Greedy
from untrained.samplers.mixture import Mixture
from untrained.samplers.random_search import RandomSearch
from untrained.samplers.registry import SAMPLERS, SamplerInfo, check_sampler, get_sampler, sampler_info
from untrained.samplers.robot import RoBoT

__all__ = [
    "SAMPLERS",
    "Greedy",
    "Mixture",
    "PoolSampler",
    "RandomSearch",
    "RoBoT",
    "SamplerInfo",
    "check_sampler",
    "get_sampler",
    "sampler_info",
]
