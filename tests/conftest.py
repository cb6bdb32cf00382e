"""What several tests need."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

os.environ["OMP_NUM_THREADS"] = "1"  # of the programs that tests start, too
# Tests send it, and it is ignored when a shell script runs the tests in the background.
signal.signal(signal.SIGINT, signal.default_int_handler)

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


@pytest.fixture(autouse=True)
def forgotten_modules(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Modules that a test wrote and imported: another test may write one of the same name."""
    before = set(sys.modules)
    yield
    for name in sys.modules.keys() - before:
        file = getattr(sys.modules[name], "__file__", None) or ""
        if Path(file).is_relative_to(tmp_path_factory.getbasetemp()):
            del sys.modules[name]
