"""NAS-Bench-201: the benchmark's order, strings and parameters, twins, sizes."""

import random
from collections import Counter, defaultdict
from itertools import product
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch

from spaces.behaviours import behaviour
from untrained.errors import InputError
from untrained.metrics import METRICS
from untrained.probe import Probe
from untrained.spaces import NASBench201, get_space
from untrained.spaces.cell import EDGES, normal_form, parse_cell
from untrained.spaces.nasbench201 import CHOICES

RESNET = "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|skip_connect~2|"
SPACE = NASBench201()


def test_the_order_is_the_benchmarks() -> None:
    archs = list(SPACE)
    assert len(archs) == len(set(archs)) == SPACE.size == 5**6
    # The first and the one that RoBoT finds, as the benchmark numbers them (He et al. 2024).
    assert archs[0] == "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"
    assert (
        archs[9930] == "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"
    )


def test_the_order_is_that_of_the_published_table(shared_data: Path) -> None:
    assert list(SPACE) == pq.read_table(shared_data / "nasbench201_accuracy.parquet")["arch"].to_pylist()


def test_strings_and_parameters_are_each_others_inverse() -> None:
    params = SPACE.to_params(RESNET)
    assert params == {
        "0->1": "nor_conv_3x3",
        "0->2": "none",
        "1->2": "nor_conv_3x3",
        "0->3": "skip_connect",
        "1->3": "none",
        "2->3": "skip_connect",
    }
    assert all(SPACE.to_arch(SPACE.to_params(arch)) == arch for arch in SPACE)
    assert all(SPACE.distributions[key].to_internal_repr(value) >= 0 for key, value in params.items())


@pytest.mark.parametrize(
    "arch",
    [
        "",
        "nonsense",
        RESNET[1:],
        RESNET + "|",
        RESNET.replace("~1", "~2"),
        RESNET.rsplit("+", 1)[0],
        RESNET + "+|none~0|",
    ],
)
def test_a_malformed_string_is_named(arch: str) -> None:
    with pytest.raises(InputError, match="malformed architecture") as caught:
        SPACE.to_params(arch)
    assert repr(arch) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_operation_is_named() -> None:
    with pytest.raises(InputError, match=r"unknown operation 'conv_5x5'.*choose from none, skip_connect"):
        SPACE.to_params(RESNET.replace("nor_conv_3x3", "conv_5x5", 1))


def test_unknown_and_impossible_options_are_named() -> None:
    with pytest.raises(InputError, match="no option 'depth'"):
        get_space("nasbench201", depth=3)
    with pytest.raises(InputError, match="N=0"):
        NASBench201(N=0)
    with pytest.raises(InputError, match=r"unknown space 'imagenet'.*nasbench201"):
        get_space("imagenet")


def test_the_published_count_of_distinct_cells_is_reproduced_by_its_own_rule() -> None:
    """Dong & Yang count 6,466 by writing each node as a sorted sum of expressions, `#` for anything zeroed."""

    def expression(ops: tuple[str, ...]) -> str:
        nodes = ["x", "", "", ""]
        for target in (1, 2, 3):
            parts = []
            for (i, j), op in zip(EDGES, ops, strict=True):
                if j == target:
                    zero = op == "none" or nodes[i] == "#"
                    parts.append("#" if zero else nodes[i] if op == "skip_connect" else f"({nodes[i]})@{op}")
            nodes[target] = "+".join(sorted(parts))
        return nodes[3]

    assert len({expression(ops) for ops in product(CHOICES, repeat=6)}) == 6466


def test_twins_are_exactly_the_cells_that_compute_the_same() -> None:
    """A second derivation: cells as exact functions, each edge its own random polynomial."""
    by_behaviour, by_form = defaultdict(set), defaultdict(set)
    for ops in product(CHOICES, repeat=6):
        by_behaviour[behaviour(ops)].add(ops)
        by_form[normal_form(ops)].add(ops)
    assert len(by_form) == len(SPACE.pool()) == 5425
    assert set(map(frozenset, by_behaviour.values())) == set(map(frozenset, by_form.values()))


def test_why_the_count_differs_from_the_published_one() -> None:
    # One expression, two networks: a convolution used twice, and two convolutions.
    shared = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|nor_conv_3x3~1|skip_connect~2|"
    apart = "|nor_conv_3x3~0|+|none~0|none~1|+|nor_conv_3x3~0|nor_conv_3x3~1|none~2|"
    assert SPACE.canonical(shared) != SPACE.canonical(apart)
    assert _parameters(shared) < _parameters(apart)
    # Two expressions, one network: x and x + 0.
    assert SPACE.canonical(
        "|none~0|+|none~0|skip_connect~1|+|skip_connect~0|none~1|skip_connect~2|"
    ) == SPACE.canonical("|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|")


def test_a_twin_is_its_own_twin_and_has_no_dead_edge() -> None:
    for twin in SPACE.pool():
        assert SPACE.canonical(twin) == twin
    for arch in SPACE.pool(300, seed=1):
        ops = parse_cell(arch, CHOICES)
        edges = [edge for edge, op in zip(EDGES, ops, strict=True) if op != "none"]
        reached, reaching = {0}, {3}
        for _ in range(3):
            reached |= {j for i, j in edges if i in reached}
            reaching |= {i for i, j in edges if j in reaching}
        assert all(i in reached and j in reaching for i, j in edges)


def test_pools_are_distinct_seeded_and_bounded() -> None:
    pool = SPACE.pool(50, seed=3)
    assert len(set(pool)) == 50
    assert pool == SPACE.pool(50, seed=3) != SPACE.pool(50, seed=4)
    with pytest.raises(InputError, match="5425 distinct"):
        SPACE.pool(6000)


def test_a_mutation_changes_one_edge() -> None:
    rng = random.Random(0)
    seen = set()
    for _ in range(300):
        before, after = SPACE.to_params(RESNET), SPACE.to_params(SPACE.mutate(RESNET, rng))
        changed = [key for key in before if before[key] != after[key]]
        assert len(changed) == 1
        seen.add((changed[0], after[changed[0]]))
    assert len(seen) == 6 * 4  # every edge to every other operation


@pytest.mark.parametrize(("n", "c", "side"), [(1, 16, 32), (2, 8, 8), (1, 4, 9)])
def test_the_network_maps_images_to_logits(n: int, c: int, side: int) -> None:
    net = NASBench201(N=n, C=c, num_classes=7, in_channels=2).build(RESNET)
    assert net(torch.randn(3, 2, side, side)).shape == (3, 7)


def _parameters(arch: str) -> int:
    return sum(p.numel() for p in NASBench201(N=1).build(arch).parameters())


def test_parameters_of_a_network_counted_by_hand() -> None:
    """N = 1, C = 16, two 3x3 convolutions a cell, each c^2 * 9 weights and 2c of BatchNorm.

    stem 3*16*9 + 32 = 464; cells 2*(16^2*9 + 32) + 2*(32^2*9 + 64) + 2*(64^2*9 + 128) = 97,216; reductions
    (16*32*9 + 64 + 32^2*9 + 64 + 16*32) + (32*64*9 + 128 + 64^2*9 + 128 + 32*64) = 72,064; last BatchNorm 128;
    classifier 64*10 + 10 = 650. Sum 170,522.
    """
    assert _parameters(RESNET) == 170_522


def test_sizes_agree_with_the_published_columns(shared_data: Path) -> None:
    """params and flops of all 9,445 published cells: exact.

    Both are sums over edges, so the networks with one operation on one edge give every other one; that they
    do is checked on networks built whole.
    """
    table = pq.read_table(shared_data / "nasbench201_metrics_cifar10.parquet", columns=["arch", "params", "flops"])
    empty = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
    image = torch.zeros(1, 3, 32, 32)

    def measured(arch: str) -> Counter[str]:
        probe = Probe(SPACE.build(arch), image)
        return Counter({name: round(METRICS[name](probe) * 1e6) for name in ("params", "flops")})

    base = measured(empty)
    of_op = {op: Counter(measured(empty.replace("none~0|+", f"{op}~0|+", 1))) for op in CHOICES}
    rows = table.to_pylist()
    assert len(rows) == 9445

    def summed(arch: str) -> Counter[str]:
        ops = parse_cell(arch, CHOICES)
        return Counter({k: base[k] + sum(of_op[op][k] - base[k] for op in ops) for k in base})

    for row in rows:
        sizes = summed(row["arch"])
        assert (sizes["params"] / 1e6, sizes["flops"] / 1e6) == (row["params"], row["flops"]), row
    for row in random.Random(0).sample(rows, 12):
        assert measured(row["arch"]) == summed(row["arch"])
