"""Predictions as records: what is written to a file or printed, a dictionary a sample."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from untrained.data import Task
from untrained.deploying.predicting.predict import Predicted

CERTAIN = 0.5
"""A label of several is predicted from this probability on."""
MOST_OUTPUTS = 64
"""Numbers of a sample that are worth a column each."""


def records(predicted: Predicted, top: int = 3) -> list[dict[str, Any]]:
    """Makes a record of each sample.

    Args:
        predicted: The predictions.
        top: How many classes, the likeliest first.

    Returns:
        `file`, `row` if files hold many samples, and by the task

        - classification: `prediction` and `probability`, `prediction_2` and `probability_2`, ...;
        - multi-label: `prediction`, all labels of a probability of at least 0.5, separated by ";", and `label_1`,
          `probability_1`, ...;
        - regression: `prediction`, or `prediction_1`, `prediction_2`, ... of several targets;
        - segmentation: `prediction`, the class of most positions, and its `share`, `prediction_2`, ...;
        - several heads: the same with `HEAD.` before each name;
        - others: the outputs.

    Example:
        >>> found = Predicted(Task("regression", 1), ["a.csv"], [0], [torch.tensor([1.5])])
        >>> records(found)
        [{'file': 'a.csv', 'row': 0, 'prediction': 1.5}]
    """
    with_rows = any(row is not None for row in predicted.rows)
    rows = [{"row": row} if with_rows else {} for row in predicted.rows]
    return [
        {"file": file} | row | _columns(predicted.task, prediction, top)
        for file, row, prediction in zip(predicted.files, rows, predicted.predictions, strict=True)
    ]


def _columns(task: Task, prediction: Any, top: int) -> dict[str, Any]:
    match task.kind:
        case "classification":
            return _ranked(task, prediction, top, "probability")
        case "multi-label":
            return _labels(task, prediction, top)
        case "segmentation":
            shares = torch.bincount(prediction.flatten(), minlength=task.outputs or 0) / prediction.numel()
            return _ranked(task, shares, top, "share")
        case "several":
            named = prediction.items() if isinstance(prediction, Mapping) else zip(task.heads, prediction, strict=True)
            return {
                f"{head}.{name}": value
                for head, part in named
                for name, value in _columns(task.heads[head], part, top).items()
            }
        case "regression":
            return _numbers("prediction", prediction)
    return _numbers("output", prediction)


def _ranked(task: Task, parts: Tensor, top: int, what: str) -> dict[str, Any]:
    """The classes that have most of something, and how much."""
    values, places = parts.topk(min(max(top, 1), len(parts)))
    columns = dict[str, Any]()
    for number, (value, place) in enumerate(zip(values.tolist(), places.tolist(), strict=True), start=1):
        if what == "share" and not value:
            break
        end = "" if number == 1 else f"_{number}"
        columns |= {f"prediction{end}": task.called(place), f"{what}{end}": value}
    return columns


def _labels(task: Task, parts: Tensor, top: int) -> dict[str, Any]:
    values, places = parts.sort(descending=True)
    pairs = [(task.called(place), value) for value, place in zip(values.tolist(), places.tolist(), strict=True)]
    columns: dict[str, Any] = {"prediction": ";".join(name for name, value in pairs if value >= CERTAIN)}
    for number, (name, value) in enumerate(pairs[: max(top, 1)], start=1):
        columns |= {f"label_{number}": name, f"probability_{number}": value}
    return columns


def _numbers(name: str, part: Any) -> dict[str, Any]:
    if not isinstance(part, Tensor):
        return {name: str(type(part).__name__)}
    numbers = part.flatten().tolist()
    if len(numbers) == 1:
        return {name: numbers[0]}
    if len(numbers) > MOST_OUTPUTS:
        return {name: " x ".join(map(str, part.shape))}
    return {f"{name}_{number}": value for number, value in enumerate(numbers, start=1)}
