"""A worker leaves with its owner from its first moments on."""

import subprocess
import sys

from untrained.runtime import born


def test_a_worker_watches_its_owner_before_anything_heavy_is_there() -> None:
    """What Python imports to find the first function of a worker: torch takes seconds."""
    code = f"import sys, {born.__name__}; print(sorted(sys.modules.keys() & {{'torch', 'numpy', 'optuna', 'pyarrow'}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
