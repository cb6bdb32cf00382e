"""Several processes that make one search together."""

import importlib.util
import os
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest

from searching.searches import ARCHS, Counted, run
from untrained import NASBench201, ScoreTable, search
from untrained.errors import InputError, InputWarning
from untrained.objectives import Evaluation
from untrained.samplers.query import SKIPPED, queries
from untrained.searching import claims, owners
from untrained.searching.claims import PREFIX
from untrained.searching.owners import OWNER, Owners, one_of_the_owners
from untrained.searching.storage import open_storage, unguarded
from untrained.searching.studies import DIED, close_trial, searches

pytestmark = pytest.mark.filterwarnings("ignore:.*does not answer")  # a SQLite file that others are writing to

BUDGET, PROCESSES = 20, 4
CELLS = NASBench201()
POOL = tuple(CELLS.pool(60))
CELL_SCORES = ScoreTable(POOL, ("noise",), np.random.default_rng(0).normal(size=(60, 1)))


def convolutions(arch: str) -> float:
    return 10.0 * arch.count("nor_conv_3x3") + arch.count("skip")


class Cells(Counted):
    """The value is made of how many convolutions and skips there are."""

    def __call__(self, arch: str, trial: Any = None) -> Any:
        super().__call__("width=4,depth=1,norm=True", trial)
        return Evaluation(convolutions(arch))


def _storages() -> Any:
    path = Path(__file__).parents[2] / "experiments" / "scale" / "storages.py"
    spec = importlib.util.spec_from_file_location("storages", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    storages = _storages()
    if why := storages.missing(request.param):
        pytest.skip(why)
    with storages.storage_of(request.param, tmp_path) as url:
        yield url


def forked(function: Callable[[], Any]) -> int:
    """Calls a function in a process of its own; a fork has imported all that it takes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads
        pid = os.fork()
    if pid == 0:
        code = 1
        try:
            function()
            code = 0
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
        finally:
            os._exit(code)
    return pid


@contextmanager
def loaded(url: str) -> Iterator[optuna.Study]:
    storage = open_storage(url, "there")
    (study,) = searches(storage)
    yield optuna.load_study(study_name=study.study_name, storage=storage)
    backend: Any = getattr(unguarded(storage), "_backend", None)
    if hasattr(backend, "engine"):
        backend.engine.dispose()  # psycopg warns of connections that are forgotten


@pytest.mark.parametrize("url", ["sqlite", "journal", "postgres"], indirect=True)
def test_a_budget_is_spent_once_by_all_and_what_a_dead_one_had_is_made_anew(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owners, "LOOK", 0.3)

    def own(number: int) -> None:
        def at(arch: str, calls: int) -> None:
            time.sleep(0.02)
            if number == 0 and calls == 2:
                os.kill(os.getpid(), signal.SIGKILL)

        warnings.simplefilter("ignore")
        options: dict[str, Any] = {"scores": CELL_SCORES, "sampler": "random", "budget": BUDGET}
        result = search(CELLS, Cells(at), storage=url, join=True, **options)
        (tmp_path / f"{number}.txt").write_text(f"{result.architecture} {len(result.queries)}")

    pids = [forked(lambda number=number: own(number)) for number in range(PROCESSES)]
    codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
    assert codes[0] in (-signal.SIGKILL, 0)  # 0 if the others were so fast that it had no third query
    assert codes[1:] == [0] * (PROCESSES - 1)
    with loaded(url) as study:
        made, trials = queries(study, running=True), study.get_trials()
    assert len({query.architecture for query in made}) == len(made) == BUDGET
    assert all(query.value == convolutions(query.architecture) for query in made)
    best = max(made, key=lambda query: (query.value or 0.0, -query.number))
    assert {path.read_text() for path in tmp_path.glob("*.txt")} == {f"{best.architecture} {BUDGET}"}
    died = [trial for trial in trials if trial.user_attrs.get(SKIPPED) == DIED]
    assert len(died) == (codes[0] != 0)


@pytest.mark.parametrize(("many", "looks"), [(1, 40), (8, 40), (16, 20), (64, 5)])
def test_many_owners_look_for_the_dead_as_often_as_a_few(
    many: int, looks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In 200 s, each of 8 looks 40 times, every 5 s: 320 looks; each of 64 looks 5 times."""
    study = optuna.create_study()
    among = [{"id": str(k)} for k in range(many)]
    now, calls = [0.0], list[float]()

    def found(*_: Any) -> Any:
        calls.append(now[0])
        return among

    monkeypatch.setattr(owners, "claims_of", found)
    monkeypatch.setattr(Owners, "_lives", lambda *_: True)
    one = Owners(claims.Claim(study), "there")
    monkeypatch.setattr(owners.time, "monotonic", lambda: now[0])
    one.look()
    for _ in range(40):
        now[0] += owners.LOOK
        one.look_in_turn()
    assert len(calls) == 1 + looks


def test_in_one_folder_two_search_together_only_if_both_are_asked_to(tmp_path: Path) -> None:
    def beside(join: bool, other: bool) -> list[str]:
        refused = list[str]()

        def nested(arch: str, calls: int) -> None:
            if calls == 0:
                try:
                    run(Counted(), out=tmp_path / f"{join}", join=other, budget=8)
                except InputError as error:
                    refused.append(str(error))

        result = run(Counted(nested), out=tmp_path / f"{join}", join=join, budget=8)
        assert len({query.architecture for query in result.queries}) == 8
        return refused

    assert "--join" in beside(join=False, other=True)[0]
    assert "--join" in beside(join=True, other=False)[0]


def test_two_query_a_whole_pool_in_one_folder(tmp_path: Path) -> None:
    every = len(ARCHS)
    calls = list[str]()

    def own() -> None:
        run(Counted(lambda arch, n: time.sleep(0.02)), out=tmp_path, join=True, budget=every)

    pid = forked(own)
    result = run(Counted(lambda arch, n: calls.append(arch)), out=tmp_path, join=True, budget=every)
    assert os.waitpid(pid, 0)[1] == 0
    assert sorted(query.architecture for query in result.queries) == sorted(ARCHS)
    assert len(calls) <= every
    assert (tmp_path / "best.json").is_file()


def test_what_stands_against_it_is_told(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 's.db'}"
    with pytest.raises(InputError, match="give out or storage"):
        run(join=True)
    with pytest.raises(InputError, match="grow 3"):
        run(storage=storage, join=True, grow=3)

    def nested(arch: str, calls: int) -> None:
        if calls == 0:
            with pytest.raises(InputError, match=r"budget 6: the searches at work .* have 8"):
                run(Counted(), storage=storage, join=True, budget=6, study_name="one")
            with pytest.raises(InputError, match=r"make another search .*seed"):
                run(Counted(), storage=storage, join=True, budget=8, study_name="one", seed=1)

    run(Counted(nested), storage=storage, join=True, budget=8, study_name="one")


def test_the_value_of_one_that_was_held_to_be_dead_is_not_told(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 's.db'}"

    def taken(arch: str, calls: int) -> None:
        if calls == 1:
            with loaded(storage) as study:
                (open_one,) = study.get_trials(states=(optuna.trial.TrialState.RUNNING,))
                assert close_trial(study, open_one)
                assert not close_trial(study, open_one)

    with pytest.warns(InputWarning, match="is lost: this process was held to be dead"):
        result = run(Counted(taken), storage=storage, join=True)
    assert len({query.architecture for query in result.queries}) == 5


def test_a_process_of_another_machine_lives_by_its_signs_and_the_clock_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = optuna.create_study(study_name="one", storage=f"sqlite:///{tmp_path / 's.db'}")
    key = f"{PREFIX}there"
    there = {"id": "there", "process": {"machine": ["far"], "started": "1"}, "pid": 7, "since": 0.0, "state": "joined"}

    def sign(beat: float) -> None:
        study._storage.set_study_system_attr(study._study_id, key, there | {"beat": beat})

    now = [1000.0]
    sign(-5.0)  # its clock is years behind
    with one_of_the_owners(study, "there", lambda seen: None) as mine:
        monkeypatch.setattr(owners.time, "monotonic", lambda: now[0])
        seen = Owners(mine.claim, "there")
        assert len(seen.others()) == 1
        trial = study.ask()
        study._storage.set_trial_user_attr(trial._trial_id, OWNER, "there")
        now[0] += claims.PATIENCE - 1
        seen.look()
        assert not list(seen.news())
        sign(-4.0)
        now[0] += 2
        seen.look()
        assert not list(seen.news())
        now[0] += claims.PATIENCE + 1
        seen.look()
        assert next(seen.news()).startswith("process 7 on far is gone")
        assert not seen.others()
        assert study._storage.get_study_system_attrs(study._study_id)[key] is None
    assert study.get_trials()[0].user_attrs[SKIPPED] == "interrupted"


def test_a_foreign_sampler_may_propose_the_same_to_two(tmp_path: Path) -> None:
    def own() -> Any:
        same = optuna.samplers.RandomSampler(seed=0)
        return run(Counted(lambda arch, n: time.sleep(0.03)), storage=storage, join=True, budget=12, sampler=same)

    storage = f"sqlite:///{tmp_path / 's.db'}"
    pid = forked(own)
    result = own()
    assert os.waitpid(pid, 0)[1] == 0
    assert len({query.architecture for query in result.queries}) == len(result.queries) == 12
