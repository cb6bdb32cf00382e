"""Pools that grow: the same whatever stops the search, inside the limits, ranked among what was drawn."""

import os
import random
from concurrent.futures import Executor, Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import rankdata

from searching.searches import SCORES, history
from toy import MLPs, toy_batch, training_objective
from untrained import ScoreTable, Scoring, search
from untrained.errors import InputError, InputWarning
from untrained.objectives.apart import Outcome
from untrained.objectives.base import Evaluation
from untrained.samplers import Mixture
from untrained.samplers.features import FURTHEST, placed_among, spread_top
from untrained.samplers.hypotheses import SIZE, Hypotheses, Points
from untrained.samplers.query import Query
from untrained.scoring.one_network import Job, NetworkScores, Task
from untrained.searching import growth
from untrained.searching.growth import COST, MOST, OWN, SHARE, children, children_for, extended
from untrained.searching.result import Result
from untrained.searching.studies import grown

SPACE = MLPs()
BATCH = toy_batch()
scored = list[str]()
"""The networks that were scored; what stands in `stop` for such a number of them happens instead."""
stop = dict[int, Any]()


def value(arch: str) -> float:
    params = SPACE.to_params(arch)
    return params["width"] * params["depth"] + 0.5 * params["norm"]


def run(space: Any = SPACE, objective: Any = value, **options: Any) -> Result:
    """A search of 5 queries; 2 architectures join a pool of 8 before each but the first."""
    scored.clear()
    settings: dict[str, Any] = {"budget": 5, "pool": 8, "grow": 2, "scores": Scoring(["params"], BATCH)}
    return search(space, objective, **(settings | options))


@pytest.fixture(autouse=True)
def counted(monkeypatch: pytest.MonkeyPatch) -> Any:
    score = Job.score

    def counting(job: Job, task: Task) -> NetworkScores:
        scored.append(task.architecture)
        happens = stop.get(len(scored))
        if isinstance(happens, BaseException):
            raise happens
        if happens:
            happens()
        return score(job, task)

    monkeypatch.setattr(Job, "score", counting)
    yield
    stop.clear()


def test_relatives_of_the_favourites_join_before_each_query() -> None:
    first, again, other = run(), run(), run(seed=1)
    drawn, joined = SPACE.pool(8), grown(first.study)
    assert len(joined) == 2 * 4
    assert len({*drawn, *joined}) == 16
    assert all(SPACE.canonical(arch) == arch for arch in joined)
    assert history(first) == history(again)
    assert grown(again.study) == joined != grown(other.study)
    assert {query.architecture for query in first.queries} & set(joined)
    assert first.summary["grown"] == 8
    assert "8 joined later" in repr(first)
    fixed = run(grow=0)
    assert not grown(fixed.study)
    assert {query.architecture for query in fixed.queries} <= set(drawn)
    assert "grown" not in fixed.summary


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, ScoreTable]:
    """The search that nothing stops."""
    folder = tmp_path_factory.mktemp("whole")
    return run(out=folder), ScoreTable.load(folder / "scores.parquet")


@pytest.mark.parametrize("networks", [4, 10, 13])
def test_a_search_that_is_stopped_while_it_scores_goes_on_to_the_same(
    tmp_path: Path, whole: tuple[Result, ScoreTable], networks: int
) -> None:
    stop[networks] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        run(out=tmp_path)
    stop.clear()
    cut, table = run(out=tmp_path), ScoreTable.load(tmp_path / "scores.parquet")
    assert len(scored) == 16 - (networks - 1)  # what had its score kept it
    assert (history(cut), grown(cut.study)) == (history(whole[0]), grown(whole[0].study))
    assert len(table) == 16
    assert table.select(whole[1].archs).values.tolist() == whole[1].values.tolist()


def test_a_search_that_is_killed_or_stopped_between_queries_goes_on_to_the_same(
    tmp_path: Path, whole: tuple[Result, ScoreTable]
) -> None:
    def ends(query: Query, done: int, budget: int) -> None:
        raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            run(out=tmp_path, on_query=ends)
    pid = os.fork()
    if pid == 0:
        stop[2] = lambda: os._exit(9)  # in the midst of the third growth
        try:
            run(out=tmp_path)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9
    assert history(run(out=tmp_path)) == history(whole[0])
    larger = run(out=tmp_path, budget=6)
    assert history(larger)[:5] == history(whole[0])
    assert len(grown(larger.study)) == 10


def test_the_number_of_workers_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "FEW", 0)  # a few children would be scored here
    found = []
    for workers in (1, 2):
        folder = tmp_path / str(workers)
        run(out=folder, budget=1)
        result = run(out=folder, budget=2, scores=Scoring(["params"], BATCH, workers=workers))
        found.append((history(result), grown(result.study), ScoreTable.load(folder / "scores.parquet").values.tolist()))
    assert not scored  # here: the last ones were scored in other processes
    assert found[0] == found[1]


class Waiting:
    """Evaluates two at once, the one that was begun last first."""

    jobs, is_safe = 2, True

    def __init__(self) -> None:
        self.begun = list[Any]()

    def begin(self, arch: str, trial: Any = None) -> None:
        self.begun.append((arch, trial))

    def end(self) -> Outcome:
        arch, trial = self.begun.pop()
        return Outcome(arch, trial, 1.0, Evaluation(value(arch), 1.0))

    def close(self) -> None:
        pass


def test_several_evaluations_at_once_stopped_and_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ends(query: Query, done: int, budget: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("untrained.searching.search.evaluator", lambda *_: Waiting())
    with pytest.raises(KeyboardInterrupt):
        run(out=tmp_path, on_query=ends)
    found = run(out=tmp_path)
    assert len({query.architecture for query in found.queries}) == len(found.queries) == 5
    assert len(grown(found.study)) == len(set(grown(found.study))) == 8


def test_children_meet_the_limits_and_can_be_evaluated() -> None:
    def size(arch: str) -> float:
        return sum(p.numel() for p in SPACE.build(arch).parameters()) / 1e6

    most = sorted(map(size, SPACE))[16]
    joined = grown(run(where=f"params <= {most}", budget=4).study)
    assert joined
    assert all(size(arch) <= most for arch in joined)
    assert max(map(size, grown(run(budget=4).study))) > most


class Fragile(MLPs):
    """Some of its networks cannot be built."""

    def build(self, arch: str) -> Any:
        if self.to_params(arch)["width"] == 16:
            raise ValueError("too wide")
        return super().build(arch)


def test_children_that_cannot_be_built_are_left_out_and_not_drawn_again() -> None:
    with pytest.warns(UserWarning, match="cannot be built"):
        found = run(Fragile(), budget=6, pool=10)
    joined = grown(found.study)
    assert any("width=16" in arch for arch in joined)
    assert len(joined) == len({*joined, *Fragile().pool(10)} - {*Fragile().pool(10)})
    assert not any("width=16" in query.architecture for query in found.queries)


def test_a_space_that_is_used_up_grows_no_further() -> None:
    found = run(pool=20, grow=3, budget=6)
    assert len(grown(found.study)) == len(list(SPACE)) - 20
    assert len(found.queries) == 6


def test_what_cannot_grow_is_refused_before_anything_is_scored() -> None:
    for options, words in (
        ({"grow": -1}, "at least 0"),
        ({"grow": 1.5}, "whole number"),
        ({"sampler": "random"}, "'random' keeps to the pool"),
        ({"sampler": Mixture(SCORES, SPACE, budget=5)}, "'Mixture' was made for a pool"),
        ({"scores": SCORES, "pool": None}, "its own pool"),
        ({"objectives": "value, params"}, "a front keeps"),
    ):
        with pytest.raises(InputError, match=words):
            run(**options)
    assert not scored
    assert len(run(sampler="random", grow=None).queries) == 5


def test_how_many_children_are_usual() -> None:
    drawn, plain = SPACE.pool(8), training_objective(SPACE, BATCH, BATCH, epochs=1)

    def usual(objective: Any, archs: Any = drawn, grow: int | None = None, *, is_drawn: bool = True) -> int:
        return children_for(grow, SPACE, objective, archs, is_drawn=is_drawn)

    long = training_objective(SPACE, BATCH, BATCH, epochs=int(10 * COST / SHARE / 12) + 1)  # of 12 samples
    assert (usual(plain), usual(long), usual(object())) == (0, 10, OWN)
    assert usual(training_objective(SPACE, BATCH, BATCH, epochs=10**6)) == MOST
    assert usual(long, is_drawn=False) == usual(long, grow=0) == usual(long, list(SPACE)) == 0
    assert usual(long, is_drawn=False, grow=3) == usual(long, grow=3) == 3


def test_children_are_new_relatives_that_fit() -> None:
    parents = SPACE.pool(3)
    found = children(SPACE, parents, 6, random.Random(0), known=parents, fits=lambda arch: "depth=2" not in arch)
    assert len(found) == len(set(found)) == 6
    assert not set(found) & set(parents)
    assert all("depth=2" not in arch for arch in found)
    assert children(SPACE, [], 3, random.Random(0)) == []
    assert len(children(SPACE, parents, 99, random.Random(0))) == 24


def test_ranks_are_those_among_the_drawn() -> None:
    drawn = np.array([[1.0, 5.0], [2.0, 5.0], [2.0, 5.0], [np.nan, 5.0]])
    found = placed_among(np.array([[2.0, 9.0], [1.5, 9.0], [0.0, 9.0], [np.nan, 9.0]]), drawn)
    # Of four, the two of score 2 share the places 3 and 4; 1.5 lies between 2 and 2 others, 0 above the failed one.
    assert found[:, 0] == pytest.approx([-np.log(1 - 3 / 4) - 1, -np.log(1 - 2 / 4) - 1, -np.log(1 - 1 / 4) - 1,
                                         -np.log(1 - 0.5 / 4) - 1])  # fmt: skip
    assert not found[:, 1].any()  # a metric that tells none of the drawn apart
    rng = np.random.default_rng(0)
    some = rng.integers(0, 9, size=(50, 3)).astype(float)
    assert placed_among(some, some) == pytest.approx(spread_top(some))


@pytest.mark.parametrize("power", [1.0, 3.0], ids=["exponential", "Pareto"])
def test_the_tail_goes_on_as_the_distribution_does(power: float) -> None:
    # P(x > t) = exp(-t) has F = t - 1, and so has every rising function of x.
    at = np.array([8.0, 10.0, 12.0])
    rng = np.random.default_rng(1)
    drawn, beyond = rng.exponential(size=(20_000, 1)), at[:, None]
    if power > 1:
        drawn, beyond = np.exp(drawn / power), np.exp(beyond / power)
    found = placed_among(np.concatenate([drawn.max()[None, None], beyond]), drawn)[1:, 0]
    assert found[at > 11] == pytest.approx(at[at > 11] - 1, rel=0.15)
    assert (np.diff(placed_among(np.sort(np.concatenate([drawn, beyond]), axis=0), drawn)[:, 0]) >= 0).all()


def test_nothing_is_infinitely_rare() -> None:
    drawn = np.array([[1.0]] * 50 + [[0.0]])
    found = placed_among(np.array([[1.0], [2.0], [1e300]]), drawn)[:, 0]
    assert found[0] < found[1] < found[2] == FURTHEST
    best = placed_among(np.array([[3.0], [7.0]]), np.array([[np.nan], [3.0], [np.nan]]))[:, 0]
    assert np.isfinite(best).all()
    assert best[0] < best[1]


def test_candidates_that_joined_are_predicted_as_if_they_had_been_there() -> None:
    rng = np.random.default_rng(0)
    metrics, codes = spread_top(rng.normal(size=(60, 3))), rng.integers(0, 3, size=(60, 5)).astype(float)
    pool, values = Points(metrics, codes, rng.normal(size=(60, 4))), rng.normal(size=9)
    rows = rng.permutation(60)[:9]
    whole, live, later = (Hypotheses(pool.take(np.arange(n)), 0, 30) for n in (60, 20, 20))
    for known, start, end in ((3, 20, 35), (7, 35, 60)):
        live.observe(pool.take(rows[:known]))
        live.weigh(values[:known])
        for s in range(0, SIZE, 3):
            live.predict(s)
        for bank in (live, later):
            bank.add(pool.take(np.arange(start, end)), known)
    weights = []
    for bank in (whole, live, later):
        bank.observe(pool.take(rows))
        weights.append(bank.weigh(values).tolist())
    assert weights[1] == weights[2]
    for s in range(SIZE):
        expected, found, again = (np.array(bank.predict(s)) for bank in (whole, live, later))
        assert found == pytest.approx(expected, abs=2e-3)
        assert (found == again).all()  # to the bit, whenever it is computed


def test_the_mixture_makes_its_favourites_of_what_it_has_learnt() -> None:
    rng = np.random.default_rng(0)
    archs = tuple(SPACE)
    values = np.array([value(arch) for arch in archs])
    table = ScoreTable(archs, ("m",), (rankdata(values) + rng.normal(size=24))[:, None])
    sampler = Mixture(table, SPACE, budget=12)
    made = [Query(arch, value(arch)) for arch in archs[::2]]
    best = sampler.favourites(made, 8)
    assert len(set(best)) == 8
    assert np.mean([value(arch) for arch in best]) > np.sort(values)[-10]
    assert max(made, key=lambda query: query.value or 0.0).architecture in best


class Losing(Executor):
    """Loses the worker of every task."""

    def submit(self, *_: Any, **__: Any) -> Any:
        future = Future[bytes]()
        future.set_exception(OSError("the node is gone"))
        return future


def test_children_whose_scores_are_lost_are_told_of() -> None:
    how, (*drawn, child) = Scoring(["params"], BATCH), SPACE.pool(3)
    table = how.scores(SPACE, drawn)
    with pytest.warns(InputWarning, match="1 of 1 architectures that join the pool have no score: its worker was lost"):
        found = extended(replace(how, executor=Losing()), SPACE, 0, None, None, table, [child])
    assert np.isnan(found.values[:, 0]).tolist() == [False, False, True]
