"""Callbacks of a search: plain functions of a study and a trial that has ended, as Optuna's are."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial

from untrained.errors import InputError, InputWarning, one_line, shown, warn
from untrained.runtime.urls import shown_url

Callback = Callable[[optuna.Study, FrozenTrial], None]

LOGS = ("tensorboard", "mlflow")
"""What `read_logs` knows."""


def check_callbacks(given: Any) -> tuple[Callback, ...]:
    """Reads callbacks.

    Args:
        given: A function, or several; None for none.

    Raises:
        InputError: One of them cannot be called.
    """
    found = () if given is None else tuple(given) if isinstance(given, Sequence) else (given,)
    for callback in found:
        if not callable(callback):
            raise InputError(f"callbacks {shown(callback, 60)}: give functions of (study, trial), as Optuna's are")
    return found


def call_back(callbacks: Sequence[Callback], study: optuna.Study, trial: FrozenTrial) -> None:
    """Calls the callbacks for a query that has ended. One that breaks is told, and costs neither query nor search.

    Args:
        callbacks: Called in order.
        study: The study.
        trial: The query.
    """
    for callback in callbacks:
        try:
            callback(study, trial)
        except Exception as error:  # whatever a user's function raises; the value is in the study by now
            named = getattr(callback, "__qualname__", None) or type(callback).__name__
            warn(f"callback {named} broke at trial {trial.number}, which is kept: {one_line(error)}", InputWarning)


def read_logs(text: str | None, out: Path | None = None) -> list[Callback]:
    """Reads where a search is logged, as `--log` takes it.

    Args:
        text: "tensorboard:DIR", "mlflow" or "mlflow:URI", several at commas; None for nowhere.
        out: The folder of the search, in which `tensorboard` without a folder makes its own.

    Returns:
        Callbacks for `search`.

    Raises:
        InputError: It cannot be read, or its package is missing.

    Example:
        >>> read_logs("tensorboard:tb")
        [TensorBoard('tb')]
    """
    from untrained.searching.loggers import MLflow, TensorBoard

    found = list[Callback]()
    for part in filter(None, (part.strip() for part in (text or "").split(","))):
        name, _, where = part.partition(":")
        if name == "tensorboard":
            if not where and out is None:
                raise InputError("log 'tensorboard': without a folder for the search give one here, as tensorboard:DIR")
            found.append(TensorBoard(where or Path(out or "") / "tensorboard"))
        elif name == "mlflow":
            if shown_url(where) != where:  # the command line is kept in run.json
                raise InputError(f"log mlflow:{shown_url(where)}: give a URI with a password as MLFLOW_TRACKING_URI")
            found.append(MLflow(where or None))
        else:
            raise InputError(f"log {part!r}: choose from {', '.join(LOGS)}, as tensorboard:DIR or mlflow:URI")
    return found
