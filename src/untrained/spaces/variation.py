"""Architectures near others: what mutations and crossovers do, unless a space does otherwise."""

import random
from typing import TYPE_CHECKING

from untrained.spaces.decision import TRIES

if TYPE_CHECKING:
    from untrained.spaces.base import SearchSpace


def mutant(space: "SearchSpace", arch: str, rng: random.Random) -> str:
    """Changes one decision: see `SearchSpace.mutate`."""
    params, decisions = space.to_params(arch), space.decisions_of(arch)
    open_decisions = [decision for decision in decisions.values() if decision.count != 1]
    for _ in range(TRIES if open_decisions else 0):
        decision = rng.choice(open_decisions)
        changed = space.completed(params | {decision.name: decision.other(params[decision.name], rng)}, rng)
        if changed not in (None, arch):
            return changed
    return arch


def child(space: "SearchSpace", first: str, second: str, rng: random.Random) -> str:
    """Takes each decision from one of two architectures: see `SearchSpace.crossover`."""
    parents = space.to_params(first), space.to_params(second)
    for _ in range(TRIES):
        mixed = {
            key: rng.choice([parent[key] for parent in parents if key in parent]) for key in parents[0] | parents[1]
        }
        if (made := space.completed(mixed, rng)) is not None:
            return made
    return first
