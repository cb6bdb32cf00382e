"""Trade-offs: hypervolumes counted cell by cell, gains integrated and simulated, studies of several objectives."""

from itertools import pairwise, product
from typing import Any

import numpy as np
import optuna
import pytest
from scipy.stats import norm

from toy import MLPs
from untrained.errors import InputError
from untrained.samplers import Mixture, RandomSearch, RoBoT, mixture
from untrained.samplers.query import Query
from untrained.samplers.tradeoffs import Costs, Gain, hypervolume, nondominated
from untrained.scores import ScoreTable
from untrained.spaces import ArchitectureList

LOWEST = -0.8
"""Some of the values below are lower, most are not."""
NODES, WEIGHTS = np.polynomial.legendre.leggauss(8)
SPACE = MLPs()
ARCHS = tuple(SPACE)
RNG = np.random.default_rng(5)
TABLE = ScoreTable(ARCHS, ("m", "k"), RNG.normal(size=(len(ARCHS), 2)))
VALUES = dict(zip(ARCHS, RNG.normal(size=len(ARCHS)).tolist(), strict=True))
COSTS = RNG.integers(1, 9, size=(len(ARCHS), 1)).astype(float)


def counted(points: np.ndarray, reference: np.ndarray) -> float:
    """The volume of whole-numbered points: unit cells of a grid, each asked whether a point dominates it."""
    cells = product(*(range(int(r)) for r in reference))
    return sum(any((point <= cell).all() for point in points) for cell in map(np.array, cells))


@pytest.mark.parametrize("d", [1, 2, 3, 4])
def test_hypervolumes_are_those_counted_cell_by_cell(d: int) -> None:
    rng, reference = np.random.default_rng(d), np.arange(4, 4 + d)
    for n in (0, 1, 2, 6):
        points = rng.integers(0, 8, size=(n, d)).astype(float)  # some lie beyond the reference
        assert hypervolume(points, reference.astype(float)) == counted(points, reference)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_the_front_is_what_nothing_dominates(d: int) -> None:
    points = np.random.default_rng(d).integers(0, 5, size=(30, d)).astype(float)

    def dominates(a: Any, b: Any) -> bool:
        return all(x <= y for x, y in zip(a, b, strict=True)) and any(x < y for x, y in zip(a, b, strict=True))

    expected = [not any(dominates(other, point) for other in points) for point in points]
    assert nondominated(points).tolist() == expected
    assert 0 < sum(expected) < 30


def added(value: float, cost: np.ndarray, values: np.ndarray, costs: np.ndarray, upper: np.ndarray) -> float:
    """What one query adds to the hypervolume; values count from `LOWEST` on."""
    reference = np.append(-LOWEST, upper)
    before = np.column_stack([-values, costs])
    after = np.vstack([before, [-value, *cost]])
    return hypervolume(after, reference) - hypervolume(before, reference)


@pytest.mark.parametrize("m", [1, 2, 3])
def test_the_expected_gain_is_the_integral_of_what_each_value_would_add(m: int) -> None:
    rng = np.random.default_rng(m)
    values, costs, upper = rng.normal(size=5), rng.uniform(0, 5, size=(5, m)), np.full(m, 4.5)
    candidates, mean, std = rng.uniform(0, 5, size=(5, m)), rng.normal(size=5), rng.uniform(0.3, 1.5, size=5)
    gains = Gain(candidates, costs, values, upper, LOWEST)(mean, std)
    for gain, cost, mu, sigma in zip(gains, candidates, mean, std, strict=True):
        edges = sorted({*values.tolist(), LOWEST, *(mu + sigma * np.linspace(-7, 7, 8))})  # of pieces without a kink
        integral = 0.0
        for start, end in pairwise(edges):
            points = (start + end) / 2 + (end - start) / 2 * NODES
            pieces = [added(f, cost, values, costs, upper) for f in points] * norm.pdf(points, mu, sigma)
            integral += float(pieces @ WEIGHTS) * (end - start) / 2
        assert gain == pytest.approx(integral, abs=1e-6)
    assert (gains > 0).sum() >= 3


def test_the_expected_gain_is_the_mean_of_simulated_ones() -> None:
    rng = np.random.default_rng(3)
    values, costs, upper = rng.normal(size=5), rng.uniform(0, 5, size=(5, 2)), np.array([5.5, 5.0])
    candidate = np.array([[1.0, 2.0]])
    gain = Gain(candidate, costs, values, upper, LOWEST)(np.array([0.4]), np.array([0.8]))[0]
    simulated = [added(f, candidate[0], values, costs, upper) for f in rng.normal(0.4, 0.8, size=1_000)]
    error = np.std(simulated) / np.sqrt(len(simulated))
    assert gain == pytest.approx(np.mean(simulated), abs=4 * error)
    assert error < 0.1 * gain


def history_of(sampler: Any, n: int) -> list[Query]:
    history = list[Query]()
    for _ in range(n):
        choice = sampler.choose(history)
        history.append(Query(choice.architecture, VALUES[choice.architecture], sampler_state=choice.sampler_state))
    return history


def test_it_goes_for_the_front() -> None:
    """Of 150 networks that are the better the dearer they are, but for noise."""
    rng = np.random.default_rng(1)
    archs = tuple(map(str, range(150)))
    metric = rng.normal(size=150)
    values, costs = metric + 0.3 * rng.normal(size=150), np.exp(metric + 0.7 * rng.normal(size=150))
    table, points = ScoreTable(archs, ("m",), metric[:, None]), np.column_stack([-values, costs])

    def found(sampler: Any) -> float:
        history = list[Query]()
        for _ in range(12):
            arch = sampler.choose(history).architecture
            history.append(Query(arch, float(values[int(arch)])))
        return hypervolume(points[[int(query.architecture) for query in history]], points.max(0))

    space = ArchitectureList(list(archs))
    mixtures = [found(Mixture(table, space, budget=12, seed=k, costs=costs[:, None])) for k in range(4)]
    assert min(mixtures) > np.mean([found(RandomSearch(table, space, seed=k)) for k in range(20)])


def test_the_same_cost_for_all_leaves_the_search_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each candidate then adds its improvement over the best value, times one and the same width."""
    monkeypatch.setattr(mixture, "spread_evenly", mixture.spread_top)
    plain, equal = (Mixture(TABLE, SPACE, budget=12, seed=2, costs=c) for c in (None, np.ones((len(ARCHS), 1))))
    assert [q.architecture for q in history_of(plain, 12)] == [q.architecture for q in history_of(equal, 12)]


def test_a_search_that_goes_on_chooses_what_it_would_have() -> None:
    whole = history_of(Mixture(TABLE, SPACE, budget=10, costs=COSTS), 10)
    for n in (0, 1, 6):
        assert Mixture(TABLE, SPACE, budget=10, costs=COSTS).choose(whole[:n]).architecture == whole[n].architecture


def test_units_of_costs_change_nothing() -> None:
    thousands = Mixture(TABLE, SPACE, budget=10, costs=1024 * COSTS)
    assert history_of(thousands, 10) == history_of(Mixture(TABLE, SPACE, budget=10, costs=COSTS), 10)


def test_failed_and_running_queries_are_borne() -> None:
    history = [Query(ARCHS[0], state="failed"), Query(ARCHS[1], state="running")]
    for n in range(3):
        assert Mixture(TABLE, SPACE, budget=10, costs=COSTS).choose(history[:n]).architecture not in ARCHS[:n]


def test_a_few_dear_networks_do_not_stretch_the_volume() -> None:
    costs = Costs(np.array([[1.0], [2.0], [3.0], [4.0], [1e6]]), 5)
    assert costs.costs.max() == 3 + 4 * (3 - 1)
    assert costs.upper > costs.costs.max()


@pytest.mark.parametrize(
    "costs",
    [np.ones((3, 1)), np.ones(len(ARCHS)), np.ones((len(ARCHS), 4)), np.full((len(ARCHS), 1), np.nan)],
    ids=["too few", "no columns", "too many columns", "unknown"],
)
def test_costs_are_those_of_the_table(costs: np.ndarray) -> None:
    with pytest.raises(InputError, match=rf"costs of .* numbers: give {len(ARCHS)} x 1 to 3 finite ones"):
        Mixture(TABLE, SPACE, budget=3, costs=costs)


@pytest.mark.parametrize(
    "sampler", [Mixture(TABLE, SPACE, budget=6, costs=COSTS), RandomSearch(TABLE, SPACE)], ids=["mixture", "random"]
)
def test_a_study_of_two_objectives(sampler: Any) -> None:
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    costs = dict(zip(ARCHS, COSTS[:, 0].tolist(), strict=True))

    def objective(trial: optuna.Trial) -> tuple[float, float]:
        arch = SPACE.suggest(trial)
        return VALUES[arch], costs[arch]

    study.optimize(objective, n_trials=6)
    archs = [SPACE.to_arch(trial.params) for trial in study.trials]
    assert len(set(archs)) == 6
    assert archs == [query.architecture for query in history_of(sampler, 6)]


@pytest.mark.parametrize(
    ("sampler", "words"),
    [
        (RoBoT(TABLE, SPACE, budget=3), "RoBoT looks for one objective: the study has 3"),
        (Mixture(TABLE, SPACE, budget=3), "Mixture looks for one objective: the study has 3"),
        (Mixture(TABLE, SPACE, budget=3, costs=COSTS), "Mixture looks for 2 objectives: the study has 3"),
    ],
)
def test_more_objectives_than_a_sampler_looks_for(sampler: Any, words: str) -> None:
    study = optuna.create_study(directions=["maximize", "minimize", "minimize"], sampler=sampler)
    with pytest.raises(InputError, match=words):
        study.ask()
