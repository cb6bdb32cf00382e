"""RoBoT against its own definition, as an Optuna sampler, and as a pure function of its history."""

from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState
from threadpoolctl import threadpool_info

from untrained.errors import InputError
from untrained.objectives import TabularObjective
from untrained.samplers import RandomSearch, RoBoT
from untrained.samplers.query import Query
from untrained.scores import ScoreTable
from untrained.spaces import ArchitectureList, NASBench201

N, K, T = 300, 3, 12


def problem(seed: int = 0) -> tuple[ScoreTable, ArchitectureList, dict[str, float]]:
    """A table of random scores and an objective that a weighted sum of them nearly tells."""
    rng = np.random.default_rng(seed)
    archs = tuple(f"arch{i}" for i in range(N))
    values = rng.normal(size=(N, K))
    objective = np.round(values @ rng.normal(size=K) + 0.3 * rng.normal(size=N), 1)
    return (
        ScoreTable(archs, ("c", "a", "b"), values),
        ArchitectureList(list(archs)),
        dict(zip(archs, objective, strict=True)),
    )


def run(sampler: optuna.samplers.BaseSampler, space: ArchitectureList, values: dict[str, float], budget: int = T):
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.optimize(lambda trial: values[space.to_arch(_params(trial, space))], n_trials=budget)
    return study


def _params(trial: optuna.Trial, space: ArchitectureList) -> dict[str, int]:
    return {"index": trial.suggest_int("index", 0, len(space.archs) - 1)}


@pytest.fixture(autouse=True)
def _quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)


def test_it_follows_the_method() -> None:
    """Every query is what the definition says, given the recorded weights: see He et al. 2024, algorithm 2."""
    table, space, values = problem()
    study = run(RoBoT(table, space, budget=T, seed=1), space, values)
    scores = (table.values - table.values.min(0)) / (table.values.max(0) - table.values.min(0))
    known: dict[str, float] = {}
    proposals: list[tuple[np.ndarray, float]] = []
    phases = []
    for trial in study.trials:
        attrs = trial.user_attrs
        phases.append(attrs["phase"])
        for k, (w, arch) in enumerate(attrs["state"]):
            assert all(-1 <= x <= 1 for x in w)
            assert arch == table.archs[int(np.argmax(scores @ np.array(w)))]
            is_the_query = phases[-1] == "explore" and k == len(attrs["state"]) - 1
            assert is_the_query == (arch not in known)  # a repeat is no query
            proposals.append((np.array(w), values[arch]))
        if phases[-1] == "explore":
            assert attrs["architecture"] == attrs["state"][-1][1]
            assert list(attrs["weights"].values()) == attrs["state"][-1][0]
        else:
            top = max(value for _, value in proposals)
            best = [w for w, value in proposals if value == top][-1]  # the last tie wins
            ranking = np.argsort(-(scores @ best), kind="stable")
            assert attrs["architecture"] == next(table.archs[i] for i in ranking if table.archs[i] not in known)
            assert list(attrs["weights"].values()) == best.tolist()
        assert tuple(attrs["weights"]) == table.metrics
        known[attrs["architecture"]] = values[attrs["architecture"]]
    assert len(proposals) == T
    assert len(known) == len(study.trials) == T
    explored = phases.count("explore")
    assert phases == ["explore"] * explored + ["exploit"] * (T - explored)
    assert 0 < explored < T


def test_seeds_decide_the_search() -> None:
    table, space, values = problem()
    queried = [
        [t.user_attrs["architecture"] for t in run(RoBoT(table, space, budget=T, seed=s), space, values).trials]
        for s in (1, 1, 2)
    ]
    assert queried[0] == queried[1] != queried[2]


def test_minimising_mirrors_maximising() -> None:
    table, space, values = problem()
    up = run(RoBoT(table, space, budget=T, seed=1), space, values)
    down = optuna.create_study(direction="minimize", sampler=RoBoT(table, space, budget=T, seed=1))
    down.optimize(lambda trial: -values[space.to_arch(_params(trial, space))], n_trials=T)
    assert [t.params for t in down.trials] == [t.params for t in up.trials]


def test_failed_and_running_queries_are_not_repeated() -> None:
    table, space, values = problem()
    study = optuna.create_study(direction="maximize", sampler=RoBoT(table, space, budget=T, seed=1))
    archs = []
    for k in range(T):
        trial = study.ask(dict(space.distributions))
        archs.append(space.to_arch(trial.params))
        if k % 3 == 0:
            study.tell(trial, state=TrialState.FAIL)
        elif k % 3 == 1:
            study.tell(trial, values[archs[-1]])
        # else it is left running, as on another machine
    assert len(set(archs)) == T


def test_trials_of_another_sampler_are_part_of_the_history() -> None:
    table, space, values = problem()
    study = optuna.create_study(direction="maximize", sampler=RoBoT(table, space, budget=T, seed=1))
    free = run(RoBoT(table, space, budget=T, seed=1), space, values)
    taken = free.trials[1].params
    study.enqueue_trial(taken)
    study.optimize(lambda trial: values[space.to_arch(_params(trial, space))], n_trials=T)
    assert study.trials[0].params == taken
    assert len({t.params["index"] for t in study.trials}) == T


def test_a_larger_budget_goes_on_from_a_smaller_one() -> None:
    table, space, values = problem()
    study = run(RoBoT(table, space, budget=6, seed=1), space, values, budget=6)
    study.sampler = RoBoT(table, space, budget=T, seed=1)
    study.optimize(lambda trial: values[space.to_arch(_params(trial, space))], n_trials=T - 6)
    assert sum(len(t.user_attrs["state"]) for t in study.trials) == T
    assert len({t.params["index"] for t in study.trials}) == T


def test_named_deviations() -> None:
    table, space, values = problem()
    published = RoBoT(table, space, budget=T).options
    assert published == {"scaling": "minmax", "proposals": None, "acquisition": "ucb", "kappa": 2.576}
    few = run(RoBoT(table, space, budget=T, seed=1, proposals=3), space, values)
    assert sum(len(t.user_attrs["state"]) for t in few.trials) == 3
    ranked = run(RoBoT(table, space, budget=T, seed=1, scaling="rank"), space, values)
    plain = run(RoBoT(table, space, budget=T, seed=1), space, values)
    drawn = run(RoBoT(table, space, budget=T, seed=1, acquisition="random"), space, values)
    improved = run(RoBoT(table, space, budget=T, seed=1, acquisition="ei"), space, values)
    queries = [[t.params["index"] for t in study.trials] for study in (plain, ranked, drawn, improved)]
    assert all(queries[0] != other for other in queries[1:])
    assert queries[0][0] == queries[2][0] == queries[3][0]  # the first w is random for all
    with pytest.raises(InputError, match="unknown acquisition 'poi': choose from ucb, ei, random"):
        RoBoT(table, space, budget=T, acquisition="poi")  # pyright: ignore[reportArgumentType]


def test_of_many_proposals_it_learns_from_some(monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than MOST, the latest and the best so far among them: so that the time of a query stays as it is."""
    table, space, values = problem()
    learnt = list[np.ndarray]()

    def propose(x: np.ndarray, y: np.ndarray, *_: Any) -> np.ndarray:
        learnt.append(y)
        return np.random.default_rng(len(learnt)).uniform(-1, 1, K)

    monkeypatch.setattr("untrained.samplers.ucb.propose", propose)
    monkeypatch.setattr("untrained.samplers.robot.MOST", 8)
    study = run(RoBoT(table, space, budget=40, seed=1), space, values, budget=40)
    made = [values[arch] for trial in study.trials for _, arch in trial.user_attrs["state"]]
    assert len(made) == 40
    assert [list(y) for y in learnt[:8]] == [made[: t + 1] for t in range(8)]
    for t, y in enumerate(learnt, start=1):
        assert len(y) <= 8
        assert max(made[:t]) in y
        assert made[t - 1] == y[-1]


def test_one_metric_is_walked_down_from_one_end() -> None:
    """With a single metric there are two robust metrics, up and down: T0 <= 2."""
    table, space, values = problem()
    study = run(RoBoT(table.select(metrics=["c"]), space, budget=T, seed=0), space, values)
    assert [t.user_attrs["phase"] for t in study.trials].count("explore") <= 2


def test_bad_input() -> None:
    table, space, _ = problem()
    with pytest.raises(InputError, match="budget 0"):
        RoBoT(table, space, budget=0)
    with pytest.raises(InputError, match="no metric has a score"):
        RoBoT(ScoreTable(("a", "b"), ("m",), np.full((2, 1), np.nan)), space, budget=1)


def test_a_used_up_pool_is_said() -> None:
    archs = ["a", "b"]
    table, space = ScoreTable(tuple(archs), ("m",), np.eye(2)[:, :1]), ArchitectureList(archs)
    study = optuna.create_study(sampler=RoBoT(table, space, budget=2))
    for _ in archs:
        study.tell(study.ask(dict(space.distributions)), 1.0)
    with pytest.raises(InputError, match="all 2 architectures"):
        study.ask(dict(space.distributions))


def test_random_search_is_uniform() -> None:
    """Each of 4 architectures comes first in about a quarter of 400 seeds (4 sigma: 66 to 134)."""
    archs = list("abcd")
    table, space = ScoreTable(tuple(archs), ("m",), np.zeros((4, 1))), ArchitectureList(archs)
    first = [RandomSearch(table, space, seed=s).choose([]).architecture for s in range(400)]
    assert all(66 <= first.count(arch) <= 134 for arch in archs)
    history = [Query("a", 1.0), Query("c", state="failed")]
    assert RandomSearch(table, space, seed=3).choose(history).architecture in "bd"


METRICS = ["grad_norm", "snip", "grasp", "fisher", "synflow", "jacov"]


def test_it_reproduces_the_published_result(shared_data: Path) -> None:
    """Table 1 of the paper: 94.36 % with a standard deviation of 0 over ten seeds, where 94.37 % is the optimum.

    On the published metrics of the cells without a dead edge nearly every seed finds the objective's very best, which
    tests 94.37 %; a seed whose first draws mislead it fails altogether.
    """
    table = ScoreTable.load(shared_data / "nasbench201_metrics_cifar10.parquet", METRICS)
    file = shared_data / "nasbench201_accuracy.parquet"
    objective = TabularObjective(file, "cifar10_val_12", report_column="cifar10_test_200")
    space = NASBench201()
    picks = []
    for seed in range(10, 20):
        study = optuna.create_study(direction="maximize", sampler=RoBoT(table, space, budget=20, seed=seed))
        for _ in range(20):
            trial = study.ask(dict(space.distributions))
            study.tell(trial, objective(space.to_arch(trial.params)).value)
        picks.append(study.best_trial.user_attrs["architecture"])
    best = [pick for pick in picks if objective.rank(pick, table.archs) == 1]
    assert len(best) >= 8
    assert round(objective.report(best[0], None)["cifar10_test_200"], 2) == 94.37


def test_every_linear_algebra_library_runs_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """numpy and scipy bring one each; two threads on small matrices wait for each other, many times the work."""
    threads: list[int] = []
    choose = RoBoT.choose

    def watched(self: RoBoT, history: Any) -> Any:
        threads.extend(library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas")
        return choose(self, history)

    monkeypatch.setattr(RoBoT, "choose", watched)
    scores, space, values = problem()
    run(RoBoT(scores, space, budget=3), space, values, budget=3)
    assert len(threads) >= 3 * 2
    assert set(threads) == {1}
