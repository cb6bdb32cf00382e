"""Every value that the public implementations give on the reference networks, within 1e-6 of it in double precision.

Passes that take half a minute or more are left out unless UNTRAINED_ALL is set; `benchmarks/reference.py` makes them all.
"""

import os
from math import sqrt

import pytest
import reference
import torch
from reference import ANOTHER_NETWORK, READINGS, Reading

AVAILABLE = reference.FOLDER.is_dir()
ENTRIES = [(net, key) for net, values in reference.read("values.json").items() for key in values] if AVAILABLE else []
FIXED = [(net, key) for net, key in ENTRIES if "value" in reference.read("values.json")[net][key]]
RANDOM = [(net, key) for net, key in ENTRIES if "mean" in reference.read("values.json")[net][key]]
ALL = bool(os.environ.get("UNTRAINED_ALL"))

# What single precision may be off beyond three times the noise that an entry shows: relative.
ROUNDING = 1e-4


def entry(net: str, key: str) -> dict:
    return reference.read("values.json")[net][key]


def skip_if_slow(net: str, key: str, dtype: torch.dtype) -> None:
    single = dtype == torch.float32
    n_passes = key == "ntk_cond_train/TENAS"
    if not ALL and ((n_passes and net.startswith("nb") and not single) or (net == "nb_N5" and (n_passes or not single))):
        pytest.skip("takes long: set UNTRAINED_ALL=1")


def test_the_values_are_there() -> None:
    if not AVAILABLE:
        pytest.skip(f"no reference values in {reference.FOLDER}")
    assert {key for _, key in ENTRIES} <= set(READINGS)
    assert len(FIXED) + len(RANDOM) == len(ENTRIES) > 400


@pytest.mark.parametrize(("net", "key"), FIXED)
def test_double_precision(net: str, key: str) -> None:
    skip_if_slow(net, key, torch.float64)
    expected = entry(net, key)
    if "value_float64" not in expected:
        pytest.skip("the value is known in single precision only")
    assert reference.score(net, READINGS[key], torch.float64) == pytest.approx(expected["value_float64"], rel=1e-6)


@pytest.mark.parametrize(("net", "key"), FIXED)
def test_single_precision(net: str, key: str) -> None:
    """Within the rounding noise that the entry itself shows, of either of its two values."""
    skip_if_slow(net, key, torch.float32)
    single, double = entry(net, key)["value"], entry(net, key).get("value_float64")
    if key in ANOTHER_NETWORK:
        got = reference.score(net, READINGS[key], torch.float32)
        assert got != pytest.approx(single, rel=0.1), "the reason for this exception is gone"
        return
    got = reference.score(net, READINGS[key], torch.float32)
    noise = 3 * abs(single - double) if double is not None else 0.0
    off = min(abs(got - value) for value in (single, double) if value is not None)
    assert off <= noise + ROUNDING * abs(single)


@pytest.mark.parametrize(("net", "key"), RANDOM)
def test_random(net: str, key: str) -> None:
    """The mean over seeds lies within 3 standard errors of the published mean."""
    expected, reading, n = entry(net, key), READINGS[key], 4
    if net in ("nb_N5", "nb_all3x3", "nb_1x1mix") and not ALL:
        pytest.skip("takes long: set UNTRAINED_ALL=1")
    scores = [reference.score(net, reading, torch.float32, seed) for seed in range(n)]
    error = expected["std"] * sqrt(1 / n + 1 / expected["n"])
    assert sum(scores) / n == pytest.approx(expected["mean"], abs=3 * error)
