"""Every value that the public implementations give on the reference networks, within 1e-6 of it in double precision.

Passes that take half a minute or more are left out unless UNTRAINED_ALL is set; `benchmarks/reference.py` makes all.
"""

import os
from math import sqrt

import public_values
import pytest
import torch
from public_values import ANOTHER_NETWORK, READINGS

AVAILABLE = public_values.FOLDER.is_dir()
VALUES = public_values.read("values.json") if AVAILABLE else {}
FIXED = [(net, key) for net, entries in VALUES.items() for key in entries if "value" in entries[key]]
RANDOM = [(net, key) for net, entries in VALUES.items() for key in entries if "mean" in entries[key]]
ALL = bool(os.environ.get("UNTRAINED_ALL"))

# What single precision may be off beyond three times the noise that an entry shows: relative.
ROUNDING = 1e-4


def skip_if_slow(net: str, key: str, dtype: torch.dtype) -> None:
    double = dtype == torch.float64
    n_passes = key == "ntk_cond_train/TENAS"
    if not ALL and ((net == "nb_N5" and (double or n_passes)) or (double and n_passes and net.startswith("nb"))):
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
    """Within the rounding noise that the entry, or another of the same reading, shows; of either of its two values."""
    skip_if_slow(net, key, torch.float32)
    single, double = VALUES[net][key]["value"], VALUES[net][key].get("value_float64")
    if key in ANOTHER_NETWORK:
        got = public_values.score(net, READINGS[key], torch.float32)
        assert got != pytest.approx(single, rel=0.1), "the reason for this exception is gone"
        return
    got = public_values.score(net, READINGS[key], torch.float32)
    alike = [entry for other, entry in VALUES[net].items() if READINGS[other] == READINGS[key]]
    noise = 3 * max((abs(e["value"] - e["value_float64"]) for e in alike if "value_float64" in e), default=0.0)
    off = min(abs(got - value) for value in (single, double) if value is not None)
    assert off <= noise + ROUNDING * abs(single)


@pytest.mark.parametrize(("net", "key"), RANDOM)
def test_random(net: str, key: str) -> None:
    """The mean over seeds lies within 3 standard errors of the published mean."""
    expected, reading, n = VALUES[net][key], READINGS[key], 4
    if net in ("nb_N5", "nb_all3x3", "nb_1x1mix") and not ALL:
        pytest.skip("takes long: set UNTRAINED_ALL=1")
    scores = [public_values.score(net, reading, torch.float32, seed) for seed in range(n)]
    error = expected["std"] * sqrt(1 / n + 1 / expected["n"])
    assert sum(scores) / n == pytest.approx(expected["mean"], abs=3 * error)
