"""Callbacks after each query, and those that log to TensorBoard and MLflow: what they wrote is read back."""

from pathlib import Path
from typing import Any

import optuna
import pytest

from searching.searches import FAILED, Counted, history, run
from untrained import MLflow, TensorBoard
from untrained.errors import InputError, InputWarning
from untrained.objectives import Evaluation
from untrained.searching.callbacks import read_logs


class Curve(Counted):
    """Reports width x depth halfway, and fails on the second query."""

    def __call__(self, arch: str, trial: optuna.Trial | None = None) -> Any:
        if len(self.calls) == 1:
            self.calls.append(arch)
            raise FAILED
        outcome = super().__call__(arch, trial)
        if trial is not None:
            trial.report(outcome.value / 2, 1)
            trial.report(outcome.value, 2)
        return Evaluation(outcome.value, 1.5, figures={"size": 7.0})


def test_callbacks_are_called_as_optuna_calls_its_own() -> None:
    seen = list[tuple[str, int, float | None]]()

    def see(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        assert trial.state.is_finished()
        seen.append((study.study_name, trial.number, trial.value))

    result = run(Curve(), callbacks=[see])
    assert seen == [(result.study.study_name, query.number, query.value) for query in result.queries]
    assert seen[1][2] is None


def test_a_callback_that_breaks_costs_no_query(tmp_path: Path) -> None:
    calls = list[int]()

    def breaks(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        raise OSError("no route to host")

    with pytest.warns(InputWarning, match=r"callback .*breaks broke at trial \d.*no route to host") as told:
        result = run(callbacks=[breaks, lambda study, trial: calls.append(trial.number)], out=tmp_path)
    assert history(result) == history(run())
    assert calls == [0, 1, 2, 3, 4]
    assert {Path(one.filename).name for one in told} == {"searches.py"}  # whose line it is, and not one of ours


def test_what_is_no_callback_is_told() -> None:
    with pytest.raises(InputError, match="callbacks 'tensorboard'"):
        run(callbacks=["tensorboard"])
    with pytest.raises(InputError, match="log 'wandb:x': choose from tensorboard, mlflow"):
        read_logs("wandb:x")
    with pytest.raises(InputError, match=r"mlflow:https://me:\*\*\*@host: .*MLFLOW_TRACKING_URI"):
        read_logs("mlflow:https://me:secret@host")
    with pytest.raises(InputError, match="tensorboard:DIR"):
        read_logs("tensorboard")
    assert repr(read_logs("tensorboard", Path("runs"))[0]) == "TensorBoard('runs/tensorboard')"


@pytest.mark.filterwarnings("ignore")
def test_event_files_hold_the_queries(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    result = run(Curve(), callbacks=TensorBoard(tmp_path / "tb"), budget=4)
    top = tmp_path / "tb" / result.study.study_name
    read = EventAccumulator(str(top)).Reload()
    values = {query.number: query.value for query in result.queries if query.value is not None}
    assert {event.step: event.value for event in read.Scalars("value")} == pytest.approx(values)
    so_far = [max(v for n, v in values.items() if n <= number) for number in range(4)]
    assert [event.value for event in read.Scalars("best")] == pytest.approx(so_far)
    assert [event.value for event in read.Scalars("size")] == [7.0, 7.0, 7.0]
    (text, *_) = read.Tensors("query/text_summary")
    assert result.queries[0].architecture in text.tensor_proto.string_val[0].decode()
    best = EventAccumulator(str(top / f"query{result.queries[0].number:05d}")).Reload()
    first = values[result.queries[0].number]
    assert [(event.step, event.value) for event in best.Scalars("value")][:2] == [(1, first / 2), (2, first)]
    assert "_hparams_/session_start_info" in best.PluginTagToContent("hparams")


@pytest.mark.filterwarnings("ignore")
def test_mlflow_holds_the_queries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = pytest.importorskip("mlflow", reason="the extra mlflow is not installed")
    monkeypatch.chdir(tmp_path)
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    result = run(Curve(), callbacks=[MLflow(uri)], budget=3)
    client = mlflow.MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name(result.study.study_name)
    runs = sorted(client.search_runs([experiment.experiment_id]), key=lambda one: int(one.data.tags["trial"]))
    assert [one.data.params["architecture"] for one in runs] == [query.architecture for query in result.queries]
    assert [one.data.metrics.get("value") for one in runs] == [query.value for query in result.queries]
    assert [one.info.status for one in runs] == ["FINISHED", "FAILED", "FINISHED"]
    assert runs[0].data.params["width"] == str(result.study.trials[0].params["width"])
    curve = client.get_metric_history(runs[0].info.run_id, "curve value")
    first = result.queries[0].value
    assert first is not None
    assert [(point.step, point.value) for point in curve] == [(1, first / 2), (2, first)]
    assert runs[2].data.metrics["best"] == max(first, result.queries[2].value or 0.0)
