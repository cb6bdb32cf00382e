"""Scores depend on (space, architecture, seed, batch, metric) and on nothing else."""

import random
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from optuna.distributions import BaseDistribution, IntDistribution

from scoring.in_workers import TwoHeads, breaks, perilous, two_losses, waiting
from toy import MLPs, toy_batch
from untrained.errors import InputError
from untrained.metrics import METRICS, metric
from untrained.probe import Probe
from untrained.runtime.journal import HEADER
from untrained.runtime.seeding import derive_seed
from untrained.scores import ScoreTable
from untrained.scoring.journal import ScoreJournal, partial_of
from untrained.scoring.one_network import Job, NetworkScores, Task
from untrained.scoring.pool import Scoring, compute_scores
from untrained.scoring.provenance import DEFAULTS
from untrained.spaces import NASBench201, SearchSpace

SPACE = NASBench201(N=1, C=4)
BATCH = (torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(1)), torch.tensor([0, 1, 2, 3]))
SECOND = (BATCH[0].flip(3), BATCH[1])
# Of transformers and recurrent networks.
OF_TOKENS = {name for name, m in METRICS.items() if m.function.__module__.endswith(("transformer", "recurrent"))}
ALL = [name for name in METRICS if name not in {"latency", *OF_TOKENS}]


def same(a: ScoreTable, b: ScoreTable) -> bool:
    return a.archs == b.archs and a.metrics == b.metrics and np.array_equal(a.values, b.values, equal_nan=True)


def test_order_and_processes_change_no_number() -> None:
    archs = SPACE.pool(3, seed=0)
    table = compute_scores(SPACE, archs, ALL, BATCH, second_batch=SECOND)
    assert not np.isnan(table.values).all(0).any()
    shuffled = random.Random(0).sample(archs, len(archs))
    metrics = random.Random(1).sample(ALL, len(ALL))
    # A metric alone, or after others, sees the same passes: exactly the same digits.
    assert same(
        table, compute_scores(SPACE, shuffled, metrics, BATCH, second_batch=SECOND).select(archs, table.metrics)
    )
    assert same(table, compute_scores(SPACE, archs, ALL, BATCH, second_batch=SECOND, workers=2))
    part = compute_scores(SPACE, archs[1:], ["snip"], BATCH)
    assert same(part, table.select(archs[1:], ["snip"]))
    assert not same(part, compute_scores(SPACE, archs[1:], ["snip"], BATCH, seed=1))


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


def test_a_slow_network_holds_back_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GO", str(tmp_path / "go"))
    archs = [f"width={width},depth=1,norm=False" for width in (4, 8, 12, 16)]
    journal = tmp_path / "scores.parquet.partial"

    def progress(done: int, total: int) -> None:
        if done == 3:
            assert journal.read_bytes().count(b"\n") == 2 + 3  # header and provenance, and all that is done
            (tmp_path / "go").touch()

    path = tmp_path / "scores.parquet"
    table = compute_scores(MLPs(), archs, [waiting], toy_batch(), workers=2, path=path, progress=progress)
    assert table.archs == tuple(archs)
    assert table.values.tolist() == [[1.0]] * 4


@metric("pair", paper="none", needs=("second batch",))
def pair(probe: Probe) -> float:
    assert probe.second is not None
    return probe.second[0].double().mean().item() - probe.inputs.double().mean().item()


def test_a_second_batch_is_given_on_and_told_apart(tmp_path: Path) -> None:
    archs, path = SPACE.pool(2), tmp_path / "scores.parquet"
    with pytest.raises(InputError, match="'pair' compares two batches: give second_batch"):
        compute_scores(SPACE, archs, ["snip", pair], BATCH, path=path)
    assert list(tmp_path.iterdir()) == []
    second = (BATCH[0] + 1, BATCH[1])
    table = compute_scores(SPACE, archs, [pair], BATCH, second_batch=second, path=path)
    assert table.values == pytest.approx(np.ones((2, 1)), abs=1e-6)
    with pytest.raises(InputError, match=r"another call \(second_batch"):
        compute_scores(SPACE, archs, [pair], BATCH, second_batch=(BATCH[0] + 2, BATCH[1]), path=path)
    with pytest.raises(InputError, match="the second batch's inputs hold NaN"):
        compute_scores(SPACE, archs, [pair], BATCH, second_batch=(BATCH[0] * torch.nan, BATCH[1]))
    with pytest.raises(InputError, match=r"samples of shape \(3, 4, 8\), the first of \(3, 8, 8\)"):
        compute_scores(SPACE, archs, [pair], BATCH, second_batch=(BATCH[0][:, :, :4], BATCH[1]))
    # Where no metric looks at it, no score depends on it.
    assert compute_scores(SPACE, archs, ["snip"], BATCH, second_batch=second).provenance["second_batch"] is None


def by_hand(metric: str, arch: str, dtype: torch.dtype) -> float:
    torch.manual_seed(derive_seed(0, "init", arch))
    net = SPACE.build(arch).to(dtype)
    return METRICS[metric](Probe(net, BATCH[0].to(dtype), BATCH[1], seed=derive_seed(0, "probe", arch)))


def test_precisions_have_the_same_weights_and_are_told_apart(tmp_path: Path) -> None:
    arch, names = SPACE.pool(1)[0], ["grad_norm", "naswot", "l2_norm", "synflow"]
    scores = {
        precision: compute_scores(SPACE, [arch], names, BATCH, precision=precision)
        for precision in (None, "float32", "float64", "bfloat16")
    }
    values = {precision: dict(zip(names, table.values[0], strict=True)) for precision, table in scores.items()}
    assert values[None] == values["float32"]
    for name in names:
        assert values["float64"][name] == by_hand(name, arch, torch.float64)
    # Autocast rounds the network's products to 8 bits, and neither its weights nor the data-free pass in float64.
    assert values["bfloat16"]["grad_norm"] != values["float32"]["grad_norm"]
    assert values["bfloat16"]["grad_norm"] == pytest.approx(values["float32"]["grad_norm"], rel=0.2)
    assert values["bfloat16"]["l2_norm"] == values["float32"]["l2_norm"]
    assert values["bfloat16"]["synflow"] == values["float32"]["synflow"]
    assert values["float32"]["l2_norm"] == pytest.approx(values["float64"]["l2_norm"], rel=1e-6)

    path = tmp_path / "scores.parquet"
    scores["float64"].save(path)
    with pytest.raises(InputError, match='precision "float64", not "bfloat16"'):
        compute_scores(SPACE, [arch], names, BATCH, precision="bfloat16", path=path)
    with pytest.raises(InputError, match='precision "float64", not null'):
        compute_scores(SPACE, [arch], names, BATCH, path=path)
    assert same(compute_scores(SPACE, [arch], names, BATCH, precision="float64", path=path), scores["float64"])


@dataclass(frozen=True)
class Sequences(SearchSpace):
    """One convolution over a sequence, one linear layer."""

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        return {"width": IntDistribution(2, 4)}

    def build(self, arch: str) -> torch.nn.Module:
        width = self.to_params(arch)["width"]
        return torch.nn.Sequential(
            torch.nn.Conv1d(2, width, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(4 * width, 2)
        )


def test_strict_counts_as_the_reference_does(tmp_path: Path) -> None:
    batch = (torch.randn(3, 2, 6, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1, 1]))
    space, path = Sequences(), tmp_path / "scores.parquet"
    loose = compute_scores(space, list(space), ["l2_norm"], batch)
    strict = compute_scores(space, list(space), ["l2_norm"], batch, strict=True, path=path)
    for arch in space:
        torch.manual_seed(derive_seed(0, "init", arch))
        convolution, _, _, linear = space.build(arch).children()
        weights = [next(layer.parameters()).detach().double() for layer in (convolution, linear)]
        norms = [torch.linalg.vector_norm(weight).item() for weight in weights]
        assert loose.values[loose.index[arch], 0] == pytest.approx(sum(norms))
        assert strict.values[strict.index[arch], 0] == pytest.approx(norms[1])
    with pytest.raises(InputError, match="strict true, not false"):
        compute_scores(space, list(space), ["l2_norm"], batch, path=path)


def test_tables_from_before_an_option_was_there_stay_good(tmp_path: Path) -> None:
    path, archs = tmp_path / "scores.parquet", SPACE.pool(2)
    table = compute_scores(SPACE, archs, ["snip"], BATCH)
    old = {key: value for key, value in table.provenance.items() if key not in DEFAULTS}
    assert set(DEFAULTS) < set(table.provenance)
    ScoreTable(table.archs, table.metrics, table.values, {}, old).save(path)
    assert same(compute_scores(SPACE, archs, ["snip"], BATCH, path=path), table)
    with pytest.raises(InputError, match="another call"):
        compute_scores(SPACE, archs, ["snip"], BATCH, strict=True, path=path)


def test_what_is_defined_at_a_prompt_is_scored_in_other_processes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    prompt = ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", prompt)
    exec("def mine(probe): return len(probe.layers)", prompt.__dict__)
    call = partial(compute_scores, MLPs(), list(MLPs())[:3], [prompt.mine], toy_batch())
    assert same(call(workers=1), call(workers=2))


@metric("fragile", paper="none")
def fragile(probe: Probe) -> float:
    """Fails on networks with normalisation."""
    if any(isinstance(module, torch.nn.BatchNorm1d) for module in probe.net.modules()):
        raise RuntimeError("cannot bear BatchNorm\nand says so at length")
    if len(probe.layers) == 3:
        sys.exit(0)  # as a script does that is no module
    return float("inf") if len(probe.layers) == 2 else 1.0


def test_a_failing_metric_gives_nan_and_a_reason_and_stops_nothing(tmp_path: Path) -> None:
    space = MLPs()
    with pytest.warns(UserWarning, match="fragile: 20 of 24 missing: RuntimeError: cannot bear BatchNorm"):
        table = compute_scores(space, list(space), [fragile, "params"], toy_batch(), path=tmp_path / "t.parquet")
    for arch in space:
        value, params = table.values[table.index[arch]]
        assert params > 0
        if "norm=True" in arch:
            assert np.isnan(value)
            assert table.reasons[arch] == {"fragile": "RuntimeError: cannot bear BatchNorm"}
        elif "depth=1" in arch:
            assert table.reasons[arch]["fragile"] == "ValueError: the score is inf"
        elif "depth=2" in arch:
            assert table.reasons[arch]["fragile"] == "SystemExit: 0"
        else:
            assert value == 1.0
    loaded = ScoreTable.load(tmp_path / "t.parquet")
    assert same(loaded, table)
    assert loaded.reasons == table.reasons


class Broken(MLPs):
    """Some networks cannot be built."""

    def build(self, arch: str) -> torch.nn.Module:
        if "depth=3" in arch:
            raise MemoryError("too deep")
        return super().build(arch)


def test_networks_that_cannot_be_built_leave_the_pool(tmp_path: Path) -> None:
    path, archs = tmp_path / "scores.parquet", list(Broken())
    shallow = [arch for arch in archs if "depth=3" not in arch]
    for _ in range(2):  # told again when the file is read
        with pytest.warns(UserWarning, match=r"8 of 24 networks cannot be built: MemoryError: too deep: left out"):
            table = compute_scores(Broken(), archs, ["snip"], toy_batch(), path=path)
        assert table.archs == tuple(shallow)
        assert not np.isnan(table.values).any()
        assert set(table.provenance["unbuilt"]) == set(archs) - set(shallow)
    deep = [arch for arch in archs if "depth=3" in arch]
    with pytest.raises(InputError, match=r"none of the 8 networks can be built: MemoryError: too deep"):
        compute_scores(Broken(), deep, ["snip"], toy_batch(), path=tmp_path / "other.parquet")
    assert list(tmp_path.iterdir()) == [path]


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
    for other in ({"seed": 1}, {"batch": (BATCH[0] + 1, BATCH[1])}, {"strict": True}, {"loss": torch.nn.MSELoss()}):
        options = {"archs": archs, "metrics": ["snip"], "batch": BATCH} | other
        with pytest.raises(InputError, match="another call"):
            compute_scores(SPACE, path=path, **options)  # pyright: ignore[reportArgumentType]
    assert path.stat().st_mtime_ns == written


SCRIPT = """
import os, signal, sys
sys.path.insert(0, {tests!r})
from toy import MLPs, toy_batch
from untrained import compute_scores

def progress(done, total):
    if done == 4:
        os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    archs = list(MLPs())[:8]
    compute_scores(MLPs(), archs, {metrics!r}, toy_batch(), workers={workers}, path={path!r}, progress=progress)
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_killed_and_resumed_the_table_is_the_same(tmp_path: Path, workers: int) -> None:
    path, script = tmp_path / "scores.parquet", tmp_path / "script.py"
    partial = tmp_path / "scores.parquet.partial"
    metrics, archs = ["snip", "naswot", "synflow"], list(MLPs())[:8]
    tests = str(Path(__file__).parents[1])
    script.write_text(SCRIPT.format(tests=tests, metrics=metrics, workers=workers, path=str(path)))
    killed = subprocess.run([sys.executable, str(script)], capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not path.exists()
    partial.write_bytes(partial.read_bytes() + b'["width=4')  # as if cut off within a line

    seen: list[int] = []
    resumed = compute_scores(
        MLPs(), archs, metrics, toy_batch(), path=path, progress=lambda done, total: seen.append(done)
    )
    assert seen[0] >= 4  # what was scored before the kill was kept
    assert same(resumed, compute_scores(MLPs(), archs, metrics, toy_batch()))
    assert not partial.exists()


def test_a_network_that_kills_its_process_or_takes_too_long_has_a_reason_and_stops_no_other() -> None:
    deadly, fine, slow = (f"width=4,depth={depth},norm=False" for depth in (1, 2, 3))
    scoring = Scoring([perilous], toy_batch(), limit_seconds=1)
    table = scoring.scores(MLPs(), [deadly, fine, slow], note=lambda _: None)
    reason = {arch: why["perilous"] for arch, why in table.reasons.items()}
    assert reason.keys() == {deadly, slow}
    assert reason[deadly] == "its process died (signal 6)"
    assert "longer than 1 s" in reason[slow]
    assert table.values[1, 0] == 1
    with pytest.raises(InputError, match="limit of 0 seconds"):
        Scoring("snip", toy_batch(), limit_seconds=0).scores(MLPs(), [fine])


def test_a_network_that_killed_this_process_twice_has_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archs, path, calls = list(MLPs())[:4], tmp_path / "scores.parquet", list[str]()
    partial = Path(f"{path}.partial")

    def score(job: Job, task: Task) -> NetworkScores:
        calls.append(task.architecture)
        if task.architecture == archs[0]:
            raise KeyboardInterrupt
        return original(job, task)

    def killed(as_by_kill: bool) -> None:
        with pytest.raises(KeyboardInterrupt):
            compute_scores(MLPs(), archs, ["params"], toy_batch(), path=path)
        text = partial.read_text()
        assert text.endswith("\nnull\n")  # the process lived: the network is to blame for nothing
        if as_by_kill:
            partial.write_text(text.removesuffix("null\n"))

    original = Job.score
    monkeypatch.setattr(Job, "score", score)
    for as_by_kill in (False, True, False, True):
        killed(as_by_kill)
    with pytest.warns(UserWarning, match="params: 1 of 4 missing"):
        table = compute_scores(MLPs(), archs, ["params"], toy_batch(), path=path)
    assert list(table.reasons) == [archs[0]]
    assert "died" in table.reasons[archs[0]]["params"]
    assert sorted(set(calls)) == sorted(archs)
    assert [calls.count(arch) for arch in archs[1:]] == [1, 1, 1]  # after the first death, the suspect came last


def test_unfinished_scores_of_another_call_are_refused_untouched(tmp_path: Path) -> None:
    partial = tmp_path / "scores.parquet.partial"
    text = HEADER.decode() + '{"seed": 9}\n'
    partial.write_text(text)
    with pytest.raises(InputError, match=r"unfinished.* of unknown origin"):
        compute_scores(SPACE, SPACE.pool(2), ["snip"], BATCH, path=tmp_path / "scores.parquet")
    assert partial.read_text() == text


def test_a_batch_on_which_nothing_works_leaves_nothing_behind(tmp_path: Path) -> None:
    for _ in range(2):  # said again the second time
        with pytest.raises(InputError, match="no metric has a score"):
            compute_scores(SPACE, SPACE.pool(12), ["snip"], (BATCH[0], BATCH[1] + 99), path=tmp_path / "s.parquet")
        assert list(tmp_path.iterdir()) == []


def test_a_broken_journal_is_named(tmp_path: Path) -> None:
    (tmp_path / "s.parquet.partial").write_bytes(b"\xff\xfe\n")
    with pytest.raises(InputError, match="not a file of unfinished results"):
        compute_scores(SPACE, SPACE.pool(2), ["snip"], BATCH, path=tmp_path / "s.parquet")


def test_bad_input_is_one_clear_line() -> None:
    archs = SPACE.pool(2)
    images, labels = BATCH
    cases = [
        ({"metrics": ["snap"]}, r"unknown metric 'snap'.*snip"),
        ({"metrics": []}, "no metric"),
        ({"metrics": ["naswot", "naswot"]}, "given twice"),
        ({"archs": ["|oops|"]}, "malformed architecture"),
        ({"archs": []}, "no architecture"),
        ({"batch": None}, "no batch"),
        ({"batch": (images[:0], labels[:0])}, "at least 1"),
        ({"batch": (images * torch.nan, labels)}, "NaN"),
        ({"batch": (images, labels / 0.0)}, "NaN or infinite"),
        ({"batch": (images, labels[:2])}, "4 inputs but 2 targets"),
        (
            {"batch": (images, labels + 1_000)},
            "no metric has a score on any of 2 networks: .*label 100[0-9]: .* outputs for 10",
        ),
        ({"batch": (images[:, :2], labels)}, "no metric has a score on any of 2 networks: .*channels"),
        ({"workers": 0}, "0 workers"),
        ({"precision": "float8"}, "unknown precision 'float8': choose from float32, float64, bfloat16"),
        ({"device": "abacus"}, "device 'abacus' cannot be used on this machine"),
    ]
    for wrong, message in cases:
        options = {"archs": archs, "metrics": ["snip", "grad_norm"], "batch": BATCH} | wrong
        with pytest.raises(InputError, match=message) as caught:
            compute_scores(SPACE, **options)  # pyright: ignore[reportArgumentType]
        assert "\n" not in str(caught.value)


def test_what_cannot_be_sent_to_another_process_is_scored_here_only() -> None:
    lock = threading.Lock()

    @metric("local", paper="none")
    def local(probe: Probe) -> float:
        return float(not lock.locked())

    with pytest.raises(InputError, match=r"cannot be sent there: use 1 worker .*lock"):
        compute_scores(SPACE, SPACE.pool(3), [local], BATCH, workers=2)
    assert compute_scores(SPACE, SPACE.pool(3), [local], BATCH).values.tolist() == [[1.0]] * 3


def test_several_heads_and_targets(tmp_path: Path) -> None:
    space, archs = TwoHeads(), list(TwoHeads())[:3]
    inputs, labels = toy_batch()
    batch = inputs, (labels, torch.randn(len(inputs)))
    options: dict[str, Any] = {"batch": batch, "loss": two_losses, "path": tmp_path / "scores.parquet"}
    scores = compute_scores(space, archs, ["snip", "grasp", "jacob_cov", "params"], workers=2, **options)
    assert not scores.reasons
    torch.manual_seed(derive_seed(0, "init", archs[0]))
    expected = METRICS["snip"](Probe(space.build(archs[0]), *batch, loss=two_losses))
    assert scores.values[scores.index[archs[0]], 0] == pytest.approx(expected, rel=1e-6)
    assert same(compute_scores(space, archs, ["snip", "grasp", "jacob_cov", "params"], **options), scores)
    options["batch"] = inputs, (labels, torch.randn(len(inputs)))
    with pytest.raises(InputError, match="batch"):
        compute_scores(space, archs, ["snip", "grasp", "jacob_cov", "params"], **options)


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ((torch.zeros(12), torch.zeros(5)), "12 inputs but 5 targets"),
        ({"a": torch.full((12,), torch.nan)}, "targets hold NaN"),
        ((torch.zeros(12), "cat"), "targets hold a str: give tensors"),
        (torch.tensor(1.0), "12 inputs but 1 targets"),
    ],
)
def test_targets_that_do_not_fit(targets: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        compute_scores(MLPs(), list(MLPs())[:2], ["snip"], (toy_batch()[0], targets))


def test_chunks_save_memory_and_change_no_score(tmp_path: Path) -> None:
    space, batch = MLPs(), toy_batch()
    archs = [arch for arch in space if "norm=False" in arch][:3]
    whole = compute_scores(space, archs, ["grad_norm", "swap"], batch)
    chunked = compute_scores(space, archs, ["grad_norm", "swap"], batch, chunk=5, path=tmp_path / "s.parquet")
    assert chunked.values == pytest.approx(whole.values, rel=1e-5)
    with pytest.raises(InputError, match="scores of another call"):
        compute_scores(space, archs, ["grad_norm", "swap"], batch, path=tmp_path / "s.parquet")
    (normed,) = [arch for arch in space if "norm=True" in arch][:1]
    with pytest.warns(UserWarning, match="grad_norm: 1 of 4 missing"):
        mixed = compute_scores(space, [*archs, normed], ["grad_norm"], batch, chunk=5)
    assert "BatchNorm takes its statistics from the whole batch" in mixed.reasons[normed]["grad_norm"]
    with pytest.raises(InputError, match="a chunk of 0 samples: give at least 1"):
        compute_scores(space, archs, ["grad_norm"], batch, chunk=0)


def test_a_call_that_is_refused_leaves_no_file(tmp_path: Path) -> None:
    lock = threading.Lock()

    def local(probe: Probe) -> float:
        return float(lock.locked())

    path = tmp_path / "s.parquet"
    with pytest.raises(InputError, match="cannot be sent there"):
        compute_scores(MLPs(), list(MLPs())[:4], [local], toy_batch(), workers=2, path=path)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not hasattr(torch, "AcceleratorError"), reason="this PyTorch does not tell them from others")
@pytest.mark.parametrize("workers", [1, 2])
def test_a_device_that_fails_ends_the_call_and_no_score_is_made_up(tmp_path: Path, workers: int) -> None:
    archs = sorted(MLPs(), key=len)
    path = tmp_path / "s.parquet"
    with pytest.raises(InputError, match=r"the device failed on 'width=.*device-side assert .*call again to go on"):
        compute_scores(MLPs(), archs, [breaks], toy_batch(), path=path, workers=workers)
    assert "CUDA" not in (tmp_path / "s.parquet.partial").read_text()


def test_a_few_networks_without_scores_are_no_reason_to_stop() -> None:
    """In whatever order they are given."""
    with_units = [arch for arch in MLPs() if "depth=3" in arch]
    few = [*[arch for arch in MLPs() if "depth=1" in arch], *with_units, *[a for a in MLPs() if "depth=2" in a]]
    with pytest.warns(UserWarning, match="only_deep: 16 of 24 missing"):
        table = compute_scores(MLPs(), few, [only_deep], toy_batch())
    assert table.archs == tuple(few)
    assert np.isnan(table.values[:8]).all()
    assert np.isfinite(table.values[8:16]).all()


@metric("only_deep", paper="none")
def only_deep(probe: Probe) -> float:
    if len(probe.layers) != 4:
        raise ValueError("not deep")
    return float(sum(p.numel() for p in probe.net.parameters()))


def test_a_kill_between_the_table_and_the_end_of_its_journal_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, archs = tmp_path / "scores.parquet", list(MLPs())

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    def call(n: int, **options: Any) -> None:
        compute_scores(MLPs(), archs[:n], ["params"], toy_batch(), path=path, **options)

    with monkeypatch.context() as patch:
        patch.setattr(ScoreJournal, "discard", killed)
        with pytest.raises(KeyboardInterrupt):
            call(2)
    assert len(list(tmp_path.iterdir())) == 2
    call(2)
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(KeyboardInterrupt):
        call(4, progress=lambda done, of: killed() if done == 3 else None)
    unfinished = partial_of(path).read_bytes()
    call(2)
    assert partial_of(path).read_bytes() == unfinished
