"""Data sets of Hugging Face: objects and saved folders."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image as Pillow
from torch.utils.data import TensorDataset

from untrained.data import as_data, load_data
from untrained.errors import InputError

datasets = pytest.importorskip("datasets", reason="the extra huggingface is not installed")
pytestmark = pytest.mark.filterwarnings("ignore:one data set is split")


def pictures(n: int) -> Any:
    images = [Pillow.fromarray(np.full((6, 8, 3), 10 * i % 256, np.uint8)) for i in range(n)]
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["cat", "dog"])})
    return datasets.Dataset.from_dict({"image": images, "label": [i % 2 for i in range(n)]}, features=features)


def tokens(n: int) -> Any:
    columns = {"input_ids": [[i % 7, 3, 0] for i in range(n)], "label": [i % 3 for i in range(n)]}
    return datasets.Dataset.from_dict(columns)


def test_pictures_and_names_of_classes(tmp_path: Path) -> None:
    both = datasets.DatasetDict({"train": pictures(20), "validation": pictures(8), "test": pictures(6)})
    both.save_to_disk(str(tmp_path / "pets"))
    for data in (as_data(both), load_data(tmp_path / "pets")):
        assert data.task.classes == ("cat", "dog")
        assert [len(data.split(name)) for name in ("train", "valid", "test")] == [20, 8, 6]
        assert data.facts == {"num_classes": 2, "in_channels": 3, "image_size": (6, 8)}
        raw: Any = data.raw("train")
        assert isinstance(raw, TensorDataset)  # decoded once
        pixels, label = raw[3]
        assert pixels.unique().tolist() == [30]
        assert label == 1
        assert data.batch(4)[0].shape == (4, 3, 6, 8)
    assert load_data(tmp_path / "pets", resize=4).facts["image_size"] == 4
    assert load_data(tmp_path / "pets").name == "pets"
    assert load_data(tmp_path / "pets").fingerprint == load_data(tmp_path / "pets").fingerprint


def test_tokens_of_one_data_set_are_split() -> None:
    data = as_data(tokens(30).shuffle(seed=1), target="label")
    assert data.facts == {"num_classes": 3, "length": 3, "vocabulary": 7}
    assert [len(data.split(name)) for name in ("train", "valid", "test")] == [18, 6, 6]
    inputs, _ = data.batch(4)
    assert inputs.dtype == torch.int64


def test_a_transform_of_the_users_own_is_run_for_each_sample() -> None:
    def halved(batch: Any) -> Any:
        return {"image": [picture.resize((4, 3)) for picture in batch["image"]], "label": batch["label"]}

    given = pictures(20).with_transform(halved)
    data = as_data({"train": given, "valid": given})
    assert data.facts == {"num_classes": 2, "in_channels": 3, "image_size": (3, 4)}
    assert not isinstance(data.raw("train"), TensorDataset)


def test_pictures_of_several_sizes_need_one() -> None:
    images = [Pillow.new("RGB", (6, 4 + i % 2)) for i in range(20)]
    features = datasets.Features({"image": datasets.Image(), "label": datasets.Value("int64")})
    whole = datasets.Dataset.from_dict({"image": images, "label": [i % 2 for i in range(20)]}, features=features)
    with pytest.raises(InputError, match=r"images of 2 shapes.*give resize="):
        as_data({"train": whole, "valid": whole})
    assert as_data(whole, resize=4).facts == {"num_classes": 2, "in_channels": 3, "image_size": 4}


def test_a_format_of_the_users_own_is_kept() -> None:
    data = as_data(tokens(30).with_format("torch"))
    assert data.facts == {"num_classes": 3, "length": 3, "vocabulary": 7}


def test_columns_of_numbers_are_a_table() -> None:
    columns = {"age": [20 + i for i in range(30)], "town": ["a", "b", None] * 10, "label": [i % 2 for i in range(30)]}
    features = datasets.Features(
        {
            "age": datasets.Value("int64"),
            "town": datasets.Value("string"),
            "label": datasets.ClassLabel(names=["no", "yes"]),
        }
    )
    whole = datasets.Dataset.from_dict(columns, features=features)
    parts = datasets.DatasetDict({"train": whole.select(range(2, 22)), "test": whole.select(range(22, 30))})
    data: Any = as_data(parts, inputs="age,town")
    assert data.task.classes == ("no", "yes")
    assert data.preparation.features == ("age", "town=", "town=a", "town=b")
    assert data.inputs[0, 0] == 22
    assert {name: len(rows) for name, rows in data.splits.items()} == {"train": 16, "valid": 4, "test": 8}


def test_what_cannot_be_used_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a stream: load it without streaming"):
        as_data(tokens(30).to_iterable_dataset())
    with pytest.raises(InputError, match="splits a, b: one must be called train"):
        as_data(datasets.DatasetDict({"a": tokens(3), "b": tokens(3)}))
    texts = datasets.Dataset.from_dict({"text": [[f"{i}"] for i in range(30)], "label": [0, 1] * 15})
    with pytest.raises(InputError, match="input of the training data is text"):
        as_data(texts)
    tokens(30).save_to_disk(str(tmp_path / "broken"))
    for file in (tmp_path / "broken").glob("*.arrow"):
        file.write_bytes(b"no")
    with pytest.raises(InputError, match="broken cannot be read as a data set of Hugging Face"):
        load_data(tmp_path / "broken")
