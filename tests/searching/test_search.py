"""The verb: budget, history, resumption, results on disk."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
import torch
import torch.nn.functional as F

from toy import MLPs, toy_batch, training_objective
from untrained import Scoring, load_network, search
from untrained.errors import InputError
from untrained.objectives import Evaluation, EvaluationFailed, Objective, TrainingObjective
from untrained.scores import ScoreTable
from untrained.scoring.pool import compute_scores
from untrained.searching.result import Result
from untrained.searching.saved import load_summary
from untrained.searching.weights import load_weights

SPACE = MLPs()
BATCH = toy_batch()
METRICS = ["snip", "synflow", "params"]


def training(**options: Any) -> TrainingObjective:
    settings: dict[str, Any] = {"epochs": 2} | options
    return training_objective(SPACE, toy_batch(30, 1), toy_batch(30, 2), toy_batch(30, 3), **settings)


class Length(Objective):
    """Counts its calls; the value of an architecture is its width times its depth.

    It breaks with `error`, if one is set, at the call that follows `after` others.
    """

    error: BaseException | None = None
    after = 0

    def __init__(self, fails: str = "-") -> None:
        self.fails = fails
        self.calls: list[str] = []

    @property
    def identity(self) -> dict[str, Any]:
        return {"kind": "length"}

    def __call__(self, arch: str, trial: optuna.Trial | None = None) -> Evaluation:
        if self.error is not None and len(self.calls) == self.after:
            raise self.error
        self.calls.append(arch)
        if self.fails in arch:
            raise EvaluationFailed("no luck")
        params = SPACE.to_params(arch)
        return Evaluation(params["width"] * params["depth"], 1.5)


def run(objective: Any, **options: Any) -> Result:
    metrics = options.pop("metrics", METRICS)
    defaults: dict[str, Any] = {"budget": 5, "scores": Scoring(metrics, BATCH)}
    return search(SPACE, objective, **(defaults | options))


def test_the_budget_counts_distinct_evaluated_architectures() -> None:
    objective = Length()
    result = run(objective, budget=8)
    assert len(objective.calls) == len(set(objective.calls)) == 8
    assert [q["architecture"] for q in result.summary["queries"]] == objective.calls
    assert result.value == max(Length()(arch).value for arch in objective.calls)
    assert result.summary["best"]["architecture"] == result.architecture
    assert {q["phase"] for q in result.summary["queries"]} == {"explore", "exploit"}
    assert all(set(q["weights"]) == set(METRICS) for q in result.summary["queries"])


@pytest.mark.parametrize("sampler", ["mixture", "robot"])
def test_a_metric_that_tells_nothing_has_no_weight(sampler: str) -> None:
    archs = tuple(SPACE)
    values = np.column_stack([np.ones(len(archs)), np.arange(len(archs), dtype=float)])
    scores = ScoreTable(archs, ("same", "other"), values)
    with pytest.warns(UserWarning, match="'same' is 1 for all"):
        result = run(Length(), scores=scores, sampler=sampler)
    assert {tuple(q["weights"]) for q in result.summary["queries"]} == {("other",)}


def test_the_whole_pool_can_be_queried_and_no_more() -> None:
    objective = Length()
    assert run(objective, budget=24).value == 48
    assert len(set(objective.calls)) == 24
    with pytest.raises(InputError, match="budget 25 is above the pool's 24"):
        run(Length(), budget=25)
    with pytest.raises(InputError, match="budget 0"):
        run(Length(), budget=0)


def test_a_set_up_that_breaks_the_first_query_spends_nothing(tmp_path: Path) -> None:
    objective = Length()
    objective.error = TypeError("forgot a bracket")
    with pytest.raises(InputError, match="the first query broke: TypeError: forgot a bracket"):
        run(objective, out=tmp_path)
    objective = Length()
    assert len(run(objective, out=tmp_path).summary["queries"]) == len(objective.calls) == 5


def test_a_failed_query_is_recorded_and_counts() -> None:
    objective = Length(fails="norm=True")
    queries = run(objective, budget=10).summary["queries"]
    failed = [q for q in queries if q["value"] is None]
    assert len(queries) == 10
    assert failed
    assert all("norm=True" in q["architecture"] and "no luck" in q["reason"] for q in failed)
    with pytest.raises(InputError, match=r"none of the 3 queries gave a value: .*no luck"):
        run(Length(fails=""), budget=3)


def test_optunas_own_samplers_pay_once_for_an_architecture() -> None:
    objective = Length()
    result = run(objective, budget=20, sampler=optuna.samplers.RandomSampler(seed=0))
    assert len(objective.calls) == len(set(objective.calls)) == 20
    repeated = [t for t in result.study.trials if t.user_attrs.get("skipped") == "repeated"]
    assert repeated  # 20 different ones of 24 do not come without repetition
    assert len(result.study.trials) == 20 + len(repeated)


def test_any_sampler_and_a_space_without_options_resume(tmp_path: Path) -> None:
    for k, sampler in enumerate(("random", "mixture", optuna.samplers.TPESampler(seed=0))):
        first = run(Length(), budget=4, sampler=sampler, out=tmp_path / str(k)).summary
        more = run(Length(), budget=6, sampler=sampler, out=tmp_path / str(k)).summary
        assert more["queries"][:4] == first["queries"]
        assert len(more["queries"]) == 6


def test_a_stuck_sampler_is_given_up() -> None:
    class Stuck(optuna.samplers.RandomSampler):
        def sample_independent(self, study: Any, trial: Any, param_name: str, param_distribution: Any) -> Any:
            return SPACE.to_params("width=4,depth=1,norm=True")[param_name]

    with pytest.raises(InputError, match=r"1000 architectures in a row.*repeated"):
        run(Length(), budget=2, sampler=Stuck())


def test_what_a_search_leaves_on_disk(tmp_path: Path) -> None:
    result = run(training(), out=tmp_path / "run")
    folder = tmp_path / "run"
    files = {"study.db", "scores.parquet", "data.json", "best.json", "best.safetensors", "weights"}
    assert {p.name for p in folder.iterdir()} == files
    assert len(ScoreTable.load(folder / "scores.parquet")) == 24
    summary = load_summary(folder)
    assert {k: v for k, v in summary.items() if k not in ("network", "kept", "recipe", "versions")} == json.loads(
        json.dumps(result.summary)
    )
    net = load_network(folder, SPACE)
    inputs, targets = toy_batch(30, 3)
    right = 100 * (net(inputs).argmax(1) == targets).double().mean().item()
    assert right == pytest.approx(summary["best"]["reported"]["test_accuracy"])
    assert summary["best"]["params"] == sum(p.numel() for p in net.parameters()) / 1e6
    assert torch.equal(net(inputs), result.network()(inputs))


def test_run_again_it_is_the_same_search(tmp_path: Path) -> None:
    out = tmp_path / "run"
    first = run(Length(), out=out)
    again = Length()
    assert run(again, out=out).summary["queries"] == first.summary["queries"]
    assert not again.calls
    more = Length()
    assert len(run(more, out=out, budget=7).summary["queries"]) == 7
    assert len(more.calls) == 2


def interrupted(after: int) -> Length:
    """Ctrl-C in the middle of a query."""
    objective = Length()
    objective.error, objective.after = KeyboardInterrupt(), after
    return objective


def history(result: Result) -> list[Any]:
    return [(q["architecture"], q["value"], q["phase"], q["weights"]) for q in result.summary["queries"]]


@pytest.mark.parametrize("after", [0, 1, 4])
def test_interrupted_and_resumed_the_history_is_the_same(tmp_path: Path, after: int) -> None:
    whole = run(Length())
    with pytest.raises(KeyboardInterrupt):
        run(interrupted(after), out=tmp_path / "run")
    assert len(load_summary(tmp_path / "run")["queries"]) == after
    resumed = run(Length(), out=tmp_path / "run")
    assert history(resumed) == history(whole)


@pytest.mark.parametrize("queries", [0, 3])
def test_killed_and_resumed_the_history_is_the_same(tmp_path: Path, queries: int) -> None:
    """In the middle of a training, after so many queries."""
    out, trainings = tmp_path / "run", 0

    def kill(step: int, steps: int) -> None:
        nonlocal trainings
        trainings += step == 1
        if trainings > queries and step > steps / 2:
            os.kill(os.getpid(), signal.SIGKILL)

    pid = os.fork()
    if pid == 0:
        run(training(epochs=8, on_step=kill), budget=10, out=out)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
    assert len(load_summary(out)["queries"]) == queries
    assert not (out / "best.json").exists()

    resumed = run(training(epochs=8), budget=10, out=out)
    whole = run(training(epochs=8), budget=10)
    assert history(resumed) == history(whole)
    assert resumed.reported == whole.reported
    assert load_network(out, SPACE).state_dict().keys() == whole.network().state_dict().keys()
    for key, tensor in whole.network().state_dict().items():
        assert torch.equal(tensor, load_network(out, SPACE).state_dict()[key])


def test_lost_weights_are_trained_again(tmp_path: Path) -> None:
    first = run(training(), out=tmp_path)
    weights = load_weights(tmp_path / "best.safetensors")
    for broken in (b"", b"nonsense"):
        (tmp_path / "best.safetensors").write_bytes(broken)
        assert run(training(), out=tmp_path).summary["best"] == first.summary["best"]
        again = load_weights(tmp_path / "best.safetensors")
        assert again.keys() == weights.keys()
        assert all(torch.equal(again[name], weights[name]) for name in weights)


def test_a_study_of_another_search_is_refused_untouched(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    assert len(run(Length(), storage=storage, study_name="mine").study.trials) == 5
    cases: list[tuple[dict[str, Any], str]] = [
        ({"seed": 1}, "seed 0, not 1"),
        ({"metrics": ["snip"]}, "metrics"),
        ({"sampler": "random"}, 'sampler "mixture", not "random"'),
        ({"pool": 10}, "scores"),
        ({"objective": training()}, "objective"),
    ]
    for other, message in cases:
        objective = other.pop("objective", None) or Length()
        with pytest.raises(InputError, match=rf"(study\.db|true) holds another search \({message}"):
            run(objective, storage=storage, study_name="mine", **other)
    assert len(optuna.load_study(study_name="mine", storage=storage).trials) == 5
    optuna.create_study(study_name="other", storage=storage).optimize(lambda trial: 1.0, n_trials=1)
    with pytest.raises(InputError, match="of unknown origin"):
        run(Length(), storage=storage, study_name="other")


@pytest.mark.parametrize(
    ("storage", "message"),
    [
        ("sqlite:////no/such/folder/x.db", "cannot be used"),
        ("nosuch://u:secret@host/db", "cannot be used"),
        ("postgresql://u:secret@host:port/db", "cannot be used"),
        ("postgresql:/u:secret@host/db", "cannot be used"),
        ("nosuch://host/db?password=secret", "cannot be used"),
        ("nosuch://u:sec{ret}secret@host/db", "cannot be used"),
    ],
)
def test_an_unusable_storage_is_named_without_its_password(storage: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        run(Length(), storage=storage)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_storage_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "study.db"
    path.write_text("not a database, and long enough to be told from an empty one " * 20)
    before = path.read_bytes()
    with pytest.raises(InputError, match="cannot be used"):
        run(Length(), storage=f"sqlite:///{path}")
    assert path.read_bytes() == before


def test_two_searches_do_not_share_a_folder(tmp_path: Path) -> None:
    def nested(arch: str) -> float:
        with pytest.raises(InputError, match="another search is writing to"):
            run(Length(), out=tmp_path)
        return 1.0

    assert run(nested, out=tmp_path, budget=1).value == 1.0


def test_pruned_trainings_count_but_are_never_the_best(tmp_path: Path) -> None:
    class All(optuna.pruners.BasePruner):
        def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
            return trial.number > 0

    result = run(training(epochs=3), pruner=All())
    assert [q.get("reason") is not None for q in result.summary["queries"]] == [False, True, True, True, True]
    assert result.architecture == result.summary["queries"][0]["architecture"]


def test_nothing_to_show_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no search in"):
        load_summary(tmp_path)
    with pytest.raises(InputError, match="no finished search in"):
        load_network(tmp_path)


def test_the_loss_and_the_precision_reach_the_scores(tmp_path: Path) -> None:
    def halved(outputs: Any, targets: Any) -> torch.Tensor:
        return F.cross_entropy(outputs, targets) / 2

    options: dict[str, Any] = {"metrics": ["grad_norm"], "precision": "float64"}
    run(Length(), scores=Scoring(**options, batch=BATCH, loss=halved), out=tmp_path)
    half = ScoreTable.load(tmp_path / "scores.parquet")
    whole = compute_scores(SPACE, half.archs, batch=BATCH, **options)
    assert half.values == pytest.approx(whole.values / 2, rel=1e-12)


def test_a_given_table_says_what_its_metrics_cannot_read() -> None:
    archs = SPACE.pool(6)
    values = np.array([[float(i), np.nan if i < 2 else float(i)] for i in range(6)])
    table = ScoreTable(tuple(archs), ("a", "b"), values, {arch: {"b": "ValueError: no ReLU"} for arch in archs[:2]})
    with pytest.warns(UserWarning, match="b: 2 of 6 missing: no ReLU"):
        search(SPACE, float_of, budget=1, scores=table)


def float_of(arch: str) -> float:
    return float(len(arch))
