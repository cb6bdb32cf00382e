"""The figures of one network: from a folder, a trained network, a bare one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import nn

from untrained import InputError, measure
from untrained.deploying import measure as measuring
from untrained.measuring import Unsteady, example_for
from untrained.measuring.timing import Timing
from untrained.spaces import NASBench201, SearchSpace, Transformers, get_space

NETWORK = nn.Sequential(nn.Linear(16, 20), nn.ReLU(), nn.Linear(20, 5))
INPUTS = torch.zeros(1, 16)


@pytest.fixture
def steady(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clocks aside: each latency is 2 ms."""

    def timing(run: Callable[[], Any], own_core: bool) -> Timing:
        run()
        return Timing(2.0, 0.05, 11)

    monkeypatch.setattr("untrained.measuring.subject.timed", timing)


@pytest.mark.usefixtures("steady")
def test_all_figures_of_a_bare_network() -> None:
    found = measure(NETWORK, INPUTS, runtimes=["eager", "onnx"], batch=3)
    weights = 16 * 20 + 20 + 20 * 5 + 5
    # Input, and the results of the first layer and the activation, of three examples each.
    assert found.figures["params"] == weights / 1e6
    assert found.figures["flops"] == pytest.approx((16 * 20 + 20 + 20 * 5) / 1e6)
    assert found.figures["memory"] == pytest.approx(4 * (weights + 3 * (16 + 20 + 20)) / 1e6)
    assert 4 * weights / 1e6 < found.figures["disk"] < (4 * weights + 600) / 1e6  # a header
    assert {name: one["median"] for name, one in found.latencies.items()} == {"eager": 2.0, "onnx": 2.0}
    assert {one["batch"] for one in found.latencies.values()} == {3}
    assert found.to_json()["latency"]["onnx"]["spread"] == 0.05
    assert "onnx      2 ms (spread 5 %, 11 passes)" in repr(found)


def test_what_cannot_be_measured_is_told_and_the_rest_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(run: Callable[[], Any], own_core: bool) -> Timing:
        raise Unsteady("the machine is too busy")

    class Einsum(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.einsum("nf,nf->n", x, x)

    monkeypatch.setattr("untrained.measuring.subject.timed", busy)
    found = measure(Einsum(), INPUTS, runtimes=["eager"])
    assert found.missing["eager"] == "the machine is too busy"
    assert "einsum" in found.missing["flops"]
    assert found.figures["params"] == 0
    assert "eager     not measured: the machine is too busy" in repr(found)


def test_compiling_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = list[dict[str, Any]]()

    def late(function: Any, items: list[Any], workers: int, *, died: Any, limit_seconds: float, again: bool) -> Any:
        seen.append(items[0])
        assert (limit_seconds, again) == (7, False)
        yield died(items[0], f"it took longer than {limit_seconds} s")

    monkeypatch.setattr(measuring, "unordered", late)
    found = measure(NETWORK, INPUTS, runtimes=["compile"], limit=7, threads=1)
    assert found.missing == {"compile": "it took longer than 7 s"}
    assert seen == [{"runtime": "compile", "threads": 1, "batch": 1, "device": "cpu"}]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"runtimes": ["tflite"]}, "runtime 'tflite': choose from eager, onnx, compile"),
        ({"threads": 0}, "threads=0: give at least 1"),
        ({"batch": 0}, "batch=0: give at least 1"),
        ({"device": "abacus"}, "device 'abacus' cannot be used on this machine"),
        ({"limit": 0}, "limit 0: give seconds above 0"),
        ({"example": None}, "measured on an example"),
    ],
)
def test_what_cannot_be_used_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        measure(NETWORK, **cast(dict[str, Any], {"example": INPUTS} | options))


def test_a_folder_without_a_search_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no finished search"):
        measure(tmp_path)


@pytest.mark.parametrize("name", ["nasbench201", "mlp", "transformer", "unet", "vit", "gpt"])
def test_a_space_says_what_its_networks_take(name: str) -> None:
    space = get_space(name)
    example = example_for(space)
    with torch.no_grad():
        outputs = space.build(space.pool(1)[0]).eval()(example)
    assert len(example) == len(outputs) == 1


def test_an_example_has_the_sizes_that_the_space_was_made_for() -> None:
    assert example_for(NASBench201(in_channels=1)).shape == (1, 1, 32, 32)
    assert example_for(Transformers(vocabulary=9, length=5)).shape == (1, 5)


def test_a_space_that_does_not_say_is_refused() -> None:
    class Silent(NASBench201):
        @property
        def options(self) -> dict[str, Any]:
            return {}

    space: SearchSpace = Silent()
    with pytest.raises(InputError, match="does not say what its networks take: give data"):
        example_for(space)
