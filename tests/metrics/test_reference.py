"""Every value that the public implementations give on the reference networks, within 1e-6 of it in double precision.

Passes that take half a minute or more are left out unless UNTRAINED_ALL is set; `benchmarks/reference.py` makes all.
"""

import os
from functools import cache
from math import sqrt

import public_values
import pytest
import torch
from public_values import ANOTHER_NETWORK, READINGS, Reading

AVAILABLE = public_values.FOLDER.is_dir()
VALUES = public_values.read("values.json") if AVAILABLE else {}
FIXED = [(net, key) for net, entries in VALUES.items() for key in entries if "value" in entries[key]]
RANDOM = [(net, key) for net, entries in VALUES.items() for key in entries if "mean" in entries[key]]
ALL = bool(os.environ.get("UNTRAINED_ALL"))

# What single precision may be off, relative, beyond three times the noise that the public code shows on any network.
# Passes are in the channels-last format, where PyTorch's BatchNorm for CPUs is some 20 times less exact than in the
# default one: more ReLU inputs that lie within rounding of 0 change sides.
ROUNDING = 1e-2
# A sum of both signs; a quotient with a heavy tail; regions of samples so alike that rounding makes them one.
SENSITIVE = {"plain": 1e-1, "zico": 3e-2, "linear_regions": 2e-2}


def skip_if_slow(net: str, key: str, dtype: torch.dtype) -> None:
    double = dtype == torch.float64
    n_passes = key == "ntk_cond_train/TENAS"
    deep, many = net == "nb_N5", key == "vkdnw_entropy/VKDNW" or key == "vkdnw_entropy_paper/VKDNW"
    if not ALL and ((deep and (double or many)) or (n_passes and net.startswith("nb"))):
        pytest.skip("takes long: set UNTRAINED_ALL=1")


def test_every_entry_has_its_reading() -> None:
    if not AVAILABLE:
        pytest.skip(f"no reference values in {public_values.FOLDER}")
    assert {key for entries in VALUES.values() for key in entries} <= set(READINGS)
    assert len(FIXED) + len(RANDOM) == sum(map(len, VALUES.values())) > 400


@pytest.mark.parametrize(("net", "key"), FIXED)
def test_double_precision(net: str, key: str) -> None:
    skip_if_slow(net, key, torch.float64)
    expected = VALUES[net][key]
    if "value_float64" not in expected:
        pytest.skip("the value is known in single precision only")
    assert public_values.score(net, READINGS[key], torch.float64) == pytest.approx(expected["value_float64"], rel=1e-6)


@pytest.mark.parametrize(("net", "key"), FIXED)
def test_single_precision(net: str, key: str) -> None:
    """Within the rounding noise that this reading shows in the public code, of either of the entry's two values."""
    skip_if_slow(net, key, torch.float32)
    reading, entry = READINGS[key], VALUES[net][key]
    got = public_values.score(net, reading, torch.float32)
    if key in ANOTHER_NETWORK:
        assert got != pytest.approx(entry["value"], rel=0.1), "the reason for this exception is gone"
        return
    off = min(abs(got - entry[value]) for value in ("value", "value_float64") if value in entry)
    assert off <= (3 * noise(reading) + SENSITIVE.get(reading.metric, ROUNDING)) * abs(entry["value"])


@cache
def noise(reading: Reading) -> float:
    """The largest relative difference between single and double precision of the public code, over all networks."""
    alike = [entry for entries in VALUES.values() for key, entry in entries.items() if READINGS[key] == reading]
    known = [entry for entry in alike if "value_float64" in entry and entry["value"]]
    return max((abs(e["value"] - e["value_float64"]) / abs(e["value"]) for e in known), default=0.0)


@pytest.mark.parametrize(("net", "key"), RANDOM)
def test_random(net: str, key: str) -> None:
    """The mean over seeds lies within 3 standard errors of the published mean."""
    expected, reading, n = VALUES[net][key], READINGS[key], 4
    if net in ("nb_N5", "nb_all3x3", "nb_1x1mix") and not ALL:
        pytest.skip("takes long: set UNTRAINED_ALL=1")
    scores = [public_values.score(net, reading, torch.float32, seed) for seed in range(n)]
    error = expected["std"] * sqrt(1 / n + 1 / expected["n"])
    assert sum(scores) / n == pytest.approx(expected["mean"], abs=3 * error)
