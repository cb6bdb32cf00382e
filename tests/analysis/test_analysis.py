"""Numbers of the analysis, by hand, by brute force, and against searches."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from untrained import search
from untrained.analysis import bound, expected_best_rank, metric_report, objective_ranks, phases, precision_at, walk
from untrained.analysis.bound import best_weights
from untrained.objectives import TabularObjective
from untrained.samplers.query import Query
from untrained.scores import ScoreTable
from untrained.spaces import ArchitectureList

NAN = float("nan")


def test_ranks_and_walks() -> None:
    assert objective_ranks(np.array([3.0, NAN, 5, 5, 1, NAN])).tolist() == [3, 5, 1, 1, 4, 5]
    assert walk(np.array([1.0, NAN, 3, 3])).tolist() == [2, 3, 0, 1]


def test_precision_by_hand() -> None:
    f = np.array([9.0, 8, 7, 6, 5, 5])
    m = np.array([1.0, 5, NAN, 4, 3, 2])  # the walk: 1, 3, 4, 5, 0, 2; of the best: 0, 1, 2
    assert [precision_at(t, m, f) for t in (1, 2, 3, 6)] == [0, 1 / 2, 1 / 3, 1]
    assert precision_at(5, m, f) == 5 / 5  # 4 and 5 are equally good: both are among the five best
    for t in (0, 7):
        with pytest.raises(ValueError, match=f"T = {t}: give 1 to 6"):
            precision_at(t, m, f)


def test_the_expected_best_rank_by_listing_all_cases() -> None:
    for t in (1, 3, 5):
        for hits in range(1, t + 1):
            least = [min(ranks) for ranks in combinations(range(1, t + 1), hits)]
            assert expected_best_rank(t, hits, 12) == pytest.approx(np.mean(least))
        least = [min(ranks) for ranks in combinations(range(t + 1, 13), t)]
        assert expected_best_rank(t, 0, 12) == pytest.approx(np.mean(least))


@pytest.fixture
def task(tmp_path: Path) -> tuple[ScoreTable, TabularObjective]:
    """200 architectures; `good` tells the objective, `bad` its opposite, `flat` nothing."""
    rng = np.random.default_rng(0)
    quality = rng.normal(size=200)
    good, bad = quality + 0.4 * rng.normal(size=200), -quality + 0.8 * rng.normal(size=200)
    good[3] = np.nan
    archs = [f"a{i}" for i in range(200)]
    error = np.where(np.arange(200) == 7, np.nan, -quality)
    pq.write_table(pa.table({"arch": archs, "error": error}), tmp_path / "table.parquet")
    scores = ScoreTable(tuple(archs), ("good", "bad", "flat"), np.column_stack([good, bad, np.ones(200)]))
    return scores, TabularObjective(tmp_path / "table.parquet", "error", direction="minimize")


def test_metric_reports(task: tuple[ScoreTable, TabularObjective]) -> None:
    table, objective = task
    good, bad, flat = metric_report(table, objective, 20)
    f = objective.upward(table.archs)
    assert f[0] == -objective("a0").value
    assert np.isnan(f[7])
    assert (good.n, bad.n, flat.n) == (198, 199, 199)
    known = [i for i in range(200) if i not in (3, 7)]
    signs = [
        np.sign((table.values[i, 0] - table.values[j, 0]) * (f[i] - f[j])) for i, j in combinations(known, 2)
    ]  # no ties
    assert good.kendall == pytest.approx(np.mean(signs))
    own, true = (np.argsort(np.argsort(values[known])) for values in (table.values[:, 0], f))
    assert good.spearman == pytest.approx(np.corrcoef(own, true)[0, 1])
    assert good.spearman > 0.8
    assert bad.spearman < -0.5
    assert np.isnan([flat.spearman, flat.kendall]).all()
    order = sorted(range(200), key=lambda i: -np.nan_to_num(table.values[i, 0], nan=-99))[:20]
    ranks = [objective.rank(f"a{i}", table.archs) for i in order]
    assert (good.first, good.best) == (ranks[0], min(ranks))
    assert good.precision == np.mean([rank <= 20 for rank in ranks])
    assert good.expected == pytest.approx(21 / (20 * good.precision + 1))


def test_phases_by_hand(task: tuple[ScoreTable, TabularObjective]) -> None:
    table, objective = task
    by_rank = {objective.rank(arch, table.archs): arch for arch in table.archs if arch != "a7"}
    made = [
        Query(by_rank[30], 0.0, phase="explore"),
        Query(by_rank[12], 0.0, phase="explore"),
        Query("a7", state="failed", phase="explore"),
    ]
    found = phases(made, objective, table.archs)
    assert (found.explored, found.exploited, found.explore_rank, found.pick_rank, found.gain) == (3, 0, 12, 12, 0)
    made += [Query(by_rank[5], 0.0, phase="exploit"), Query(by_rank[1], 0.0, "pruned", phase="exploit")]
    found = phases(made, objective, table.archs)
    assert (found.explored, found.exploited, found.explore_rank, found.pick_rank, found.gain) == (3, 2, 12, 5, 7)


def test_the_bound_holds(task: tuple[ScoreTable, TabularObjective]) -> None:
    table, objective = task
    rng = np.random.default_rng(2)
    vague = objective.upward(table.archs)[:, None] + rng.normal(size=(200, 3)) * 1.5
    table = ScoreTable(table.archs, ("a", "b", "c"), vague)
    tight = 0
    for seed in range(6):
        result = search(
            ArchitectureList(list(table.archs)), objective, budget=20, sampler="robot", scores=table, seed=seed
        )
        found = bound(result.queries, objective, table)
        queries = result.queries
        assert found.explored == sum(query.phase == "explore" for query in queries)
        assert found.pick_rank == result.rank
        assert found.reachable <= found.explore_rank
        assert found.pick_rank <= found.guaranteed <= found.explore_rank
        assert 1 <= found.expected <= found.explore_rank
        left = 20 - found.explored
        weights = np.array([queries[-1].metric_weights[name] for name in table.metrics])
        top = np.argsort(-(table.scaled() @ weights), kind="stable")[:left]
        queried = {query.architecture for query in queries}
        assert {table.archs[i] for i in top} <= queried  # what the guarantee rests on
        hits = sum(objective.rank(table.archs[i], table.archs) <= left for i in top)
        assert found.precision == pytest.approx(hits / left)
        if hits:
            assert found.guaranteed == min(found.explore_rank, left + 1 - hits)
        tight += found.guaranteed < found.explore_rank
    assert tight


def test_the_best_weights_are_found() -> None:
    """One metric is the objective itself: its own favourite is the best."""
    rng = np.random.default_rng(1)
    f = rng.uniform(size=300)
    rank, weights = best_weights(np.column_stack([f, rng.uniform(size=300)]), f)
    assert rank == 1
    assert weights[0] > 0
