"""Networks of several inputs, scored as networks of one."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from untrained import METRICS, Probe
from untrained.probe.packing import packed
from untrained.scoring.pool import compute_scores
from untrained.spaces import SearchSpace


class Sum(nn.Module):
    """w a + v[b]: a weight of a float, and one for each of three tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Linear(1, 1, bias=False)
        self.v = nn.Embedding(3, 1)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return self.w(a) + self.v(b)


def test_the_gradient_of_a_sum_of_two_inputs_is_that_derived_by_hand() -> None:
    # loss = mean of outputs = (w (1 + 2) + v[0] + v[2]) / 2: |dw| = 3/2, |dv| = (1/2, 0, 1/2), as norms of the layers.
    network, inputs = packed(Sum(), {"a": torch.tensor([[1.0], [2.0]]), "b": torch.tensor([0, 2])})
    probe = Probe(network, inputs, torch.zeros(2), loss=lambda outputs, _: outputs.mean())
    assert METRICS["params"](probe) == pytest.approx(4e-6)
    assert METRICS["grad_norm"](probe) == pytest.approx(1.5 + 0.5**0.5)


class Sums(SearchSpace):
    @property
    def distributions(self) -> Any:
        return {"bias": [0.0, 1.0]}

    def build(self, arch: str) -> nn.Module:
        return Sum()


@pytest.mark.parametrize(
    ("inputs", "what"),
    [
        ((torch.ones(2, 1), torch.zeros(3, dtype=torch.long)), "inputs of 2 and of 3 samples"),
        ((torch.ones(2, 1), "b"), "inputs are a str"),
        ({}, "no inputs"),
        ((torch.tensor([[1.0], [torch.nan]]), torch.zeros(2, dtype=torch.long)), "NaN"),
    ],
    ids=["lengths", "text", "none", "nan"],
)
def test_inputs_that_do_not_go_together_are_named(inputs: Any, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        compute_scores(Sums(), ["bias=0.0"], ["params"], (inputs, torch.zeros(2, dtype=torch.long)))
