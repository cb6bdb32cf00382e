"""What a bench says."""

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
import pyarrow as pa
import pytest

from untrained.benching import BenchResult, Ran, compare, holm, panels, summarise
from untrained.benching.result import SCHEMA
from untrained.benchmarks import Benchmark, Published
from untrained.errors import InputError

PUBLISHED = {
    "RS": Published(50.0, 1.0, 99.0),
    "single metric, best": Published(90.0),
    "single metric, average": Published(60.0),
    "optimum": Published(95.0),
}
BENCHMARK = Benchmark("b", "t", "o", "x", "x", test="test", reported="test", published=PUBLISHED, notes=("a note",))


def result(ranks: Mapping[str, Sequence[Sequence[int | None]]], benchmark: Benchmark = BENCHMARK) -> BenchResult:
    """sampler -> seed -> rank of the best so far, query by query; test figure 100 - rank, each query costs 2."""
    rows = []
    for sampler, seeds in ranks.items():
        for seed, queries in enumerate(seeds):
            for i, rank in enumerate(queries):
                row = dict.fromkeys(SCHEMA.names) | {"benchmark": "b", "task": "t", "objective": "o"}
                row |= {"sampler": sampler, "seed": seed, "query": i + 1, "cost": 2.0, "seconds": 0.5, "rank": rank}
                rows.append(row | {"test": None if rank is None else 100.0 - rank, "regret": rank})
    return BenchResult(pa.Table.from_pylist(rows, SCHEMA), (Ran(benchmark, 2, 50, ("m",)),))


def test_rows_by_hand() -> None:
    shown = summarise(
        result(
            {"random": [[9, 5], [9, 3]], "robot": [[9, 1], [1, 1]], "single:a": [[7, 7]] * 2, "single:b": [[3, 3]] * 2}
        )
    )
    assert [row.sampler for row in shown] == [
        "robot",
        "single metric, best (b)",
        "random",
        "single metric, average (of 2)",
        "optimum",
    ]
    random, average = shown[2], shown[3]
    assert random.rank is not None
    assert (random.rank.mean, random.rank.std, random.rank.median, random.rank.worst) == (4, 1, 4, 5)
    assert random.test is not None
    assert (random.test.mean, random.test.worst) == (96, 95)
    assert random.cost is not None
    assert random.seconds is not None
    assert (random.cost.mean, random.seconds.mean, random.seeds) == (4, 1, 2)
    assert random.published == PUBLISHED["RS"]
    assert average.rank is not None
    assert (average.rank.mean, average.rank.std) == (5, 2)  # over the metrics
    assert average.published == PUBLISHED["single metric, average"]
    assert shown[1].published == PUBLISHED["single metric, best"]
    assert (shown[4].rank, shown[4].published) == (None, PUBLISHED["optimum"])
    assert all(row.p is None for row in shown)


def test_comparisons_are_paired_and_corrected() -> None:
    seeds = 8
    ranks = {
        "robot": [[10 + s] for s in range(seeds)],
        "better": [[1 + s] for s in range(seeds)],
        "same": [[10 + s] for s in range(seeds)],
    }
    rows = {row.sampler: row for row in summarise(result(ranks), "robot")}
    assert rows["robot"].p is None
    assert (rows["same"].difference, rows["same"].p) == (0, 1)
    assert rows["better"].difference == -9
    assert rows["better"].p == pytest.approx(2 * compare_by_enumeration(np.full(seeds, -9.0)), rel=0.35)
    with pytest.raises(InputError, match="reference 'rea' is not one of the samplers: better, robot, same"):
        summarise(result(ranks), "rea")


def compare_by_enumeration(difference: np.ndarray) -> float:
    """P of Wilcoxon's statistic by all signs of the ranks of |difference|; ties share their mean rank."""
    sizes = np.abs(difference)
    ranks = np.array([(sizes < s).sum() + ((sizes == s).sum() + 1) / 2 for s in sizes])
    centre = ranks.sum() / 2
    observed = abs(ranks[difference > 0].sum() - centre)
    signs = product((0, 1), repeat=len(ranks))
    return float(np.mean([abs(np.dot(s, ranks) - centre) >= observed - 1e-9 for s in signs]))


def test_pairs_are_of_the_same_seed() -> None:
    """A file grows: robot has the seeds 0 to 2, random 1 to 3, rea none of robot's."""
    ranks = {"robot": [[1], [5], [9]], "random": [[0], [6], [7], [99]], "rea": [[0]] * 4 + [[2]]}
    whole = result(ranks)
    seeds = {"robot": (0, 1, 2), "random": (1, 2, 3), "rea": (4,)}
    kept = [row["seed"] in seeds[row["sampler"]] for row in whole.table.to_pylist()]
    shown = {row.sampler: row for row in summarise(BenchResult(whole.table.filter(kept), whole.ran), "robot")}
    assert shown["random"].difference == (6 - 5 + 7 - 9) / 2
    assert (shown["rea"].difference, shown["rea"].p, shown["random"].seeds) == (None, None, 3)


def test_the_test_is_wilcoxons() -> None:
    rng = np.random.default_rng(1)
    for _ in range(3):
        ours = rng.permutation(100)[:9].astype(np.float64)
        reference = (rng.permutation(1000)[:9] / 10).astype(np.float64)
        difference, p = compare(ours, reference)
        assert difference == pytest.approx((ours - reference).mean())
        assert p == pytest.approx(compare_by_enumeration(ours - reference))
    assert compare(np.ones(4), np.ones(4)) == (0.0, 1.0)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])  # R: p.adjust(p, "holm")
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_a_search_that_found_nothing_is_the_worst() -> None:
    rows = {r.sampler: r for r in summarise(result({"robot": [[4], [4], [4]], "bohb": [[None], [None], [2]]}), "robot")}
    assert rows["bohb"].rank is not None
    assert rows["bohb"].rank.mean == 2  # of those that found something
    assert rows["bohb"].difference == pytest.approx((1 + 1 - 2) / 3)  # nothing counts as one worse than the worst


def test_curves_are_means_and_their_errors() -> None:
    made = result({"random": [[9, 5], [7, 5]], "bohb": [[None, 4], [3, 2]], "single:a": [[1, 1]]})
    (panel,) = panels(made)
    assert (panel.title, panel.figure) == ("t", "test error, %")
    curves = {curve.sampler: curve for curve in panel.curves}
    assert set(curves) == {"random", "bohb"}
    assert curves["random"].mean.tolist() == [8, 5]
    assert curves["random"].error.tolist() == pytest.approx([1, 0])  # sqrt(2) / sqrt(2) seeds
    assert curves["bohb"].queries.tolist() == [2]  # from where every seed has a value
    by_rank = result({"random": [[9, 5]]}, Benchmark("b", "t", "o", "x", "x", test="test"))
    (panel,) = panels(by_rank)
    assert panel.figure == "objective rank"
    assert panel.curves[0].mean.tolist() == [9, 5]
