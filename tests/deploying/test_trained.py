"""Networks of searches: what is exported gives the predictions that the network itself gives."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from deploying.test_python import alone
from untrained import Task, load_data
from untrained.data.image_preparation import ImagePreparation
from untrained.data.pixels import Form
from untrained.data.preparation import Normalisation
from untrained.data.resizing import Resize
from untrained.data.tabular.preparation import TableColumn, TablePreparation
from untrained.deploying.export import export_network, exportable_of
from untrained.errors import InputError
from untrained.searching.interface import Interface, describe
from untrained.searching.trained import TrainedNetwork

TABLE = TablePreparation(
    (
        TableColumn("age", "number", 30.0, 32.0, 10.0, gaps=(0.25, 0.43)),
        TableColumn("colour", "text", categories=("", "blue", "red")),
        TableColumn("member", "boolean", 1.0, 0.5, 0.5),
        TableColumn("town", "text", categories=("a",), others=True),
    )
)
ROWS = torch.tensor([[40.0, 1.0, 0.0, -1.0], [torch.nan, -1.0, torch.nan, 0.0], [22.0, 2.0, 1.0, 0.0]])


def table(task: Task) -> TrainedNetwork:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(8, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, task.outputs or 1))
    return TrainedNetwork(network, Interface(task, TABLE, describe(ROWS)), architecture="small", value=0.5)


PRICE = Task("regression", 1, mean=(200.0,), std=(50.0,))
KINDS = {
    "classification": Task("classification", 2, ("no", "yes")),
    "regression in the units of the target": PRICE,
    "multi-label": Task("multi-label", 3, ("x", "y", "z")),
}


@pytest.mark.parametrize("task", KINDS.values(), ids=KINDS)
def test_tables_with_missing_cells_and_categories(task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained = table(task)
    wanted = trained.predict(ROWS)
    for format, name in (("onnx", "n.onnx"), ("python", "n.py"), ("torch-export", "n.pt2")):
        export_network(trained, format, tmp_path / name)
    (found,) = onnxruntime.InferenceSession(str(tmp_path / "n.onnx")).run(None, {"inputs": ROWS.numpy()})
    torch.testing.assert_close(torch.from_numpy(found), wanted, atol=1e-4, rtol=1e-5)
    torch.testing.assert_close(alone(tmp_path / "n.py", monkeypatch).predict(ROWS), wanted)
    torch.testing.assert_close(torch.export.load(tmp_path / "n.pt2").module()(ROWS), wanted)


def test_the_columns_and_codes_of_a_table_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export_network(table(PRICE), "python", tmp_path / "n.py")
    text = " ".join((alone(tmp_path / "n.py", monkeypatch).__doc__ or "").split())
    assert "age, colour (0 missing, 1 blue, 2 red, -1 any other), member (0 or 1), town (0 a, -1 any other)" in text


def test_the_example_of_a_table_has_gaps_and_every_category() -> None:
    example = exportable_of(table(PRICE)).example
    assert example.shape == (8, 4)
    assert example[:, 0].isnan().any()
    assert set(example[:, 1].tolist()) == {-1.0, 0.0, 1.0, 2.0}


class Heads(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.kind, self.price = nn.Linear(8, 3), nn.Linear(8, 1)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"kind": self.kind(x), "price": self.price(x)}


def test_several_heads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = Task("several", heads={"kind": Task("classification", 3), "price": PRICE})
    trained = TrainedNetwork(Heads(), Interface(task, TABLE, describe(ROWS)))
    wanted = trained.predict(ROWS)
    export_network(trained, "onnx", tmp_path / "n.onnx")
    export_network(trained, "python", tmp_path / "n.py")
    session = onnxruntime.InferenceSession(str(tmp_path / "n.onnx"))
    kind, price = session.run(["kind", "price"], {"inputs": ROWS.numpy()})
    found = alone(tmp_path / "n.py", monkeypatch).predict(ROWS)
    for one, other in ((kind, price), (found["kind"].numpy(), found["price"].numpy())):
        torch.testing.assert_close(torch.from_numpy(one), wanted["kind"], atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(torch.from_numpy(other), wanted["price"], atol=1e-4, rtol=1e-5)


def pictures() -> TrainedNetwork:
    data = load_data("digits")
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10))
    return TrainedNetwork(network, Interface.of(data), architecture="one conv")


def test_real_pixels_with_the_preparation_of_the_data(tmp_path: Path) -> None:
    data, trained = load_data("digits"), pictures()
    export_network(trained, "onnx", tmp_path / "n.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "n.onnx"))
    pixels = data.pixels(data.splits["test"][:20])
    (found,) = session.run(["probabilities"], {"images": pixels.numpy()})
    torch.testing.assert_close(torch.from_numpy(found), trained.predict(pixels), atol=1e-5, rtol=1e-5)
    about = session.get_modelmeta().custom_metadata_map
    assert json.loads(about["classes"]) == list(trained.classes)
    assert json.loads(about["preparation"]) == trained.interface.preparation.to_json()
    assert about["architecture"] == "one conv"


def test_logits_on_request(tmp_path: Path) -> None:
    trained = pictures()
    export_network(trained, "onnx", tmp_path / "n.onnx", probabilities=False)
    example = trained.example(3)
    (found,) = onnxruntime.InferenceSession(str(tmp_path / "n.onnx")).run(["logits"], {"images": example.numpy()})
    torch.testing.assert_close(torch.from_numpy(found), trained(example).detach(), atol=1e-4, rtol=1e-4)


def test_a_search_without_data_needs_an_example(tmp_path: Path) -> None:
    bare = TrainedNetwork(nn.Linear(3, 2))
    with pytest.raises(InputError, match="example batch"):
        export_network(bare, "onnx", tmp_path / "n.onnx")
    assert (
        export_network(exportable_of(bare, example=torch.rand(2, 3)), "state-dict", tmp_path / "n.st").difference == 0
    )


def test_an_image_size_is_for_images() -> None:
    with pytest.raises(InputError, match="no images"):
        exportable_of(table(PRICE), size=(8, 8))
    sized = exportable_of(
        TrainedNetwork(
            nn.Flatten(), Interface(PRICE, Normalisation((1.0,), (1.0,)), describe(torch.zeros(1, 1, 2, 2)))
        ),
        size=(6, 4),
    )
    assert sized.example.shape == (8, 1, 6, 4)


def photos(resize: Resize | None) -> TrainedNetwork:
    torch.manual_seed(0)
    preparation = ImagePreparation(Form("RGB", 3, 8, 12, "uint8"), resize, (120.0, 110.0, 100.0), (60.0, 50.0, 40.0))
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(240, 2))
    inputs = {"dtype": "uint8", "shape": [3, 8, 12]}
    return TrainedNetwork(network, Interface(Task("classification", 2, ("cat", "dog")), preparation, inputs))


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A turned photo, 31 x 20 pixels as it is stored."""
    path = tmp_path_factory.mktemp("photo") / "photo.png"
    pixels = np.random.default_rng(0).integers(0, 256, (20, 31, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(path, exif=exif)
    return path


def test_pictures_are_read_as_the_search_read_them(
    photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = photos(Resize(8, 12))
    export_network(trained, "python", tmp_path / "n.py")
    module = alone(tmp_path / "n.py", monkeypatch)
    torch.testing.assert_close(module.read(photo), trained.interface.preparation.read([photo]))
    torch.testing.assert_close(module.predict(module.read(photo)), trained.predict_files([photo]))


def test_pictures_of_another_size_are_refused_if_the_search_refuses_them(
    photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_network(photos(None), "python", tmp_path / "n.py")
    with pytest.raises(ValueError, match="20 x 31 pixels, not 12 x 8"):
        alone(tmp_path / "n.py", monkeypatch).read(photo)


@pytest.mark.parametrize("format", ["onnx", "python"])
def test_raw_pictures_of_another_size_are_resized_in_the_file(
    format: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = photos(Resize(8, 12))
    pixels = torch.randint(0, 256, (5, 3, 20, 31), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    wanted = trained.predict(pixels)
    assert export_network(exportable_of(trained, size=(20, 31)), format, tmp_path / "n.py").difference < 1e-5
    if format == "python":
        found = alone(tmp_path / "n.py", monkeypatch).predict(pixels)
    else:
        (output,) = onnxruntime.InferenceSession(str(tmp_path / "n.py")).run(None, {"images": pixels.numpy()})
        found = torch.from_numpy(output)
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)
