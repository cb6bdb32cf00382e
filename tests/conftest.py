"""What several tests need."""

import os
from pathlib import Path

import pytest
import torch

SHARED = Path(os.environ.get("UNTRAINED_SHARED", Path(__file__).parents[2] / "shared"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of published tables; a test that asks for it is skipped where it is not there."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip(f"no published tables in {folder}")
    return folder


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Two test processes on two cores, each with two threads, wait for each other."""
    torch.set_num_threads(1)
