"""Every value that the public implementations give on the reference networks, within 1e-6 of it in double precision.

Passes that take half a minute or more are left out unless UNTRAINED_ALL is set; `experiments/parity/reference.py`
makes all.
"""

import os
from functools import cache
from math import sqrt

import pytest
import torch

from metrics import public_values
from metrics.public_values import ANOTHER_NETWORK, READINGS, Reading

AVAILABLE = public_values.FOLDER.is_dir()
VALUES = public_values.read("values.json") if AVAILABLE else {}
FIXED = [(net, key) for net, entries in VALUES.items() for key in entries if "value" in entries[key]]
DOUBLE = [(net, key) for net, key in FIXED if "value_float64" in VALUES[net][key]]
RANDOM = [(net, key) for net, entries in VALUES.items() for key in entries if "mean" in entries[key]]
ALL = bool(os.environ.get("UNTRAINED_ALL"))

# What single precision may be off, relative, beyond three times the noise that the public code shows on any network.
ROUNDING = 1e-4
# A quotient with a heavy tail; a smallest eigenvalue; regions of samples so alike that rounding makes them one.
SENSITIVE = {"zico": 3e-2, "ntk_condition_number": 1e-3, "linear_regions": 2e-2}


def skip_if_slow(net: str, key: str, dtype: torch.dtype) -> None:
    """All entries are made on some of the networks; on the largest, and those of many passes, not all by default."""
    large = net == "nb_N5" or (net == "nb_all3x3" and dtype == torch.float64)
    small = net.startswith("gen") or net in ("nb_allavg", "nb_1x1mix")
    n_passes = key == "ntk_cond_train/TENAS" and not net.startswith("gen")
    ten_passes = READINGS[key].metric == "vkdnw" and not small
    if not ALL and (n_passes or ten_passes or (large and dtype == torch.float64)):
        pytest.skip("takes long: set UNTRAINED_ALL=1")


def test_every_entry_has_its_reading() -> None:
    if not AVAILABLE:
        pytest.skip(f"no reference values in {public_values.FOLDER}")
    assert {key for entries in VALUES.values() for key in entries} <= set(READINGS)
    assert len(FIXED) + len(RANDOM) == sum(map(len, VALUES.values())) > 400


@pytest.mark.parametrize(("net", "key"), DOUBLE)
def test_double_precision(net: str, key: str) -> None:
    skip_if_slow(net, key, torch.float64)
    expected = VALUES[net][key]["value_float64"]
    assert public_values.score(net, READINGS[key], torch.float64) == pytest.approx(expected, rel=1e-6)


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
    # The low deciles of a nearly singular Fisher matrix are rounding noise on some networks, so each has its own.
    own = reading.metric == "vkdnw" and "value_float64" in entry
    rounding = abs(entry["value"] / entry["value_float64"] - 1) if own else noise(reading)
    assert off <= (3 * rounding + SENSITIVE.get(reading.metric, ROUNDING)) * abs(entry["value"])


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
