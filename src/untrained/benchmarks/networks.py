"""The distinct networks of a benchmark's table, and scores of our own for them."""

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from untrained.benchmarks.base import Benchmark
from untrained.errors import InputError
from untrained.objectives import TabularObjective
from untrained.scores import ScoreTable
from untrained.scoring.pool import Progress, Scoring
from untrained.spaces import SearchSpace

SHAPES = {"num_classes": "classes", "in_channels": "channels"}
"""What a space and its data must agree in."""


def equal_networks(space: SearchSpace, archs: Sequence[str], seed: int = 0) -> list[list[str]]:
    """Groups architectures that are one network, in a random order of which each beginning is a fair sample.

    Args:
        space: Knows which architectures are one network (`SearchSpace.canonical`).
        archs: Architectures of the space.
        seed: Decides the order of the networks, which does not depend on that of `archs`.

    Returns:
        The groups; in each, the architectures in the order given.

    Example:
        >>> from untrained import NASBench201
        >>> cell = "|{}~0|+|none~0|none~1|+|{}~0|none~1|none~2|"  # no way leads on from the first node
        >>> dead = [cell.format(op, "skip_connect") for op in ("none", "nor_conv_1x1")]
        >>> len(equal_networks(NASBench201(), [*dead, cell.format("none", "nor_conv_3x3")]))
        2
    """
    groups = dict[str, list[str]]()
    for arch in dict.fromkeys(archs):
        groups.setdefault(space.canonical(arch), []).append(arch)
    order = sorted(groups)
    random.Random(seed).shuffle(order)
    return [groups[twin] for twin in order]


def score_benchmark(
    benchmark: Benchmark,
    folder: Path,
    scoring: Scoring,
    path: str | Path,
    *,
    networks: int | None = None,
    seed: int = 0,
    facts: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> ScoreTable:
    """Computes metrics of our own for the architectures of a benchmark's table.

    Equal networks are scored once, and share their scores. A call that was stopped goes on where it was; one with more
    networks or metrics adds what is missing.

    Args:
        benchmark: Its space builds the networks.
        folder: The folder of its tables.
        scoring: Metrics and batch.
        path: The Parquet file of the scores, which `untrained bench` and `untrained analyse` take as `--scores`.
        networks: How many of the distinct networks to score: the first ones in a random order that is always the same.
            All of them by default.
        seed: Decides the initial weights.
        facts: Those of the data (`num_classes`, `in_channels`), to check that the networks take them.
        progress: Called after each network.

    Returns:
        The scores of all architectures that are one of these networks.

    Raises:
        InputError: The table is missing, no space builds its networks or they do not take the data, or there are fewer.

    Example:
        >>> from pathlib import Path
        >>> from untrained import Benchmark, NASBench201, Scoring, load_data
        >>> from untrained.benchmarks.networks import score_benchmark
        >>> space = NASBench201(N=1, C=4, in_channels=1)
        >>> _ = Path("mine.csv").write_text("\\n".join(["arch,acc", *(f"{a},90" for a in space.pool(3))]))
        >>> mine = Benchmark("mine", "digits", "acc", "mine.csv", "mine.csv", space)
        >>> scoring = Scoring(["layers"], load_data("digits").batch(8))
        >>> len(score_benchmark(mine, Path(), scoring, "scores.parquet", networks=2))
        2
    """
    space = networks_of(benchmark, {} if facts is None else facts)
    objective = TabularObjective(**benchmark.objective_options(folder))
    benchmark.check(objective.archs, objective.path)
    groups = equal_networks(space, objective.archs)
    networks = len(groups) if networks is None else networks
    if not 1 <= networks <= len(groups):
        raise InputError(f"{networks} networks: give 1 to {len(groups)}, the distinct ones of {benchmark.key}")
    archs = [arch for group in groups[:networks] for arch in group]
    return scoring.scores(space, archs, seed, path=path, progress=progress)


def networks_of(benchmark: Benchmark, facts: Mapping[str, Any]) -> SearchSpace:
    """The space that builds the networks of a benchmark.

    Args:
        benchmark: The benchmark.
        facts: Those of the data, as `num_classes` and `in_channels`.

    Raises:
        InputError: It has none, or its networks have another number of classes or channels than the data.
    """
    space = benchmark.space
    if space is None or not space.has_networks:
        raise InputError(f"{benchmark.key}: no space builds its networks: give --space")
    for option, word in SHAPES.items():
        has, given = getattr(space, option, None), facts.get(option)
        if isinstance(has, int) and given is not None and given != has:
            raise InputError(f"{benchmark.key}: its networks have {has} {word}, the data {given}: give --space-options")
    return space
