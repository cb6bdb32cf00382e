"""Ray, Dask and submitit on this machine. They take long to start, so these run only if `UNTRAINED_CLUSTERS` is set.

UNTRAINED_CLUSTERS=1 python -m pytest tests/runtime/test_clusters.py
"""

import os
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

from untrained.runtime.elsewhere import Elsewhere, Lost
from untrained.runtime.executors import EXECUTORS, executors_of

pytestmark = [
    pytest.mark.skipif(not os.environ.get("UNTRAINED_CLUSTERS"), reason="UNTRAINED_CLUSTERS is not set"),
    pytest.mark.filterwarnings("ignore"),  # of these libraries
]


class Worked:
    """Adds the sum of a large tensor, or ends its process."""

    def __init__(self) -> None:
        self.ones = torch.ones(300_000)

    def __call__(self, number: int) -> tuple[float, int]:
        if number < 0:
            os._exit(7)
        return number + self.ones.sum().item(), os.getpid()


@pytest.mark.parametrize("name", ["ray", "dask", "slurm:cluster=local,timeout_min=5"])
def test_a_lost_worker_costs_its_item_and_the_others_have_their_results(name: str, tmp_path: Path) -> None:
    if find_spec(EXECUTORS[name.partition(":")[0]].package) is None:
        pytest.skip(f"{name} is not installed")
    name += f",folder={tmp_path}" if "slurm" in name else ""
    with executors_of(name, 2) as executors:
        assert executors is not None
        with closing(Elsewhere[int, Any](Worked(), executors, 2)) as there:
            for number in (1, -1, 2, 3):
                there.begin(number)
            found: dict[int, Any] = dict(there.end() for _ in range(4))
    lost = found.pop(-1)
    assert isinstance(lost, Lost)
    assert {number: value[0] for number, value in found.items()} == {n: n + 300_000 for n in (1, 2, 3)}
    assert os.getpid() not in {value[1] for value in found.values()}
