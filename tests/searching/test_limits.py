"""Limits of a search: what is read, what is counted and measured, what is drawn, kept and refused."""

import json
import warnings
from pathlib import Path
from typing import Any

import optuna
import pytest
import torch
from torch import nn

from documented import printed_by, python_blocks
from searching.searches import ARCHS, SPACE, Counted, run
from toy import MLPs, toy_batch
from untrained import Scoring, TrainingObjective, search
from untrained.errors import InputError, InputWarning
from untrained.measuring import Measurement, Unsteady
from untrained.measuring.live import live_bytes
from untrained.searching import figures as measuring
from untrained.searching.allowed import Allowed
from untrained.searching.figures import Figures, measure
from untrained.searching.limits import read_limits
from untrained.searching.saved import load_summary

EXAMPLE = torch.zeros(1, 1, 4, 4)
SCORING = Scoring(["params", "synflow"], toy_batch())


def params_of(arch: str) -> float:
    """Counted by hand: 16 inputs, layers of a width with biases and norms (2 a unit), 3 outputs."""
    p = SPACE.to_params(arch)
    width, depth = p["width"], p["depth"]
    layers = 17 * width + (depth - 1) * (width + 1) * width + depth * 2 * width * p["norm"]
    return (layers + 3 * (width + 1)) / 1e6


SMALL = sorted(arch for arch in ARCHS if params_of(arch) <= 200e-6)


def queried(result: Any) -> list[str]:
    return [query.architecture for query in result.queries]


@pytest.mark.parametrize(
    "given",
    [
        "params <= 2, latency<5",
        [" params<=2", "latency < 5.0"],
        {"params": 2, "latency": "< 5"},
        "params <= 2e0, latency < 5, params <= 2",
    ],
    ids=["text", "list", "mapping", "twice"],
)
def test_limits_are_read_from(given: Any) -> None:
    assert [str(limit) for limit in read_limits(given)] == ["params <= 2", "latency < 5"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("params", "write NAME <= NUMBER"),
        ("params == 2", "write NAME <= NUMBER"),
        ("params =< 2", "write NAME <= NUMBER"),
        ("params <= 2,", "write NAME <= NUMBER"),
        ("", "write NAME <= NUMBER"),
        ("<= 2", "write NAME <= NUMBER"),
        ("params <= 2M", "'2M' is no number"),
        ("params <= nan", "'nan' is no number"),
        ("params <= inf", "'inf' is no number"),
        ("1 <= params <= 2", "'params <= 2' is no number"),
        ({"params": [1, 2]}, "is no number"),
        (2, "where 2: give text"),
        ("params <= 1, params >= 2", "'params >= 2, params <= 1': no number is both"),
        ("params < 1, params >= 1", "no number is both"),
        ("latency < -1", "never below 0"),
    ],
)
def test_what_cannot_be_read_is_named(given: Any, words: str) -> None:
    with pytest.raises(InputError, match="where") as caught:
        read_limits(given)
    assert words in str(caught.value)


def test_two_limits_that_touch_allow_one_number() -> None:
    assert len(read_limits("params <= 1, params >= 1")) == 2


def test_an_unknown_figure_is_named_before_anything_is_spent(tmp_path: Path) -> None:
    objective = Counted()
    with pytest.raises(
        InputError, match=r"where 'parms': no such figure: did you mean 'params'\? choose from params, fl"
    ):
        run(objective, where="parms <= 2", out=tmp_path / "out")
    assert not objective.calls
    assert not (tmp_path / "out").exists()


def test_params_are_those_counted_by_hand() -> None:
    for arch in ARCHS:
        assert measure(SPACE, arch, "params").value == pytest.approx(params_of(arch))


def test_flops_are_those_counted_by_hand() -> None:
    arch = "width=8,depth=1,norm=False"
    assert measure(SPACE, arch, "flops", EXAMPLE).value == pytest.approx((16 * 8 + 8 + 8 * 3) / 1e6)


@pytest.mark.parametrize(
    ("network", "values"),
    [
        # The input, the first result and that of ReLU; of the second layer on, the first result is gone.
        (nn.Sequential(nn.Linear(16, 20), nn.ReLU(), nn.Linear(20, 5)), (340 + 105) + 16 + 20 + 20),
        (nn.Sequential(nn.Linear(16, 20), nn.ReLU(inplace=True), nn.Linear(20, 5)), (340 + 105) + 16 + 20 + 5),
        (nn.Flatten(), 16),
        (nn.BatchNorm1d(16), 32 + 32 + 2 + 16 + 16),  # a counter of 8 bytes
    ],
    ids=["the widest place", "in place", "views take nothing", "buffers count"],
)
def test_memory_is_what_lives_at_once(network: nn.Module, values: int) -> None:
    large = torch.zeros(50, 16)
    assert live_bytes(network, large[:1]) == 4 * values
    assert network.training


def test_only_networks_within_the_limit_are_drawn_and_evaluated() -> None:
    result = search(SPACE, Counted(), budget=4, pool=len(SMALL), scores=SCORING, where="params <= 200e-6")
    assert result.summary["pool"] == len(SMALL)
    assert result.summary["where"] == ["params <= 0.0002"]
    assert set(queried(result)) <= set(SMALL)
    assert result.sizes["params"] == pytest.approx(params_of(result.architecture))


def test_a_larger_pool_begins_with_the_smaller_one() -> None:
    from untrained.searching.pool import chosen_pool

    allowed = Allowed(read_limits("params <= 300e-6"), Figures(SPACE))
    small, large = (chosen_pool(SPACE, n, 3, allowed) for n in (3, 7))
    assert large[:3] == small
    assert all(params_of(arch) <= 300e-6 for arch in large)
    assert sorted(chosen_pool(SPACE, None, 3, allowed)) == sorted(a for a in ARCHS if params_of(a) <= 300e-6)


def test_more_than_there_are_is_refused_with_their_number() -> None:
    few = rf"pool of 24 architectures: {len(SMALL)} of the 24 architectures drawn meet 'params <= 0.0002'"
    with pytest.raises(InputError, match=few):
        search(SPACE, Counted(), budget=2, pool=24, scores=SCORING, where="params <= 200e-6")


def test_if_none_meets_the_limits_the_least_is_named() -> None:
    least = min(ARCHS, key=params_of)
    words = rf"none of 24 architectures meets params <= 1e-06: the least is {params_of(least):.4g} M \('{least}'\)"
    with pytest.raises(InputError, match=words.replace("e-05", "e-05")):
        search(SPACE, Counted(), budget=2, scores=SCORING, where="params <= 1e-6")


def test_of_several_limits_the_one_is_named_that_is_met_by_none() -> None:
    allowed = Allowed(read_limits("memory >= 1, params <= 200e-6"), Figures(SPACE, EXAMPLE))
    words = "meets memory >= 1 and params <= 0.0002: the most is"
    with pytest.raises(InputError, match=words):
        allowed.chosen(ARCHS)


def test_cheap_figures_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = list[tuple[str, str]]()
    real = measure

    def seen(space: Any, arch: str, name: str, example: Any) -> Measurement:
        measured.append((arch, name))
        return real(space, arch, name, example)

    monkeypatch.setattr(measuring, "measure", seen)
    allowed = Allowed(read_limits("memory <= 1, params <= 200e-6"), Figures(SPACE, EXAMPLE))
    allowed.chosen(ARCHS)
    assert sorted(arch for arch, name in measured if name == "memory") == SMALL


@pytest.fixture
def latencies(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Measured architectures; each measurement takes longer than all before, as on a machine that grows busy."""
    measured = list[str]()

    def slower(_space: Any, arch: str, name: str, _example: Any) -> Measurement:
        assert name == "latency"
        measured.append(arch)
        return Measurement(len(measured) / 10)

    monkeypatch.setattr(measuring, "measure", slower)
    return measured


def test_a_search_that_goes_on_measures_no_latency_again(latencies: list[str], tmp_path: Path) -> None:
    options: dict[str, Any] = {"scores": SCORING, "where": "latency <= 1.2", "out": tmp_path}
    first = search(SPACE, Counted(), budget=3, **options)
    assert first.summary["pool"] == 12
    measured, queries = list(latencies), queried(first)
    second = search(SPACE, Counted(), budget=5, **options)
    assert latencies == measured
    assert second.summary["pool"] == 12
    assert queried(second)[:3] == queries
    assert second.study.study_name == first.study.study_name
    place = measured.index(second.architecture)
    assert second.sizes["latency"] == load_summary(tmp_path)["best"]["latency"] == (place + 1) / 10


def test_latencies_of_other_inputs_do_not_count(latencies: list[str], tmp_path: Path) -> None:
    for key in ("one", "other", "one"):
        figures = Figures(SPACE, EXAMPLE, path=tmp_path / "figures.jsonl", key=key)
        figures.value(ARCHS[0], "latency")
        figures.close()
    assert len(latencies) == 2


def test_figures_with_options_are_limited_under_one_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    how = {"spread": 0.1, "device": "a chip"}
    monkeypatch.setattr(measuring, "measure", lambda _, arch, name, __: Measurement(1e6 * params_of(arch), how))
    where = "latency( threads=1, runtime=onnx ) <= 200"
    result = search(SPACE, Counted(), budget=2, scores=SCORING, where=where, out=tmp_path)
    assert result.summary["where"] == ["latency(runtime=onnx) <= 200"]
    assert result.summary["pool"] == len(SMALL)
    assert result.sizes["latency(runtime=onnx)"] == pytest.approx(1e6 * params_of(result.architecture))
    assert "latency(runtime=onnx) " in repr(result)
    kept = [json.loads(line) for line in (tmp_path / "figures.jsonl").read_text().splitlines()[1:]]
    assert len(kept) == len(ARCHS)
    assert all(details == how for *_, details in kept)


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("latency(runtime=tflite) <= 5", "runtime='tflite' must be eager or compile or onnx"),
        ("latency(device=abacus) <= 5", "device 'abacus' cannot be used on this machine"),
        ("latency(threads=4096) <= 5", "this machine has"),
        ("latency(ms) <= 5", r"write options as name\(option=value\)"),
        ("latency(runtime=onnx) <= 5, latency(runtime=onnx,batch=1) >= 6", "no number is both"),
    ],
)
def test_a_figure_that_cannot_be_measured_here_is_refused(where: str, words: str, tmp_path: Path) -> None:
    objective = Counted()
    with pytest.raises(InputError, match=rf"where '.*{words}"):
        run(objective, where=where, out=tmp_path / "out")
    assert not objective.calls
    assert not (tmp_path / "out").exists()


def unsteady_but_of(steady: set[str], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """On a busy machine only some networks can be measured; gives a list of what was tried."""
    tried = list[str]()

    def measured(_space: Any, arch: str, name: str, _example: Any) -> Measurement:
        if name == "params":
            return Measurement(params_of(arch))
        tried.append(arch)
        if arch not in steady:
            raise Unsteady("the machine is too busy: leave it alone")
        return Measurement(1.0, {"device": "a chip"})

    monkeypatch.setattr(measuring, "measure", measured)
    return tried


def test_a_machine_that_is_too_busy_is_told_and_may_be_free_later(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"scores": SCORING, "where": "params <= 1, latency <= 5", "out": tmp_path}
    tried = unsteady_but_of(set(), monkeypatch)
    with pytest.raises(InputError, match="where 'latency': it cannot be measured: the machine is too busy"):
        search(SPACE, Counted(), budget=2, **options)
    assert len(tried) == 8
    tried = unsteady_but_of(set(ARCHS), monkeypatch)
    assert search(SPACE, Counted(), budget=2, **options).summary["pool"] == len(ARCHS)
    assert len(tried) == len(ARCHS)


def test_what_could_not_be_measured_is_left_out_for_good_and_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"scores": SCORING, "where": "latency <= 5", "out": tmp_path}
    tried = unsteady_but_of(set(ARCHS[::2]), monkeypatch)
    told = rf"latency of 12 of {len(ARCHS)} architectures is not known, so they are left out, as this one: the machine"
    for budget in (2, 3):
        with pytest.warns(InputWarning, match=told):
            result = search(SPACE, Counted(), budget=budget, **options)
        assert result.summary["pool"] == 12
        assert set(queried(result)) <= set(ARCHS[::2])
    assert len(tried) == len(ARCHS)


def test_latencies_of_two_devices_in_one_folder_are_told_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for chip, expected in (("one", 0), ("other", 1)):
        monkeypatch.setattr(measuring, "measure", lambda *_, chip=chip: Measurement(1.0, {"device": chip}))
        figures = Figures(SPACE, EXAMPLE, path=tmp_path / "figures.jsonl")
        figures.value(ARCHS[0], "latency")
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            figures.value(ARCHS[1 + expected], "latency")
        figures.close()
        assert [("on one, and this is other" in str(one.message)) for one in said] == [True] * expected


def test_another_limit_is_another_study_that_takes_over_values() -> None:
    storage = optuna.storages.InMemoryStorage()
    wide = search(SPACE, Counted(), budget=len(ARCHS), scores=SCORING, storage=storage)
    objective = Counted()
    narrow = search(SPACE, objective, budget=3, scores=SCORING, where="params <= 200e-6", storage=storage)
    assert narrow.study.study_name != wide.study.study_name
    assert all(query.reused for query in narrow.queries)
    assert not objective.calls


def test_latency_needs_a_folder_that_keeps_it() -> None:
    storage = optuna.storages.InMemoryStorage()
    with pytest.raises(InputError, match="give out= too"):
        search(SPACE, Counted(), budget=2, scores=SCORING, where="latency <= 5", storage=storage)


def test_what_takes_an_example_is_refused_without_one() -> None:
    with pytest.raises(InputError, match="where 'latency': it cannot be measured, as the search has no data"):
        run(Counted(), where="latency <= 5")


def test_networks_that_cannot_be_measured_are_told_with_the_reason() -> None:
    class Broken(MLPs):
        def build(self, arch: str) -> nn.Module:
            raise RuntimeError("no such layer")

    with pytest.raises(InputError, match="where 'params': it cannot be measured: RuntimeError: no such layer"):
        search(Broken(), Counted(), budget=2, scores=SCORING, where="params <= 5")


def test_given_architectures_are_filtered_and_counted() -> None:
    out = f"{len(ARCHS) - len(SMALL)} of {len(ARCHS)} architectures are left out: they do not meet params <= 0.0002"
    with pytest.warns(InputWarning, match=out):
        result = run(Counted(), where="params <= 200e-6")
    assert result.summary["pool"] == len(SMALL)
    listed = [SMALL[0], *[arch for arch in ARCHS if arch not in SMALL][:2]]
    with pytest.warns(InputWarning, match="2 of 3 architectures are left out"):
        result = search(SPACE, Counted(), budget=1, pool=listed, scores=SCORING, where="params <= 200e-6")
    assert queried(result) == SMALL[:1]


def test_columns_of_scores_are_limited() -> None:
    with pytest.warns(InputWarning, match="left out"):
        result = run(Counted(), where="width <= 12, width > 4")
    assert {SPACE.to_params(arch)["width"] for arch in queried(result)} <= {8, 12}
    assert result.columns == {"width": SPACE.to_params(result.architecture)["width"]}
    assert result.summary["best"]["columns"] == result.columns


def test_proposals_of_other_samplers_are_skipped_if_they_do_not_meet_the_limits() -> None:
    objective = Counted()
    with pytest.warns(InputWarning, match="left out"):
        result = run(objective, where="params <= 200e-6", sampler=optuna.samplers.RandomSampler(seed=0), budget=5)
    assert len(objective.calls) == 5
    assert set(objective.calls) <= set(SMALL)
    skipped = [trial.user_attrs.get("skipped", "") for trial in result.study.trials]
    assert any(why.startswith("not allowed: params is") for why in skipped)


def test_the_result_shows_the_limited_figures(tmp_path: Path) -> None:
    result = search(SPACE, Counted(), budget=2, scores=SCORING, where="memory <= 1", pool=4, out=tmp_path)
    best = json.loads((tmp_path / "best.json").read_text())["best"]
    network = SPACE.build(result.architecture)
    assert best["memory"] == live_bytes(network, EXAMPLE) / 1e6
    assert {"params", "flops", "memory"} <= best.keys()
    assert "memory" in repr(result)


@pytest.mark.filterwarnings("ignore")
def test_the_documented_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(TrainingObjective, "apart", False)  # starting a process takes seconds
    block, _ = python_blocks("docs/guides/limits.md")
    assert printed_by(block) == "True True\n"
