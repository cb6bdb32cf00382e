"""Scores depend on (space, architecture, seed, batch, metric) and on nothing else."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from toy import MLPs, toy_batch
from untrained.errors import InputError
from untrained.metrics import METRICS, Probe, metric
from untrained.scores import ScoreTable, compute_scores
from untrained.spaces import NASBench201

SPACE = NASBench201(N=1, C=4)
BATCH = (torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(1)), torch.tensor([0, 1, 2, 3]))
ALL = [name for name in METRICS if name != "latency"]


def same(a: ScoreTable, b: ScoreTable) -> bool:
    return a.archs == b.archs and a.metrics == b.metrics and np.array_equal(a.values, b.values, equal_nan=True)


def test_order_and_processes_change_no_number() -> None:
    archs = SPACE.pool(6, seed=0)
    table = compute_scores(SPACE, archs, ALL, BATCH)
    assert not np.isnan(table.values).all(0).any()
    shuffled = random.Random(0).sample(archs, len(archs))
    metrics = random.Random(1).sample(ALL, len(ALL))
    # A metric alone, or after others, sees the same passes: exactly the same digits.
    assert same(table, compute_scores(SPACE, shuffled, metrics, BATCH).select(archs, table.metrics))
    assert same(table, compute_scores(SPACE, archs, ALL, BATCH, workers=2))
    part = compute_scores(SPACE, archs[2:4], ["snip"], BATCH)
    assert same(part, table.select(archs[2:4], ["snip"]))
    assert not same(table, compute_scores(SPACE, archs, ALL, BATCH, seed=1))


def test_scoring_leaves_the_callers_random_state_alone() -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    compute_scores(SPACE, SPACE.pool(2), ["snip", "synflow"], BATCH)
    assert torch.equal(before, torch.get_rng_state())


def test_twins_are_scored_once_and_alike() -> None:
    space = MLPs()
    built = []

    class Twins(MLPs):
        def canonical(self, arch: str) -> str:
            return arch.replace("norm=False", "norm=True")

        def build(self, arch: str) -> torch.nn.Module:
            built.append(arch)
            return super().build(arch)

    archs = list(space)
    table = compute_scores(Twins(), archs, ["snip", "params"], toy_batch())
    assert len(archs) == 24
    assert len(built) == 12
    for arch in archs:
        twin = Twins().canonical(arch)
        assert np.array_equal(table.values[table.index[arch]], table.values[table.index[twin]])


@metric("fragile", paper="none")
def fragile(probe: Probe) -> float:
    """Fails on networks with normalisation."""
    if any(isinstance(module, torch.nn.BatchNorm1d) for module in probe.net.modules()):
        raise RuntimeError("cannot bear BatchNorm\nand says so at length")
    return float("inf") if len(probe.layers) == 2 else 1.0


def test_a_failing_metric_gives_nan_and_a_reason_and_stops_nothing(tmp_path: Path) -> None:
    space = MLPs()
    table = compute_scores(space, list(space), [fragile, "params"], toy_batch(), path=tmp_path / "t.parquet")
    for arch in space:
        value, params = table.values[table.index[arch]]
        assert params > 0
        if "norm=True" in arch:
            assert np.isnan(value)
            assert table.reasons[arch] == {"fragile": "RuntimeError: cannot bear BatchNorm"}
        elif "depth=1" in arch:
            assert table.reasons[arch]["fragile"] == "ValueError: the score is inf"
        else:
            assert value == 1.0
    loaded = ScoreTable.load(tmp_path / "t.parquet")
    assert same(loaded, table)
    assert loaded.reasons == table.reasons


def test_a_network_that_cannot_be_built_is_a_recorded_failure() -> None:
    class Broken(MLPs):
        def build(self, arch: str) -> torch.nn.Module:
            if "depth=3" in arch:
                raise MemoryError("too deep")
            return super().build(arch)

    table = compute_scores(Broken(), list(Broken()), ["snip"], toy_batch())
    assert np.isnan(table.values[:, 0]).sum() == 8
    assert all("too deep" in why["snip"] for why in table.reasons.values())


def test_provenance_is_kept_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "scores.parquet"
    compute_scores(SPACE, SPACE.pool(2), ["snip"], BATCH, seed=5, path=path)
    kept = ScoreTable.load(path).provenance
    assert (kept["space"], kept["seed"], kept["metrics"]) == ("nasbench201", 5, ["snip"])
    assert kept["space_options"]["N"] == 1
    assert kept["versions"]["torch"] == torch.__version__
    assert list(path.parent.iterdir()) == [path]  # no partial file is left


def test_a_finished_table_is_read_and_another_calls_table_refused(tmp_path: Path) -> None:
    path = tmp_path / "scores.parquet"
    archs = SPACE.pool(3)
    table = compute_scores(SPACE, archs, ["snip"], BATCH, path=path)
    written = path.stat().st_mtime_ns
    assert same(table, compute_scores(SPACE, archs, ["snip"], BATCH, path=path))
    for other in ({"seed": 1}, {"metrics": ["plain"]}, {"batch": (BATCH[0] + 1, BATCH[1])}, {"archs": SPACE.pool(5)}):
        options = {"archs": archs, "metrics": ["snip"], "batch": BATCH} | other
        with pytest.raises(InputError, match="another call"):
            compute_scores(SPACE, path=path, **options)  # pyright: ignore[reportArgumentType]
    assert path.stat().st_mtime_ns == written


SCRIPT = """
import sys
sys.path.insert(0, {tests!r})
from test_compute import SPACE, BATCH, ALL
from untrained.scores import compute_scores
if __name__ == "__main__":
    compute_scores(SPACE, SPACE.pool(40), ALL, BATCH, workers={workers}, path={path!r})
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_killed_and_resumed_the_table_is_the_same(tmp_path: Path, workers: int) -> None:
    path = tmp_path / "scores.parquet"
    partial = tmp_path / "scores.parquet.partial"
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(tests=str(Path(__file__).parent), workers=workers, path=str(path)))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])}
    process = subprocess.Popen([sys.executable, str(script)], env=environment, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 120
    while not (partial.exists() and partial.read_bytes().count(b"\n") > 4) and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    _, errors = process.communicate()
    assert process.returncode == -signal.SIGKILL, errors.decode()
    assert not path.exists()
    done = partial.read_bytes()
    assert 1 < done.count(b"\n") <= 41
    partial.write_bytes(done + b'["|nor_conv')  # as if cut off within a line

    archs = SPACE.pool(40)
    seen: list[int] = []
    resumed = compute_scores(SPACE, archs, ALL, BATCH, path=path, progress=lambda done, total: seen.append(done))
    assert seen[0] >= 4  # what was scored before the kill was kept
    assert same(resumed, compute_scores(SPACE, archs, ALL, BATCH))
    assert not partial.exists()


def test_unfinished_scores_of_another_call_are_refused_untouched(tmp_path: Path) -> None:
    partial = tmp_path / "scores.parquet.partial"
    partial.write_text('{"seed": 9}\n')
    with pytest.raises(InputError, match="unfinished scores of another call"):
        compute_scores(SPACE, SPACE.pool(2), ["snip"], BATCH, path=tmp_path / "scores.parquet")
    assert partial.read_text() == '{"seed": 9}\n'


def test_a_batch_on_which_nothing_works_leaves_nothing_behind(tmp_path: Path) -> None:
    for _ in range(2):  # said again the second time
        with pytest.raises(InputError, match="no metric works"):
            compute_scores(SPACE, SPACE.pool(12), ["snip"], (BATCH[0], BATCH[1] + 99), path=tmp_path / "s.parquet")
        assert list(tmp_path.iterdir()) == []


def test_a_broken_journal_is_named(tmp_path: Path) -> None:
    (tmp_path / "s.parquet.partial").write_bytes(b"\xff\xfe\n")
    with pytest.raises(InputError, match="not a file of unfinished scores"):
        compute_scores(SPACE, SPACE.pool(2), ["snip"], BATCH, path=tmp_path / "s.parquet")


def test_bad_input_is_one_clear_line() -> None:
    archs = SPACE.pool(2)
    images, labels = BATCH
    cases = [
        ({"metrics": ["snap"]}, r"unknown metric 'snap': choose from .*snip"),
        ({"metrics": []}, "no metric"),
        ({"metrics": ["naswot", "nwot"]}, "given twice"),
        ({"archs": ["|oops|"]}, "malformed architecture"),
        ({"archs": []}, "no architecture"),
        ({"batch": None}, "no batch"),
        ({"batch": (images[:0], labels[:0])}, "at least 1"),
        ({"batch": (images * torch.nan, labels)}, "NaN"),
        ({"batch": (images, labels / 0.0)}, "NaN or infinite"),
        ({"batch": (images, labels[:2])}, "4 inputs but 2 targets"),
        ({"batch": (images, labels + 1_000)}, "no metric works on this batch: .*out of bounds"),
        ({"batch": (images[:, :2], labels)}, "no metric works on this batch: .*channels"),
        ({"workers": 0}, "0 workers"),
    ]
    for wrong, message in cases:
        options = {"archs": archs, "metrics": ["snip", "grad_norm"], "batch": BATCH} | wrong
        with pytest.raises(InputError, match=message) as caught:
            compute_scores(SPACE, **options)  # pyright: ignore[reportArgumentType]
        assert "\n" not in str(caught.value)


def test_metrics_that_no_other_process_can_find_are_named() -> None:
    @metric("local", paper="none")
    def local(probe: Probe) -> float:
        return 1.0

    with pytest.raises(InputError, match="top level of a module"):
        compute_scores(SPACE, SPACE.pool(3), [local], BATCH, workers=2)
    assert compute_scores(SPACE, SPACE.pool(3), [local], BATCH).values.tolist() == [[1.0]] * 3
