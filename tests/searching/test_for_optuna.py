"""`sampler_for`: studies of people who know Optuna, and nothing of this package but its sampler."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
import torch
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState, create_trial
from torch import nn

import untrained
from documented import ROOT
from untrained.errors import InputError
from untrained.samplers import PoolSampler
from untrained.samplers.query import queries, read_history

BATCH = torch.randn(16, 4, generator=torch.Generator().manual_seed(0)), torch.arange(16) % 3
PACKAGE = ROOT / "optunahub-registry" / "package" / "samplers" / "robot"


def build(trial: optuna.Trial) -> nn.Module:
    """2 x (3 + 3 x 3) networks: the second width is only asked for if there are two layers."""
    act = trial.suggest_categorical("act", ["ReLU", "GELU"])
    layers, width = list[nn.Module](), 4
    for i in range(trial.suggest_int("layers", 1, 2)):
        layers.append(nn.Linear(width, width := trial.suggest_categorical(f"width{i}", [4, 8, 16])))
        layers.append(getattr(nn, act)())
    return nn.Sequential(*layers, nn.Linear(width, 3))


def weights_of(network: nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


def objective(trial: optuna.Trial) -> float:
    """The more weights the better, and a rate of 0.01."""
    network = build(trial)
    rate = trial.suggest_float("rate", 1e-4, 1.0, log=True)
    return float(weights_of(network) - abs(torch.tensor(rate / 0.01).log10().item()))


def made(**options: Any) -> PoolSampler:
    found = untrained.sampler_for(build, BATCH, **{"budget": 12, "metrics": ["params", "synflow"], **options})
    assert isinstance(found, PoolSampler)
    return found


def architecture(trial: optuna.trial.FrozenTrial) -> dict[str, Any]:
    return {name: value for name, value in trial.params.items() if name not in ("rate", "decay")}


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    yield
    optuna.logging.set_verbosity(before)


def test_two_lines_find_the_largest_network() -> None:
    """Of 24 networks the largest has 4 x 16 + 16 + 16 x 16 + 16 + 16 x 3 + 3 weights."""
    study = optuna.create_study(direction="maximize", sampler=made())
    study.optimize(objective, 12)
    assert len({str(architecture(trial)) for trial in study.trials}) == 12
    best = build(optuna.trial.FixedTrial(study.best_params))  # type: ignore[arg-type] - it is asked like any other
    assert weights_of(best) == 403
    assert {len(architecture(trial)) for trial in study.trials} == {3, 4}


@pytest.mark.parametrize("kind", ["sqlite", "journal"])
def test_processes_that_take_turns_are_one_that_does_it_all(kind: str, tmp_path: Path) -> None:
    def opened() -> optuna.Study:
        """As a process of its own does it: another sampler, another connection."""
        file = str(tmp_path / "study")
        storage: Any = f"sqlite:///{file}" if kind == "sqlite" else JournalStorage(JournalFileBackend(file))
        sampler = made(path=tmp_path / "scores.parquet")
        options: dict[str, Any] = {"direction": "maximize", "load_if_exists": True}
        return optuna.create_study(study_name="one", storage=storage, sampler=sampler, **options)

    for _ in range(2):
        opened().optimize(objective, 3)
    alone = optuna.create_study(direction="maximize", sampler=made())
    alone.optimize(objective, 6)
    assert [trial.params for trial in opened().trials] == [trial.params for trial in alone.trials]


def test_threads_share_the_architectures() -> None:
    study = optuna.create_study(direction="maximize", sampler=made())
    study.optimize(objective, 12, n_jobs=3)
    assert len({str(architecture(trial)) for trial in study.trials}) == 12


def test_enqueued_and_earlier_trials_count() -> None:
    study = optuna.create_study(direction="maximize", sampler=made(budget=24))
    known = {"act": "ReLU", "layers": 1, "width0": 4}
    space = untrained.space(build)
    distributions = {name: space.decisions[name].for_study() for name in known}
    study.add_trial(create_trial(params=known, distributions=distributions, value=1.0))
    study.enqueue_trial({"act": "GELU", "layers": 2, "width0": 8, "width1": 16, "rate": 0.5})
    study.enqueue_trial({"rate": 0.25})
    study.optimize(objective, 23)
    assert study.trials[1].params == {"act": "GELU", "layers": 2, "width0": 8, "width1": 16, "rate": 0.5}
    assert study.trials[2].params["rate"] == 0.25
    assert len({str(architecture(trial)) for trial in study.trials}) == 24  # the one of before is not made again
    with pytest.raises(InputError, match="all 24"):
        study.optimize(objective, 1)


def test_pruned_trials_are_queries_with_their_last_value() -> None:
    def reported(trial: optuna.Trial) -> float:
        value = objective(trial)
        trial.report(value, 1)
        if trial.number % 2:
            raise optuna.TrialPruned
        return value

    study = optuna.create_study(direction="maximize", sampler=made(), pruner=optuna.pruners.MedianPruner())
    study.optimize(reported, 6)
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE, TrialState.PRUNED] * 3
    found = queries(study, untrained.space(build))
    assert [query.state for query in found] == ["complete", "pruned"] * 3
    assert [query.value for query in found] == [trial.intermediate_values[1] for trial in study.trials]


def test_infeasible_trials_are_failed_ones_to_the_sampler() -> None:
    def broken(trial: optuna.trial.FrozenTrial) -> list[float]:
        return [trial.params["layers"] - 1.5]

    study = optuna.create_study(direction="maximize", sampler=made(constraints_func=broken))
    study.optimize(objective, 8)
    seen = read_history(study, untrained.space(build), "Mixture")
    two = [trial.params["layers"] == 2 for trial in study.trials]
    assert [query.value is None for query in seen] == two
    assert True in two
    assert study.best_trial.params["layers"] == 1  # Optuna finds the constraints where it looks for them


@pytest.mark.skipif(not hasattr(optuna.Trial, "set_constraint"), reason="this Optuna has no trial.set_constraint")
def test_a_trial_may_say_its_constraints_itself() -> None:
    def constrained(trial: optuna.Trial) -> float:
        value = objective(trial)
        trial.set_constraint("layers", trial.params["layers"] - 1.5)  # type: ignore[attr-defined] - of Optuna 5
        return value

    study = optuna.create_study(direction="maximize", sampler=made())
    study.optimize(constrained, 6)
    seen = read_history(study, untrained.space(build), "Mixture")
    assert [query.value is None for query in seen] == [trial.params["layers"] == 2 for trial in study.trials]


def test_limits_hold_for_every_trial() -> None:
    study = optuna.create_study(direction="maximize", sampler=made(where="params <= 0.0002", budget=5))
    study.optimize(objective, 5)
    assert all(trial.value is not None and trial.value <= 200 for trial in study.trials)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"budget": 0}, "budget 0"),
        ({"budget": 25}, "1 to 24"),
        ({"sampler": "mixtur"}, "did you mean 'mixture'"),
        ({"sampler": optuna.samplers.TPESampler()}, "give a name"),
        ({"sampler": "hnas"}, "needs"),
        ({"metrics": "snipp"}, "snipp"),
        ({"where": "params <= 1e-9"}, "none of"),
        ({"pool": 25}, "25"),
        ({"seed": -1}, "seed -1"),
    ],
)
def test_bad_input_is_one_line(options: dict[str, Any], word: str) -> None:
    with pytest.raises(InputError, match=word):
        made(**options)


def test_the_package_for_optunahub_loads_and_its_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    optunahub = pytest.importorskip("optunahub", reason="optunahub is not installed")
    root = str(PACKAGE.parents[1])
    module = optunahub.load_local_module("samplers/robot", registry_root=root)
    assert module.sampler_for is untrained.sampler_for
    assert {"Mixture", "RoBoT"} <= set(module.__all__)
    front = (PACKAGE / "README.md").read_text().split("---")[1]
    for key in ("author", "title", "description", "tags", "optuna_versions", "license"):
        assert f"\n{key}: " in front
    assert (PACKAGE / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
    spec = importlib.util.spec_from_file_location("hub_example", PACKAGE / "example.py")
    assert spec is not None
    assert spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    sys.modules["hub_example"] = example
    spec.loader.exec_module(example)
    batch = example.images[:16], example.labels[:16]
    sampler = module.sampler_for(example.build, batch, budget=2, pool=3, metrics=["params"])
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.optimize(example.objective, 2)
    assert study.best_value > 0.15  # guessing gives 0.1
