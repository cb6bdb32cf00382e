"""Predictions for files: which are meant, what is made of each, and what if one is broken."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from untrained import InputError, Task
from untrained.data.preparation import AsIs, Preparation
from untrained.deploying.predicting import Predicted, predict, records
from untrained.deploying.predicting.files import files_of, read_arrays
from untrained.deploying.predicting.written import write
from untrained.searching.interface import Interface
from untrained.searching.trained import TrainedNetwork


@dataclass(frozen=True)
class Grey(Preparation):
    """Grey pictures of any size, one of a batch each of the same; raw pixels divided by 255."""

    kind = "grey-pictures-of-a-test"

    def module(self) -> nn.Module:
        return Scaled()

    def read(self, paths: Sequence[Path]) -> Tensor:
        for path in paths:
            if path.read_bytes()[:4] != b"\x89PNG":
                raise InputError(f"{path.name} is no picture")
        return torch.stack([torch.from_numpy(np.array(Image.open(path))[None]) for path in paths])

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind}

    @classmethod
    def of_json(cls, document: Mapping[str, Any]) -> "Grey":
        return cls()


class Scaled(nn.Module):
    def forward(self, pixels: Tensor) -> Tensor:
        return pixels.float() / 255


class Brightness(nn.Module):
    """Logits so that the softmax of "light" is the mean pixel, as a part of 255."""

    def forward(self, x: Tensor) -> Tensor:
        light = x.mean((1, 2, 3)).clamp(1e-6, 1 - 1e-6)
        return torch.stack([(1 - light).log(), light.log()], 1)


NETWORK = TrainedNetwork(
    Brightness(),
    Interface(
        Task("classification", 2, ("dark", "light")),
        Grey(),
        {"dtype": "uint8", "shape": [1, 2, 2]},
    ),
)


def picture(path: Path, pixel: int, size: tuple[int, int] = (2, 2)) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size, pixel).save(path)
    return str(path)


def test_pictures_are_predicted_in_the_order_given(tmp_path: Path) -> None:
    files = [picture(tmp_path / f"{pixel}.png", pixel) for pixel in (255, 0, 51)]
    for size in (1, 2, 100):
        found = records(predict(NETWORK, files, batch_size=size))
        assert [one["file"] for one in found] == files
        assert [one["prediction"] for one in found] == ["light", "dark", "dark"]
        assert [one["probability"] for one in found] == pytest.approx([1, 1, 0.8], abs=1e-5)
        assert [one["prediction_2"] for one in found] == ["dark", "light", "light"]
        assert found[2]["probability_2"] == pytest.approx(0.2)


def test_each_broken_file_is_named_and_the_others_are_predicted(tmp_path: Path) -> None:
    good = [picture(tmp_path / f"{pixel}.png", pixel) for pixel in (255, 0, 51)]
    (tmp_path / "text.png").write_text("no picture")
    gone, text = str(tmp_path / "gone.npy"), str(tmp_path / "text.png")
    found = predict(NETWORK, [good[0], text, good[1], gone, good[2]])
    assert found.files == good
    assert found.failed == {text: "text.png is no picture", gone: f"no file {gone!r}"}


def test_pictures_of_several_sizes_go_through_one_by_one(tmp_path: Path) -> None:
    class Odd(Grey):
        kind = "odd-pictures-of-a-test"

        def read(self, paths: Sequence[Path]) -> Tensor:
            try:
                return super().read(paths)
            except RuntimeError as error:
                raise InputError("pictures of several sizes") from error

    network = TrainedNetwork(Brightness(), Interface(NETWORK.task, Odd()))
    files = [picture(tmp_path / "a.png", 255), picture(tmp_path / "b.png", 0, (3, 5))]
    found = predict(network, files)
    assert ([one["prediction"] for one in records(found)], found.failed) == (["light", "dark"], {})


def test_folders_and_patterns(tmp_path: Path) -> None:
    a, b, c = (picture(tmp_path / name, 0) for name in ("x/a.png", "x/inside/b.png", "y/c.png"))
    (tmp_path / "x" / "notes.txt").write_text("nothing to predict")
    assert list(map(str, files_of([tmp_path / "x", str(tmp_path / "?" / "*.png")]))) == [a, b, c]
    assert files_of([tmp_path / "gone.png"]) == [tmp_path / "gone.png"]
    (tmp_path / "empty").mkdir()
    for given, says in ((tmp_path / "empty", "holds no pictures"), (tmp_path / "*.gif", "no file fits")):
        with pytest.raises(InputError, match=says):
            files_of([given])


@pytest.mark.parametrize(
    ("shape", "form", "wanted"),
    [
        ((5, 2, 2), [1, 2, 2], (5, 1, 2, 2)),
        ((5, 4, 6, 3), [3, 4, 6], (5, 3, 4, 6)),
        ((5, 3, 4, 6), [3, 4, 6], (5, 3, 4, 6)),
        ((5, 7), [7], (5, 7)),
    ],
    ids=["grey", "channels last", "channels first", "rows"],
)
def test_arrays_in_the_forms_that_people_save(
    shape: tuple[int, ...], form: list[int], wanted: tuple[int, ...], tmp_path: Path
) -> None:
    array = np.arange(np.prod(shape)).reshape(shape).astype(np.float64)
    np.savez(tmp_path / "a.npz", y=np.zeros(5), x=array)
    np.save(tmp_path / "a.npy", array)
    for name in ("a.npz", "a.npy"):
        tensor = read_arrays(tmp_path / name, {"dtype": "float32", "shape": form})
        assert (tuple(tensor.shape), tensor.dtype) == (wanted, torch.float32)
        last = array[4].transpose(2, 0, 1) if shape == (5, 4, 6, 3) else array[4]
        assert np.array_equal(tensor[4].reshape(last.shape), last)


def test_whole_numbers_are_pixels_if_the_data_were(tmp_path: Path) -> None:
    form = {"dtype": "uint8", "shape": [1, 2, 2]}
    for largest, dtype in ((255, torch.uint8), (256, torch.int64)):
        np.save(tmp_path / "a.npy", np.full((3, 2, 2), largest))
        found = read_arrays(tmp_path / "a.npy", form)
        assert (found.dtype, int(found.max())) == (dtype, largest)
    np.save(tmp_path / "b.npy", np.zeros((3, 2)))
    failed = predict(NETWORK, [tmp_path / "b.npy"]).failed
    assert next(iter(failed.values())).startswith(
        f"{tmp_path / 'b.npy'}: the network does not take inputs of float32 3 x 2"
    )


def test_arrays_by_the_names_of_several_inputs(tmp_path: Path) -> None:
    inputs = {"fields": {"image": {"dtype": "uint8", "shape": [1, 2, 2]}, "age": {"dtype": "float32", "shape": [1]}}}
    np.savez(tmp_path / "a.npz", age=np.ones((3, 1)), image=np.zeros((3, 2, 2), np.uint8))
    found = read_arrays(tmp_path / "a.npz", inputs)
    assert {name: tuple(part.shape) for name, part in found.items()} == {"image": (3, 1, 2, 2), "age": (3, 1)}
    np.savez(tmp_path / "b.npz", age=np.ones((3, 1)))
    with pytest.raises(InputError, match="has no array 'image': it has age"):
        read_arrays(tmp_path / "b.npz", inputs)


def broken(path: Path, kind: str) -> Path:
    if kind == "names":
        np.savez(path, a=np.zeros(1), b=np.zeros(1))
    elif kind == "objects":
        np.savez(path, x=np.array([{}, None], dtype=object))
    elif kind == "words":
        np.savez(path, x=np.array(["a"]))
    elif kind == "text":
        path.write_text("no archive")
    return path


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("names", "has no array called x, x_test, .*: it has a, b"),
        ("objects", "cannot be read as arrays"),
        ("words", "no inputs: give numbers"),
        ("text", "cannot be read as arrays"),
        ("gone", "no file"),
    ],
)
def test_arrays_that_cannot_be_read(kind: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=says):
        read_arrays(broken(tmp_path / "a.npz", kind), None)


def test_inputs_that_are_no_files_are_told_once(tmp_path: Path) -> None:
    network = TrainedNetwork(nn.Identity(), Interface(Task("regression", 1), AsIs()))
    with pytest.raises(InputError, match=r"give \.npz or \.npy arrays, not .*a\.png"):
        predict(network, [picture(tmp_path / "a.png", 0)])
    np.save(tmp_path / "a.npy", np.array([[1.5], [2.5]]))
    assert records(predict(network, [tmp_path / "a.npy"])) == [
        {"file": str(tmp_path / "a.npy"), "row": 0, "prediction": 1.5},
        {"file": str(tmp_path / "a.npy"), "row": 1, "prediction": 2.5},
    ]


@pytest.mark.parametrize(
    ("task", "prediction", "wanted"),
    [
        (
            Task("multi-label", 3, ("a", "b", "c")),
            [0.6, 0.2, 0.9],
            {"prediction": "c;a", "label_1": "c", "probability_1": 0.9, "label_2": "a", "probability_2": 0.6},
        ),
        (Task("regression", 2), [1.0, 2.0], {"prediction_1": 1.0, "prediction_2": 2.0}),
        (
            Task("segmentation", 3, ("sky", "sea", "land")),
            [[1, 1], [1, 0]],
            {"prediction": "sea", "share": 0.75, "prediction_2": "sky", "share_2": 0.25},
        ),
        (Task("other"), [3.0, 4.0], {"output_1": 3.0, "output_2": 4.0}),
        (Task("other"), [[0.0] * 10] * 10, {"output": "10 x 10"}),
    ],
    ids=lambda given: given.kind if isinstance(given, Task) else "",
)
def test_records_by_task(task: Task, prediction: Any, wanted: dict[str, Any]) -> None:
    (found,) = records(Predicted(task, ["f"], [None], [torch.tensor(prediction)]), top=2)
    assert found == {"file": "f"} | {n: pytest.approx(v) if isinstance(v, float) else v for n, v in wanted.items()}


def test_records_of_several_heads() -> None:
    heads = {"kind": Task("classification", 2, ("a", "b")), "size": Task("regression", 1)}
    prediction = {"kind": torch.tensor([0.25, 0.75]), "size": torch.tensor([2.0])}
    (found,) = records(Predicted(Task("several", heads=heads), ["f"], [None], [prediction]), top=1)
    assert found == {"file": "f", "kind.prediction": "b", "kind.probability": 0.75, "size.prediction": 2.0}


def test_what_is_written_can_be_read_again(tmp_path: Path) -> None:
    files = [picture(tmp_path / f"{pixel}.png", pixel) for pixel in (255, 51)]
    found = predict(NETWORK, files)
    for ending in ("csv", "json", "parquet", "npz"):
        write(tmp_path / f"p.{ending}", found, top=1)
    wanted = [{"file": files[0], "prediction": "light"}, {"file": files[1], "prediction": "dark"}]
    with (tmp_path / "p.csv").open() as file:
        rows = list(csv.DictReader(file))
    others = [json.loads((tmp_path / "p.json").read_text()), pq.read_table(tmp_path / "p.parquet").to_pylist()]
    for table in (rows, *others):
        assert [{name: row[name] for name in ("file", "prediction")} for row in table] == wanted
        assert [float(row["probability"]) for row in table] == pytest.approx([1, 0.8], abs=1e-5)
    with np.load(tmp_path / "p.npz") as arrays:
        assert arrays["predictions"] == pytest.approx(np.array([[0, 1], [0.8, 0.2]]), abs=1e-5)
        assert arrays["files"].tolist() == files
    with pytest.raises(InputError, match=r"predictions go to \.csv"):
        write(tmp_path / "p.xlsx", found, top=1)
