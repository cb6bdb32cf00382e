"""The front door: what may be given, what is put back, what is told."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
import torch
from torch import nn

from searching.searches import SCORES, SPACE, Counted, history, run, value_of
from toy import MLPs, toy_batch, training_objective
from untrained import RandomSearch, ScoreTable, Scoring, TrainingObjective, search
from untrained.errors import InputError
from untrained.searching.pool import whole


@pytest.mark.parametrize(("given", "number"), [(10, 10), ("10", 10), (10.0, 10), (np.int64(10), 10), (" 7 ", 7)])
def test_numbers_that_are_clear(given: Any, number: int) -> None:
    assert whole("budget", given) == number


@pytest.mark.parametrize("given", ["ten", 2.5, True, float("nan"), "", "1e3", [3]])
def test_numbers_that_are_not(given: Any) -> None:
    with pytest.raises(InputError, match=r"budget .*: give a whole number"):
        run(budget=given)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"sampler": 3}, "3 is no sampler"),
        ({"sampler": RandomSearch}, "RandomSearch.* is no sampler"),
        ({"scores": ["snip"]}, r"scores \['snip'\]: give a ScoreTable"),
        ({"scores": SCORES, "pool": 3}, "leave pool out"),
    ],
    ids=["number", "class", "list", "pool"],
)
def test_things_of_another_kind(given: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        run(**given)


def test_strings_for_numbers_and_a_class_for_a_space() -> None:
    result = search(MLPs, value_of, budget="3", seed="0", scores=SCORES, sampler="random")  # pyright: ignore[reportArgumentType]
    assert [q.architecture for q in result.queries] == [q.architecture for q in run(budget=3).queries]


def test_a_function_of_the_network_leaves_its_weights(tmp_path: Path) -> None:
    def zeroed(network: nn.Module, trial: optuna.Trial) -> float:
        with torch.no_grad():
            for weight in network.parameters():
                weight.zero_()
        return float(trial.number)

    result = run(zeroed, out=tmp_path)
    assert result.value == 4.0
    assert all(not weight.any() for weight in result.network().parameters())


def test_batch_and_loss_are_the_objectives_unless_given(tmp_path: Path) -> None:
    def doubled(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return 2 * nn.functional.cross_entropy(outputs, targets)

    def training(**options: Any) -> TrainingObjective:
        return training_objective(SPACE, toy_batch(40, 1), toy_batch(12, 2), epochs=1, **options)

    def norms(name: str, scores: Scoring, **options: Any) -> Any:
        search(SPACE, training(**options), budget=1, pool=4, scores=scores, out=tmp_path / name)
        return ScoreTable.load(tmp_path / name / "scores.parquet").values

    plain = norms("plain", Scoring(["grad_norm"]))
    assert norms("doubled", Scoring(["grad_norm"]), loss=doubled) == pytest.approx(2 * plain, rel=1e-5)
    batch = training().batch(32, 0)
    assert batch is not None
    assert len(batch[0]) == 32
    assert np.array_equal(norms("given", Scoring(["grad_norm"], batch, loss=nn.functional.cross_entropy)), plain)


def test_a_search_whose_scores_are_refused_has_not_begun(tmp_path: Path) -> None:
    begun = list[bool]()

    def scored(strict: bool) -> Any:
        scores = Scoring(["synflow"], batch=toy_batch(8, 1), strict=strict)
        return search(
            SPACE, value_of, budget=1, pool=4, scores=scores, out=tmp_path, on_begin=lambda: begun.append(strict)
        )

    scored(strict=False)
    with pytest.raises(InputError, match="strict false, not true"):
        scored(strict=True)
    assert begun == [False]


def test_less_can_be_better() -> None:
    result = run(value_of, direction="minimize", budget=24)
    assert result.value == 4.0  # width 4, depth 1, no norm
    assert result.architecture == "width=4,depth=1,norm=False"


@pytest.mark.parametrize("breaks", [False, True])
def test_optunas_log_level_is_put_back(breaks: bool) -> None:
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(logging.DEBUG)
    try:
        if breaks:
            with pytest.raises(InputError):
                run(lambda arch: None)
        else:
            run()
        assert optuna.logging.get_verbosity() == logging.DEBUG
    finally:
        optuna.logging.set_verbosity(before)


def test_threads_are_limited_around_any_objective() -> None:
    torch.set_num_threads(2)
    seen: list[int] = []
    run(lambda arch: seen.append(torch.get_num_threads()) or 1.0)
    assert set(seen) == {1}
    assert torch.get_num_threads() == 2


def test_a_result_shows_itself_in_ten_lines(tmp_path: Path) -> None:
    def outcome(arch: str, call: int) -> Any:
        return ValueError("no") if call == 1 else None

    result = run(Counted(outcome), out=tmp_path)
    lines = repr(result).splitlines()
    assert 8 <= len(lines) <= 13
    text = " ".join(repr(result).split())
    for part in (
        f"architecture {result.architecture}",
        f"value {result.value:g} (maximized)",
        "queries 5, 1 failed",
        "sampler random, seed 0",
        f"folder {tmp_path}",
        "pool 24 architectures",
    ):
        assert part in text
    assert "kept in memory only" in repr(run())


def test_the_study_of_a_result_is_an_ordinary_one(tmp_path: Path) -> None:
    storage = optuna.storages.InMemoryStorage()
    result = run(storage=storage)
    assert result.study._storage is storage
    assert history(run(storage=storage)) == history(result)
    assert SPACE.to_params(result.architecture) == result.study.best_params
