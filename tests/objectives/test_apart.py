"""Evaluations in a process of their own: the same values, and no end of the search whatever they do."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import optuna
import pytest
import torch

from toy import MLPs, toy_batch, training_objective
from untrained.errors import InputError, InputWarning
from untrained.objectives import Evaluation, EvaluationFailed, Objective
from untrained.objectives.apart import Apart, Here, evaluator
from untrained.objectives.base import EvaluationPruned
from untrained.objectives.outcome import Outcome
from untrained.runtime.devices import one_gpu
from untrained.searching.saved import load_summary

SPACE = MLPs()
TESTS = str(Path(__file__).parents[1])


def acting(**actions: Callable[[Any], Any]) -> Objective:
    """An objective whose architectures are names of what is done."""

    class Acting(Objective):
        @property
        def identity(self) -> dict[str, Any]:
            return {"kind": "acting"}

        def __call__(self, arch: str, trial: Any = None) -> Any:
            return actions[arch](trial)

    return Acting()


def outcome(evaluates: Any, arch: str, trial: optuna.Trial | None = None) -> Outcome:
    evaluates.begin(arch, trial)
    return evaluates.end()


def ended(pid: int) -> bool:
    """Whether a process is gone within some seconds."""
    for _ in range(100):
        stat = Path(f"/proc/{pid}/stat")
        if not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.1)
    return False


def test_what_a_training_sets_in_torch_is_not_met_by_the_next() -> None:
    def careless(_: Any) -> float:
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(False)
        torch.use_deterministic_algorithms(True)
        return 1.0

    def settings(_: Any) -> float:
        fresh = torch.nn.Linear(1, 1)(torch.ones(1, 1, dtype=torch.float32))
        return float(fresh.requires_grad and not torch.are_deterministic_algorithms_enabled())

    with closing(Here(acting(careless=careless, settings=settings))) as here:
        assert outcome(here, "careless").evaluation.value == 1
        assert outcome(here, "settings").evaluation.value == 1
    assert torch.get_default_dtype() == torch.float32


def test_the_values_and_the_weights_are_those_of_this_process_to_the_bit() -> None:
    steps = list[tuple[int, int]]()
    options: dict[str, Any] = {"epochs": 2, "batch_size": 64, "threads": 2}
    training = training_objective(
        SPACE, toy_batch(60, 1), toy_batch(30, 2), on_step=lambda *step: steps.append(step), **options
    )

    class Told(Objective):
        """Also tells what torch is set to."""

        threads = 2

        def __init__(self) -> None:
            self.on_step = training.on_step

        @property
        def identity(self) -> dict[str, Any]:
            return training.identity

        def __call__(self, arch: str, trial: Any = None) -> Evaluation:
            training.on_step = self.on_step
            found = training(arch, trial)
            precise = torch.get_float32_matmul_precision() == "high"
            as_here = multiprocessing.get_start_method() == before  # of processes that load data
            settings = torch.tensor([torch.get_num_threads(), precise, torch.ones(1).dtype.itemsize, as_here])
            return Evaluation(found.value, 1.0, {**(found.weights or {}), "settings": settings})

    before = multiprocessing.get_start_method()
    precision = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        with closing(Apart(Told())) as apart:
            for arch in list(SPACE)[:2]:
                here = outcome(Here(Told()), arch).evaluation
                seen = steps.copy()
                steps.clear()
                there = outcome(apart, arch).evaluation
                assert set(steps) <= set(seen)  # told of now and then only
                assert (steps[0], steps[-1]) == (seen[0], seen[-1])
                steps.clear()
                assert there.value == here.value
                assert there.weights is not None
                assert here.weights is not None
                assert there.weights.keys() == here.weights.keys()
                assert all(torch.equal(there.weights[name], here.weights[name]) for name in here.weights)
                assert there.weights["settings"].tolist() == [2, 1, 4, 1]
    finally:
        torch.set_float32_matmul_precision(precision)


class Diverged(EvaluationFailed):
    """An exception that cannot be made from its text."""

    def __init__(self, epoch: int, loss: float) -> None:
        super().__init__(f"loss {loss} in epoch {epoch}")


def raises(kind: Callable[..., BaseException], *arguments: Any) -> Callable[[Any], Any]:
    def action(trial: Any) -> Any:
        raise kind(*arguments)

    return action


def reports(trial: Any) -> float:
    trial.set_user_attr("note", [1, "two"])
    told = trial.number, trial.user_attrs["note"], trial.params
    assert told == (0, [1, "two"], {"rate": trial.suggest_float("rate", 0.5, 0.5)} if trial.params else {})
    for step, value in enumerate((0.5, torch.tensor(0.25)), 1):
        trial.report(value, step)
        if trial.should_prune():
            raise EvaluationPruned(f"stopped at {step}", 7.0)
    return trial.suggest_float("rate", 0.5, 0.5)


def looks(trial: Any) -> float:
    return trial.study.best_value


def speaks(trial: Any) -> float:
    print("a word", end="")
    print(" of mine")
    warnings.warn("take care", UserWarning, stacklevel=1)
    return 1.0


def mistaken(trial: Any) -> float:
    try:
        trial.report("nothing", 1)
    except TypeError:
        return 3.0
    return 0.0


@pytest.fixture(scope="module")
def many() -> Iterator[Apart]:
    """One process for all cases that leave it alive."""
    actions: dict[str, Any] = {
        "diverged": raises(Diverged, 3, 1.5),
        "value": raises(ValueError, "boom"),
        "exit": raises(SystemExit, 3),
        "wrong": lambda trial: "x",
        "nan": lambda trial: float("nan"),
        "interrupt": raises(KeyboardInterrupt),
        "input": raises(InputError, "no such file"),
        "reports": reports,
        "looks": looks,
        "speaks": speaks,
        "mistaken": mistaken,
        "pid": lambda trial: os.getpid(),
        "memory": raises(MemoryError, "far too large"),
    }
    with closing(Apart(acting(**actions))) as apart:
        with warnings.catch_warnings():
            warnings.simplefilter("always")  # as here when the process starts, so there
            outcome(apart, "pid")
        yield apart


@pytest.mark.parametrize(
    ("arch", "kind", "shown"),
    [
        ("diverged", EvaluationFailed, "Diverged: loss 1.5 in epoch 3"),
        ("value", Exception, "ValueError: boom"),
        ("exit", SystemExit, "SystemExit: 3"),
        ("wrong", Exception, "TypeError: the objective's value is 'x': return a number or an Evaluation"),
        ("nan", EvaluationFailed, "EvaluationFailed: the objective is nan"),
        ("looks", Exception, "AttributeError: a trial has no 'study' in a process of its own"),
    ],
)
def test_an_exception_comes_back_with_its_name_and_as_what_the_search_takes_it_for(
    many: Apart, arch: str, kind: type[BaseException], shown: str
) -> None:
    error = outcome(many, arch, optuna.create_study().ask()).result
    assert isinstance(error, kind)
    assert f"{type(error).__name__}: {error}".startswith(shown)
    assert any("in evaluated" in note for note in error.__notes__)


def test_an_interrupt_and_bad_input_are_no_outcome(many: Apart) -> None:
    with pytest.raises(KeyboardInterrupt):
        outcome(many, "interrupt")
    with pytest.raises(InputError, match="no such file"):
        outcome(many, "input")


def test_a_trial_is_reported_to_and_asked_from_there(many: Apart) -> None:
    study = optuna.create_study()
    assert outcome(many, "reports", study.ask()).evaluation.value == 0.5
    (trial,) = study.trials
    assert trial.intermediate_values == {1: 0.5, 2: 0.25}
    assert trial.user_attrs == {"note": [1, "two"]}
    assert trial.params == {"rate": 0.5}
    assert outcome(many, "mistaken", optuna.create_study().ask()).evaluation.value == 3.0

    class Second(optuna.pruners.BasePruner):
        def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
            return trial.last_step == 2

    error = outcome(many, "reports", optuna.create_study(pruner=Second()).ask()).result
    assert isinstance(error, EvaluationPruned)
    assert (str(error), error.cost_seconds) == ("stopped at 2", 7.0)


def test_what_is_printed_and_warned_of_there_is_so_here(many: Apart, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.warns(UserWarning, match="take care"):
        outcome(many, "speaks")
    assert capsys.readouterr().out == "a word of mine\n"


def test_a_process_that_ran_out_of_memory_is_replaced(many: Apart) -> None:
    pids = [outcome(many, "pid").evaluation.value for _ in range(2)]
    assert pids[0] == pids[1] != os.getpid()
    assert isinstance(outcome(many, "memory").result, MemoryError)
    assert outcome(many, "pid").evaluation.value not in pids


def test_one_that_is_killed_or_hangs_says_so_and_leaves_nothing_behind(tmp_path: Path) -> None:
    child = tmp_path / "child"

    def hangs(trial: Any) -> None:
        child.write_text(str(subprocess.Popen(["sleep", "1000"]).pid))
        time.sleep(1000)

    objective = acting(killed=lambda trial: os.kill(os.getpid(), signal.SIGKILL), hangs=hangs, fine=lambda trial: 1)
    with closing(Apart(objective, limit=0.5)) as apart:
        whys = [str(outcome(apart, arch).result) for arch in ("killed", "hangs")]
        assert outcome(apart, "fine").evaluation.value == 1
    assert whys == [
        "its process was killed (signal 9), probably for want of memory",
        "it took longer than 0.5 s",
    ]
    assert ended(int(child.read_text()))


SCRIPT = """
import os, sys, time
sys.path.insert(0, {tests!r})
import numpy as np
from toy import MLPs
from untrained import ScoreTable, search

archs = tuple(MLPs())
table = ScoreTable(archs, ("m",), np.arange(24.0)[:, None])

def wait():
    print(os.getpid(), flush=True)
    time.sleep(1000)

value = lambda arch: os._exit(7) if arch == archs[-1] else wait()
search(MLPs(), value, budget=24, sampler="single:m", scores=table, isolate=True, out={out!r})
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_in_a_plain_script_a_death_costs_a_query_and_the_end_of_the_script_none(
    tmp_path: Path, number: signal.Signals
) -> None:
    script, out = tmp_path / "script.py", tmp_path / "run"
    script.write_text(SCRIPT.format(tests=TESTS, out=str(out)))
    running = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert running.stdout is not None
    pid = int(running.stdout.readline())
    assert pid != running.pid
    running.send_signal(number)
    _, errors = running.communicate()
    assert running.returncode == -number, errors
    assert ended(pid)
    (query,) = load_summary(out)["queries"]
    assert query["reason"] == "EvaluationFailed: its process died (exit code 7)"


def test_what_cannot_be_sent_is_evaluated_here_with_a_warning() -> None:
    lock = threading.Lock()
    objective = acting(fine=lambda trial: float(not lock.locked()))
    objective.apart = True
    with pytest.warns(InputWarning, match=r"cannot be sent to a process of its own \(TypeError: .*lock.*this one"):
        assert isinstance(evaluator(objective), Here)
    with pytest.raises(InputError, match=r"a limit for each training needs .* cannot be sent to one: Type"):
        evaluator(objective, limit=5.0)
    with pytest.raises(InputError, match="leave out isolate=False"):
        evaluator(objective, isolate=False, limit=5.0)
    objective.apart = False
    assert isinstance(evaluator(objective), Here)


def test_of_several_gpus_each_process_sees_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def seen(_: Any) -> float:
        own = os.environ["CUDA_VISIBLE_DEVICES"]
        (tmp_path / own).touch()
        deadline = time.monotonic() + 60
        while len(list(tmp_path.iterdir())) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        return float(own)

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    objective: Any = acting(first=seen, second=seen)
    objective.device = torch.device("cuda")
    with closing(Apart(objective, 2)) as apart:
        for arch in ("first", "second"):
            apart.begin(arch)
        assert sorted(apart.end().evaluation.value for _ in range(2)) == [0.0, 1.0]
    assert "CUDA_VISIBLE_DEVICES" not in os.environ
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5, 7")
    assert [one_gpu(number)["CUDA_VISIBLE_DEVICES"] for number in range(3)] == ["5", "7", "5"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5")
    assert one_gpu(1) == {}
