"""Each format gives what the network gives, on batches that the export did not see."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map

from deploying.networks import MAKERS, Functional, made
from untrained.deploying.export import Exportable, export_network
from untrained.deploying.export.exported import checked_difference
from untrained.errors import InputError


def expected(exportable: Exportable, batch: Any) -> list[Tensor]:
    """The outputs by plain PyTorch."""
    prepare, network = exportable.prepare.eval(), exportable.network.eval()
    with torch.no_grad():
        outputs = network(prepare(batch))
    if exportable.kind == "classification":
        outputs = torch.softmax(outputs, 1)
    if exportable.kind == "multi-label":
        outputs = torch.sigmoid(outputs)
    return tree_leaves(outputs)


def unseen(exportable: Exportable) -> Any:
    """A batch of 7 whose samples are the example's, turned around."""
    return tree_map(lambda t: t.flip(0)[torch.arange(7) % len(t)].flip(-1), exportable.example)


def close(found: list[Tensor], wanted: list[Tensor], atol: float) -> None:
    for a, b in zip(found, wanted, strict=True):
        torch.testing.assert_close(a, b, atol=atol, rtol=0)


@pytest.mark.parametrize("name", MAKERS)
def test_onnx_in_onnxruntime(name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    import onnxruntime

    exportable = made(name)
    done = export_network(exportable, "onnx", tmp_path / "n.onnx")
    assert (done.paths, done.difference < 1e-5) == ((tmp_path / "n.onnx",), True)
    session = onnxruntime.InferenceSession(str(tmp_path / "n.onnx"))
    assert {entry.shape[0] for entry in session.get_inputs()} == {"batch"}
    batch = unseen(exportable)
    feed = {entry.name: leaf.numpy() for entry, leaf in zip(session.get_inputs(), tree_leaves(batch), strict=True)}
    found = [torch.from_numpy(np.asarray(output)) for output in session.run(None, feed)]
    close(found, expected(exportable, batch), 1e-5)
    about = session.get_modelmeta().custom_metadata_map
    assert json.loads(about["classes"]) == list(exportable.classes)
    assert about.items() >= {"task": exportable.kind, **exportable.about}.items()
    assert json.loads(about["inputs"]) == exportable.inputs
    assert set(exportable.inputs) == {entry.name for entry in session.get_inputs()}
    assert capfd.readouterr() == ("", "")  # no chatter


@pytest.mark.parametrize("name", MAKERS)
def test_torch_export(name: str, tmp_path: Path) -> None:
    exportable = made(name)
    done = export_network(exportable, "torch-export", tmp_path / "n.pt2")
    assert done.difference < 1e-6
    batch = unseen(exportable)
    close(tree_leaves(torch.export.load(tmp_path / "n.pt2").module()(batch)), expected(exportable, batch), 1e-6)


@pytest.mark.parametrize("name", MAKERS)
def test_state_dict(name: str, tmp_path: Path) -> None:
    exportable = made(name)
    done = export_network(exportable, "state-dict", tmp_path / "n.safetensors")
    assert (done.paths, done.difference) == ((tmp_path / "n.safetensors", tmp_path / "n.json"), 0.0)
    weights = load_file(tmp_path / "n.safetensors")
    state = exportable.network.state_dict()
    assert set(weights) <= set(state)
    assert all(torch.equal(tensor, state[key]) for key, tensor in weights.items())
    document = json.loads((tmp_path / "n.json").read_text())
    assert document["classes"] == list(exportable.classes)
    assert document["build"] == dict(exportable.about)


def test_logits_if_no_probabilities_are_asked_for(tmp_path: Path) -> None:
    exportable = made("mlp")
    export_network(exportable, "torch-export", tmp_path / "n.pt2", probabilities=False)
    found = torch.export.load(tmp_path / "n.pt2").module()(exportable.example)
    torch.testing.assert_close(found, exportable.network.eval()(exportable.example))


def test_the_network_is_left_as_it_was(tmp_path: Path) -> None:
    exportable = made("functional")
    exportable.network.train()
    before = {key: tensor.clone() for key, tensor in exportable.network.state_dict().items()}
    export_network(exportable, "torch-export", tmp_path / "n.pt2")
    assert exportable.network.training
    assert all(torch.equal(before[key], tensor) for key, tensor in exportable.network.state_dict().items())


class Token(nn.Module):
    """Its code asks for the length of a batch."""

    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.rand(1, 2))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.token.expand(len(x), -1), x], 1)


@pytest.mark.parametrize("format", ["onnx", "torch-export"])
def test_the_batch_size_is_free_even_if_the_code_asks_for_its_length(format: str, tmp_path: Path) -> None:
    done = export_network(Exportable(nn.Identity(), Token(), torch.rand(4, 5), kind="other"), format, tmp_path / "n")
    assert done.difference == 0


class Unwritable(nn.Module):
    """A name that torch itself cannot write."""

    def __init__(self) -> None:
        super().__init__()
        self.add_module("lambda", nn.Linear(5, 2))

    def forward(self, x: Tensor) -> Tensor:
        return getattr(self, "lambda")(x)


class Noise(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + torch.rand_like(x)


class BatchMean(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(3, -1)


class DataDependent(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x if float(x.sum()) > 0 else -x


NETWORKS = {
    "random": Noise(),
    "one batch size": BatchMean(),
    "branch": DataDependent(),
    "a keyword as a name": Unwritable(),
}


@pytest.mark.parametrize("format", ["onnx", "torch-export"])
@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_a_file_that_would_not_agree_is_not_left(network: nn.Module, format: str, tmp_path: Path) -> None:
    path = tmp_path / "n.file"
    path.write_text("the old one")
    with pytest.raises(InputError):
        export_network(Exportable(nn.Identity(), network, torch.rand(3, 5), kind="other"), format, path)
    assert path.read_text() == "the old one"
    assert list(tmp_path.iterdir()) == [path]


def test_the_difference_is_the_largest_one() -> None:
    exportable = Exportable(nn.Identity(), nn.Identity(), torch.tensor([[1.0, 2.0]]), kind="other")
    shifted = checked_difference(lambda x: x + torch.tensor([0.25, -0.5]), exportable, False, 1.0, "file")
    assert shifted == 0.5
    with pytest.raises(InputError, match=r"differs .* 0\.5"):
        checked_difference(lambda x: x + 0.5, exportable, False, 0.1, "file")
    with pytest.raises(InputError, match="differs"):
        checked_difference(lambda x: x[:, :1], exportable, False, 0.1, "file")


@pytest.mark.parametrize(
    ("format", "path", "words"),
    [("tflite", None, "unknown format 'tflite'"), ("onnx", ".", "is a folder"), ("state-dict", "a.json", "suffix")],
)
def test_bad_input(format: str, path: str | None, words: str) -> None:
    with pytest.raises(InputError, match=words):
        export_network(made("mlp"), format, path)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(InputError, match=r"onnxruntime: pip install 'untrained\[onnx\]'"):
        export_network(made("mlp"), "onnx", tmp_path / "n.onnx")


def test_an_example_is_needed() -> None:
    with pytest.raises(InputError, match="example batch"):
        Exportable(nn.Identity(), Functional(), {})
