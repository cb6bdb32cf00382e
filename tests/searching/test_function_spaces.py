"""A search of a function's space: in a file, from the command line, gone on with, refused after an edit."""

import sys
from pathlib import Path
from typing import Any

import pytest
from torch import nn

import untrained
from untrained.errors import InputError
from untrained.searching.saved import load_network
from untrained.searching.search import search
from untrained.spaces import as_space, get_space

BUILD = """
from torch import nn

def build(trial, num_classes=10, in_channels=1):
    layers, width = [nn.Flatten()], 64 * in_channels
    for i in range(trial.suggest_int("depth", 1, 2)):
        given = trial.suggest_categorical(f"width{i}", [4, 8])
        layers += [nn.Linear(width, given), nn.ReLU()]
        width = given
    return nn.Sequential(*layers, nn.Linear(width, num_classes))
"""


def fewest(network: nn.Module, trial: Any) -> float:
    return sum(p.numel() for p in network.parameters())


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "own.py").write_text(BUILD)
    return tmp_path / "own.py"


def run(space: Any, **options: Any) -> untrained.Result:
    data = untrained.load_data("digits")
    scoring = untrained.Scoring(metrics=["params", "synflow"], batch=data.batch(8))
    return search(space, fewest, direction="minimize", sampler="random", scores=scoring, **options)


def test_a_folder_goes_on_with_the_same_code_only(own: Path) -> None:
    space = get_space("own.py:build")
    first = [query.architecture for query in run(space, budget=2, out="runs").queries]
    again = run(get_space("own.py:build"), budget=4, out="runs")
    assert [q.architecture for q in again.queries][:2] == first
    network = load_network("runs", space.source)  # type: ignore[attr-defined]
    assert sum(p.numel() for p in network.network.parameters()) == again.value
    own.write_text(BUILD.replace("nn.ReLU", "nn.GELU"))
    with pytest.raises(InputError, match="the code of the space has changed"):
        run(get_space("own.py:build"), budget=4, out="runs")
    own.write_text(BUILD + "\n# a comment\n")
    assert run(get_space("own.py:build"), budget=4, out="runs").value == again.value
    with pytest.raises(InputError, match="space_options"):
        run(get_space("own.py:build", num_classes=3), budget=4, out="runs")


def test_a_function_is_searched_as_it_is() -> None:
    """The smallest of 2 + 4: one layer of 4, 64 x 4 + 4 + 4 x 10 + 10 weights."""
    scope: dict[str, Any] = {}
    exec(BUILD, scope)
    result = run(scope["build"], budget=6)
    assert (result.architecture, result.value) == ("depth=1,width0=4", 64 * 4 + 4 + 4 * 10 + 10)
    assert len(result.queries) == as_space(scope["build"]).size == 6


def test_functions_within_functions_reach_other_processes() -> None:
    width = 3

    def build(trial: Any) -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(64, width * trial.suggest_int("times", 1, 4)))

    data = untrained.load_data("digits")
    table = untrained.compute_scores(
        untrained.space(build), untrained.space(build).pool(), ["params"], data.batch(4), workers=2
    )
    assert table.values[:, 0].tolist() == pytest.approx([65 * width * times / 1e6 for times in (1, 2, 3, 4)])
