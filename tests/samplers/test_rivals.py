"""Each rival against its own definition."""

import random
from pathlib import Path

import numpy as np
import optuna
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from torch.distributions import Categorical

from untrained import search
from untrained.errors import InputError
from untrained.objectives import Evaluation, Objective, TabularObjective
from untrained.samplers import get_sampler
from untrained.samplers.base import PoolSampler
from untrained.samplers.decisions import DecisionPool, decision_pool
from untrained.samplers.evolution import REA
from untrained.samplers.greedy import Greedy
from untrained.samplers.hnas import HNAS
from untrained.samplers.query import Query
from untrained.samplers.reinforce import REINFORCE
from untrained.scores import ScoreTable
from untrained.spaces import ArchitectureList, NASBench201, SearchSpace
from untrained.spaces.cell import format_cell

SPACE = NASBench201()
OPS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")


def table_of(archs: list[str], **metrics: list[float]) -> ScoreTable:
    columns = metrics or {"m": [float(i % 7) for i in range(len(archs))]}
    return ScoreTable(tuple(archs), tuple(columns), np.array(list(columns.values()), dtype=float).T)


WHOLE = table_of(list(SPACE))


def named(name: str, table: ScoreTable, budget: int, seed: int, space: SearchSpace = SPACE) -> PoolSampler:
    sampler = get_sampler(name, table, space, budget, seed)
    assert isinstance(sampler, PoolSampler)
    return sampler


def unlike(one: str, other: str) -> int:
    a, b = SPACE.to_params(one), SPACE.to_params(other)
    return sum(a[key] != b[key] for key in a)


def convolutions(arch: str) -> float:
    """Its best is the cell of six 3x3 convolutions."""
    return sum(op == "nor_conv_3x3" for op in SPACE.to_params(arch).values())


class Convolutions(Objective):
    @property
    def identity(self) -> dict[str, str]:
        return {"kind": "convolutions"}

    def __call__(self, arch: str, trial: optuna.Trial | None = None) -> Evaluation:
        return Evaluation(convolutions(arch), 1.0)


def queried(sampler: str, budget: int, seed: int = 0, table: ScoreTable = WHOLE) -> list[str]:
    result = search(SPACE, Convolutions(), budget=budget, sampler=sampler, scores=table, seed=seed)
    return [query["architecture"] for query in result.summary["queries"]]


def test_evolution_mutates_the_best_of_the_living() -> None:
    archs = random.Random(0).sample(list(SPACE), 6)
    history = [Query(arch, value) for arch, value in zip(archs, [9.0, 1.0, 3.0, None, 2.0, 0.0], strict=True)]
    for seed in range(20):
        sampler = REA(WHOLE, SPACE, budget=99, seed=seed, population=5, sample=5)
        child = sampler.choose(history).architecture
        assert unlike(child, archs[2]) == 1  # the best of the last five: the first is dead
        assert child != archs[2]
    parents = {
        min(range(6), key=lambda i: unlike(child, archs[i]))
        for seed in range(60)
        for child in [REA(WHOLE, SPACE, budget=99, seed=seed, population=5, sample=2).choose(history).architecture]
    }
    assert parents == {1, 2, 4, 5}  # any of the living but the failed one, whom each other beats


def test_evolution_defaults() -> None:
    assert REA(WHOLE, SPACE, budget=100).options == {"population": 33, "sample": 9}
    assert REA(WHOLE, SPACE, budget=20).options == {"population": 6, "sample": 2}
    with pytest.raises(InputError, match="sample 9: give a number from 1 to the population's 6"):
        REA(WHOLE, SPACE, budget=20, sample=9)


def test_evolution_and_reinforce_learn() -> None:
    """In 120 queries evolution gets far above what 120 random ones give on average (about 3.5)."""
    found = [max(map(convolutions, queried("rea", 120, seed))) for seed in range(5)]
    assert np.mean(found) > 4.5
    policy = REINFORCE(WHOLE, SPACE)
    archs = random.Random(1).sample(list(SPACE), 300)
    theta = policy.policy([Query(arch, convolutions(arch)) for arch in archs])
    assert (theta.argmax(1) == OPS.index("nor_conv_3x3")).sum() >= 5


def test_the_policy_is_what_torch_makes_of_it() -> None:
    archs = random.Random(2).sample(list(SPACE), 30)
    values = [None if k % 7 == 3 else 60 + 10 * random.Random(k).random() for k in range(30)]
    logits = torch.zeros(6, 5, dtype=torch.float64, requires_grad=True)
    adam = torch.optim.Adam([logits], lr=0.01)
    numerator = denominator = 0.0
    for arch, value in zip(archs, values, strict=True):
        if value is None:
            continue
        numerator, denominator = 0.9 * numerator + 0.1 * value, 0.9 * denominator + 0.1
        chosen = torch.tensor([OPS.index(op) for op in SPACE.to_params(arch).values()])
        loss = -(Categorical(logits=logits).log_prob(chosen) * (value - numerator / denominator)).sum()
        adam.zero_grad()
        loss.backward()
        adam.step()
    theta = REINFORCE(WHOLE, SPACE).policy([Query(a, v) for a, v in zip(archs, values, strict=True)])
    assert theta == pytest.approx(logits.detach().numpy(), rel=1e-9, abs=1e-12)


def test_local_search_climbs_and_starts_anew() -> None:
    study = search(SPACE, Convolutions(), budget=140, sampler="local_search", scores=WHOLE, seed=3).study
    archs = [trial.user_attrs["architecture"] for trial in study.trials]
    centres = [trial.user_attrs["state"] for trial in study.trials]
    assert centres[0] == archs[0]
    climbs = starts = 0
    for k in range(1, 140):
        before, now = centres[k - 1], centres[k]
        if now == before:
            assert unlike(archs[k], now) == 1
            continue
        around = [arch for arch in archs[:k] if unlike(arch, before) == 1]
        assert len(around) == 6 * 4  # the neighbourhood is done with
        best = max(map(convolutions, around))
        if best > convolutions(before):
            assert convolutions(now) == best
            assert now in around
            climbs += 1
        else:
            assert now == archs[k]
            assert now not in archs[:k]
            starts += 1
    assert climbs >= 3
    assert starts >= 1


def test_hnas_queries_the_argmin_of_its_definition() -> None:
    rng = np.random.default_rng(0)
    archs = random.Random(0).sample(list(SPACE), 200)
    trace, kappa = rng.lognormal(3, 1, 200), rng.lognormal(4, 1, 200)
    trace[7], kappa[8] = np.nan, np.nan
    table = table_of(archs, ntk_trace=trace.tolist(), ntk_condition_number=kappa.tolist())
    history: list[Query] = []
    scaled = trace * 5000 / np.nanmax(trace)
    for k in range(12):
        choice = HNAS(table, SPACE, budget=12, seed=1).choose(history)
        nu, mu = choice.metric_weights["nu"], 10 ** choice.metric_weights["log10_mu"]
        assert 0 <= nu <= 5000
        assert 1e-4 <= mu <= 1 + 1e-9
        if k < 3:
            assert (nu, mu) == (pytest.approx(2500 * k), pytest.approx(0.01))
        merit = mu * abs(scaled**2 - nu**2) + kappa / scaled
        free = [i for i in range(200) if archs[i] not in [query.architecture for query in history] and i not in (7, 8)]
        assert choice.architecture == archs[min(free, key=lambda i: merit[i])]
        history.append(Query(choice.architecture, float(rng.normal()), sampler_state=choice.sampler_state))


def test_greedy_walks_down() -> None:
    archs = list(SPACE)[:5]
    table = table_of(archs, m=[1.0, np.nan, 3.0, 2.0, 3.0])
    orders = {tuple(archs.index(a) for a in walk(Greedy(table, SPACE, table.values[:, 0], seed=s))) for s in range(20)}
    assert orders == {(2, 4, 3, 0, 1), (4, 2, 3, 0, 1)}  # equals in an order of the seed's, the failed one last
    table = table_of(archs, a=[1, 2, 3, 4, 5], b=[10, 30, 50, 20, 40])  # mean ranks 1, 2.5, 4, 3, 4.5
    assert [archs.index(a) for a in walk(named("rank_average", table, 5, 0))] == [4, 2, 3, 1, 0]
    assert [archs.index(a) for a in walk(named("single:b", table, 5, 0))] == [2, 4, 1, 3, 0]
    fewer = table_of(archs, params=[1, 2, 3, 4, 5])
    assert [archs.index(a) for a in walk(named("single:params", fewer, 5, 0))] == [4, 3, 2, 1, 0]


@pytest.mark.parametrize("other", ["jacov", "jacob_cov"])
def test_vkdnws_aggregate_takes_either_name_of_a_metric(other: str) -> None:
    """Products of the five ranks: 5 * 1 * 5 * 1 * 3 = 75, 4 * 2 * 4 * 2 * 3 = 192, 243, 2 * 4 * 2 * 4 * 3 = 192, 75."""
    up, down, flat = [1.0, 2.0, 3.0, 4.0, 5.0], [5.0, 4.0, 3.0, 2.0, 1.0], [1.0] * 5
    columns = {"vkdnw(part=both)": up, other: down, "az_expressivity": up, "az_trainability": down, "flops": flat}
    table = table_of(list(SPACE)[:5], **columns, az_progressivity=up)
    ranking = [table.archs.index(arch) for arch in walk(named("vkdnw_agg", table, 5, 0))]
    assert (ranking[0], set(ranking[1:3]), set(ranking[3:])) == (2, {1, 3}, {0, 4})


def walk(sampler: PoolSampler) -> list[str]:
    history: list[Query] = []
    for _ in sampler.table.archs:
        history.append(Query(sampler.choose(history).architecture, 0.0))
    return [query.architecture for query in history]


def test_the_pool_finds_twins_neighbours_and_the_nearest() -> None:
    one, two, three = (format_cell([op] * 6) for op in ("nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3"))
    alive = format_cell(["none", "none", "none", "nor_conv_3x3", "none", "none"])
    pool = DecisionPool((one, two, three, alive), SPACE)
    dead_edges = format_cell(["nor_conv_1x1", "none", "none", "nor_conv_3x3", "none", "none"])
    assert pool.member(two) == two
    assert pool.member(dead_edges) == alive  # the same network
    assert pool.member(format_cell(["skip_connect"] * 6)) is None
    assert pool.member("nonsense") is None
    assert set(pool.neighbours(dead_edges)) == {alive}
    rng = np.random.default_rng(0)
    mixed = SPACE.to_params(format_cell(["nor_conv_1x1"] * 4 + ["nor_conv_3x3"] * 2))
    assert pool.nearest(mixed, set(), rng) == two
    assert pool.nearest(mixed, {two}, rng) == one
    assert decision_pool(WHOLE, SPACE) is decision_pool(WHOLE, NASBench201())
    assert decision_pool(WHOLE, SPACE) is not decision_pool(WHOLE, NASBench201(N=1))


def test_optunas_suggestion_is_followed_where_the_pool_has_it() -> None:
    sampler = named("tpe", WHOLE, 20, 4)
    free, history = set[str](), list[Query]()
    for _ in range(20):
        arch = sampler.choose(history).architecture
        history.append(Query(arch, convolutions(arch)))
        free.add(arch)
    assert len(free) == 20
    # With all but a few taken away, what is chosen is as near to the suggestion as the pool allows.
    few = table_of([history[-1].architecture, format_cell(["none"] * 6), format_cell(["skip_connect"] * 6)])
    near = named("tpe", few, 20, 4).choose(history[:-1]).architecture
    assert near == history[-1].architecture


def test_bohb_stops_early_and_pays_for_what_it_trained(tmp_path: Path) -> None:
    archs = random.Random(5).sample(list(SPACE), 80)
    final = [convolutions(arch) + 0.01 * k for k, arch in enumerate(archs)]
    columns = {"arch": archs, "short": [value - 1 for value in final], "long": final, "seconds": [12.0] * 80}
    pq.write_table(pa.table(columns), tmp_path / "table.parquet")
    objective = TabularObjective(
        tmp_path / "table.parquet",
        "long",
        fidelities={200: "long", 12: "short"},
        cost_column="seconds",
        cost_epochs=12,
    )
    result = search(SPACE, objective, budget=30, sampler="bohb", scores=table_of(archs))
    queries = result.summary["queries"]
    stopped = [query for query in queries if "reason" in query]
    assert 5 <= len(stopped) <= 25
    for query in queries:
        value = final[archs.index(query["architecture"])]
        assert query["value"] == pytest.approx(value - 1 if query in stopped else value)
        assert query["cost_seconds"] == pytest.approx(12.0 if query in stopped else 212.0)
    assert result.value == max(query["value"] for query in queries if query not in stopped)
    plain = search(SPACE, objective, budget=5, sampler="random", scores=table_of(archs))
    assert [query["cost_seconds"] for query in plain.summary["queries"]] == [pytest.approx(200.0)] * 5


def test_the_table_says_which_way_is_better() -> None:
    archs = ("a", "b", "c", "d")
    space = ArchitectureList(list(archs))
    values = np.array([[3.0], [1.0], [2.0], [np.nan]])
    for name, directions in (("ntk_condition_number(mode=train)", ()), ("mine", (-1,))):
        table = ScoreTable(archs, (name,), values, {"d": {name: "no reading"}}, directions=directions)
        sampler = named(f"single:{name}", table, 4, 0, space)
        assert sampler.choose([]).architecture == "b"
        average = named("rank_average", table, 4, 0, space)
        assert isinstance(average, Greedy)
        assert np.argsort(-average.merit).tolist()[::3] == [1, 0]  # what has no reading is in the middle
