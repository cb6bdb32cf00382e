"""A table on disk gains what it lacks, and nothing that was made otherwise is ever mixed with it."""

import importlib
import sys
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import BaseDistribution, IntDistribution

from documented import printed_by
from toy import MLPs, toy_batch
from untrained.errors import InputError
from untrained.metrics import Metric, metric
from untrained.probe import Probe
from untrained.scores import ScoreTable
from untrained.scores.table import NOT_SCORED
from untrained.scoring.one_network import Job, NetworkScores, Task
from untrained.scoring.pool import Scoring, compute_scores
from untrained.spaces import SearchSpace

ARCHS = list(MLPs())
BATCH = toy_batch()


@metric("sparse", paper="none", direction=-1)
def sparse(probe: Probe) -> float:
    """No score for networks with one hidden layer."""
    if len(probe.layers) == 2:
        raise ValueError("too shallow")
    return float(probe.weights[0].double().sum())


@metric("noisy", paper="none", needs=("random draws",))
def noisy(probe: Probe) -> float:
    return float(torch.rand((), generator=torch.Generator().manual_seed(probe.seed)))


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch) -> list[Task]:
    """What is computed, in order."""
    calls, original = list[Task](), Job.score

    def score(job: Job, task: Task) -> NetworkScores:
        calls.append(task)
        return original(job, task)

    monkeypatch.setattr(Job, "score", score)
    return calls


def cells(tasks: list[Task]) -> set[tuple[str, str]]:
    found = [(task.architecture, name) for task in tasks for name in task.metrics]
    assert len(found) == len(set(found))
    return set(found)


def same(a: ScoreTable, b: ScoreTable) -> bool:
    return (a.archs, a.metrics, a.directions, a.reasons) == (
        b.archs,
        b.metrics,
        b.directions,
        b.reasons,
    ) and a.values.tobytes() == b.values.tobytes()


def test_a_larger_pool_computes_what_is_missing(tmp_path: Path, scored: list[Task]) -> None:
    path = tmp_path / "s.parquet"
    compute_scores(MLPs(), ARCHS[:4], ["snip", "params"], BATCH, path=path)
    scored.clear()
    more = compute_scores(MLPs(), ARCHS[6:1:-1], ["snip", "params"], BATCH, path=path)
    assert cells(scored) == {(arch, name) for arch in ARCHS[4:7] for name in ("snip", "params")}
    assert same(more, compute_scores(MLPs(), ARCHS[6:1:-1], ["snip", "params"], BATCH))
    whole = ScoreTable.load(path)
    assert whole.archs == (*ARCHS[:4], *ARCHS[6:3:-1])  # those that were there keep their place
    assert same(whole, compute_scores(MLPs(), whole.archs, ["snip", "params"], BATCH))


def test_other_metrics_compute_what_is_missing(tmp_path: Path, scored: list[Task]) -> None:
    path, archs = tmp_path / "s.parquet", ARCHS[:4]
    with pytest.warns(UserWarning, match="sparse: 2 of 4 missing: too shallow"):
        compute_scores(MLPs(), archs, ["snip", sparse], BATCH, path=path)
    scored.clear()
    more = compute_scores(MLPs(), archs, ["params", "snip"], BATCH, path=path)
    assert cells(scored) == {(arch, "params") for arch in archs}
    assert same(more, compute_scores(MLPs(), archs, ["params", "snip"], BATCH))
    whole = ScoreTable.load(path)
    assert (whole.metrics, whole.directions) == (("snip", "sparse", "params"), (1, -1, 1))
    scored.clear()
    with pytest.warns(UserWarning, match="sparse"):  # failures stay what they are
        assert same(compute_scores(MLPs(), archs, [sparse], BATCH, path=path), whole.select(metrics=["sparse"]))
    assert not scored
    assert whole.provenance["metrics"] == ["snip", "sparse", "params"]
    assert set(whole.provenance["sources"]) == {"sparse"}


def test_cells_that_nobody_asked_for_are_empty_and_say_so(tmp_path: Path, scored: list[Task]) -> None:
    path = tmp_path / "s.parquet"
    compute_scores(MLPs(), ARCHS[:2], ["snip"], BATCH, path=path)
    compute_scores(MLPs(), ARCHS[1:3], ["params"], BATCH, path=path)
    whole = ScoreTable.load(path)
    assert whole.reasons == {ARCHS[0]: {"params": NOT_SCORED}, ARCHS[2]: {"snip": NOT_SCORED}}
    scored.clear()
    both = compute_scores(MLPs(), ARCHS[:3], ["snip", "params"], BATCH, path=path)
    assert cells(scored) == {(ARCHS[0], "params"), (ARCHS[2], "snip")}
    assert same(both, compute_scores(MLPs(), ARCHS[:3], ["snip", "params"], BATCH))
    assert not both.reasons


def test_a_second_batch_can_come_later(tmp_path: Path) -> None:
    path, archs, second = tmp_path / "s.parquet", ARCHS[2:4], toy_batch(seed=1)
    compute_scores(MLPs(), archs, ["snip"], BATCH, path=path)
    compute_scores(MLPs(), archs, ["zico"], BATCH, second_batch=second, path=path)
    assert compute_scores(MLPs(), archs, ["snip"], BATCH, path=path).metrics == ("snip",)
    with pytest.raises(InputError, match="second_batch"):
        compute_scores(MLPs(), archs, ["zico"], BATCH, second_batch=toy_batch(seed=2), path=path)


def test_another_version_reads_but_adds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "s.parquet"
    table = compute_scores(MLPs(), ARCHS[:2], ["snip"], BATCH, path=path)
    older = {**table.provenance, "versions": {**table.provenance["versions"], "torch": "1.0"}}
    replace(table, provenance=older).save(path)
    assert compute_scores(MLPs(), ARCHS[:1], ["snip"], BATCH, path=path).provenance["versions"]["torch"] == "1.0"
    for archs, names in ((ARCHS[:3], ["snip"]), (ARCHS[:2], ["params"])):
        with pytest.raises(InputError, match=r"versions: torch .1\.0"):
            compute_scores(MLPs(), archs, names, BATCH, path=path)


OWN: dict[str, Any] = {"noisy": noisy, "sparse": sparse}
NAMES = st.lists(st.sampled_from(["snip", "params", "noisy", "sparse"]), min_size=1, unique=True)
POOLS = st.lists(st.sampled_from(ARCHS[:8]), min_size=1, unique=True)


def call(names: list[str], archs: list[str], path: Path | None) -> ScoreTable:
    scoring = Scoring([OWN.get(name, name) for name in names], BATCH)
    return scoring.scores(MLPs(), archs, path=path, note=lambda line: None)


@given(st.lists(st.tuples(NAMES, POOLS, st.none() | st.integers(0, 3)), min_size=1, max_size=4))
@settings(max_examples=12, deadline=None)
def test_however_a_table_comes_about_it_is_the_same(
    tmp_path_factory: pytest.TempPathFactory, calls: list[tuple[list[str], list[str], int | None]]
) -> None:
    """Shards, orders, kills and extensions, in any order: the same bits."""
    path = tmp_path_factory.mktemp("any") / "s.parquet"
    original = Job.score
    for names, archs, killed_after in calls:
        seen = list[Task]()

        def score(job: Job, task: Task, left: int | None = killed_after, seen: list[Task] = seen) -> NetworkScores:
            seen.append(task)
            if len(seen) - 1 == left:
                raise KeyboardInterrupt
            return original(job, task)

        # Some calls end early, and some have nothing but `sparse` on networks where it fails.
        with pytest.MonkeyPatch.context() as patch, suppress(KeyboardInterrupt, InputError):
            patch.setattr(Job, "score", score)
            call(names, archs, path)
    names, archs = ["params", *OWN, "snip"], ARCHS[:8]
    table = call(names, archs, path)
    assert same(table, call(names, archs, None))
    assert same(ScoreTable.load(path).select(table.archs, table.metrics), table)
    assert list(path.parent.iterdir()) == [path]


def test_processes_extend_too(tmp_path: Path) -> None:
    path = tmp_path / "s.parquet"
    compute_scores(MLPs(), ARCHS[:2], ["params"], BATCH, path=path)
    table = compute_scores(MLPs(), ARCHS[:4], ["snip", "params"], BATCH, path=path, workers=2)
    assert same(table, compute_scores(MLPs(), ARCHS[:4], ["snip", "params"], BATCH))


class Plain(SearchSpace):
    """A space that is no dataclass."""

    def __init__(self, widen: int = 1, keep: Any = None) -> None:
        self.widen, self.keep = widen, keep

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        return {"width": IntDistribution(1, 2)}

    def build(self, arch: str) -> torch.nn.Module:
        return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, self.widen * int(arch[-1])))


def test_the_state_of_any_space_counts(tmp_path: Path) -> None:
    path, archs = tmp_path / "s.parquet", list(Plain())
    for _ in range(2):
        compute_scores(Plain(1, torch.ones(2)), archs, ["params"], BATCH, path=path)
    for other in (Plain(8, torch.ones(2)), Plain(1, torch.zeros(2))):
        with pytest.raises(InputError, match=r"another call.*(widen|keep)"):
            compute_scores(other, archs, ["params"], BATCH, path=path)


SPACE = """
from dataclasses import dataclass
import torch
from toy import MLPs

HIDDEN = 8

class Space(MLPs):
    def build(self, arch):
        return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, HIDDEN), torch.nn.ReLU())

def unrelated():
    return 1

def loss(outputs, targets):
    return outputs.sum()
"""


@pytest.mark.parametrize("finished", [True, False])
def test_edited_code_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, finished: bool) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    path = tmp_path / "s.parquet"

    def call(edit: tuple[str, str] = ("", ""), archs: int = 2, stop: bool = False) -> None:
        sys.modules.pop("edited_space", None)
        (tmp_path / "edited_space.py").write_text(SPACE.replace(*edit) if edit[0] else SPACE)
        edited_space = importlib.import_module("edited_space")

        def stopping(done: int, total: int) -> None:
            if stop and done:
                raise KeyboardInterrupt

        scoring = Scoring(["params"], BATCH, loss=edited_space.loss)
        scoring.scores(edited_space.Space(), ARCHS[:archs], path=path, progress=stopping)

    if finished:
        call()
    else:
        with pytest.raises(KeyboardInterrupt):
            call(stop=True)
        assert not path.exists()
        assert Path(f"{path}.partial").exists()
    for edit, word in (
        (("HIDDEN = 8", "HIDDEN = 9"), "code of the space"),
        (("torch.nn.ReLU()", "torch.nn.GELU()"), "code of the space"),
        (("outputs.sum()", "outputs.mean()"), "loss"),
    ):
        with pytest.raises(InputError, match=f"another call.*{word}"):
            call(edit)
    call(("return 1", "return 2"), archs=3)
    assert len(ScoreTable.load(path)) == 3


def test_code_that_cannot_be_read_scores_but_does_not_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = printed_by("""
from toy import MLPs, toy_batch
from untrained import InputError, compute_scores
class Mine(MLPs): pass
def mine(probe): return 1.0
def loss(outputs, targets): return outputs.sum()
archs = list(MLPs())
def call(space, metric, path, n=2, **options):
    try:
        print(len(compute_scores(space, archs[:n], [metric], toy_batch(), path=path, **options)))
    except InputError as error:
        print(error)
for _ in range(2):
    call(Mine(), "params", "a.parquet")
    call(MLPs(), mine, "b.parquet")
    call(MLPs(), "params", "c.parquet", loss=loss)
call(MLPs(), "params", "b.parquet")
call(MLPs(), "params", "b.parquet", 3)
""").splitlines()
    first, second, last = lines[:3], lines[3:6], lines[6:]
    assert (first, last) == (["2"] * 3, ["2", "3"])
    for line, what in zip(second, ("the space", "'mine'", "the loss"), strict=True):
        for word in (what, "cannot be read", "move it to a file"):
            assert word in line
        assert len(line) < 300


def first(probe: Probe) -> float:
    return 1.0


def second(probe: Probe) -> float:
    return 2.0


@dataclass(frozen=True)
class Scale:
    by: float

    def __call__(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return self.by * F.cross_entropy(outputs, targets)


@pytest.mark.parametrize(
    ("one", "other", "word"),
    [
        ({"metrics": [Metric("m", first, 1, (), "")]}, {"metrics": [Metric("m", second, 1, (), "")]}, "metric 'm'"),
        ({"loss": Scale(1.0)}, {"loss": Scale(2.0)}, "loss"),
        ({"loss": F.cross_entropy}, {"loss": F.mse_loss}, "loss"),
        ({"seed": 0}, {"seed": 1}, "seed 0, not 1"),
        ({"strict": False}, {"strict": True}, "strict"),
        ({"chunk": None}, {"chunk": 4}, "chunk"),
        ({"precision": None}, {"precision": "float64"}, "precision"),
        ({"batch": BATCH}, {"batch": toy_batch(seed=1)}, "batch"),
        ({"batch": BATCH}, {"batch": (BATCH[0], BATCH[1].flip(0))}, "batch"),
        ({"batch": BATCH}, {"batch": (BATCH[0].double(), BATCH[1])}, "batch"),
        ({"space": MLPs(3)}, {"space": MLPs(4)}, "num_classes 3, not 4"),
    ],
)
def test_nothing_is_mixed(tmp_path: Path, one: dict[str, Any], other: dict[str, Any], word: str) -> None:
    path = tmp_path / "s.parquet"
    options: dict[str, Any] = {"space": MLPs(), "archs": ARCHS[:2], "metrics": ["params"], "batch": BATCH, "path": path}
    run: Any = compute_scores
    run(**options | one)
    before = path.read_bytes()
    for archs in (ARCHS[:2], ARCHS[:3]):
        with pytest.raises(InputError, match=f"another call.*{word}.*another file, or move it away") as caught:
            run(**options | other | {"archs": archs})
        assert len(str(caught.value)) < 300 + len(str(path))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_twins_of_what_is_there_are_known(tmp_path: Path, scored: list[Task]) -> None:
    class Twins(MLPs):
        def canonical(self, arch: str) -> str:
            return arch.replace("norm=False", "norm=True")

    path = tmp_path / "s.parquet"
    compute_scores(Twins(), ["width=4,depth=1,norm=False"], ["params"], BATCH, path=path)
    scored.clear()
    asked = ["width=4,depth=1,norm=True", "width=8,depth=1,norm=False"]
    table = compute_scores(Twins(), asked, ["params"], BATCH, path=path)
    assert [task.architecture for task in scored] == ["width=8,depth=1,norm=True"]
    assert table.archs == tuple(asked)
    assert ScoreTable.load(path).values[0] == table.values[0]


def test_foreign_tables_are_not_added_to(tmp_path: Path) -> None:
    path = tmp_path / "s.parquet"
    ScoreTable(tuple(ARCHS[:2]), ("snip",), np.ones((2, 1))).save(path)
    with pytest.raises(InputError, match="unknown origin"):
        compute_scores(MLPs(), ARCHS[:2], ["snip"], BATCH, path=path)
