"""Networks in each runtime: what runs is the network."""

import shutil
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from untrained.measuring import Measurement, Subject, measured
from untrained.measuring.runtimes import running
from untrained.measuring.timing import Timing
from untrained.runtime.calling import call_network

CPU = torch.device("cpu")


class Tokens(nn.Module):
    """Takes a dictionary, and gives two heads."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(9, 4)
        self.head = nn.Linear(4, 3)

    def forward(self, tokens: Tensor, length: Tensor) -> dict[str, Tensor]:
        features = self.embed(tokens).sum(1) / length[:, None]
        return {"class": self.head(features), "norm": features.norm(dim=1)}


IMAGES = nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.Dropout(), nn.Flatten(), nn.Linear(16, 3))
CASES: dict[str, tuple[nn.Module, Any]] = {
    "images": (IMAGES, torch.randn(1, 2, 4, 4)),
    "two inputs": (nn.Bilinear(3, 4, 2), (torch.randn(1, 3), torch.randn(1, 4))),
    "by name": (Tokens(), {"tokens": torch.tensor([[1, 5, 2]]), "length": torch.tensor([3.0])}),
}


def compared(network: nn.Module, inputs: Any, runtime: Any) -> None:
    threads = torch.get_num_threads()
    with running(network, inputs, runtime, 1, CPU) as run:
        found = pytree.tree_leaves(run())
        again = pytree.tree_leaves(run())
    with torch.no_grad():
        wanted = pytree.tree_leaves(call_network(network.eval(), inputs))
    assert len(found) == len(wanted)
    for outputs in (found, again):
        for a, b in zip(outputs, wanted, strict=True):
            torch.testing.assert_close(torch.as_tensor(a), b, rtol=1e-4, atol=1e-5)
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize(
    ("case", "runtime"), [*((case, "eager") for case in CASES), ("images", "onnx"), ("by name", "onnx")]
)
def test_outputs_are_those_of_the_network(case: str, runtime: str) -> None:
    network, inputs = CASES[case]
    compared(network.train(), inputs, runtime)


@pytest.mark.skipif(not (shutil.which("g++") or shutil.which("clang++")), reason="torch.compile needs a C++ compiler")
def test_a_compiled_network_gives_the_outputs_of_the_network() -> None:
    compared(*CASES["two inputs"], "compile")


def test_what_the_older_exporter_cannot_follow_is_left_to_the_newer(capfd: pytest.CaptureFixture[str]) -> None:
    compared(*CASES["two inputs"], "onnx")  # which knows no bilinear layer
    assert capfd.readouterr().out == ""


def test_the_same_example_is_the_whole_batch() -> None:
    batch = Subject(lambda: nn.Identity(), (torch.tensor([[1.0], [2.0]]), torch.tensor([3]))).batch(3)
    assert [part.tolist() for part in batch] == [[[1.0]] * 3, [3] * 3]


def test_a_latency_says_how_it_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = list[tuple[Any, bool]]()

    def timing(run: Callable[[], Any], own_core: bool) -> Timing:
        seen.append((run()[0].shape, own_core))
        return Timing(1.5, 0.1, 11, 2)

    monkeypatch.setattr("untrained.measuring.subject.timed", timing)
    subject = Subject(lambda: IMAGES, CASES["images"][1])
    found = measured(subject, "latency", {"runtime": "onnx", "batch": 2})
    device = found.details["device"]
    how = {"spread": 0.1, "passes": 11, "disturbed": 2, "runtime": "onnx", "threads": 1, "batch": 2, "device": device}
    assert device
    assert found == Measurement(1.5, how)
    assert seen == [((2, 3), True)]
