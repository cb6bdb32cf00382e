"""Data sets and loaders of PyTorch, as users have them."""

from typing import Any

import cloudpickle
import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import ConcatDataset, DataLoader, Dataset, IterableDataset, Subset, WeightedRandomSampler

from untrained.data import DatasetData, Task, as_data
from untrained.data.own.known import MOST_READ
from untrained.errors import InputError, InputWarning

pytestmark = pytest.mark.filterwarnings("ignore:one data set is split")


class Own(Dataset[Any]):
    """Samples made by a function of their number."""

    def __init__(self, make: Any, n: int = 30) -> None:
        self.make, self.n = make, n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> Any:
        return self.make(index)


class Like(Own):
    """As torchvision's data sets: names of classes, and the targets of all samples."""

    classes = ("ant", "bee", "cat", "dog")

    def __init__(self, make: Any, n: int = 30) -> None:
        super().__init__(make, n)
        self.targets = [i % 3 for i in range(n)]
        self.read = 0

    def __getitem__(self, index: int) -> Any:
        self.read += 1
        return self.make(index)


def image(i: int) -> Any:
    return torch.full((3, 4, 4), float(i)), i % 3


def test_pairs() -> None:
    data = as_data(Own(image))
    assert data.task == Task("classification", 3)
    assert data.facts == {"num_classes": 3, "in_channels": 3, "image_size": 4}
    assert [len(data.split(name)) for name in ("train", "valid", "test")] == [18, 6, 6]
    inputs, labels = data.batch(5, seed=1)
    assert (inputs[:, 0, 0, 0] % 3).long().tolist() == labels.tolist()


def test_a_list_of_samples_is_a_data_set() -> None:
    data = as_data([(np.ones(4) * i, i % 2) for i in range(20)])
    assert data.facts == {"num_classes": 2, "in_features": 4}


def test_classes_and_targets_that_a_data_set_tells_are_taken_without_reading_it() -> None:
    whole = Like(image, 10_000)
    data = as_data({"train": Subset(whole, range(8_000)), "valid": Subset(whole, range(8_000, 10_000))})
    assert data.task == Task("classification", 4, ("ant", "bee", "cat", "dog"))
    assert whole.read < 100
    assert as_data(ConcatDataset([whole, whole])).task.classes == whole.classes


def test_targets_that_samples_change_are_read_from_them() -> None:
    changed = Like(lambda i: (torch.zeros(3), (i % 3) + 1 if i else 0))
    data = as_data({"train": changed, "valid": changed})
    assert data.task.outputs == 4
    assert sorted({int(data.split("train")[i][1]) for i in range(30)}) == [0, 1, 2, 3]


def test_a_look_at_many_samples_is_bounded_and_told() -> None:
    large = Own(lambda i: (torch.zeros(2), i % 3), 50_000)
    with pytest.warns(InputWarning, match=rf"3 classes by {MOST_READ} samples.*Task\('classification', K\)"):
        data = as_data({"train": large, "valid": large})
    assert data.task.outputs == 3
    assert as_data({"train": large, "valid": large}, task=Task("classification", 7)).task.outputs == 7


@pytest.mark.parametrize(
    ("sample", "options", "facts"),
    [
        ({"image": torch.zeros(1, 2, 2), "label": 0}, {}, {"in_channels": 1, "image_size": 2}),
        ({"x": torch.zeros(3), "y": 0, "id": "a"}, {}, {"in_features": 3}),
        ({"input_ids": [3, 7], "attention_mask": [1, 1], "labels": 0}, {}, {"length": 2, "vocabulary": 8}),
        ({"signal": [0.5, 1.0], "kind": 0}, {"target": "kind"}, {"in_features": 2}),
        ({"a": [0.5], "b": [1.0, 2.0], "label": 0}, {"inputs": "b"}, {"in_features": 2}),
    ],
    ids=["image", "x and y", "tokens", "a named target", "a named input"],
)
def test_dictionaries(sample: dict[str, Any], options: Any, facts: Any) -> None:
    goal = options.get("target") or next(key for key in sample if key in ("label", "labels", "y"))
    data = as_data(Own(lambda i: sample | {goal: i % 2}), **options)
    assert data.facts == facts | {"num_classes": 2}


def test_several_keys_are_several_inputs_and_several_heads() -> None:
    def sample(i: int) -> Any:
        return {"a": torch.ones(2) * i, "b": torch.zeros(3), "kind": i % 2, "size": i / 30}

    data = as_data(Own(sample), inputs="a,b", target=["kind", "size"])
    assert {name: task.kind for name, task in data.task.heads.items()} == {
        "kind": "classification",
        "size": "regression",
    }
    inputs, target = data.batch(4)
    assert {name: tuple(part.shape) for name, part in inputs.items()} == {"a": (4, 2), "b": (4, 3)}
    assert torch.allclose(target["size"], inputs["a"][:, 0] / 30)


def test_three_parts_are_two_inputs_and_a_target() -> None:
    data = as_data(Own(lambda i: (torch.zeros(2), torch.ones(3), i % 2)))
    assert [tuple(part.shape) for part in data.batch(4)[0]] == [(4, 2), (4, 3)]
    assert data.task == Task("classification", 2)


def test_pictures_of_pillow_become_pixels() -> None:
    def sample(i: int) -> Any:
        return Image.new("RGB", (6, 4 + i % 2), (i, 2 * i, 0)), i % 3

    with pytest.raises(InputError, match=r"images of 2 shapes.*resize="):
        as_data(Own(sample)).split("train")
    data = as_data(Own(sample), resize=4)
    raw: Any = data.raw("train")
    assert raw[0][0].dtype == torch.uint8
    assert data.facts == {"num_classes": 3, "in_channels": 3, "image_size": 4}
    inputs, labels = data.batch(18)
    assert inputs[:, 1].mean().item() == pytest.approx(0, abs=1e-5)
    assert labels.bincount().tolist() == [6, 6, 6]


class Tokens(Own):
    """Sequences of several lengths: 0, 1, ..., number % 5."""

    def __init__(self) -> None:
        super().__init__(lambda i: {"input_ids": list(range(1 + i % 5)), "labels": i % 2})


def padded(samples: list[Any]) -> dict[str, torch.Tensor]:
    length = max(len(sample["input_ids"]) for sample in samples)
    rows = [sample["input_ids"] + [9] * (length - len(sample["input_ids"])) for sample in samples]
    return {"input_ids": torch.tensor(rows), "labels": torch.tensor([sample["labels"] for sample in samples])}


def test_a_loader_gives_its_data_set_its_batch_size_and_its_way_to_make_batches() -> None:
    loader = DataLoader(Tokens(), batch_size=8, shuffle=True, collate_fn=padded)
    data = as_data((loader, loader))
    assert data.batch_size == 8
    assert data.facts == {"num_classes": 2, "length": 5, "vocabulary": 5}
    raw: Any = data.raw("train")
    inputs, labels = next(iter(DataLoader(raw, batch_size=8, collate_fn=raw.collate_fn)))
    assert inputs.tolist() == padded([Tokens()[i] for i in range(8)])["input_ids"].tolist()
    assert labels.tolist() == [0, 1] * 4
    inputs, _ = data.batch(30)
    assert inputs.shape == (30, 5)
    tokens, label = raw[3]
    assert (tokens.tolist(), int(label)) == ([0, 1, 2, 3], 1)


def test_a_loader_without_a_way_of_its_own_is_its_data_set() -> None:
    data = as_data(DataLoader(Own(image), batch_size=4, shuffle=True))
    assert (data.batch_size, len(data.split("train"))) == (4, 18)
    weighted = DataLoader(Own(image), sampler=WeightedRandomSampler([1.0] * 30, 30))
    with pytest.warns(InputWarning, match="its WeightedRandomSampler is not used"):
        as_data({"train": weighted, "valid": weighted})


class Endless(IterableDataset[Any]):
    def __iter__(self) -> Any:
        return iter(())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (Endless(), "Endless, has no length"),
        (DataLoader(Endless()), "DataLoader of Endless, has no length"),
        (DataLoader(Own(image), batch_size=None), "DataLoader without batch_size"),
        (Own(image, 0), "training data is empty"),
        (Own(lambda i: torch.zeros(2)), "a sample of the training data is a Tensor: give pairs"),
        (Own(lambda i: {"a": 1}), "has the keys a: which is the target"),
        (Own(lambda i: {"a": 1, "b": 2, "label": i % 2}), "has the keys a, b, label: which is the input"),
        (Own(lambda i: ("a text", i % 2)), "input of the training data is text, 'a text'"),
        (Own(lambda i: (None, i % 2)), "input of the training data is None"),
        (Own(lambda i: (torch.full((2,), torch.nan), i % 2)), "hold NaN"),
        (5, "5 is no data: give a file, a folder"),
        (None, "None is no data"),
        (Own, "is no data"),
        (((1, 2), (3, 4)), "a tuple of tuple, tuple is no data"),
        ({"train": Own(image), "other": Own(image)}, "splits train, other: give 'train'"),
        ({"valid": Own(image)}, "splits valid: give 'train'"),
    ],
)
def test_what_is_no_data_is_told_in_one_line(given: Any, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        as_data(given)
    assert len(str(caught.value)) <= 300


def test_options_that_do_not_belong_are_told() -> None:
    with pytest.raises(InputError, match=r"takes no columns=: it takes valid, test, name, task"):
        as_data(Own(image), columns="a")
    with pytest.raises(InputError, match="subset= belongs to how data is read"):
        as_data(as_data(Own(image)), subset=3)
    with pytest.raises(InputError, match="without keys: leave target= out"):
        as_data(Own(image), target="label")
    with pytest.raises(InputError, match="has no 'size': it has image, label"):
        as_data(Own(lambda i: {"image": torch.zeros(3), "label": i % 2}), target="size")


def test_a_data_frame_is_a_table() -> None:
    import pandas as pd

    data: Any = as_data(pd.DataFrame({"a": range(0, 60, 2), "b": ["x", "y"] * 15, "y": ["u", "v", "w"] * 10}))
    assert data.task.classes == ("u", "v", "w")
    assert data.preparation.features == ("a", "b=x", "b=y")


def test_content_is_told_by_samples_and_rows() -> None:
    def print_of(make: Any, rows: Any = range(30)) -> Any:
        return DatasetData(Subset(Own(make), rows), Subset(Own(make), rows)).fingerprint

    assert print_of(image) == print_of(image)
    assert print_of(image) != print_of(lambda i: (image(i)[0] + (i == 17), i % 3))
    assert print_of(image) != print_of(image, range(29))


def test_data_travels_to_other_processes() -> None:
    loader = DataLoader(Tokens(), batch_size=8, collate_fn=padded)
    for given in (Own(image), loader, (torch.randn(30, 2), torch.arange(30) % 2)):
        data = as_data(given)
        again = cloudpickle.loads(cloudpickle.dumps(data))
        assert again.fingerprint == data.fingerprint
        assert torch.equal(again.batch(5)[0], data.batch(5)[0])
