"""Samplers: which architecture to query next, given the scores and the history."""

from untrained.samplers.base import Choice, PoolSampler
from untrained.samplers.greedy import Greedy
from untrained.samplers.info import SamplerInfo
from untrained.samplers.mixture import Mixture
from untrained.samplers.query import Query
from untrained.samplers.random_search import RandomSearch
from untrained.samplers.registry import SAMPLERS, check_sampler, get_sampler, sampler_info
from untrained.samplers.robot import RoBoT
from untrained.samplers.shortlist import shortlist

__all__ = [
    "SAMPLERS",
    "Choice",
    "Greedy",
    "Mixture",
    "PoolSampler",
    "Query",
    "RandomSearch",
    "RoBoT",
    "SamplerInfo",
    "check_sampler",
    "get_sampler",
    "sampler_info",
    "shortlist",
]
