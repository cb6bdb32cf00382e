"""Whatever a file holds, images come of it, or one line."""

import io
import warnings
from pathlib import Path

import numpy as np
import pytest

from data.pictures import encoded, write_parquet
from tampered import tampered
from untrained.data import load_data
from untrained.errors import InputError, InputWarning

X = np.random.default_rng(0).integers(0, 256, (12, 5, 6, 3), dtype=np.uint8)
Y = np.arange(12) % 2


def npz() -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, x=X.transpose(0, 3, 1, 2), y=Y)
    return buffer.getvalue()


def refusal(path: Path) -> str:
    """Why there are no images; "" if there are."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", InputWarning)
            data = load_data(path)
            for name in data.splits:
                data.split(name)
    except InputError as error:
        return str(error)
    return ""


def check(refusals: list[str], at_least: int) -> None:
    """The first file is whole, of the others `at_least` some are refused, each in one line."""
    assert refusals[0] == ""
    assert len(list(filter(None, refusals))) > at_least
    assert all(len(line) <= 300 and "\n" not in line for line in refusals)


def test_arrays(tmp_path: Path) -> None:
    path, content = tmp_path / "x.npz", npz()
    refusals = list[str]()
    for copy in (content, *tampered(content, 200)):
        path.write_bytes(copy)
        refusals.append(refusal(path))
    check(refusals, 50)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM"])
def test_pictures(tmp_path: Path, kind: str) -> None:
    files = [encoded(x, kind) for x in X]
    refusals = list[str]()
    for copy in (files[0], *tampered(files[0], 60)):
        path = write_parquet(tmp_path / "x.parquet", [copy, *files[1:]], Y)
        refusals.append(refusal(path))
    check(refusals, 5)


def test_parquet(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "x.parquet", [encoded(x) for x in X], ["cat", "dog"] * 6)
    content = path.read_bytes()
    refusals = list[str]()
    for copy in (content, *tampered(content, 200)):
        path.write_bytes(copy)
        refusals.append(refusal(path))
    check(refusals, 50)
