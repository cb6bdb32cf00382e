"""Several evaluations at once, each in a process of its own."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import optuna
import pytest

from searching.searches import SCORES, SPACE, run, value_of
from untrained import search
from untrained.errors import InputError
from untrained.objectives import EvaluationFailed
from untrained.objectives.base import Evaluation
from untrained.objectives.outcome import Outcome


def test_two_are_evaluated_at_once_and_none_twice(tmp_path: Path) -> None:
    def meeting(arch: str) -> float:
        (tmp_path / str(os.getpid())).touch()
        deadline = time.monotonic() + 60
        while len(list(tmp_path.iterdir())) < 2:
            if time.monotonic() > deadline:
                raise TimeoutError("nobody else came")
            time.sleep(0.01)
        if arch == bad:
            raise EvaluationFailed("no luck")
        return value_of(arch)

    bad = next(iter(SPACE))
    seen = list[int]()
    options: dict[str, Any] = {"sampler": "mixture", "on_query": lambda query, done, budget: seen.append(done)}
    result = search(SPACE, meeting, budget=24, scores=SCORES, jobs=2, **options)
    assert len(list(tmp_path.iterdir())) == 2
    assert sorted(query.architecture for query in result.queries) == sorted(SPACE)
    assert seen == list(range(1, 25))
    values = {query.architecture: query.value for query in result.queries}
    assert values == {arch: None if arch == bad else value_of(arch) for arch in SPACE}


class Waiting:
    """Evaluates when it is asked for an end, the latest begun first."""

    jobs, is_safe = 3, True

    def __init__(self) -> None:
        self.begun = list[tuple[str, Any]]()
        self.most = 0

    def begin(self, arch: str, trial: Any = None) -> None:
        self.begun.append((arch, trial))
        self.most = max(self.most, len(self.begun))
        assert len({arch for arch, _ in self.begun}) == len(self.begun)

    def end(self) -> Outcome:
        arch, trial = self.begun.pop()
        return Outcome(arch, trial, 1.0, Evaluation(value_of(arch), 1.0))

    def close(self) -> None:
        assert not self.begun


@pytest.mark.parametrize("sampler", ["mixture", "robot", "random", "rea", "tpe"])
def test_what_runs_is_not_proposed_again_whatever_ends_first(sampler: str, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = Waiting()
    monkeypatch.setattr("untrained.searching.search.evaluator", lambda *_: waiting)
    result = run(sampler=sampler, budget=10)
    assert len({query.architecture for query in result.queries}) == len(result.queries) == 10
    assert waiting.most == 3


def test_deaths_of_a_process_that_evaluates_elsewhere_are_no_fault_of_an_architecture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = Waiting()
    monkeypatch.setattr("untrained.searching.search.evaluator", lambda *_: waiting)
    for _ in range(3):
        pid = os.fork()
        if pid == 0:
            waiting.end = lambda: os._exit(9)
            run(out=tmp_path)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9
    assert [query.state for query in run(out=tmp_path).queries] == ["complete"] * 5


def test_jobs_that_are_none_are_named() -> None:
    with pytest.raises(InputError, match="jobs 0: give at least 1"):
        run(jobs=0)
    with pytest.raises(InputError, match="2 jobs need evaluations in processes of their own"):
        run(jobs=2, isolate=False)


def test_a_search_on_an_executor_is_the_search_here_to_the_bit() -> None:
    def history(**options: Any) -> list[tuple[str, float | None]]:
        result = search(SPACE, value_of, budget=6, scores=SCORES, seed=3, **options)
        return [(query.architecture, query.value) for query in result.queries]

    with ThreadPoolExecutor(2) as pool:
        assert history(executor=pool) == history()
        found = history(executor=pool, jobs=3)
    assert len({arch for arch, _ in found}) == 6
    assert all(value == value_of(arch) for arch, value in found)


def test_a_pruner_is_no_pruner_of_an_executor() -> None:
    with pytest.raises(InputError, match="a pruner looks at trainings while they run"):
        run(executor=ThreadPoolExecutor, pruner=optuna.pruners.MedianPruner())
