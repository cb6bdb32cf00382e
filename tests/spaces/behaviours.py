"""Cells of NAS-Bench-201's form as exact functions on numbers: a second derivation of which are the same network."""

import random
from collections.abc import Sequence
from itertools import groupby, permutations, product

from untrained.spaces.cell import EDGES, NONE, SKIP

PRIME = 2_147_483_647

Behaviour = tuple[tuple[tuple[str, int], ...], frozenset[int]]


def value(ops: Sequence[str], functions: Sequence[tuple[int, int] | None]) -> int:
    """The cell on one number, arithmetic modulo a prime: edge e computes a x + b x^2, or nothing where None."""
    nodes = [12_345, 0, 0, 0]
    for (i, j), op, function in zip(EDGES, ops, functions, strict=True):
        x = nodes[i]
        if op == SKIP:
            nodes[j] += x
        elif op != NONE and function is not None:
            nodes[j] += function[0] * x + function[1] * x * x
        nodes[j] %= PRIME
    return nodes[3]


def behaviour(ops: Sequence[str]) -> Behaviour:
    """Which operations matter, and all values that the cell takes when their functions are dealt out in any order.

    Args:
        ops: of the six edges; `none` gives zero, `skip_connect` its input, each other name is a function with weights.
    """
    deal = {op: [_drawn(op, edge) for edge in range(len(EDGES))] for op in set(ops) - {NONE, SKIP}}
    full = tuple(deal[op][e] if op in deal else None for e, op in enumerate(ops))
    alive = [e for e in range(6) if full[e] and value(ops, full) != value(ops, (*full[:e], None, *full[e + 1 :]))]
    groups = [(op, list(edges)) for op, edges in groupby(sorted(alive, key=lambda e: ops[e]), key=lambda e: ops[e])]
    values = set()
    for orders in product(*(permutations(range(len(edges))) for _, edges in groups)):
        functions: list[tuple[int, int] | None] = [None] * 6
        for (op, edges), order in zip(groups, orders, strict=True):
            for edge, k in zip(edges, order, strict=True):
                functions[edge] = deal[op][k]
        values.add(value(ops, functions))
    return tuple((op, len(edges)) for op, edges in groups), frozenset(values)


def _drawn(op: str, edge: int) -> tuple[int, int]:
    rng = random.Random(f"{op} {edge}")
    return rng.randrange(PRIME), rng.randrange(PRIME)
