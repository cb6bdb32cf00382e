"""Searches for a front: what is asked, what is refused, what is kept, and what comes out."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
import torch

from documented import printed_by, python_blocks
from searching.searches import ARCHS, FAILED, SCORES, SPACE, Counted, history, run, value_of
from searching.test_limits import params_of
from toy import toy_batch, training_objective
from untrained import Mixture, RoBoT, Scoring, TrainingObjective, search
from untrained.errors import InputError, InputWarning
from untrained.measuring import Measurement
from untrained.objectives import Evaluation
from untrained.samplers.query import Query
from untrained.searching import figures as measuring
from untrained.searching.saved import load_summary
from untrained.searching.tradeoffs import Axis, front_of, kept_order, read_objectives

SCORING = Scoring(["params", "synflow"], toy_batch())
WIDTH = {arch: SPACE.to_params(arch)["width"] for arch in ARCHS}


def front_by_hand(result: Any, costs: Any) -> set[str]:
    """The queries for which no other one is as good in both and better in one."""
    points = {q.architecture: (-q.value, costs(q.architecture)) for q in result.queries if q.value is not None}

    def is_beaten(p: Any) -> bool:
        return any(q[0] <= p[0] and q[1] <= p[1] and q != p for q in points.values())

    return {arch for arch, p in points.items() if not is_beaten(p)}


@pytest.mark.parametrize(
    "given",
    ["accuracy, fps max ,  latency minimize", ["accuracy", "fps maximize", "latency min"],
     {"accuracy": None, "fps": "max", "latency": "min"}],
    ids=["text", "list", "mapping"],
)  # fmt: skip
def test_objectives_are_read_from(given: Any) -> None:
    assert read_objectives(given) == {"accuracy": None, "fps": "maximize", "latency": "minimize"}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("value, parms", r"objectives 'parms': no such figure: did you mean 'params'\? choose from value, params"),
        ("valeu, params", "objectives 'valeu': no such figure: did you mean 'value'"),
        ("params, flops", "what the search learns is missing: 'value'"),
        ("value", "give a figure beside it that is known before: params, flops, memory, latency"),
        ("value min, params", "objectives 'value': the search is to maximize it, and not to minimize"),
        ("value, width", "which way is better is not known: write 'width min' or 'width max'"),
        ("value, params, params min", "objectives 'params': it stands twice"),
        ("value,, params", "write NAME, NAME max or NAME min"),
        ("", "write NAME, NAME max or NAME min"),
        (3, "objectives 3: give text"),
        ("value, params, flops, width min, noise min", "give at most 3 figures beside 'value'"),
        ("value, latency(threads=4000)", r"objectives 'latency\(threads=4000\)': .*this machine has"),
        ("value, latency(thread=1)", r"objectives 'latency\(thread=1\)': "),
        ("value, latency, latency(threads=1)", "one stands twice"),
        ("value, latency", "objectives 'latency': it cannot be measured, as the search has no data"),
    ],
)
def test_what_cannot_be_an_objective_is_refused_before_anything_is_spent(
    given: Any, words: str, tmp_path: Path
) -> None:
    objective = Counted()
    with pytest.raises(InputError, match=words):
        run(objective, objectives=given, out=tmp_path / "out")
    assert not objective.calls
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("sampler", ["robot", "tpe", RoBoT(SCORES, SPACE, budget=5), optuna.samplers.TPESampler()])
def test_samplers_of_one_objective_say_so(sampler: Any) -> None:
    with pytest.raises(InputError, match="looks for one objective: with objectives, take mixture or random"):
        run(Counted(), objectives="value, params", sampler=sampler)


def test_a_latency_that_cannot_be_kept_is_refused() -> None:
    storage = optuna.storages.InMemoryStorage()
    with pytest.raises(InputError, match="objectives 'latency' with a storage of its own: give out= too"):
        search(SPACE, Counted(), budget=2, scores=SCORING, objectives="value, latency", storage=storage)


def test_a_second_measure_is_no_cheap_figure() -> None:
    inputs, targets = toy_batch(12)
    data = torch.utils.data.TensorDataset(inputs, targets)
    objective = training_objective(SPACE, data, data, epochs=1, metrics=["accuracy", "f1"])
    with pytest.raises(InputError, match=r"objectives 'f1': it is known after a training only.*--measure f1"):
        search(SPACE, objective, budget=1, scores=SCORES, objectives="accuracy, f1, params")


@pytest.mark.parametrize("sampler", ["mixture", "random"])
def test_the_front_is_that_of_the_queries(sampler: str, tmp_path: Path) -> None:
    result = run(Counted(), objectives="value, params", sampler=sampler, budget=6, out=tmp_path)
    assert {query.architecture for query in result.front} == front_by_hand(result, params_of)
    values = [query.value or 0.0 for query in result.front]
    assert values == sorted(values, reverse=True)
    assert all(query.figures == {"params": pytest.approx(params_of(query.architecture))} for query in result.queries)
    assert result.front[0].architecture == result.architecture
    assert result.value == max(value_of(query.architecture) for query in result.queries)
    summary = load_summary(tmp_path)
    assert summary["objectives"] == [
        {"name": "value", "direction": "maximize"}, {"name": "params", "direction": "minimize"}
    ]  # fmt: skip
    assert [one["architecture"] for one in summary["front"]] == [query.architecture for query in result.front]


def test_columns_of_scores_are_objectives_of_a_said_direction() -> None:
    result = run(Counted(), objectives="value, width max, noise min", sampler="mixture", budget=8)
    noise = dict(zip(SCORES.archs, SCORES.values[:, 1].tolist(), strict=True))
    points = {q.architecture: (-value_of(q.architecture), -WIDTH[q.architecture], noise[q.architecture])
              for q in result.queries}  # fmt: skip
    beaten = {a for a, p in points.items() for q in points.values()
              if q != p and all(x <= y for x, y in zip(q, p, strict=True))}  # fmt: skip
    assert {query.architecture for query in result.front} == points.keys() - beaten
    assert result.columns.keys() == {"width", "noise"}


def test_a_search_that_goes_on_is_the_same_and_measures_nothing_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = list[str]()

    def slower(_space: Any, arch: str, name: str, _example: Any) -> Measurement:
        assert name == "latency"
        measured.append(arch)
        return Measurement(len(measured) / 10)

    monkeypatch.setattr(measuring, "measure", slower)
    told = list[tuple[int, int]]()
    options: dict[str, Any] = {"scores": SCORING, "objectives": "value, latency", "pool": 20}
    calls: dict[str, Any] = {"on_measured": lambda done, total: told.append((done, total))}
    whole = search(SPACE, Counted(), budget=7, out=tmp_path / "whole", **options, **calls)
    assert told == [(k, 20) for k in range(1, 21)]
    latencies = {arch: (k + 1) / 10 for k, arch in enumerate(measured)}
    assert all(query.figures == {"latency": latencies[query.architecture]} for query in whole.queries)
    measured.clear()
    stopped = Counted(lambda arch, n: KeyboardInterrupt() if n == 3 else None)
    with pytest.raises(KeyboardInterrupt):
        search(SPACE, stopped, budget=7, out=tmp_path / "parts", **options)
    assert len(measured) == 20
    parts = search(SPACE, Counted(), budget=7, out=tmp_path / "parts", **options)
    assert len(measured) == 20
    assert history(parts) == history(whole)
    assert parts.study.study_name == whole.study.study_name


def test_limits_come_first() -> None:
    with pytest.warns(InputWarning, match="they do not meet params <= 0.0002, params known"):
        result = run(Counted(), where="params <= 200e-6", objectives="value, params", sampler="mixture")
    assert all(params_of(query.architecture) <= 200e-6 for query in result.queries)
    assert {query.architecture for query in result.front} == front_by_hand(result, params_of)


def test_networks_without_the_figure_are_left_out() -> None:
    known = ARCHS[:15]
    columns = dict(zip(ARCHS, [len(arch) if arch in known else float("nan") for arch in ARCHS], strict=True))
    values = np.column_stack([SCORES.values[:, 0], [columns[arch] for arch in SCORES.archs]])
    scores = type(SCORES)(SCORES.archs, ("width", "power"), values)
    with pytest.warns(InputWarning, match=f"power of {len(ARCHS) - 15} of {len(ARCHS)} architectures is not known"):
        result = run(Counted(), scores=scores, objectives="value, power min", budget=15)
    assert {query.architecture for query in result.queries} == set(known)


def test_values_of_a_search_for_one_objective_are_taken_over() -> None:
    storage = optuna.storages.InMemoryStorage()
    plain = run(Counted(), budget=len(ARCHS), storage=storage)
    assert "objectives" not in plain.summary
    assert not any(query.figures for query in plain.queries)
    assert [query.architecture for query in plain.front] == [plain.architecture]
    objective = Counted()
    front = run(objective, objectives="value, params", sampler="mixture", storage=storage)
    assert not objective.calls
    assert all(query.reused and query.figures for query in front.queries)


def test_failed_queries_have_figures_and_no_place_on_the_front() -> None:
    objective = Counted(lambda arch, n: FAILED if n == 1 else None)
    result = run(objective, objectives="value, params", sampler="mixture")
    failed = result.queries[1]
    assert (failed.state, failed.figures) == ("failed", {"params": pytest.approx(params_of(failed.architecture))})
    assert failed.architecture not in {query.architecture for query in result.front}


def test_the_networks_of_the_front_are_kept_first(tmp_path: Path) -> None:
    objective = Counted(lambda arch, n: Evaluation(value_of(arch), 1.0, {"w": torch.tensor(float(n))}))
    result = run(objective, objectives="value, params", budget=12, keep=4, out=tmp_path)
    front = [query.architecture for query in result.front]
    assert len(result.kept) == 4
    assert set(result.kept) <= set(front) if len(front) >= 4 else set(front) <= set(result.kept)
    assert next(iter(result.kept)) == result.architecture
    kept = {one["architecture"] for one in result.summary["front"] if "weights" in one}
    assert kept == set(result.kept) & set(front)


def test_what_is_kept_of_a_front_is_what_spans_it() -> None:
    """By hand: of (9, 9), (8.9, 8.8), (5, 1) the best is first, then the one far away."""
    axes = (Axis("value", "maximize"), Axis("cost", "minimize"))
    points = {"a": (9, 9), "b": (8.9, 8.8), "x": (6, 9.5), "c": (5, 1), "y": (0, 10)}
    made = [Query(name, value, figures={"cost": cost}) for name, (value, cost) in points.items()]
    assert [query.architecture for query in front_of(made, axes)] == ["a", "b", "c"]
    assert [query.architecture for query in kept_order(made, axes)] == ["a", "c", "b", "x", "y"]
    assert kept_order(made, ()) == made


def test_a_sampler_of_ones_own_costs() -> None:
    costs = np.array([[params_of(arch)] for arch in SCORES.archs])
    sampler = Mixture(SCORES, SPACE, budget=5, costs=costs)
    named = run(Counted(), objectives="value, params", sampler="mixture")
    assert history(run(Counted(), objectives="value, params", sampler=sampler)) == history(named)


@pytest.mark.filterwarnings("ignore")
def test_the_documented_front_is_printed_best_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(TrainingObjective, "apart", False)  # starting a process takes seconds
    (block,) = python_blocks("docs/guides/tradeoffs.md")
    lines = [line.split() for line in printed_by(block).splitlines()]
    points = [(float(accuracy), float(params)) for accuracy, _, params, *_ in lines]
    assert points
    assert all(a > b and p > q for (a, p), (b, q) in pairwise(points))  # the dearer the better
