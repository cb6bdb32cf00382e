"""Batches as people have them."""

from typing import Any

import numpy as np
import pytest
import torch

from toy import MLPs, toy_batch
from untrained.errors import InputError
from untrained.scoring.batch import as_batch
from untrained.scoring.pool import Scoring, compute_scores

INPUTS, LABELS = toy_batch()
ARRAYS = INPUTS.numpy().astype(np.float64)


@pytest.mark.parametrize(
    "given",
    [
        (INPUTS, LABELS),
        [INPUTS, LABELS],
        (ARRAYS, LABELS.numpy()),
        (INPUTS.numpy(), LABELS.tolist()),
        {"image": INPUTS, "label": LABELS.numpy()},
        {"y": LABELS.tolist(), "x": ARRAYS},
    ],
)
def test_one_batch_in_several_forms_gives_the_same_scores(given: Any) -> None:
    archs = list(MLPs())[:2]
    expected = compute_scores(MLPs(), archs, ["snip"], (INPUTS, LABELS))
    found = compute_scores(MLPs(), archs, ["snip"], given)
    assert found.values.tolist() == expected.values.tolist()
    assert found.provenance["batch"] == expected.provenance["batch"]


def test_what_was_chosen_stays_as_it_is() -> None:
    for dtype in (torch.float64, torch.float16, torch.uint8):
        assert as_batch((INPUTS.to(dtype), None))[0].dtype == dtype
    assert as_batch((ARRAYS.astype(np.float16), None))[0].dtype == torch.float16
    assert as_batch((np.zeros((12, 3), dtype=np.int64), None))[0].dtype == torch.int64
    _, targets = as_batch((INPUTS, {"a": (LABELS, [LABELS.numpy(), None]), "b": [0.5] * 12}))
    assert targets["a"][0] is LABELS
    assert torch.equal(targets["a"][1][0], LABELS)
    assert targets["b"].dtype == torch.float32


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (INPUTS, "is a Tensor: give .inputs, targets"),
        ((INPUTS, LABELS, LABELS), "give .inputs, targets"),
        ({"x": INPUTS, "z": LABELS}, "give .inputs, targets"),
        ({"x": INPUTS, "y": LABELS, "z": LABELS}, "give .inputs, targets"),
        (([[1.0]], [0]), "inputs are a list: give a tensor or an array"),
        ((INPUTS, ["cat"] * 12), "targets hold a str"),
        ((INPUTS, LABELS.tolist()[:3]), "12 inputs but 3 targets"),
        ((ARRAYS * np.nan, LABELS), "NaN"),
    ],
)
def test_what_is_no_batch(given: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        as_batch(given)


class Tokens(MLPs):
    def build(self, arch: str) -> torch.nn.Module:
        width = self.to_params(arch)["width"]
        return torch.nn.Sequential(torch.nn.Embedding(9, width), torch.nn.Flatten(), torch.nn.Linear(6 * width, 3))


def test_without_metrics_those_are_taken_that_work() -> None:
    archs, notes = list(MLPs())[:3], list[str]()
    images = Scoring(batch=toy_batch()).scores(MLPs(), archs, note=notes.append)
    assert images.metrics == ("grad_norm", "snip", "grasp", "fisher", "synflow", "jacob_cov")
    assert notes == []
    tokens = torch.randint(0, 9, (4, 6), generator=torch.Generator().manual_seed(0)), [0, 1, 2, 0]
    scores = Scoring(batch=tokens).scores(Tokens(), archs, note=notes.append)
    assert not np.isnan(scores.values).any()
    assert len(scores.metrics) == 6
    assert len(notes) == 1
    assert "synflow" in notes[0]
    assert compute_scores(MLPs(), archs[:1], None, toy_batch()).metrics == images.metrics
