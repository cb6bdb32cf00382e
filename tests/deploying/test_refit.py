"""Trainings in full: fresh ones, each as if alone, whatever was interrupted; which network is taken, and the luck."""

import json
import os
import shutil
import signal
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from searching.searches import SCORES, SPACE
from toy import MLPs, toy_batch, training_objective
from untrained import InputError, Recipe, Refit, TrainingObjective, load_network, refit, search
from untrained.deploying.refitting import load_refit
from untrained.deploying.refitting.luck import Luck, Spread
from untrained.deploying.refitting.result import Candidate
from untrained.deploying.refitting.run import Run
from untrained.report.trained import spread
from untrained.searching.weights import load_weights

DATA = {"train": toy_batch(30, 1), "valid": toy_batch(30, 2), "test": toy_batch(30, 3)}


def objective(**options: Any) -> TrainingObjective:
    settings = {"epochs": 2, "learning_rate": 0.05} | options
    return training_objective(SPACE, *DATA.values(), **settings)


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("searched")
    search(SPACE, objective(), budget=5, scores=SCORES, sampler="random", out=folder)
    return folder


@pytest.fixture
def folder(searched: Path, tmp_path: Path) -> Path:
    """A folder of a search of its own for each test."""
    return Path(shutil.copytree(searched, tmp_path / "run"))


@pytest.fixture(scope="module")
def trained(searched: Path, tmp_path_factory: pytest.TempPathFactory) -> Refit:
    """The best two, twice each, by another recipe than the search's."""
    own = Path(shutil.copytree(searched, tmp_path_factory.mktemp("trained") / "run"))
    return refit(own, objective(epochs=4), top=2, seeds=2)


def queries(folder: Path) -> list[dict[str, Any]]:
    return json.loads((folder / "best.json").read_text())["queries"]


def test_the_best_of_the_search_are_trained_as_anybody_would(trained: Refit) -> None:
    best = sorted(queries(trained.folder), key=lambda query: -query["value"])[:2]
    assert [one.architecture for one in trained.candidates] == [query["architecture"] for query in best]
    assert [one.value for one in trained.candidates] == [query["value"] for query in best]
    for one in trained.candidates:
        alone = [objective(epochs=4, seed=seed)(one.architecture) for seed in (1, 2)]
        assert [run.valid["accuracy"] for run in one.runs] == [evaluation.value for evaluation in alone]
        assert [len(run.epochs) for run in one.runs] == [4, 4]
        for run, evaluation in zip(one.runs, alone, strict=True):
            assert evaluation.weights is not None
            weights = load_weights(trained.folder / run.folder / "weights.safetensors")
            assert all(torch.equal(weights[name], tensor) for name, tensor in evaluation.weights.items())
            network = SPACE.build(one.architecture)
            network.load_state_dict(weights)
            inputs, targets = DATA["test"]
            right = (network.eval()(inputs).argmax(1) == targets).double().mean().item()
            assert run.test["accuracy"] == pytest.approx(100 * right)


def test_means_and_spreads(trained: Refit) -> None:
    for one, described in zip(trained.candidates, trained.to_json()["architectures"], strict=True):
        figures = [run.valid["accuracy"] for run in one.runs]
        found = described["valid"]["accuracy"]
        assert found["mean"] == pytest.approx(statistics.fmean(figures))
        assert found["std"] == pytest.approx(statistics.stdev(figures))
    assert spread({"mean": 93.104, "std": 0.5249, "n": 3}) == "93.10 ± 0.52"
    assert spread({"mean": 93.104, "std": None, "n": 1}) == "93.10"


def test_the_folder_holds_the_network_that_is_taken(trained: Refit) -> None:
    document = load_refit(trained.folder)
    assert document == json.loads(json.dumps(trained.to_json()))
    network = load_network(trained.folder, SPACE)
    assert network.source == f"untrained train, seed {trained.taken.seed}, 4 epochs on train"
    assert network.value == trained.taken.valid["accuracy"]
    weights = load_weights(trained.folder / trained.weights)
    assert all(torch.equal(weights[name], tensor) for name, tensor in network.network.state_dict().items())
    best = load_network(trained.folder, SPACE, which="best")
    assert (best.source, best.architecture) == ("the search", trained.candidates[0].architecture)


def test_what_is_done_is_not_done_again(folder: Path) -> None:
    made = list[tuple[int, int]]()

    def epoch(arch: str, seed: int, done: int, epochs: int, figures: Mapping[str, float]) -> None:
        made.append((seed, done))

    first = refit(folder, objective(), top=1, seeds=1, on_epoch=epoch)
    assert made == [(1, 1), (1, 2)]
    again = refit(folder, objective(), top=1, seeds=1, on_epoch=epoch)
    assert (len(made), again.to_json()) == (2, first.to_json())
    more = refit(folder, objective(), top=2, seeds=2, on_epoch=epoch)
    assert len(made) == 2 + 3 * 2
    assert more.candidates[0].runs[0] == first.candidates[0].runs[0]
    other = refit(folder, objective(learning_rate=0.01), top=1, seeds=1, on_epoch=epoch)
    assert len(made) == 8 + 2
    assert other.about["folder"] != first.about["folder"]
    assert len(list((folder / "trained").iterdir())) == 2
    refit(folder, objective(), top=2, seeds=2, on_epoch=epoch)  # both are still there
    assert len(made) == 10


@pytest.mark.parametrize("recipe", [{}, {"optimizer": "adamw", "ema": 0.9, "augment": "none"}], ids=["sgd", "adamw"])
def test_a_killed_training_goes_on_to_the_bit(folder: Path, tmp_path: Path, recipe: dict[str, Any]) -> None:
    whole = Path(shutil.copytree(folder, tmp_path / "whole"))
    settings = recipe | {"epochs": 5}
    pid = os.fork()
    if pid == 0:

        def kill(arch: str, seed: int, done: int, *_: Any) -> None:
            if done == 3:
                os.kill(os.getpid(), signal.SIGKILL)

        refit(folder, objective(**settings), top=1, seeds=1, on_epoch=kill)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
    epochs = list[int]()
    resumed = refit(
        folder, objective(**settings), top=1, seeds=1, on_epoch=lambda arch, seed, done, *_: epochs.append(done)
    )
    undisturbed = refit(whole, objective(**settings), top=1, seeds=1)
    assert epochs == [4, 5]
    assert resumed.taken.epochs == undisturbed.taken.epochs
    weights, wanted = load_weights(folder / resumed.weights), load_weights(whole / undisturbed.weights)
    assert all(torch.equal(weights[name], tensor) for name, tensor in wanted.items())
    assert not list((folder / "trained").rglob("checkpoint*"))


def test_a_broken_checkpoint_begins_anew(folder: Path) -> None:
    first = refit(folder, objective(), top=1, seeds=1)
    place = folder / first.taken.folder
    (place / "result.json").unlink()
    (place / "checkpoint.safetensors").write_bytes(b"torn")
    again = refit(folder, objective(), top=1, seeds=1)
    assert again.taken.epochs == first.taken.epochs


def test_train_and_valid_leave_nothing_to_measure_on(folder: Path) -> None:
    steps = list[int]()
    both = objective(batch_size=30, on_step=lambda step, steps_: steps.append(steps_))
    found = refit(folder, both, top=2, seeds=1, on="train+valid")
    assert set(steps) == {2 * 2}  # 30 + 30 samples, two steps an epoch
    assert all(not run.valid and run.test for one in found.candidates for run in one.runs)
    assert found.pick is found.candidates[0]
    assert "value in the search" in found.chosen_by
    alone = refit(folder, objective(batch_size=30), top=2, seeds=2)
    means = [one.valid("accuracy") for one in alone.candidates]
    again = refit(folder, both, top=2, seeds=1, on="train+valid")
    assert "trainings on train alone" in again.chosen_by
    assert again.earlier == {
        one.architecture: mean.mean for one, mean in zip(alone.candidates, means, strict=True) if mean
    }
    assert again.pick.architecture == alone.pick.architecture


def candidate(name: str, place: int, runs: list[tuple[float, float]]) -> Candidate:
    made = [Run(name, n + 1, name, {"a": valid}, {"a": test}) for n, (valid, test) in enumerate(runs)]
    return Candidate(name, place, 0.0, tuple(made))


@pytest.mark.parametrize(("direction", "pick", "seed"), [("maximize", "steady", 2), ("minimize", "wild", 1)])
def test_the_validation_data_decide_and_the_test_data_do_not(direction: Any, pick: str, seed: int) -> None:
    wild = candidate("wild", 1, [(80.0, 0.0), (99.0, 99.0)])  # mean 89.5
    steady = candidate("steady", 2, [(91.0, 1.0), (92.0, 100.0)])  # mean 91.5
    failed = Candidate("failed", 3, 0.0, (Run("failed", 1, "", reason="the loss became nan"),))
    found = Refit(Path(), SPACE, (wild, steady, failed), "train", ("a",), direction)
    assert (found.pick.architecture, found.taken.seed) == (pick, seed)


def test_luck_by_hand() -> None:
    assert Luck(93.0, Spread.of([91.0, 92.0]), 1, 10).amount == 1.5
    assert Luck(0.5, Spread.of([0.75]), -1, 10).amount == 0.25  # less is better
    assert Luck(93.0, None, 1, 10).amount is None
    assert Spread.of([1.0, 3.0]).error == pytest.approx(1.0)
    assert Spread.of([1.0]).error is None


def test_luck_is_told_by_the_searchs_recipe_only(folder: Path) -> None:
    other = refit(folder, objective(epochs=3), top=1, seeds=1)
    assert other.luck is not None
    assert other.luck.fresh is None
    same = refit(folder, objective(), top=1, seeds=3)
    assert same.luck is not None
    values = [objective(seed=seed)(same.pick.architecture).value for seed in (1, 2, 3)]
    assert same.luck.amount == pytest.approx(same.candidates[0].value - statistics.fmean(values))
    assert same.luck.queries == 5
    later = refit(folder, objective(epochs=3), top=1, seeds=1)  # the fresh trainings are still there
    assert later.luck == same.luck


def test_a_training_that_fails_is_told_and_tried_again(folder: Path) -> None:
    def broken(outputs: Any, targets: Any) -> torch.Tensor:
        return outputs.sum() * float("nan") if calls[0] else torch.nn.functional.cross_entropy(outputs, targets)

    calls = [1]
    with pytest.raises(InputError, match=r"none of the 2 trainings succeeded: the loss became nan"):
        refit(folder, objective(loss=broken), top=1, seeds=2)
    assert load_refit(folder) is None
    calls[0] = 0
    assert refit(folder, objective(loss=broken), top=1, seeds=1).taken.reason is None


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"top": 0}, "top 0"),
        ({"seeds": 0}, "seeds 0"),
        ({"on": "test"}, "on 'test': choose from train, train"),
        ({"objective": None}, "needs the data"),
        ({"objective": len}, "has no recipe to train by"),
    ],
)
def test_bad_input(searched: Path, given: dict[str, Any], says: str) -> None:
    options: dict[str, Any] = {"objective": objective()} | given
    with pytest.raises(InputError, match=says):
        refit(searched, **options)


def test_other_data_and_other_spaces_are_refused(folder: Path) -> None:
    other = training_objective(SPACE, toy_batch(30, 4), *list(DATA.values())[1:], epochs=2)
    with pytest.raises(InputError, match=r"not the data that the search .*other samples, labels or splits"):
        refit(folder, other)
    with pytest.raises(InputError, match=r"was in the space toy:MLPs\(num_classes=3\), not toy:MLPs\(num_classes=4\)"):
        refit(folder, training_objective(MLPs(4), *DATA.values(), epochs=2))
    assert not (folder / "trained").exists()


def test_data_and_recipe_alone_will_do(folder: Path) -> None:
    """The recipe is the search's, unless another is given."""
    found = refit(folder, data=DATA, space=SPACE, top=1, seeds=1)
    assert (found.recipe["epochs"], found.recipe["learning_rate"]) == (2, 0.05)
    found = refit(folder, data=DATA, space=SPACE, recipe=Recipe(epochs=1), top=1, seeds=1)
    assert (found.recipe["epochs"], len(found.taken.epochs)) == (1, 1)


def test_a_search_in_memory_keeps_nothing() -> None:
    result = search(SPACE, objective(epochs=1), budget=1, scores=SCORES, sampler="random")
    with pytest.raises(InputError, match="give it a folder"):
        refit(result, objective())


def test_a_broken_file_is_named(folder: Path) -> None:
    (folder / "trained.json").write_text("{")
    for read in (load_refit, lambda folder: load_network(folder, SPACE)):
        with pytest.raises(InputError, match=r"trained\.json is broken"):
            read(folder)
