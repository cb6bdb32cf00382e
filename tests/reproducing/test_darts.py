"""RoBoT in the DARTS space, the whole way."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from command_line import refused, untrained_cli
from untrained import load_data
from untrained.errors import InputError
from untrained.objectives import TrainingObjective
from untrained.reproducing import DARTS_SCALES, DARTSScale, reproduce_darts
from untrained.spaces import DARTS

TINY = replace(
    DARTS_SCALES["small"],
    pool=3,
    score_batch=8,
    budget=2,
    C=2,
    layers=1,
    recipe=replace(DARTS_SCALES["small"].recipe, epochs=1),
    final_C=2,
    final_layers=2,
    final_recipe=replace(DARTS_SCALES["small"].final_recipe, epochs=2),
)


def test_the_full_scale_is_the_published_one() -> None:
    full = DARTS_SCALES["full"]
    # The defaults of darts_space/search.py and train_cifar.py of the authors' repository.
    assert (full.pool, full.score_batch, full.budget, full.C, full.layers) == (60_000, 64, 25, 16, 5)
    search, final = full.recipe, full.final_recipe
    assert (search.epochs, search.batch_size, search.learning_rate, search.weight_decay) == (10, 576, 0.1, 3e-4)
    assert (final.epochs, final.batch_size, final.learning_rate, final.weight_decay) == (600, 96, 0.025, 3e-4)
    assert (full.final_C, full.final_layers, search.clip, final.clip) == (36, 20, 5.0, 5.0)
    assert (full.drop_path, full.final_drop_path, full.final_auxiliary) == (0.2, 0.2, 0.4)


def test_the_pick_is_searched_small_and_trained_large_and_nothing_is_made_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TrainingObjective, "apart", False)  # starting a process takes seconds
    data, queries, epochs = load_data("digits", subset=150), list[str](), list[int]()

    def run(scale: DARTSScale = TINY) -> object:
        return reproduce_darts(
            data,
            tmp_path,
            scale,
            on_query=lambda query, *_: queries.append(query.architecture),
            on_epoch=lambda _arch, _seed, done, *_: epochs.append(done),
        ).to_json()

    found = json.loads(json.dumps(run()))
    assert len(queries) == 2
    assert epochs == [1, 2]
    best = max(found["search"]["queries"], key=lambda query: query["value"])
    assert found["architecture"] == best["architecture"]
    large = DARTS(C=2, layers=2, in_channels=1, image_size=8)
    assert large.read(found["genotype"]) == found["architecture"]
    weights = sum(weight.numel() for weight in large.build(found["architecture"]).parameters())
    assert found["params"] == weights / 1e6
    assert 0 <= found["trained"]["test"]["accuracy"] <= 100
    assert json.loads(json.dumps(run()))["trained"] == found["trained"]
    assert (len(queries), epochs) == (2, [1, 2])
    run(replace(TINY, final_recipe=replace(TINY.final_recipe, epochs=1)))  # trained anew, found before
    assert (len(queries), epochs) == (2, [1, 2, 1])


def test_what_is_no_image_is_refused(tmp_path: Path) -> None:
    rows = {"train": (torch.rand(20, 3), torch.arange(20) % 2), "valid": (torch.rand(4, 3), torch.arange(4) % 2)}
    with pytest.raises(InputError, match="images"):
        reproduce_darts(rows, tmp_path, TINY)
    with pytest.raises(InputError, match="medium"):
        reproduce_darts("digits", tmp_path, "medium")
    assert not list(tmp_path.iterdir())


def test_the_command(tmp_path: Path) -> None:
    command = ["reproduce", "darts", "--data", "digits", "--subset", "120", "--out", "run", "--workers", "1"]
    figures = ["--pool", "2", "--budget", "1", "--epochs", "1", "--final-epochs", "1"]
    done = untrained_cli(*command, *figures, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Genotype(normal=[(")
    assert "large network: 0." in done.stdout
    refused("reproduce", "table9", *command[2:], says="darts", cwd=tmp_path)
    refused(*command, "--scale", "huge", says="full", cwd=tmp_path)
    refused(*command, "--epochs", "0", says="epochs", cwd=tmp_path)
