"""Images that are decoded when they are needed."""

import random
from collections.abc import Iterator
from pathlib import Path

import cloudpickle
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from data.pictures import encoded, write_parquet
from untrained.data import ImageData, load_data
from untrained.data.decoded import Decoded, Loaded
from untrained.data.source import Rows
from untrained.runtime.seeding import random_states

X = np.random.default_rng(0).integers(0, 256, (40, 20, 30, 3), dtype=np.uint8)
Y = np.arange(40) % 2


@pytest.fixture(params=["parquet", "folder", "npz"])
def data(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ImageData]:
    if request.param == "parquet":
        yield load_data(write_parquet(tmp_path / "x.parquet", [encoded(x) for x in X], Y))
    elif request.param == "npz":
        np.savez(tmp_path / "x.npz", x=X.transpose(0, 3, 1, 2), y=Y)
        yield load_data(tmp_path / "x.npz")
    else:
        for i, x in enumerate(X):
            (tmp_path / str(i % 2)).mkdir(exist_ok=True)
            (tmp_path / str(i % 2) / f"{i // 2:02}.png").write_bytes(encoded(x))
        yield load_data(tmp_path)


def of(data: ImageData, in_memory: bool) -> ImageData:
    return ImageData(data.name, data.targets, data.pixels, data.splits, data.classes, data.content, in_memory=in_memory)


def test_what_does_not_fit_gives_the_same_batches(data: ImageData) -> None:
    loaded, lazy = (of(data, fits).raw("train") for fits in (True, False))
    assert isinstance(loaded, Loaded)
    assert isinstance(loaded, TensorDataset)
    assert isinstance(lazy, Decoded)
    images, labels = loaded.tensors
    assert images.dtype == torch.uint8
    batches = list(DataLoader(lazy, 7))
    assert torch.equal(torch.cat([batch for batch, _ in batches]), images)
    assert torch.equal(torch.cat([targets for _, targets in batches]), labels)
    assert torch.equal(lazy[3][0], images[3])
    assert len(lazy) == len(images) == 24


def test_decoding_all_leaves_the_random_numbers_as_they_were() -> None:
    def drawing(rows: Rows) -> torch.Tensor:  # as packages do that are imported for it
        return torch.full((len(rows), 1, 2, 2), random.random() + np.random.rand() + float(torch.rand(1)))

    samples = Loaded(Decoded(drawing, np.arange(4), torch.from_numpy))
    before = random_states(torch.device("cpu"))
    assert len(samples.tensors) == 2
    assert str(random_states(torch.device("cpu"))) == str(before)


def test_another_process_is_sent_no_pixels(data: ImageData) -> None:
    for name in ("train", "valid", "test"):
        assert len(data.split(name)[list(range(8))][0]) == 8  # all are decoded
    content = cloudpickle.dumps(data)
    assert len(content) < X.nbytes / 2
    again: ImageData = cloudpickle.loads(content)
    assert again.fingerprint == data.fingerprint
    assert again.preparation == data.preparation
    for name in ("train", "valid", "test"):
        both = [one.split(name)[list(range(8))][0] for one in (data, again)]
        assert torch.equal(*both)


class Counted:
    """Counts the images that are decoded."""

    def __init__(self) -> None:
        self.rows: list[int] = []

    def __call__(self, rows: Rows) -> torch.Tensor:
        self.rows += rows.tolist()
        return torch.from_numpy(rows)[:, None, None, None].to(torch.uint8).expand(-1, 1, 2, 2).contiguous()


def test_no_image_is_decoded_that_is_not_asked_for() -> None:
    counted = Counted()
    rows = np.arange(20)
    splits = {"train": rows[:12], "valid": rows[12:16], "test": rows[16:]}
    data = ImageData("x", rows % 2, counted, splits, content=str)
    assert (data.task.outputs, data.raw("test") is None) == (2, False)
    assert counted.rows == [0]  # for the form
    assert data.facts == {"num_classes": 2, "in_channels": 1, "image_size": 2}
    assert data.split("valid")[1][1] == 1
    assert set(counted.rows) <= {0, *rows[:12], 13}  # one for the form, the training images for the mean
    about = data.about()
    assert about["sizes"] == {"train": 12, "valid": 4, "test": 4}
    assert not set(rows[16:]) & set(counted.rows)
    counted.rows.clear()
    train = data.raw("train")
    assert isinstance(train, Loaded)
    for place in range(12):
        assert train[place][0].unique().tolist() == [place]
    assert len(counted.rows) == 6 + 12  # half of them one by one, then all at once
    counted.rows.clear()
    assert train[torch.tensor([0, 3])][1].tolist() == [0, 1]
    assert counted.rows == []


def test_workers_of_a_loader_decode(data: ImageData) -> None:
    lazy = of(data, False).raw("valid")
    assert isinstance(lazy, Decoded)
    loader = DataLoader(lazy, 4, num_workers=1)
    assert torch.equal(torch.cat([batch for batch, _ in loader]), data.pixels(data.splits["valid"]))
