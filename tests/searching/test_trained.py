"""The network of a finished search takes raw inputs and gives predictions, from memory and from the folder alike."""

import json
import math
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from toy import MLPs, toy_batch
from untrained import NASBench201, Recipe, Scoring, Task, TrainingObjective, load_data, load_network, search
from untrained.data.preparation import Normalisation
from untrained.errors import InputError
from untrained.searching.interface import Interface, describe, example_of
from untrained.searching.remembered import check_same_data, recall
from untrained.searching.result import Result
from untrained.searching.trained import TrainedNetwork, predictions

CELLS = [
    "|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|",
    "|none~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|",
]


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """A search with data, in a folder."""
    space = NASBench201(N=1, C=4, in_channels=1)
    objective = TrainingObjective(space, "digits", Recipe(epochs=1))
    scores = Scoring(["params"])
    return search(space, objective, budget=2, pool=CELLS, scores=scores, out=tmp_path_factory.mktemp("digits"))


def folder_of(result: Result) -> Path:
    assert result.folder is not None
    return result.folder


def raw_digits(split: str = "test") -> tuple[Tensor, Tensor]:
    data = load_data("digits")
    return data.pixels(data.splits[split]), torch.from_numpy(data.labels[data.splits[split]])


def test_raw_pixels_in_and_the_reported_accuracy_out(digits: Result) -> None:
    pixels, labels = raw_digits()
    assert pixels.dtype == torch.uint8
    for network in (digits.network(), load_network(folder_of(digits))):
        assert not any(part.training for part in network.modules())
        outputs = network(pixels)
        right = 100 * (outputs.argmax(1) == labels).double().mean().item()
        assert right == pytest.approx(digits.reported["test_accuracy"])
        # the same, written out: the first 2,048 training images give mean and deviation
        train = raw_digits("train")[0].double()
        by_hand = (pixels.double() - train.mean()) / train.std(correction=0)
        torch.testing.assert_close(outputs, network.network(by_hand.float()), atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(network.predict(pixels), F.softmax(outputs, 1))
        assert (network.architecture, network.value) == (digits.architecture, digits.value)
        assert network.classes == tuple("0123456789")


def test_predictions_do_not_depend_on_the_size_of_batches_nor_on_the_mode(digits: Result) -> None:
    network = load_network(folder_of(digits))
    pixels = raw_digits()[0][:7]
    whole = network.predict(pixels)
    torch.testing.assert_close(network.predict(pixels.numpy(), batch_size=3), whole)
    network.train()
    torch.testing.assert_close(network.predict(pixels), whole)
    assert network.training
    assert all(part.training for part in network.network.modules())


def test_best_json_holds_what_is_needed_to_use_the_network(digits: Result) -> None:
    document = json.loads((folder_of(digits) / "best.json").read_text())
    network = document["network"]
    assert digits.space.to_arch(network["decisions"]) == digits.architecture
    assert network["inputs"] == {"dtype": "uint8", "shape": [1, 8, 8]}
    assert (network["task"]["kind"], network["task"]["outputs"]) == ("classification", 10)
    assert network["preparation"]["kind"] == "images"
    assert (document["recipe"]["epochs"], document["recipe"]["seed"]) == (1, 0)
    assert document["versions"]["torch"] == version("torch")


def test_the_folder_remembers_data_and_splits(digits: Result) -> None:
    document, data = recall(folder_of(digits)), load_data("digits")
    assert document is not None
    assert (document["name"], document["fingerprint"]) == ("digits", data.fingerprint)
    assert document["sizes"] == {"train": 1079, "valid": 359, "test": 359}
    table = pq.read_table(folder_of(digits) / "splits.parquet").to_pydict()
    assert table["row"] == list(range(1797))
    for name, rows in data.splits.items():
        assert [row for row, split in zip(*table.values(), strict=True) if split == name] == sorted(rows.tolist())


def test_other_data_are_told_from_those_of_the_search(digits: Result, tmp_path: Path) -> None:
    images = raw_digits("train")[0].numpy()
    check_same_data(folder_of(digits), load_data("digits"))
    np.savez(tmp_path / "other.npz", x=images[:100], y=np.arange(100) % 10)
    with pytest.raises(InputError, match=r"other\.npz is not the data .*sizes train 60.*give the same data"):
        check_same_data(folder_of(digits), load_data(tmp_path / "other.npz"))


def test_a_search_that_is_told_again_writes_nothing(digits: Result) -> None:
    folder = folder_of(digits)
    before = {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in folder.iterdir()}
    objective = TrainingObjective(digits.space, "digits", Recipe(epochs=1))
    search(digits.space, objective, budget=2, pool=CELLS, scores=Scoring(["params"]), out=folder)
    assert {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in folder.iterdir()} == before


def test_a_search_without_data_takes_inputs_as_they_are(tmp_path: Path) -> None:
    def zeroed(network: nn.Module, trial: Any) -> float:
        for weight in network.parameters():
            nn.init.zeros_(weight)
        return 1.0

    scores = Scoring(["params"], batch=toy_batch(8))
    result = search(MLPs(), zeroed, budget=1, pool=2, scores=scores, out=tmp_path)
    network = load_network(tmp_path, MLPs())
    inputs = toy_batch(5)[0]
    assert torch.equal(network(inputs), network.network(inputs))
    assert torch.equal(network.predict(inputs), torch.zeros(5, 3))
    assert (network.classes, network.interface.inputs) == ((), {"dtype": "float32", "shape": [1, 4, 4]})
    assert result.network().architecture == network.architecture
    assert not (tmp_path / "data.json").exists()


@pytest.mark.parametrize(
    ("task", "outputs", "wanted"),
    [
        (Task("classification", 2), [[0.0, math.log(3)]], [[0.25, 0.75]]),
        (Task("multi-label", 2), [[0.0, math.log(3)]], [[0.5, 0.75]]),
        (Task("regression", 1), [[1.5]], [[1.5]]),
        (Task("segmentation", 2), [[[[1.0, 2.0]], [[2.0, 1.0]]]], [[[1, 0]]]),
        (Task("other"), [[3.0]], [[3.0]]),
    ],
    ids=lambda given: given.kind if isinstance(given, Task) else "",
)
def test_predictions_by_task(task: Task, outputs: Any, wanted: Any) -> None:
    found = predictions(torch.tensor(outputs), task)
    torch.testing.assert_close(found, torch.tensor(wanted))


def test_each_head_by_its_own_task() -> None:
    heads = {"kind": Task("classification", 2), "size": Task("regression", 1)}
    outputs = {"size": torch.tensor([[2.0]]), "kind": torch.tensor([[1.0, 1.0]])}
    found = predictions(outputs, Task("several", heads=heads))
    assert {name: part.tolist() for name, part in found.items()} == {"size": [[2.0]], "kind": [[0.5, 0.5]]}
    kind, size = predictions((outputs["kind"], outputs["size"]), Task("several", heads=heads))
    assert (kind.tolist(), size.tolist()) == ([[0.5, 0.5]], [[2.0]])


def small() -> TrainedNetwork:
    interface = Interface(
        Task("classification", 2), Normalisation((1.0,), (2.0,)), {"dtype": "uint8", "shape": [1, 2, 2]}
    )
    return TrainedNetwork(nn.Sequential(nn.Flatten(), nn.Linear(4, 2)), interface)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (torch.zeros(1, 2, 2, dtype=torch.uint8), r"uint8 1 x 2 x 2: .*on uint8 n x 1 x 2 x 2: give a batch of one"),
        (torch.zeros(2, 1, 3, 3, dtype=torch.uint8), r"uint8 2 x 1 x 3 x 3: .*on uint8 n x 1 x 2 x 2"),
        (torch.zeros(0, 1, 2, 2, dtype=torch.uint8), "no inputs"),
        ("pictures", "'pictures' is no batch"),
        (np.array(["a"]), "no batch"),
        (torch.tensor(1), "no batch"),
    ],
    ids=["one", "size", "none", "word", "words", "number"],
)
def test_inputs_that_do_not_fit(given: Any, says: str) -> None:
    with pytest.raises(InputError, match=says):
        small().predict(given)


def test_examples_have_the_form_of_what_they_are_of() -> None:
    batch = {"image": torch.zeros(1, 3, 4, 4, dtype=torch.uint8), "pair": (torch.ones(1, 2), torch.tensor([[5, 9]]))}
    inputs = json.loads(json.dumps(describe(batch)))
    made = example_of(inputs, 50)
    assert (made["image"].shape, made["image"].dtype) == ((50, 3, 4, 4), torch.uint8)
    assert (made["pair"][0].shape, made["pair"][0].dtype) == ((50, 2), torch.float32)
    assert (made["pair"][1].min(), made["pair"][1].max()) == (0, 9)
    with pytest.raises(InputError, match="give an example batch"):
        example_of(None)
    with pytest.raises(InputError, match="give an example batch"):
        example_of({"dtype": "load", "shape": [2]})


def test_files_of_inputs_that_do_not_come_as_files() -> None:
    class AsIsNetwork(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x

    with pytest.raises(InputError, match=r"do not come as files: give tensors, not 'a\.png'"):
        TrainedNetwork(AsIsNetwork()).predict_files(["a.png"])


class Sum(nn.Module):
    """Takes two inputs, as a dictionary."""

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        return inputs["a"].sum(1, keepdim=True) + inputs["b"]


def test_several_inputs_go_through_together() -> None:
    inputs = describe({"a": torch.zeros(1, 2), "b": torch.zeros(1, 1)})
    network = TrainedNetwork(Sum(), Interface(Task("regression", 1), inputs=inputs))
    given = {"a": np.arange(10, dtype=np.float32).reshape(5, 2), "b": torch.full((5, 1), 0.5)}
    wanted = [[1.5], [5.5], [9.5], [13.5], [17.5]]
    assert network.predict(given, batch_size=2).tolist() == wanted
    assert network.predict(network.example(3)).shape == (3, 1)
    with pytest.raises(InputError, match=r"\[4, 5\] samples: give the same number of each"):
        network.predict(given | {"b": torch.zeros(4, 1)})


def test_a_regression_is_told_in_the_units_of_the_target() -> None:
    task = Task("regression", 1, mean=(10.0,), std=(2.0,))
    network = TrainedNetwork(nn.Identity(), Interface(task))
    assert network.predict(torch.tensor([[1.0], [-1.0]])).tolist() == [[12.0], [8.0]]
    assert network(torch.tensor([[0.0]])).tolist() == [[10.0]]
