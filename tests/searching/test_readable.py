"""What a study says for people: attributes of trials, the name of the values, its own name."""

import contextlib
import json
import sqlite3
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages.journal import JournalFileBackend

from searching.searches import ARCHS, FAILED, SCORES, Counted, run, value_of
from toy import MLPs
from untrained import Evaluation, Recipe, Scoring, TrainingObjective, load_data, search
from untrained.metrics import METRICS
from untrained.probe import Probe
from untrained.samplers.query import FIGURES
from untrained.searching.readable import REPORTED, study_name
from untrained.spaces import NASBench201


def trials_of(folder: Path) -> list[Any]:
    (name,) = optuna.get_all_study_names(f"sqlite:///{folder / 'study.db'}")
    return optuna.load_study(study_name=name, storage=f"sqlite:///{folder / 'study.db'}").trials


@pytest.mark.filterwarnings("ignore")
def test_a_trained_trial_says_what_it_is(tmp_path: Path) -> None:
    space, data = NASBench201(N=1, C=4, in_channels=1), load_data("digits", subset=60)
    objective = TrainingObjective(space, data, Recipe(epochs=2), metrics=["accuracy", "f1"])
    how = Scoring(["snip", "synflow"], data.batch(8))
    result = search(
        space, objective, scores=how, pool=6, grow=0, budget=2, where="params <= 1", out=tmp_path, isolate=False
    )
    table = how.scores(space, [query.architecture for query in result.queries])
    for query, trial in zip(result.queries, trials_of(tmp_path), strict=True):
        attrs = trial.user_attrs
        assert attrs["score snip"] == pytest.approx(table.values[table.index[query.architecture], 0])
        network = space.build(query.architecture)
        assert attrs["params (M)"] == pytest.approx(sum(p.numel() for p in network.parameters()) / 1e6)
        assert attrs["flops (M)"] == pytest.approx(METRICS["flops"](Probe(network, data.batch(1)[0])))
        assert attrs["valid_accuracy"] == trial.value == trial.intermediate_values[2]
        assert attrs["valid_f1"] == attrs[FIGURES]["f1"]
        assert attrs["phase"] in ("explore", "exploit")
    assert result.study.metric_names == ["valid_accuracy"]
    assert result.study.study_name.startswith("nasbench201-digits-mixture-seed0-")
    told = result.study.user_attrs[REPORTED]
    assert told == {"architecture": result.architecture} | dict(result.reported)
    json.dumps(told, allow_nan=False)


def test_test_figures_stand_in_no_study_that_goes_on(tmp_path: Path) -> None:
    class Reporting(Counted):
        def report(self, arch: str, weights: Any) -> dict[str, float]:
            return {"test": 0.25, "lost": float("nan")}

    first = run(Reporting(), out=tmp_path, budget=2)
    assert first.study.user_attrs[REPORTED] == {"architecture": first.architecture, "test": 0.25, "lost": None}
    seen = list[Any]()

    def at(arch: str, call: int) -> None:
        (name,) = optuna.get_all_study_names(f"sqlite:///{tmp_path / 'study.db'}")
        study = optuna.load_study(study_name=name, storage=f"sqlite:///{tmp_path / 'study.db'}")
        seen.append(study.user_attrs[REPORTED])

    run(Reporting(at), out=tmp_path, budget=3)
    assert seen == [None]


def test_scores_of_own_objectives_and_nothing_that_is_no_number(tmp_path: Path) -> None:
    result = run(Counted(), budget=len(ARCHS))
    for trial in result.study.trials:
        row = SCORES.values[SCORES.index[trial.user_attrs["architecture"]]]
        assert [trial.user_attrs[f"score {name}"] for name in SCORES.metrics] == list(row)
        assert "params (M)" not in trial.user_attrs  # an objective that takes no time is not to wait for it
    assert result.study.metric_names == ["value"]


def test_a_study_of_an_earlier_version_goes_on(tmp_path: Path) -> None:
    first = [query.architecture for query in run(out=tmp_path, budget=2).queries]
    with contextlib.closing(sqlite3.connect(tmp_path / "study.db")) as connection, connection:
        for text in (
            "delete from trial_user_attributes where key like 'score %'",
            "delete from study_user_attributes where key in ('plan', 'ended', 'reported')",
            "delete from study_system_attributes where key = 'study:metric_names'",
            "update studies set study_name = 'random-seed0-0a1b2c'",
        ):
            connection.execute(text)
    more = run(out=tmp_path, budget=4)
    assert [query.architecture for query in more.queries[:2]] == first
    assert more.study.study_name == "random-seed0-0a1b2c"
    assert more.value == max(value_of(query.architecture) for query in more.queries)


def test_names_of_studies_are_short_words() -> None:
    space = MLPs()
    named = study_name(
        {
            "space": space.name,
            "objective": {"kind": "table", "file": "/a b/t.parquet"},
            "sampler": "single:snip",
            "seed": 3,
        },
        "ffffff",
    )
    assert named == "MLPs-t.parquet-single_snip-seed3-ffffff"
    long = {"space": "s" * 500, "objective": {"kind": "x"}, "sampler": "m", "seed": 0}
    assert len(study_name(long, "ffffff")) < 100


@pytest.mark.parametrize("storage", ["sqlite:///{}/study.db", "journal:{}/journal.log"])
def test_what_is_written_together_is_what_is_written_one_by_one(
    storage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In memory, Optuna takes one attribute after the other; in a file, each would be a transaction."""
    commits = list[int]()

    def counted(self: Any, logs: list[Any]) -> None:
        commits.append(len(logs))
        append(self, logs)

    append = JournalFileBackend.append_logs
    monkeypatch.setattr(JournalFileBackend, "append_logs", counted)

    def outcome(arch: str, call: int) -> Any:
        return (FAILED, Evaluation(call, 2.0, figures={"f1": 0.5}), None)[call % 3]

    def told(**options: Any) -> list[Any]:
        trials = run(Counted(outcome), sampler="robot", budget=6, where="params <= 1", **options).study.trials
        found = [(t.number, t.state, t.values, t.params, t.user_attrs | {"seconds": 0.0}) for t in trials]
        return json.loads(json.dumps(found))  # which makes lists of tuples

    assert told(storage=storage.format(tmp_path)) == told()
    if storage.startswith("journal"):
        assert sum(entries > 1 for entries in commits) == 3 * 6  # when a query is chosen, begun, and has ended
