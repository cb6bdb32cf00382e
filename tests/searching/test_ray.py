"""Ray's nodes on this machine: what is scored and trained there is what is scored and trained here, to the bit."""

import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from untrained import NASBench201, Scoring, search
from untrained.objectives import Evaluation, Objective

ray: Any = pytest.importorskip("ray", reason="Ray is not installed: pip install 'untrained[ray]'")
pytestmark = pytest.mark.filterwarnings("ignore")  # of Ray

SPACE = NASBench201(N=1, C=2)
BATCH = (torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1]))
METRICS = ["params", "synflow"]
ARCHS = SPACE.pool(20)


class Nodes:
    """Ray's machines, all of which are processes of this one. The first one does no work: it cannot be removed."""

    def __init__(self, cluster: Any) -> None:
        self.cluster = cluster
        self.working = self.add()

    def add(self) -> Any:
        return started(lambda: self.cluster.add_node(num_cpus=1, object_store_memory=80 * 2**20))


def started(start: Callable[[], Any]) -> Any:
    """Starts a node: Ray gives it half a minute, which a machine may need that others use."""
    for _ in range(3):
        with suppress(Exception):  # Ray's has no other name
            return start()
    pytest.skip("this machine is too busy for Ray, which gives a node half a minute to start")


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_worker_niceness", "0")  # 15 by default: on a busy machine it would wait for ever
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        from ray.cluster_utils import Cluster  # pyright: ignore[reportMissingImports] - an extra

        head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": 80 * 2**20}
        cluster = started(lambda: Cluster(initialize_head=True, head_node_args=head))
        try:
            found = Nodes(cluster)
            ray.init(address=cluster.address, logging_level=logging.ERROR, log_to_driver=False)
            yield found
        finally:
            ray.shutdown()
            with suppress(Exception):  # of a node that is gone
                cluster.shutdown()


def test_a_node_comes_and_another_is_killed_and_the_scores_are_those_of_here_to_the_bit(
    nodes: Nodes, tmp_path: Path
) -> None:
    here = Scoring(METRICS, BATCH).scores(SPACE, ARCHS)
    first, changes = nodes.working, ["add", "kill"]

    def change(done: int, of: int) -> None:
        if done >= 5 and "add" in changes:
            changes.remove("add")
            nodes.working = nodes.add()
        elif done >= 10 and changes:
            changes.remove("kill")
            nodes.cluster.remove_node(first, allow_graceful=False)  # at once, with what it has in work

    scoring = Scoring(METRICS, BATCH, executor="ray", workers=2)
    there = scoring.scores(SPACE, ARCHS, path=tmp_path / "scores.parquet", progress=change)
    assert not changes
    assert there.archs == here.archs
    assert not np.isnan(here.values).any()
    assert np.array_equal(there.values.view(np.int64), here.values.view(np.int64))
    assert there.reasons == here.reasons == {}


class Fitted(Objective):
    """A training of some steps."""

    direction = "maximize"

    @property
    def identity(self) -> dict[str, Any]:
        return {"kind": "fitted"}

    def __call__(self, arch: str, trial: Any = None) -> Evaluation:
        torch.manual_seed(0)
        network = SPACE.build(arch)
        optimiser = torch.optim.SGD(network.parameters(), 0.1)
        loss = torch.zeros(())
        for _ in range(3):
            optimiser.zero_grad()
            loss = torch.nn.functional.cross_entropy(network(BATCH[0]), BATCH[1])
            loss.backward()
            optimiser.step()
        return Evaluation(-loss.item(), 1.0)


def test_trainings_make_the_same_history(nodes: Nodes) -> None:
    scores = Scoring(["params"], BATCH).scores(SPACE, ARCHS[:12])
    options: dict[str, Any] = {"scores": scores, "sampler": "random", "budget": 6}
    there = search(SPACE, Fitted(), **options, jobs=3, executor="ray")
    here = search(SPACE, Fitted(), **options, isolate=False)
    histories = [{q.number: (q.architecture, q.value) for q in result.queries} for result in (there, here)]
    assert histories[0] == histories[1]
    assert len(histories[1]) == len({value for _, value in histories[1].values()}) == 6
    assert there.architecture == here.architecture
