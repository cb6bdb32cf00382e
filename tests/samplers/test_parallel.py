"""Several trials of one study at once: threads, processes, enqueued trials, trials of dead processes."""

import multiprocessing
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from threading import Barrier

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution
from optuna.samplers import BaseSampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState, create_trial

from samplers.test_contract import NAMES, SPACE, archs_of, make, problem
from untrained.errors import InputError
from untrained.samplers import Greedy, get_sampler, sampler_info, turns
from untrained.samplers.base import Choice
from untrained.samplers.query import Query, queries
from untrained.scores import ScoreTable
from untrained.spaces import ArchitectureList

TABLE, VALUES = problem(10)


def evaluate(trial: optuna.Trial) -> float:
    params = {name: trial._suggest(name, dist) for name, dist in SPACE.distributions.items()}
    time.sleep(0.002)
    return VALUES[SPACE.to_arch(params)]


@pytest.fixture(autouse=True)
def _quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)


@pytest.mark.parametrize("name", NAMES)
def test_threads_use_up_a_pool_without_repeats(name: str) -> None:
    study = optuna.create_study(direction="maximize", sampler=make(name, TABLE))
    study.optimize(evaluate, n_trials=len(TABLE), n_jobs=4)
    assert sorted(archs_of(study)) == sorted(TABLE.archs)
    assert [SPACE.to_arch(trial.params) for trial in study.trials] == archs_of(study)


def work(path: Path, together: Barrier) -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    for name in NAMES:
        study = open_study(path, name)
        together.wait(60)
        for _ in range(len(TABLE) // 2):
            study.optimize(evaluate, n_trials=1)


def open_study(path: Path, name: str) -> optuna.Study:
    storage = JournalStorage(JournalFileBackend(str(path)))
    return optuna.create_study(
        study_name=name, storage=storage, direction="maximize", sampler=make(name, TABLE), load_if_exists=True
    )


def test_processes_use_up_a_pool_without_repeats(tmp_path: Path) -> None:
    """Two processes share each study: a new one, and this one."""
    path = tmp_path / "journal"
    for name in NAMES:
        open_study(path, name)
    spawn = multiprocessing.get_context("spawn")
    together = spawn.Barrier(2)
    worker = spawn.Process(target=work, args=(path, together))
    worker.start()
    work(path, together)
    worker.join()
    assert worker.exitcode == 0
    for name in NAMES:
        assert sorted(archs_of(open_study(path, name))) == sorted(TABLE.archs), name


ARCHS = tuple("abcd")
LIST = ArchitectureList(list(ARCHS))
LETTERS = ScoreTable(ARCHS, ("m",), np.arange(4.0)[:, None])


def greedy() -> BaseSampler:
    """Takes d, c, b, a."""
    return get_sampler("single:m", LETTERS, LIST, 4, 0)


def asked(study: optuna.Study) -> str:
    return LIST.to_arch(study.ask(dict(LIST.distributions)).params)


def begun(study: optuna.Study, start: datetime) -> int:
    """A trial that another process has begun, and that has no architecture yet; its id."""
    trial = create_trial(state=TrialState.RUNNING)
    trial.datetime_start = start
    study.add_trial(trial)
    return study.trials[-1]._trial_id


@pytest.fixture
def sleeps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that are made while waiting, of which none is really made."""
    made = list[float]()
    clock = iter(range(10_000))
    monkeypatch.setattr(turns.time, "sleep", made.append)
    monkeypatch.setattr(turns.time, "monotonic", lambda: float(next(clock)))
    return made


def test_a_trial_waits_for_earlier_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    study = optuna.create_study(sampler=greedy())
    other = begun(study, datetime.now())
    pauses = list[float]()

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 8:
            study._storage.set_trial_user_attr(other, "architecture", "d")

    monkeypatch.setattr(turns.time, "sleep", sleep)
    assert asked(study) == "c"
    assert pauses == [0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.2, 0.2]


def test_a_dead_trial_is_waited_for_once(sleeps: list[float]) -> None:
    study = optuna.create_study(sampler=greedy())
    begun(study, datetime.now() + timedelta(hours=1))  # by another machine's clock
    assert asked(study) == "d"
    assert len(sleeps) == turns.PATIENCE
    assert asked(study) == "c"
    assert len(sleeps) == turns.PATIENCE


def test_a_trial_that_began_long_ago_is_not_waited_for(sleeps: list[float]) -> None:
    study = optuna.create_study(sampler=greedy())
    begun(study, datetime.now() - timedelta(days=2))
    assert asked(study) == "d"
    assert sleeps == []


def test_what_another_takes_out_of_turn_is_not_taken_too(monkeypatch: pytest.MonkeyPatch) -> None:
    study = optuna.create_study(sampler=greedy())
    other = begun(study, datetime.now() - timedelta(days=2))
    choose = Greedy.choose

    def slow(self: Greedy, history: Sequence[Query]) -> Choice:
        choice = choose(self, history)
        study._storage.set_trial_user_attr(other, "architecture", "d")  # meanwhile
        return choice

    monkeypatch.setattr(Greedy, "choose", slow)
    assert asked(study) == "c"


def test_enqueued_trials_have_what_they_are_bound_to() -> None:
    study = optuna.create_study(sampler=greedy())
    study.enqueue_trial({"index": 1})
    study.enqueue_trial({"index": 3})
    assert asked(study) == "b"
    assert study.trials[0].user_attrs == {"architecture": "b"}
    assert [query.architecture for query in queries(study, LIST, running=True)] == ["b", "d"]  # the second waits
    assert asked(study) == "d"
    assert asked(study) == "c"


def test_a_partly_bound_trial_is_recorded_as_what_it_is() -> None:
    study = optuna.create_study(direction="maximize", sampler=make("random", TABLE))
    name, dist = next(iter(SPACE.distributions.items()))
    assert isinstance(dist, CategoricalDistribution)
    for value in dist.choices:
        study.enqueue_trial({name: value})
        trial = study.ask(dict(SPACE.distributions))
        assert trial.params[name] == value
        assert study.trials[-1].user_attrs["architecture"] == SPACE.to_arch(trial.params)
    for query in queries(study, running=True):
        assert (query.phase is None) == (query.architecture not in TABLE.archs)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_a_choice_that_breaks_leaves_no_query(error: type[BaseException], monkeypatch: pytest.MonkeyPatch) -> None:
    study = optuna.create_study(sampler=greedy())

    def broken(*_: object) -> Choice:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(Greedy, "choose", broken)
        with pytest.raises(error):
            study.ask()
    assert [trial.state for trial in study.trials] == [TrialState.FAIL]
    assert queries(study, LIST, running=True) == []
    assert asked(study) == "d"


def test_no_trial_is_left_running_after_the_pool_is_used_up() -> None:
    study = optuna.create_study(sampler=greedy())
    with pytest.raises(InputError, match="all 4 architectures"):
        study.optimize(lambda trial: float(trial.suggest_int("index", 0, 3)), n_trials=12, n_jobs=2)
    assert not [trial for trial in study.trials if not trial.state.is_finished()]
    assert sorted(query.architecture for query in queries(study)) == list(ARCHS)


def test_hyperband_does_not_hide_queries_of_other_brackets() -> None:
    pruner = sampler_info("bohb").pruner
    assert pruner is not None
    study = optuna.create_study(direction="maximize", sampler=make("bohb", TABLE), pruner=pruner([1, 3, 9, 27]))

    def stopped(trial: optuna.Trial) -> float:
        value = evaluate(trial)
        trial.report(value, 1)
        if trial.should_prune():
            raise optuna.TrialPruned
        return value

    study.optimize(stopped, n_trials=len(TABLE))
    assert sorted(archs_of(study)) == sorted(TABLE.archs)
