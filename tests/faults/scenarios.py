"""What is disturbed: each scenario is done in a folder, can be done again there, and says what must be the same."""

import hashlib
import json
import os
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import torch

from searching.searches import ARCHS, SCORES, SPACE, value_of
from toy import MLPs, toy_batch, training_objective
from untrained import (
    Evaluation,
    EvaluationFailed,
    InputError,
    Objective,
    ScoreTable,
    bench,
    compute_scores,
    refit,
    search,
    write_report,
)
from untrained.benchmarks import Benchmark
from untrained.errors import InputWarning
from untrained.searching import owners
from untrained.searching.folder import load_summary
from untrained.searching.weights import load_weights

QUERIES = 4
FEW = ScoreTable(ARCHS[::4], SCORES.metrics, SCORES.values[::4])
PAUSE = 0.005
"""Seconds that an evaluation takes, for signals to fall into."""


@dataclass(frozen=True)
class Scenario:
    """Something that writes files, and goes on where it was ended.

    Args:
        run: Does it, in a folder; given the file to note evaluations in.
        seen: What must be the same, however often it was ended.
        prepare: Makes a folder that it needs.
        beside: What another process does in the same folder at the same time, which nothing disturbs.
        at_once: How many evaluations are in work at a time, each of which a fault may cut off.
        told: What can be told of an unfinished one, which must not fail.
    """

    run: Callable[[Path, Path], Any]
    seen: Callable[[Path], Any]
    prepare: Callable[[Path], Any] | None = None
    told: Callable[[Path], Any] | None = None
    beside: Callable[[Path, Path], Any] | None = None
    at_once: int = 1


class Noted(Objective):
    """An objective with weights and a failure, which notes the beginning and the end of each evaluation in a file."""

    def __init__(self, log: Path) -> None:
        self.log = log

    @property
    def identity(self) -> dict[str, Any]:
        return {"kind": "noted"}

    def note(self, text: str) -> None:
        handle = os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(handle, f"{text}\n".encode())
        os.close(handle)

    def __call__(self, arch: str, trial: Any = None) -> Evaluation:
        self.note(f"begin {arch}")
        time.sleep(PAUSE)
        if value_of(arch) % 8 == 0:
            raise EvaluationFailed("no luck")
        self.note(f"end {arch}")
        return Evaluation(value_of(arch), 1.5, {"w": torch.full((500,), value_of(arch))})


def searched(sampler: str) -> Scenario:
    def run(folder: Path, log: Path) -> None:
        search(SPACE, Noted(log), budget=QUERIES, scores=SCORES, sampler=sampler, out=folder)

    def seen(folder: Path) -> Any:
        summary = load_summary(folder)
        best = load_weights(folder / "best.safetensors")["w"][0].item()
        kept = ("architecture", "value", "phase", "weights", "reason", "cost_seconds")
        return [[query.get(key) for key in kept] for query in summary["queries"]], summary["best"]["architecture"], best

    return Scenario(run, seen, told=load_summary)


def search_in_workers(folder: Path, log: Path) -> None:
    search(SPACE, Noted(log), budget=QUERIES, scores=SCORES, sampler="random", out=folder, jobs=2)


def search_together(folder: Path, log: Path) -> None:
    """One of two that query a whole pool."""
    owners.LOOK = 0.3  # so that what a dead one leaves is found at once
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InputWarning)  # of what was taken over, and of a file that the other locks
        search(SPACE, Noted(log), budget=len(FEW.archs), scores=FEW, sampler="random", out=folder, join=True)


def queried(folder: Path) -> Any:
    """What must be the same of searches whose queries end in any order."""
    summary = load_summary(folder)
    kept = ("architecture", "value", "reason", "cost_seconds")
    best = load_weights(folder / "best.safetensors")["w"][0].item()
    queries = sorted([query.get(key) for key in kept] for query in summary["queries"])
    return queries, summary["best"]["value"], best


def score(folder: Path, log: Path) -> None:
    archs = list(MLPs())[:6]
    compute_scores(MLPs(), archs, ["params", "snip"], toy_batch(), path=folder / "scores.parquet")


def score_in_workers(folder: Path, log: Path) -> None:
    archs = list(MLPs())[:12]
    compute_scores(MLPs(), archs, ["params", "snip"], toy_batch(), path=folder / "scores.parquet", workers=2)


def rows_of(name: str) -> Callable[[Path], Any]:
    def seen(folder: Path) -> Any:
        table = pq.read_table(folder / name)
        return [table.drop_columns([c for c in table.column_names if c == "seconds"]).to_pylist()]

    return seen


def tabulated(folder: Path) -> None:
    folder.mkdir()
    values = [float(i) for i in range(12)]
    table = pa.table({"arch": [f"a{i}" for i in range(12)], "val": values, "good": values})
    pq.write_table(table, folder / "table.parquet")


def benched(folder: Path, log: Path) -> None:
    table = str(folder / "table.parquet")
    benchmark = Benchmark(
        name="toy", task="t", objective="val", space=None, table=table, scores=table, metrics=("good",), budget=3
    )
    bench([benchmark], ["random"], range(3), path=folder / "bench.parquet")


def trainings() -> Any:
    data = toy_batch(12, 1), toy_batch(12, 2), toy_batch(12, 3)
    return training_objective(SPACE, *data, epochs=2, learning_rate=0.05)


def found(folder: Path) -> None:
    search(SPACE, trainings(), budget=2, scores=SCORES, sampler="random", out=folder)


def train(folder: Path, log: Path) -> None:
    refit(folder, trainings(), top=1, seeds=2)


def trained(folder: Path) -> Any:
    told = json.loads((folder / "trained.json").read_text())
    tensors = {
        str(path.relative_to(folder)): {name: tensor.tolist() for name, tensor in load_weights(path).items()}
        for path in sorted(folder.rglob("*.safetensors"))
    }
    return without_times(told), tensors


def without_times(told: Any) -> Any:
    if isinstance(told, dict):
        return {key: without_times(value) for key, value in told.items() if "seconds" not in key}
    return [without_times(value) for value in told] if isinstance(told, list) else told


def report(folder: Path, log: Path) -> None:
    write_report(folder)


def reported(folder: Path) -> Any:
    text = (folder / "report.html").read_bytes()
    assert text.rstrip().endswith(b"</html>")
    return hashlib.sha256(text).hexdigest()


def careless(folder: Path, log: Path) -> None:
    """What must not be: a file that is there before it is whole, and is taken for whole ever after."""
    folder.mkdir(exist_ok=True)
    path = folder / "numbers"
    if path.exists():
        return
    with path.open("w") as file:
        for number in range(5):
            file.write(f"{number}\n")
            file.flush()


SCENARIOS = {
    "search": searched("mixture"),
    "search at random": searched("random"),
    "score": Scenario(score, rows_of("scores.parquet")),
    "bench": Scenario(benched, rows_of("bench.parquet"), tabulated),
    "train": Scenario(train, trained, found),
    "report": Scenario(report, reported, found),
    "score in workers": Scenario(score_in_workers, rows_of("scores.parquet")),
    "search in workers": Scenario(search_in_workers, queried, told=load_summary, at_once=2),
    "search together": Scenario(search_together, queried, beside=search_together),
    "careless": Scenario(careless, lambda folder: lines(folder / "numbers")),
}
USUAL = ("search", "search at random", "score", "bench", "train", "report")
"""All but those of several processes, which take seconds."""


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def unfinished(scenario: Scenario, folder: Path) -> str:
    """What cannot be told of an unfinished one, though something was done; "" if all can."""
    if scenario.told is None:
        return ""
    try:
        scenario.told(folder)
    except InputError as error:
        return str(error)
    return ""
