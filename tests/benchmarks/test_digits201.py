"""The table that comes with the package: what stands in it is what a training gives, and can be searched at once."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from command_line import untrained_cli
from untrained import BENCHMARKS, Recipe, TrainingObjective
from untrained.benchmarks.base import BUNDLED
from untrained.spaces import NASBench201

TABLE = BUNDLED / "digits201.parquet"
DIGITS201 = BENCHMARKS["digits-201/digits/valid_accuracy"]
RECIPE = Recipe(epochs=3, batch_size=64, optimizer="adamw", learning_rate=3e-3, augment="trivial-augment")


@pytest.fixture(scope="module")
def columns() -> dict[str, np.ndarray]:
    table = pq.read_table(TABLE)
    return {name: table[name].to_numpy(zero_copy_only=False) for name in table.column_names}


def test_every_different_network_stands_once(columns: dict[str, np.ndarray]) -> None:
    space = NASBench201()
    assert sorted(columns["arch"]) == sorted({space.canonical(arch) for arch in space})
    assert TABLE.stat().st_size < 4e6


def test_accuracies_are_shares_of_the_images(columns: dict[str, np.ndarray]) -> None:
    """359 images to validate with, and as many to test with."""
    seeds = [name for name in columns if name.startswith("test_seed")]
    assert seeds
    for seed in seeds:
        right = columns[seed] / 100 * 359
        assert np.abs(right - right.round()).max() < 0.01
    for epoch in DIGITS201.fidelities:
        each = [columns[name.replace("test_", f"valid_{epoch}_")] for name in seeds]
        right = np.stack(each) / 100 * 359
        assert np.abs(right - right.round()).max() < 0.01
        assert np.abs(np.mean(each, axis=0) - columns[DIGITS201.fidelities[epoch]]).max() < 1e-3


def test_sizes_are_those_of_the_networks(columns: dict[str, np.ndarray]) -> None:
    """Stem, head and the two residual blocks, and what each operation adds, counted by hand for widths 8, 16, 32."""
    widths = (8, 16, 32)
    fixed = 8 * 9 + 2 * 8  # stem: 3 x 3 from one channel, BatchNorm
    for before, after in pairwise(widths):  # two 3 x 3, their BatchNorms, a 1 x 1 beside them
        fixed += 9 * before * after + 9 * after**2 + 4 * after + before * after
    fixed += 2 * 32 + 32 * 10 + 10  # last BatchNorm, classifier
    squares, norms = sum(w * w for w in widths), sum(2 * w for w in widths)
    for arch, size in zip(columns["arch"], columns["metric_params"], strict=True):
        each = 9 * squares * arch.count("nor_conv_3x3") + squares * arch.count("nor_conv_1x1")
        each += norms * arch.count("nor_conv")
        assert size * 1e6 == pytest.approx(fixed + each, abs=1), arch


def test_a_training_gives_what_the_table_says(columns: dict[str, np.ndarray]) -> None:
    """Another processor rounds otherwise, which moves a few images."""
    row = int(np.argmax(columns["valid_accuracy"]))
    space = NASBench201(N=1, C=8, in_channels=1)
    objective = TrainingObjective(space, "digits", RECIPE, metrics="accuracy")
    value = objective(columns["arch"][row]).value
    assert value == pytest.approx(columns["valid_3_seed0"][row], abs=2)


def test_it_needs_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UNTRAINED_DATA", raising=False)
    samplers = "random,single:snip,hnas,az_nas,vkdnw_agg"
    done = untrained_cli("bench", "--samplers", samplers, "--seeds", "2", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["rows"]
    assert {row["key"] for row in rows} == {DIGITS201.key}
    assert {row["sampler"] for row in rows} >= set(samplers.split(",")) - {"single:snip"}
    listed = untrained_cli("data", cwd=tmp_path).stdout
    assert "comes with untrained" in listed
