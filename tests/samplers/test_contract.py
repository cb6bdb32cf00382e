"""What every sampler keeps: a pure function of (table, seed, history), inside the pool, nothing twice."""

import random
import re
from collections.abc import Callable
from typing import Literal

import numpy as np
import optuna
import pytest
from optuna.samplers import BaseSampler
from optuna.trial import TrialState

from untrained.errors import InputError
from untrained.samplers import SAMPLERS, SamplerInfo, check_sampler, get_sampler, sampler_info
from untrained.scores import ScoreTable
from untrained.spaces import ArchitectureList, NASBench201

SPACE = NASBench201()
NAMES = [*(name for name in SAMPLERS if name != "single"), "single:c"]
METRICS = ("c", "a", *dict.fromkeys(group[0] for info in SAMPLERS.values() for group in info.metrics))
T = 8


def problem(n: int) -> tuple[ScoreTable, dict[str, float]]:
    """A pool that holds few of its own twins and neighbours, and values that its scores nearly tell."""
    rng = np.random.default_rng(n)
    archs = tuple(random.Random(n).sample(list(SPACE), n))
    scores = rng.lognormal(size=(n, len(METRICS)))
    scores[rng.random(scores.shape) < 0.05] = np.nan
    values = np.nan_to_num(scores) @ rng.normal(size=len(METRICS)) + rng.normal(size=n)
    return ScoreTable(archs, METRICS, scores), dict(zip(archs, values.tolist(), strict=True))


TABLE, VALUES = problem(60)


def make(name: str, table: ScoreTable = TABLE, seed: int = 5) -> BaseSampler:
    return get_sampler(name, table, SPACE, T, seed)


def run(
    sampler: BaseSampler,
    value: Callable[[int, str], float | None],
    *,
    budget: int = T,
    direction: Literal["maximize", "minimize"] = "maximize",
) -> optuna.Study:
    """`value` of (number of the query, architecture) is what the query gives, None where it fails."""
    study = optuna.create_study(direction=direction, sampler=sampler)
    for k in range(budget):
        trial = study.ask(dict(SPACE.distributions))
        found = value(k, SPACE.to_arch(trial.params))
        study.tell(trial, found, state=TrialState.FAIL if found is None else None)
    return study


def archs_of(study: optuna.Study) -> list[str]:
    return [trial.user_attrs["architecture"] for trial in study.trials]


@pytest.fixture(autouse=True)
def _quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)


@pytest.mark.parametrize("name", NAMES)
def test_replayed_from_each_prefix_it_suggests_the_same(name: str) -> None:
    study = run(make(name), lambda k, arch: None if k % 4 == 2 else VALUES[arch])
    for prefix in range(T):
        # A fresh sampler and a fresh study that holds only what the first trials left.
        other = optuna.create_study(direction="maximize", sampler=make(name))
        other.add_trials(study.trials[:prefix])
        trial = other.ask(dict(SPACE.distributions))
        assert trial.params == study.trials[prefix].params
        assert other.get_trials()[-1].user_attrs == study.trials[prefix].user_attrs


@pytest.mark.parametrize("name", NAMES)
def test_it_keeps_to_the_pool_and_repeats_nothing(name: str) -> None:
    archs = archs_of(run(make(name), lambda k, arch: None if k % 3 == 0 else VALUES[arch]))
    assert len(set(archs)) == T
    assert set(archs) <= set(TABLE.archs)


@pytest.mark.parametrize("name", NAMES)
def test_minimising_mirrors_maximising(name: str) -> None:
    up = run(make(name), lambda _, arch: VALUES[arch])
    down = run(make(name), lambda _, arch: -VALUES[arch], direction="minimize")
    assert archs_of(down) == archs_of(up)


@pytest.mark.parametrize("name", NAMES)
def test_a_pool_is_used_up_exactly(name: str) -> None:
    table, values = problem(6)
    study = run(make(name, table), lambda _, arch: values[arch], budget=len(table))
    assert set(archs_of(study)) == set(table.archs)
    with pytest.raises(InputError, match="all 6 architectures"):
        study.ask(dict(SPACE.distributions))


@pytest.mark.parametrize("name", NAMES)
def test_nothing_but_failures_is_survived(name: str) -> None:
    assert len(set(archs_of(run(make(name), lambda *_: None)))) == T


@pytest.mark.parametrize(
    "name", [name for name in NAMES if not name.startswith(("single", "az_nas", "vkdnw_agg", "rank_"))]
)
def test_seeds_decide(name: str) -> None:
    queried = {tuple(archs_of(run(make(name, seed=seed), lambda _, arch: VALUES[arch]))) for seed in (1, 1, 2, 3)}
    assert 2 <= len(queried) <= 3 or name == "hnas"  # whose start is fixed


@pytest.mark.parametrize("name", NAMES)
def test_trials_of_another_sampler_are_part_of_the_history(name: str) -> None:
    """Also what other samplers wrote on them, which is none of this one's business."""
    before = "robot" if name != "robot" else "local_search"
    study = run(make(before), lambda _, arch: VALUES[arch], budget=3)
    study.sampler = make(name)
    for _ in range(3):
        trial = study.ask(dict(SPACE.distributions))
        study.tell(trial, VALUES[SPACE.to_arch(trial.params)])
    assert len(set(archs_of(study))) == 6


def test_what_a_table_lacks_is_said() -> None:
    plain = ArchitectureList(list(TABLE.archs))
    for name in NAMES:
        check_sampler(name, METRICS, SPACE)
        missing = sampler_info(name).missing(["c"], plain)
        needy = sampler_info(name).decisions or (sampler_info(name).metrics and name != "single:c")
        assert bool(missing) == bool(needy), name
    with pytest.raises(InputError, match=r"'rea' needs to know what an architecture is made of: name the space"):
        get_sampler("rea", TABLE, plain, T, 0)
    with pytest.raises(InputError, match=r"'hnas' needs the metric one of ntk_trace, .*: the scores have c, a"):
        check_sampler("hnas", ["c", "a"], SPACE)
    with pytest.raises(InputError, match=r"'single:synflow' needs the metric 'synflow': the scores have c, a"):
        check_sampler("single:synflow", ["c", "a"], SPACE)


@pytest.mark.parametrize("info", SAMPLERS.values(), ids=SAMPLERS)
def test_each_has_a_summary_and_a_citation(info: SamplerInfo) -> None:
    assert info.summary
    assert re.fullmatch("#[0-9a-f]{6}", info.colour) or info.takes_metric
    assert re.search(r"\b(19|20)\d\d\b", info.citation) or info.name in ("mixture", "single")


def with_rate(trial: optuna.Trial) -> float:
    params = {name: trial._suggest(name, dist) for name, dist in SPACE.distributions.items()}
    rate = trial.suggest_float("rate", 1e-4, 1e-1, log=True)
    return VALUES[SPACE.to_arch(params)] - (np.log10(rate) + 2) ** 2


def test_further_parameters_are_left_to_tpe() -> None:
    """Reproducibly, also from a prefix; the architectures are chosen as if there were none of them."""
    studies = [optuna.create_study(direction="maximize", sampler=make("random", seed=s)) for s in (5, 5, 6)]
    for study in studies:
        study.optimize(with_rate, n_trials=T)
    rates = [[trial.params["rate"] for trial in study.trials] for study in studies]
    assert rates[0] == rates[1] != rates[2]
    assert len(set(rates[0])) == T
    other = optuna.create_study(direction="maximize", sampler=make("random"))
    other.add_trials(studies[0].trials[: T - 1])
    other.optimize(with_rate, n_trials=1)
    assert other.trials[-1].params == studies[0].trials[-1].params
    assert archs_of(studies[0]) == archs_of(run(make("random"), lambda _, arch: VALUES[arch]))


def test_further_parameters_are_learnt() -> None:
    study = optuna.create_study(direction="maximize", sampler=make("random"))
    study.optimize(lambda trial: -abs(trial.suggest_float("x", -10, 10)), n_trials=40)
    late = [abs(trial.params["x"]) for trial in study.trials[20:]]
    assert np.mean(late) < 5 - 3 * 2.9 / np.sqrt(20)  # the mean of uniform draws, less three standard errors


def test_other_studies_are_told() -> None:
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=make("robot"))
    with pytest.raises(InputError, match="one objective: the study has 2"):
        study.ask()
    plain = ArchitectureList(list(TABLE.archs))
    study = optuna.create_study(sampler=get_sampler("robot", TABLE, plain, T, 0))
    with pytest.raises(InputError, match=r"'index' is asked for as .*high=99.*; the space has .*high=59"):
        study.ask().suggest_int("index", 90, 99)


def test_optunas_log_is_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    optuna.logging.set_verbosity(optuna.logging.INFO)
    study = optuna.create_study(sampler=make("tpe"))
    capsys.readouterr()
    study.ask(dict(SPACE.distributions))
    assert optuna.logging.get_verbosity() == optuna.logging.INFO
    assert capsys.readouterr().err == ""
