"""Callbacks that log a search elsewhere: for TensorBoard, and in MLflow."""

import math
import warnings
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial

from untrained.errors import InputError
from untrained.samplers.query import ARCHITECTURE, COST, HYPERPARAMETERS, PHASE, REASON, SECONDS, best_query

__all__ = ["MLflow", "TensorBoard"]

TOLD = (ARCHITECTURE, PHASE, REASON)
LONGEST = 500
"""Characters of a parameter that any server of MLflow takes."""


class TensorBoard:
    """Logs each query for TensorBoard: one run for the search, and below it one for each query.

    The run of the search has `value`, `best` so far, sizes, scores and seconds over the number of the trial, and the
    architectures as text; that of a query its learning curve over the epochs, and its parameters for the tab HParams.

    Args:
        folder: Where the event files go, in a folder named after the study.

    Raises:
        InputError: tensorboard is not installed.

    Example:
        ```python
        untrained.search("resnet", data="photos/", callbacks=[untrained.TensorBoard("tb")])  # tensorboard --logdir tb
        ```
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what it says of packages that it does not find
                from torch.utils import tensorboard
        except ImportError as error:
            raise InputError(
                "the log for TensorBoard needs tensorboard: pip install 'untrained[tensorboard]'"
            ) from error
        self._writer = tensorboard.SummaryWriter

    def __repr__(self) -> str:
        return f"TensorBoard({str(self.folder)!r})"

    def __call__(self, study: optuna.Study, trial: FrozenTrial) -> None:
        from torch.utils.tensorboard.summary import hparams

        top, step, figures = self.folder / study.study_name, trial.number, figures_of(study, trial)
        # Opened and closed for each query: what stands in the files survives a kill, and no process holds them.
        with self._writer(str(top)) as writer:
            for name, value in figures.items():
                writer.add_scalar(name, value, step)
            told = "\n\n".join(f"{name}: `{trial.user_attrs[name]}`" for name in TOLD if name in trial.user_attrs)
            writer.add_text("query", told, step)
        with self._writer(str(top / f"query{step:05d}")) as writer:
            for epoch, value in trial.intermediate_values.items():
                writer.add_scalar(measure(study), value, epoch)
            if "value" in figures:
                for summary in hparams(_plain(parameters_of(trial)), {"value": figures["value"]}):
                    writer._get_file_writer().add_summary(summary)
                writer.add_scalar("value", figures["value"])


class MLflow:
    """Logs each query as a run of MLflow, in an experiment named after the study.

    A run has the architecture and the parameters, the figures (`value`, `best` so far, sizes, scores, seconds) as
    metrics, and the learning curve as a metric over the epochs.

    Args:
        uri: Of the tracking server, or of a database such as "sqlite:///mlflow.db"; None for what MLflow itself takes,
            MLFLOW_TRACKING_URI among it.

    Raises:
        InputError: mlflow is not installed.

    Example:
        ```python
        untrained.search("resnet", data="photos/", callbacks=[untrained.MLflow("http://localhost:5000")])
        ```
    """

    def __init__(self, uri: str | None = None) -> None:
        self.uri = uri
        try:
            import mlflow  # pyright: ignore[reportMissingImports] - an extra
        except ImportError as error:
            raise InputError("the log in MLflow needs mlflow: pip install 'untrained[mlflow]'") from error
        self._make = mlflow.MlflowClient

    @cached_property
    def _client(self) -> Any:
        return self._make(tracking_uri=self.uri)

    def __call__(self, study: optuna.Study, trial: FrozenTrial) -> None:
        from mlflow.entities import Metric, Param, RunTag  # pyright: ignore[reportMissingImports] - an extra

        found = self._client.get_experiment_by_name(study.study_name)
        experiment = self._client.create_experiment(study.study_name) if found is None else found.experiment_id
        began, ended = (round(one.timestamp() * 1000) for one in (trial.datetime_start, trial.datetime_complete) if one)
        run = self._client.create_run(experiment, start_time=began, run_name=f"query {trial.number}").info.run_id
        metrics = [Metric(_named(name), value, ended, 0) for name, value in figures_of(study, trial).items()]
        curve = trial.intermediate_values.items()
        metrics += [Metric(f"curve {_named(measure(study))}", value, ended, epoch) for epoch, value in curve]
        params = {name: trial.user_attrs[name] for name in TOLD if name in trial.user_attrs} | parameters_of(trial)
        said = [Param(_named(name), str(value)[:LONGEST]) for name, value in params.items()]
        tags = [RunTag("study", study.study_name), RunTag("trial", str(trial.number))]
        self._client.log_batch(run, metrics=metrics, params=said, tags=tags)
        failed = trial.state == optuna.trial.TrialState.FAIL
        self._client.set_terminated(run, "FAILED" if failed else "FINISHED", end_time=ended)


def figures_of(study: optuna.Study, trial: FrozenTrial) -> dict[str, float]:
    """The numbers of a query: its value, the best so far, what it took, and the attributes that are numbers.

    Args:
        study: The study.
        trial: The query.
    """
    best, attrs = best_query(study), trial.user_attrs
    found = {"value": trial.value, "best": best and best.value, **{key: attrs.get(key) for key in (SECONDS, COST)}}
    found |= attrs
    return {
        name: float(value)
        for name, value in found.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    }


def parameters_of(trial: FrozenTrial) -> dict[str, Any]:
    """The decisions of an architecture, and what is searched for beside."""
    return dict(trial.params) | dict(trial.user_attrs.get(HYPERPARAMETERS, {}))


def measure(study: optuna.Study) -> str:
    """What the values of a study are called."""
    return (study.metric_names or ["value"])[0]


def _plain(params: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value if isinstance(value, bool | int | float | str) else str(value) for name, value in params.items()
    }


def _named(name: str) -> str:
    """A name that MLflow takes: letters, digits and some signs, no brackets or arrows."""
    return "".join(char if char.isalnum() or char in "_-. /" else "_" for char in name)
