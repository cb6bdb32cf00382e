"""Arrays: which task their targets tell, what becomes of them, what is refused."""

from typing import Any

import numpy as np
import pytest
import torch

from untrained.data import DatasetData, Task, as_data
from untrained.errors import InputError, InputWarning

X = torch.randn(12, 3, generator=torch.Generator().manual_seed(0))
LABELS = torch.tensor([0, 1, 2] * 4)
HELD_OUT = "ignore:one data set is split"


def of(y: Any, x: Any = X, **options: Any) -> DatasetData:
    return DatasetData((x, y), (x, y), **options)


def targets(data: DatasetData) -> torch.Tensor:
    raw: Any = data.raw("train")
    return raw.tensors[1]


MASKS = torch.arange(12 * 4).reshape(12, 2, 2) % 3


@pytest.mark.parametrize(
    ("y", "kind", "outputs", "first"),
    [
        (LABELS, "classification", 3, 0),
        (LABELS[:, None], "classification", 3, 0),
        (LABELS.numpy().astype(np.uint8), "classification", 3, 0),
        (LABELS == 1, "classification", 2, 0),
        (LABELS.tolist(), "classification", 3, 0),
        (torch.eye(3)[LABELS], "classification", 3, 0),
        (torch.eye(3).long()[LABELS], "classification", 3, 0),
        (torch.tensor([[1, 1, 0], [0, 1, 0], [0, 0, 0]] * 4), "multi-label", 3, [1.0, 1.0, 0.0]),
        (torch.tensor([[1.0, 1.0], [0.0, 1.0]] * 6), "multi-label", 2, [1.0, 1.0]),
        (X[:, 0], "regression", 1, None),
        (X[:, :1], "regression", 1, None),
        (X[:, :2].double(), "regression", 2, None),
        (MASKS, "segmentation", 3, [[0, 1], [2, 0]]),
        (MASKS[:, None], "segmentation", 3, [[0, 1], [2, 0]]),
        (torch.where(MASKS == 2, 255, MASKS), "segmentation", 2, [[0, 1], [-100, 0]]),
        (torch.tensor([[3, 0, 2], [1, 1, 1]] * 6), "segmentation", 4, [3, 0, 2]),
        (torch.rand(12, 2, 2), "other", None, None),
    ],
    ids=[
        "classes",
        "n x 1 classes",
        "uint8 classes",
        "booleans",
        "a list",
        "one-hot floats",
        "one-hot integers",
        "labels as integers",
        "labels as floats",
        "one number",
        "n x 1 numbers",
        "two numbers in double precision",
        "masks",
        "masks with a channel",
        "masks with void",
        "a class at each place of a sequence",
        "images",
    ],
)
def test_targets_tell_the_task(y: Any, kind: str, outputs: int | None, first: Any) -> None:
    data = of(y)
    assert (data.task.kind, data.task.outputs) == (kind, outputs)
    found = targets(data)
    if first is None:
        assert torch.equal(found, torch.as_tensor(y).float())
    else:
        assert found[0].tolist() == first
        assert found.dtype == (torch.float32 if kind == "multi-label" else torch.int64)


def test_names_are_classes() -> None:
    data = of(np.array(["dog", "cat", "ant"] * 4))
    assert data.task == Task("classification", 3, ("ant", "cat", "dog"))
    assert [int(data.split("train")[i][1]) for i in range(3)] == [2, 1, 0]
    with pytest.raises(InputError, match="'cow' is none of the classes ant, cat, dog"):
        DatasetData((X, ["dog", "cat", "ant"] * 4), (X, ["dog", "cat", "cow"] * 4))


@pytest.mark.parametrize(
    ("y", "kind", "outputs"),
    [
        ((LABELS == 1).float(), "classification", 2),
        ((LABELS == 1).float()[:, None], "classification", 2),
        (torch.eye(3)[LABELS], "multi-label", 3),
        (torch.eye(3)[LABELS], "regression", 3),
        (LABELS, "regression", 1),
        (torch.eye(3)[LABELS], "other", None),
    ],
)
def test_the_user_says_the_task(y: Any, kind: str, outputs: int | None) -> None:
    data = of(y, task=kind)
    assert (data.task.kind, data.task.outputs) == (kind, outputs)


def test_a_task_of_ones_own_counts_as_it_is() -> None:
    task = Task("regression", 1, mean=(0.5,), std=(2.0,))
    assert of(X[:, 0], task=task).task is task
    more = Task("classification", 5, ("a", "b", "c", "d", "e"))
    assert of(LABELS * 2, task=more).task is more  # classes may be missing
    with pytest.raises(InputError, match="2 outputs, the targets of the training data 1"):
        of(X[:, 0], task=Task("regression", 2))


def test_floats_of_zeros_and_ones_are_told_to_be_numbers() -> None:
    with pytest.warns(InputWarning, match=r"all 0.0 or 1.0, are taken for numbers: .*task='classification'"):
        assert of((LABELS == 1).float()).task.kind == "regression"


def test_several_heads() -> None:
    data = of({"kind": LABELS, "size": X[:, 0]})
    assert data.task.heads == {"kind": Task("classification", 3), "size": Task("regression", 1)}
    _, target = data.split("train")[1]
    assert target["kind"] == 1
    assert target["size"] == X[1, 0]
    heads = {"kind": Task("classification", 3), "size": Task("regression", 1, mean=(1.0,), std=(2.0,))}
    data = of({"kind": LABELS, "size": X[:, 0]}, task=Task("several", heads=heads))
    assert data.split("train")[1][1]["size"] == (X[1, 0] - 1) / 2
    with pytest.raises(InputError, match=r"head 'kind': .*gaps"):
        of({"kind": LABELS * 2, "size": X[:, 0]})


def test_several_inputs() -> None:
    both = of(LABELS, x={"a": X, "b": X.numpy().astype(np.float64)})
    inputs, labels = both.batch(4)
    assert {name: (part.shape, part.dtype) for name, part in inputs.items()} == {
        "a": ((4, 3), torch.float32),
        "b": ((4, 3), torch.float32),
    }
    assert labels.shape == (4,)
    assert both.facts == {"num_classes": 3}
    pair = of(LABELS, x=(X, X[:, :2]))
    assert [part.shape[1] for part in pair.batch(4)[0]] == [3, 2]


def test_images_of_uint8_are_prepared_as_images_are() -> None:
    pixels = torch.arange(12 * 3 * 5 * 5).reshape(12, 3, 5, 5).to(torch.uint8)
    data = of(LABELS, x=pixels)
    assert data.facts == {"num_classes": 3, "in_channels": 3, "image_size": 5}
    raw: Any = data.raw("train")
    assert raw.tensors[0].dtype == torch.uint8
    inputs, _ = data.split("train")[list(range(12))]
    assert inputs.mean((0, 2, 3)).tolist() == pytest.approx([0, 0, 0], abs=1e-5)
    assert inputs.std((0, 2, 3), correction=0).tolist() == pytest.approx([1, 1, 1], abs=1e-5)
    with pytest.warns(InputWarning, match="last dimension is taken for the channels"):
        last = of(LABELS, x=pixels.permute(0, 2, 3, 1).contiguous())
    assert torch.equal(last.split("train")[3][0], data.split("train")[3][0])
    grey = of(LABELS, x=pixels[:, 0].numpy())
    assert grey.facts == {"num_classes": 3, "in_channels": 1, "image_size": 5}


def test_tokens_have_a_length_and_a_vocabulary() -> None:
    data = of(LABELS, x=np.array([[1, 5, 0, 2]] * 11 + [[9, 0, 0, 0]], dtype=np.int32))
    assert data.facts == {"num_classes": 3, "length": 4, "vocabulary": 10}


def test_volumes_have_no_facts_of_images() -> None:
    assert of(LABELS, x=torch.rand(12, 1, 2, 2, 2)).facts == {"num_classes": 3}


def test_one_pair_is_split_class_by_class() -> None:
    x = torch.arange(100.0)[:, None] / 100
    with pytest.warns(InputWarning, match=r"split class by class.* 60 training, 20 validation, 20 test"):
        data = as_data((x, torch.arange(100) % 4))
    parts = {name: data.split(name)[list(range(n))] for name, n in (("train", 60), ("valid", 20), ("test", 20))}
    assert sorted((100 * torch.cat([inputs[:, 0] for inputs, _ in parts.values()])).round().tolist()) == list(
        range(100)
    )
    for _, labels in parts.values():
        assert set(labels.bincount().tolist()) == {len(labels) // 4}
    with pytest.warns(InputWarning, match=r"split at random.* 80 training, 20 validation"):
        data = as_data({"train": (x, torch.rand(100)), "test": (x, torch.rand(100))})
    assert len(data.split("test")) == 100


@pytest.mark.filterwarnings(HELD_OUT)
def test_a_subset_has_its_share_of_each_class_and_part() -> None:
    data = as_data((torch.randn(100, 2), torch.arange(100) % 4), subset=40)
    assert [len(data.split(name)) for name in ("train", "valid", "test")] == [24, 8, 8]
    with pytest.raises(InputError, match="subset 101: arrays has 100 samples"):
        as_data((torch.randn(100, 2), torch.arange(100) % 4), subset=101)


def test_numbers_far_from_what_networks_learn_are_told() -> None:
    with pytest.warns(InputWarning, match=r"column 2 has mean 0 and standard deviation 100"):
        of(LABELS, x=torch.tensor([[0.0, 1.0, 100.0], [0.0, -1.0, -100.0]]).repeat(6, 1))
    with pytest.warns(InputWarning, match=r"targets are learnt as they are, with mean 150"):
        of(torch.tensor([100.0, 200.0] * 6))


BAD = X.clone()
BAD[7, 1] = torch.nan


@pytest.mark.parametrize(
    ("x", "y", "said"),
    [
        (BAD, LABELS, "training data's inputs hold NaN or infinite values, sample 7 first"),
        (X, BAD[:, 1], "training data's targets hold NaN or infinite values, sample 7 first"),
        (X[:5], LABELS, "5 inputs but 12 targets"),
        (X[:0], LABELS[:0], "training data is empty"),
        (X[:1], LABELS[:1], "1 sample: give at least 2|only class 0"),
        (X, torch.ones(12).long(), "only class 1: at least two classes"),
        (X, LABELS * 2, r"classes 0, 2, 4 .* have gaps, none is 1, 3: number the 3 classes 0 to 2"),
        (X, LABELS - 1, "class -1"),
        (X, torch.full((12,), 2.5), "all targets of the training data are 2.5"),
        (X, ["a"] * 12, "only class a"),
        (X, [object()] * 12, "is no tensor"),
        ("text", LABELS, "inputs are a str"),
        (["a", "b"] * 6, LABELS, "is no tensor"),
        ({"a": X, "b": X[:5]}, LABELS, r"arrays of \[5, 12\] samples"),
    ],
)
def test_arrays_that_cannot_be_used_are_told(x: Any, y: Any, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        of(y, x=x)
    assert len(str(caught.value)) <= 300


@pytest.mark.parametrize(
    ("y", "task", "said"),
    [
        (X[:, 0], "classification", "is no class: give whole numbers"),
        (X, "classification", "does not fit the task classification"),
        (X, "multi-label", "does not fit the task multi-label"),
        (LABELS, "segmentation", "does not fit the task segmentation"),
        (MASKS, "regression", "does not fit the task regression"),
        (["a", "b", "c"] * 4, "regression", "is text, 'a': its task is no regression"),
        (LABELS, "several", "several heads have a dict of"),
        (LABELS, "guess", "unknown task 'guess': choose from classification"),
    ],
)
def test_targets_that_do_not_fit_the_task_are_told(y: Any, task: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        of(y, task=task)


def test_validation_data_of_other_classes_or_shapes_is_told() -> None:
    with pytest.raises(InputError, match=r"validation data has class 3: the training data has 0 to 2"):
        DatasetData((X, LABELS), (X, LABELS + 1))
    with pytest.raises(InputError, match=r"\(3,\) in training, \(2,\) in validation"):
        DatasetData((X, LABELS), (X[:, :2], LABELS))
