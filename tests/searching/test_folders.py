"""A change of mind: what goes on, what begins anew on what is known, and what is refused."""

import shutil
import sqlite3
from pathlib import Path
from typing import Any

import optuna
import pytest
import torch

from searching.searches import ARCHS, SCORES, SPACE, Counted, history, run
from toy import MLPs, toy_batch, training_objective
from untrained import ScoreTable, Scoring, TrainingObjective, load_network, search
from untrained.errors import InputError
from untrained.searching.folder import load_summary, other_searches


def names(folder: Path) -> list[str]:
    return sorted(optuna.get_all_study_names(f"sqlite:///{folder / 'study.db'}"))


@pytest.mark.parametrize("other", [{"sampler": "robot"}, {"seed": 3}, {"budget": 3}, {"sampler": "rea", "budget": 8}])
def test_another_search_of_the_folder_reuses_what_is_known(tmp_path: Path, other: dict[str, Any]) -> None:
    first = run(out=tmp_path)
    objective = Counted()
    second = run(objective, out=tmp_path, **other)
    alone = run(**other)
    assert history(second) == history(alone)
    known = {query.architecture for query in first.queries}
    assert objective.calls == [q.architecture for q in alone.queries if q.architecture not in known]
    assert [q.reused for q in second.queries] == [q.architecture in known for q in second.queries]
    assert all(q.cost_seconds == 1.5 for q in second.queries)
    assert len(names(tmp_path)) == 2
    assert load_summary(tmp_path)["study"] == second.study.study_name
    (line,) = other_searches(tmp_path, second.study.study_name)
    assert line.startswith(f"{first.study.study_name} (5 queries, best {first.value:.2f}")
    back = run(Counted(), out=tmp_path)  # the first again, for nothing
    assert history(back) == history(first)
    assert load_summary(tmp_path)["study"] == first.study.study_name


def test_a_larger_budget_goes_on_and_a_smaller_one_is_what_it_was(tmp_path: Path) -> None:
    first = history(run(out=tmp_path, budget=3))
    more = run(out=tmp_path, budget=6)
    assert history(more)[:3] == first
    assert len(names(tmp_path)) == 1
    again = Counted()
    assert history(run(again, out=tmp_path, budget=3)) == first
    assert not again.calls
    assert all("-random-seed0-" in name for name in names(tmp_path))
    assert len(names(tmp_path)) == 2


def test_failures_are_taken_over_and_prunings_are_not(tmp_path: Path) -> None:
    def outcome(arch: str, call: int) -> Any:
        return [ValueError("boom"), optuna.TrialPruned("too slow")][call - 1] if call in (1, 2) else None

    run(Counted(outcome), out=tmp_path)
    objective = Counted()
    second = run(objective, out=tmp_path, budget=4)
    assert [query.state for query in second.queries] == ["complete", "failed", "complete", "complete"]
    assert second.queries[1].reason == "ValueError: boom"
    assert len(objective.calls) == 1  # what was stopped early has no value of its own


def training(**options: Any) -> TrainingObjective:
    settings: dict[str, Any] = {"epochs": 1, "threads": 1} | options
    return training_objective(SPACE, toy_batch(30, 1), toy_batch(30, 2), **settings)


def test_another_recipe_begins_anew_and_keeps_the_weights_of_before(tmp_path: Path) -> None:
    first = run(training(), out=tmp_path)
    second = run(training(epochs=2), out=tmp_path)
    assert not any(query.reused for query in second.queries)
    assert len(names(tmp_path)) == 2
    third = run(training(), out=tmp_path, sampler="robot", budget=8)
    known = {query.architecture for query in first.queries}
    assert [query.reused for query in third.queries] == [query.architecture in known for query in third.queries]
    for result in (first, second, third):
        weights = run(training(epochs=2) if result is second else training(), out=tmp_path, **again(result)).weights
        assert result.weights is not None
        assert weights is not None
        assert all(torch.equal(weights[name], tensor) for name, tensor in result.weights.items())
        network = load_network(tmp_path, SPACE).network
        assert all(torch.equal(network.state_dict()[name], tensor) for name, tensor in result.weights.items())


def again(result: Any) -> dict[str, Any]:
    identity = result.study.user_attrs["identity"]
    return {"sampler": identity["sampler"], "budget": len(result.queries)}


@pytest.mark.parametrize(
    ("other", "says"),
    [
        ({"loss": torch.nn.functional.multi_margin_loss}, "loss"),
        ({"metrics": lambda outputs, targets: 1.0}, "metric"),
        ({"metrics": "f1"}, "metric"),
    ],
)
def test_what_is_not_comparable_is_refused(tmp_path: Path, other: dict[str, Any], says: str) -> None:
    run(training(), out=tmp_path, budget=1)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(InputError, match=f"holds another search .objective.*{says}.*give another folder"):
        run(training(**other), out=tmp_path)
    with pytest.raises(InputError, match="another search"):
        run(Counted(), out=tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


OWN = """
from searching.searches import SPACE
def helper(arch):
    return {value}
def objective(arch):
    return helper(arch)
class Own:
    def __init__(self, rate=1.0, then=None):
        self.rate = rate
        self.then = then
        self.calls = []
    identity = {{"kind": "own"}}
    def __call__(self, arch):
        self.calls.append(arch)
        return helper(arch) * self.rate
class Hidden(Own):
    def __init__(self, factor):
        super().__init__()
        self.rate = 2 * factor
        self.calls = ()  # no log
    def __call__(self, arch):
        return helper(arch) * self.rate
"""


def test_edited_code_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib

    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "own_objectives.py"
    path.write_text(OWN.format(value="len(arch)"))
    own: Any = importlib.import_module("own_objectives")
    for made in (own.objective, own.Own()):
        folder = tmp_path / type(made).__name__
        run(made, out=folder, budget=2)
        run(made, out=folder, budget=3)
    path.write_text(
        "# a comment\n" + OWN.format(value="len(arch) + 1") + "# and more text, so that the file is longer\n"
    )
    importlib.reload(own)
    for made in (own.objective, own.Own()):
        with pytest.raises(InputError, match="code"):
            run(made, out=tmp_path / type(made).__name__, budget=4)
    path.write_text(OWN.format(value="len(arch)"))
    importlib.reload(own)
    assert len(run(own.Own(), out=tmp_path / "Own", budget=4).queries) == 4
    with pytest.raises(InputError, match=r"objective_state: rate 1\.0, not 2\.0"):
        run(own.Own(2.0), out=tmp_path / "Own", budget=4)
    run(own.Hidden(1.0), out=tmp_path / "hidden", budget=2)
    assert len(run(own.Hidden(1.0), out=tmp_path / "hidden", budget=3).queries) == 3
    with pytest.raises(InputError, match=r"objective_state: rate 2\.0, not 4\.0"):  # kept under another name
        run(own.Hidden(2.0), out=tmp_path / "hidden", budget=4)
    scope: dict[str, Any] = {"__name__": "__main__"}
    exec("def then(arch): return 1", scope)
    run(own.Own(then=scope["then"]), out=tmp_path / "prompt", budget=2)
    with pytest.raises(InputError, match="cannot be read"):
        run(own.Own(then=scope["then"]), out=tmp_path / "prompt", budget=3)


def test_code_that_cannot_be_read_is_not_gone_on_with(tmp_path: Path) -> None:
    scope: dict[str, Any] = {"__name__": "__main__"}
    exec("def objective(arch): return float(len(arch))", scope)
    made = scope["objective"]
    assert run(made, budget=2).value > 0
    first = run(made, out=tmp_path, budget=2)
    with pytest.raises(InputError, match=r"cannot be read: defined at a prompt or in a notebook.*move it to a file"):
        run(made, out=tmp_path, budget=2)
    assert len(first.queries) == 2


def test_what_broke_at_its_first_query_binds_nobody(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the first query broke"):
        run(lambda arch: arch.nothing, out=tmp_path)
    assert run(lambda arch: 1.0, out=tmp_path).value == 1.0


def test_an_objective_of_another_space_is_refused() -> None:
    with pytest.raises(InputError, match=r"made for another space .*num_classes 3, not 4"):
        search(MLPs(4), training(), budget=1, scores=SCORES)
    assert search(MLPs(), training(), budget=1, scores=SCORES).value > 0


def test_other_versions_do_not_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run(out=tmp_path)
    monkeypatch.setattr("untrained.searching.search.versions", lambda: {"torch": "1.0"})
    assert history(run(out=tmp_path)) == history(first)  # nothing is mixed
    with pytest.raises(InputError, match=r"other versions .torch"):
        run(out=tmp_path, budget=6)


def test_a_larger_pool_extends_the_scores(tmp_path: Path) -> None:
    options: dict[str, Any] = {"scores": Scoring(["params"], toy_batch()), "out": tmp_path}
    small = run(pool=8, **options)
    with pytest.warns(UserWarning, match="of seed 0 and stay"):
        other = run(pool=8, seed=5, **options)
    assert {q.architecture for q in other.queries} <= set(SPACE.pool(8, 0))
    assert history(small) == history(run(pool="8", **options))
    assert load_summary(tmp_path)["pool"] == 8
    large = run(pool=12, **options)
    assert set(ScoreTable.load(tmp_path / "scores.parquet").archs) == set(SPACE.pool(12, 0))
    assert large.study.study_name != small.study.study_name
    assert load_summary(tmp_path)["pool"] == 12


def torn(folder: Path, to: Path) -> None:
    """Copies a folder as a kill in a commit leaves it: changes in the file, and beside it how to undo them."""
    connection = sqlite3.connect(folder / "study.db", isolation_level=None)
    connection.execute("pragma cache_size = 1")
    connection.execute("begin immediate")
    connection.execute("update trial_user_attributes set value_json = '\"nonsense' || hex(randomblob(3000)) || '\"'")
    shutil.copytree(folder, to)
    connection.execute("rollback")
    connection.close()


def test_a_search_that_was_killed_in_a_commit_is_shown(tmp_path: Path) -> None:
    run(out=tmp_path / "run")
    whole = load_summary(tmp_path / "run")["queries"]
    (tmp_path / "run" / "best.json").unlink()
    torn(tmp_path / "run", tmp_path / "torn")
    before = (tmp_path / "torn" / "study.db").read_bytes()
    assert (tmp_path / "torn" / "study.db-journal").stat().st_size > 512
    assert load_summary(tmp_path / "torn")["queries"] == whole
    assert (tmp_path / "torn" / "study.db").read_bytes() == before
    assert len(ARCHS) == 24
