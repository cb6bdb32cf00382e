"""Losses and measures by name, against scikit-learn and SciPy."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sklearn.metrics as library
import torch
import torch.nn.functional as F
from scipy.stats import spearmanr
from torch import Tensor

from untrained.data import Task
from untrained.errors import InputError
from untrained.objectives.goal import make_goal
from untrained.objectives.losses import LOSSES, Misfit, get_loss

RNG = torch.Generator().manual_seed(0)
LOGITS, LABELS = torch.randn(50, 7, generator=RNG), torch.randint(7, (50,), generator=RNG)
LABELS[LABELS == 5] = 4  # a class that nobody has, and some predict
MANY, FLAGS = torch.randn(50, 4, generator=RNG), (torch.rand(50, 4, generator=RNG) > 0.6).long()
NUMBERS, WANTED = torch.randn(50, 1, generator=RNG), torch.randn(50, generator=RNG) + 1000
PIXELS, MASKS = torch.randn(6, 3, 4, 5, generator=RNG), torch.randint(3, (6, 4, 5), generator=RNG)
TASKS = {
    "classification": Task("classification", 7),
    "multi-label": Task("multi-label", 4),
    "regression": Task("regression", 1),
    "segmentation": Task("segmentation", 3),
}
BATCHES = {
    "classification": (LOGITS, LABELS),
    "multi-label": (MANY, FLAGS),
    "regression": (NUMBERS, WANTED),
    "segmentation": (PIXELS, MASKS),
}


def measured(task: Task, metrics: Any, outputs: Any, targets: Any, size: int = 16, **options: Any) -> list[float]:
    """The measures of outputs and targets that come in batches of `size`."""
    goal = make_goal(task, metrics=metrics, **options)
    for measure in goal.measures:
        measure.reset()
        for at in range(0, len(targets), size):
            measure.update(outputs[at : at + size], targets[at : at + size])
    return [measure.compute() for measure in goal.measures]


def present_auroc(labels: Any, logits: Any) -> float:
    """The mean over classes that have samples, each against the rest."""
    shares = torch.as_tensor(logits).double().softmax(1).numpy()
    return float(np.mean([library.roc_auc_score(labels == k, shares[:, k]) for k in np.unique(labels)]))


def present_average_precision(labels: Any, logits: Any) -> float:
    shares = torch.as_tensor(logits).double().softmax(1).numpy()
    return float(np.mean([library.average_precision_score(labels == k, shares[:, k]) for k in np.unique(labels)]))


def rank_correlation(y: Any, z: Any) -> float:
    found: Any = spearmanr(y, z)
    return float(found.statistic)


def hesitation(labels: Any, logits: Any) -> float:
    """exp of scikit-learn's mean cross-entropy."""
    shares = torch.as_tensor(logits).double().softmax(1).numpy()
    return float(np.exp(library.log_loss(labels, shares, labels=range(shares.shape[1]))))


def predicted(logits: Any) -> Any:
    return logits.argmax(1)


REFERENCES: list[tuple[str, str, Callable[[Any, Any], float]]] = [
    ("classification", "accuracy", lambda y, z: 100 * library.accuracy_score(y, predicted(z))),
    ("classification", "top5", lambda y, z: 100 * library.top_k_accuracy_score(y, z, k=5, labels=range(7))),
    ("classification", "f1", lambda y, z: library.f1_score(y, predicted(z), average="macro")),
    ("classification", "mcc", lambda y, z: library.matthews_corrcoef(y, predicted(z))),
    ("classification", "auroc", present_auroc),
    (
        "classification",
        "balanced_accuracy",
        lambda y, z: library.recall_score(y, predicted(z), average="macro", labels=np.unique(y)),
    ),
    ("multi-label", "accuracy", lambda y, z: 100 * library.accuracy_score(y, z > 0)),
    ("multi-label", "f1", lambda y, z: library.f1_score(y, z > 0, average="macro")),
    ("multi-label", "iou", lambda y, z: library.jaccard_score(y, z > 0, average="macro")),
    ("multi-label", "auroc", lambda y, z: library.roc_auc_score(y, z)),
    ("classification", "average_precision", present_average_precision),
    ("multi-label", "average_precision", lambda y, z: library.average_precision_score(y, z)),
    ("regression", "rmse", library.root_mean_squared_error),
    ("regression", "mae", library.mean_absolute_error),
    ("regression", "r2", library.r2_score),
    ("regression", "spearman", lambda y, z: rank_correlation(y, z[:, 0])),
    ("classification", "perplexity", lambda y, z: hesitation(y, z)),
    ("segmentation", "perplexity", lambda y, z: hesitation(y.ravel(), np.moveaxis(z, 1, -1).reshape(-1, 3))),
    ("segmentation", "accuracy", lambda y, z: 100 * library.accuracy_score(y.ravel(), predicted(z).ravel())),
    ("segmentation", "iou", lambda y, z: library.jaccard_score(y.ravel(), predicted(z).ravel(), average="macro")),
    ("segmentation", "dice", lambda y, z: library.f1_score(y.ravel(), predicted(z).ravel(), average="macro")),
]


@pytest.mark.parametrize(
    ("kind", "name", "reference"), REFERENCES, ids=lambda value: value if type(value) is str else ""
)
def test_measures_have_the_values_of_scikit_learn(kind: str, name: str, reference: Callable[..., float]) -> None:
    outputs, targets = BATCHES[kind]
    (value,) = measured(TASKS[kind], name, outputs, targets)
    exact = targets.double().numpy() if targets.is_floating_point() else targets.numpy()
    assert value == pytest.approx(reference(exact, outputs.double().numpy()), abs=1e-6)


def test_figures_of_several_numbers_are_means_over_them() -> None:
    outputs, targets = torch.randn(20, 3, generator=RNG), torch.randn(20, 3, generator=RNG)
    values = measured(Task("regression", 3), ["rmse", "r2", "spearman"], outputs, targets)
    ranks = [rank_correlation(targets[:, i], outputs[:, i]) for i in range(3)]
    wanted = [library.root_mean_squared_error(targets, outputs), library.r2_score(targets, outputs), np.mean(ranks)]
    assert values == pytest.approx(wanted)


def test_pixels_without_a_class_count_for_nothing() -> None:
    masks = torch.tensor([[[0, 1, -100]]])
    outputs = F.one_hot(torch.tensor([[[0, 0, 1]]]), 2).movedim(-1, 1).float()
    # class 0: given 2, wanted 1, both 1; class 1: given 0, wanted 1, both 0
    found = measured(Task("segmentation", 2), ["iou", "dice", "accuracy"], outputs, masks)
    assert found == pytest.approx([(1 / 2 + 0) / 2, (2 / 3 + 0) / 2, 50])


def test_a_network_of_one_output_tells_two_classes_apart() -> None:
    goal = make_goal(Task("classification", 2), "bce", ["accuracy", "f1", "auroc"])
    outputs, labels = torch.tensor([[-1.0], [2.0], [3.0], [-4.0]]), torch.tensor([0, 1, 0, 0])
    goal.check(outputs, labels)
    found = measured(Task("classification", 2), ["accuracy", "f1", "auroc"], outputs, labels)
    assert found == pytest.approx([75, library.f1_score([0, 1, 0, 0], [0, 1, 1, 0], average="macro"), 2 / 3])


def test_a_metric_of_torchmetrics_knows_its_direction() -> None:
    from torchmetrics.classification import MulticlassF1Score
    from torchmetrics.regression import MeanAbsoluteError

    (value,) = measured(TASKS["classification"], MulticlassF1Score(7, average="macro"), LOGITS, LABELS)
    assert value == pytest.approx(library.f1_score(LABELS, LOGITS.argmax(1), average="macro"))
    goal = make_goal(TASKS["regression"], metrics=MeanAbsoluteError())
    assert (goal.names, goal.direction) == (("MeanAbsoluteError",), "minimize")
    (value,) = measured(TASKS["regression"], MeanAbsoluteError(), NUMBERS, WANTED)
    assert value == pytest.approx(library.mean_absolute_error(WANTED, NUMBERS))


def test_several_are_recorded_and_the_first_is_searched_for() -> None:
    def spread(outputs: Tensor, targets: Tensor) -> float:
        return outputs.std().item()

    goal = make_goal(TASKS["regression"], metrics=["r2", "rmse", spread])
    assert (goal.names, goal.direction) == (("r2", "rmse", "spread"), "maximize")
    assert make_goal(TASKS["regression"], metrics=spread, direction="minimize").direction == "minimize"


HEADS = Task("several", heads={"kind": Task("classification", 7), "colour": Task("classification", 3)})


def test_heads_are_measured_one_by_one_and_by_their_mean() -> None:
    outputs = {"kind": LOGITS, "colour": LOGITS[:, :3]}
    targets = {"kind": LABELS, "colour": LABELS % 3}
    goal = make_goal(HEADS)
    assert goal.names == ("accuracy", "kind.accuracy", "colour.accuracy")
    for measure in goal.measures:
        measure.reset()
        measure.update(outputs, targets)
    mean, *each = (measure.compute() for measure in goal.measures)
    wanted = [100 * library.accuracy_score(targets[head], outputs[head].argmax(1)) for head in outputs]
    assert [mean, *each] == pytest.approx([np.mean(wanted), *wanted])
    losses = [F.cross_entropy(outputs[head], targets[head]) for head in outputs]
    assert goal.loss(outputs, targets).item() == pytest.approx(sum(losses).item())  # pyright: ignore[reportAttributeAccessIssue]
    assert make_goal(HEADS, metrics="colour.mcc").names == ("colour.mcc",)
    both = make_goal(Task("several", heads={"0": HEADS.heads["kind"], "1": Task("regression", 1)}), metrics="1.rmse")
    assert both.direction == "minimize"
    assert both.loss((LOGITS, NUMBERS), (LABELS, WANTED)).item() == pytest.approx(
        F.cross_entropy(LOGITS, LABELS).item() + ((NUMBERS[:, 0] - WANTED) ** 2).mean().item()
    )


@pytest.mark.parametrize(
    ("task", "options", "says"),
    [
        ("classification", {"metrics": "rmse"}, "unknown metric 'rmse' of classification: choose from accuracy"),
        ("regression", {"loss": "mean"}, "unknown loss 'mean'"),
        ("regression", {"metrics": []}, "no metrics"),
        ("regression", {"metrics": ["mae", "mae"]}, "mae twice"),
        ("regression", {"metrics": "mae", "direction": "maximize"}, "mae is better if lower"),
        ("regression", {"label_smoothing": 0.1}, "label_smoothing 0.1 is for cross_entropy, not for mse"),
        ("regression", {"metrics": 3}, "metric 3: give a name"),
        ("regression", {"loss": 3}, "loss 3: give a name"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_what_is_no_goal_is_named(task: str, options: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        make_goal(TASKS[task], **options)


def test_heads_that_are_not_there_are_named() -> None:
    mixed = Task("several", heads={"kind": Task("classification", 7), "size": Task("regression", 1)})
    with pytest.raises(InputError, match=r"different ways.*kind.accuracy, size.rmse"):
        make_goal(mixed)
    with pytest.raises(InputError, match=r"'shape\.f1': the data has the heads kind, size"):
        make_goal(mixed, metrics="shape.f1")
    with pytest.raises(InputError, match="loss of the heads kind: the data has kind, size"):
        make_goal(mixed, {"kind": "focal"}, "size.mae")


def test_losses_have_their_published_values() -> None:
    logits, labels = torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 0])
    p = logits.softmax(1)[:, 0]
    assert LOSSES["focal"](logits, labels).item() == pytest.approx(((1 - p) ** 2 * -p.log()).mean().item())
    smoothed = get_loss(None, TASKS["classification"], 0.2)(logits, labels)
    spread = 0.9 * -p.log() + 0.1 * -(1 - p).log()  # 0.2 shared by two classes
    assert smoothed.item() == pytest.approx(spread.mean().item())
    # Everything right: 2 |P T| = |P| + |T|
    sure = torch.tensor([[[100.0, -100.0]], [[-100.0, 100.0]]]).unsqueeze(0).movedim(1, 1)
    assert LOSSES["dice"](sure, torch.tensor([[[0, 1]]])).item() == pytest.approx(0, abs=1e-6)
    assert LOSSES["huber"](torch.tensor([0.5, 3.0]), torch.zeros(2)).item() == pytest.approx((0.125 + 2.5) / 2)
    assert LOSSES["bce"](torch.tensor([[0.0]]), torch.tensor([1])).item() == pytest.approx(np.log(2))
    for name in ("mse", "l1", "huber", "bce"):
        column, row = torch.randn(5, 1, generator=RNG), torch.rand(5, generator=RNG)
        assert LOSSES[name](column, row) == LOSSES[name](column[:, 0], row)  # not each with each


def test_what_does_not_fit_the_targets_is_one_line() -> None:
    with pytest.raises(Misfit, match=r"3 outputs, and the data 7 classes"):
        make_goal(TASKS["classification"]).check(torch.zeros(2, 3), torch.tensor([0, 1]))
    with pytest.raises(Misfit, match=r"\(2, 3, 4\)"):
        make_goal(TASKS["classification"]).check(torch.zeros(2, 3, 4), torch.tensor([0, 1]))
    with pytest.raises(Misfit, match=r"\(2, 3\) do not fit targets of shape \(2,\)"):
        make_goal(TASKS["regression"]).check(torch.zeros(2, 3), torch.zeros(2))
    with pytest.raises(Misfit, match="a dict"):
        make_goal(TASKS["classification"]).check({"a": torch.zeros(2, 7)}, torch.tensor([0, 1]))


@pytest.mark.parametrize(
    ("kind", "targets", "says"),
    [
        ("classification", torch.tensor([0, 6, 7]), "sample 12 of the training data is 7: give a class from 0 to 6"),
        ("classification", torch.tensor([0, -1, 3]), "sample 11 of the training data is -1"),
        ("segmentation", torch.tensor([[[0, 2]], [[1, -100]], [[3, 0]]]), "sample 12 .* is 3"),
        ("regression", torch.tensor([0.0, float("nan"), 1.0]), "sample 11 .* is nan: give a finite number"),
    ],
)
def test_a_target_that_cannot_be_is_named_with_its_sample(kind: str, targets: Tensor, says: str) -> None:
    with pytest.raises(InputError, match=says):
        make_goal(TASKS[kind]).check_targets("training")(targets, torch.tensor([10, 11, 12]))
