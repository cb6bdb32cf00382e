"""Checking a metric finds what is wrong with it, and nothing where all is well."""

import random

import numpy as np
import pytest
import torch

from toy import MLPs, toy_batch
from untrained.errors import InputError
from untrained.metrics import METRICS, metric
from untrained.probe import Probe
from untrained.testing import MetricReport, check_metric


def failed(report: MetricReport) -> list[str]:
    assert report.passed == all(check.passed is not False for check in report.checks)
    return [check.name for check in report.checks if check.passed is False]


def on_toys(given: object) -> MetricReport:
    return check_metric(given, MLPs(), batch=toy_batch(), second_batch=toy_batch(seed=1))  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("name", ["snip", "grasp", "fisher", "synflow", "l2_norm", "flops"])
def test_our_own_pass(name: str) -> None:
    report = on_toys(name)
    report.assert_passed()
    assert report.metric == METRICS[name]
    assert len(report.scores) == 12
    assert f"{name}: 7 of 7 checks passed" in str(report)


def test_on_digits_and_an_objective() -> None:
    report = check_metric("params", pool=4)
    report.assert_passed()
    assert "Spearman with the number of parameters: +1.00" in str(report)
    assert "times for twice the width" in str(report)
    assert all(isinstance(score, float) for score in report.scores.values())


def test_ranks_against_an_objective() -> None:
    params = METRICS["params"]
    figures = {arch: score or 0.0 for arch, score in on_toys("params").scores.items()}
    assert check_metric(params, MLPs(), batch=toy_batch(), objective=figures).passed
    upside_down = {arch: -figure for arch, figure in figures.items()}
    report = check_metric(params, MLPs(), batch=toy_batch(), objective=upside_down)
    assert failed(report) == ["ranks as it says"]
    assert "Spearman with the objective: -1.00" in str(report)
    one = dict(list(figures.items())[:1])
    assert "too few" in str(check_metric(params, MLPs(), batch=toy_batch(), objective=one))


@metric("writer", paper="none")
def writer(probe: Probe) -> float:
    with torch.no_grad():
        next(probe.net.parameters()).mul_(1.5)
    return float(len(list(probe.net.parameters())))


@metric("stirrer", paper="none")
def stirrer(probe: Probe) -> float:
    probe.net.eval()
    probe.net.register_forward_hook(lambda *_: None)
    random.random()
    np.random.rand()
    probe.net(probe.inputs).sum().backward()
    return sum(p.sum().item() for p in probe.net.parameters())


@metric("trainer", paper="none")
def trainer(probe: Probe) -> float:
    probe.net.train()
    return probe.net(probe.inputs).abs().sum().item()  # moves the running statistics of BatchNorm


@metric("batch_writer", paper="none")
def batch_writer(probe: Probe) -> float:
    probe.inputs.clamp_(min=0)
    return sum(p.sum().item() for p in probe.net.parameters())


@metric("pass_writer", paper="none", needs=("labels", "loss gradient"))
def pass_writer(probe: Probe) -> float:
    return sum(g.neg_().sum().item() for g in probe.weight_gradients)


def dice(probe: Probe) -> float:
    return torch.rand(()).item() + sum(p.sum().item() for p in probe.net.parameters())


def constant(probe: Probe) -> float:
    return 1


def fragile(probe: Probe) -> float:
    if any(isinstance(module, torch.nn.BatchNorm1d) for module in probe.net.modules()):
        raise RuntimeError("cannot bear BatchNorm\nat all")
    return float(sum(p.numel() for p in probe.net.parameters()))


def infinite(probe: Probe) -> float:
    return float("inf")


@metric("secretive", paper="none", needs=("loss gradient",))
def secretive(probe: Probe) -> float:
    assert probe.second is not None
    return probe.loss.item() + probe.second[0].sum().item()


@metric("second_writer", paper="none", needs=("second batch",))
def second_writer(probe: Probe) -> float:
    assert probe.second is not None
    return probe.second[0].mul_(2).sum().item() + float(sum(p.numel() for p in probe.net.parameters()))


def wants_two(probe: Probe) -> float:
    return float(sum(p.numel() for p in probe.net.parameters())) * float(probe.second is not None)


@pytest.mark.parametrize(
    ("given", "fails", "says"),
    [
        (second_writer, ["leaves the network alone"], ["changes second batch"]),
        (wants_two, ["says what it needs"], ["it also needs second batch"]),
        (writer, ["leaves the network alone", "leaves the passes alone"], ["changes weights"]),
        (stirrer, ["leaves the network alone"], ["gradients", "training mode", "hooks", "random states"]),
        (trainer, ["leaves the network alone"], ["changes buffers"]),
        (batch_writer, ["leaves the network alone", "leaves the passes alone"], ["changes batch"]),
        (pass_writer, ["leaves the passes alone"], ["plain differ after it"]),
        (dice, ["leaves the network alone", "is deterministic"], ["changes random states"]),
        (constant, ["tells networks apart"], ["1 different scores on 12 networks"]),
        (fragile, ["is finite"], ["networks; width=", "norm=True: RuntimeError: cannot bear BatchNorm"]),
        (infinite, ["is finite", "tells networks apart"], ["on 0 of 12 networks", "the score is inf"]),
        (secretive, ["says what it needs"], ["it also needs labels, second batch"]),
    ],
    ids=lambda value: getattr(value, "name", getattr(value, "__name__", None)),
)
def test_what_is_wrong_is_found(given: object, fails: list[str], says: list[str]) -> None:
    report = on_toys(given)
    assert set(fails) <= set(failed(report))
    others = set(failed(report)) - set(fails)
    # Whoever writes into things may break more than one promise; the harmless keep all others.
    assert not others or given in (stirrer, trainer, batch_writer, writer), others
    for words in says:
        assert words in str(report)
    with pytest.raises(AssertionError, match="FAILED"):
        report.assert_passed()


class Summed:
    """A metric that is an object, and no other's equal."""

    def __call__(self, probe: Probe) -> float:
        return float(sum(p.sum().item() for p in probe.net.parameters()))


summed = Summed()


def always_fails(probe: Probe) -> float:
    raise KeyError("nothing")


def test_what_cannot_be_judged_is_told() -> None:
    assert on_toys(summed).passed
    clock = {check.name: check.passed for check in on_toys("latency").checks}
    assert clock["is deterministic"] is None
    never = {check.name: check.passed for check in on_toys(always_fails).checks}
    assert (never["is deterministic"], never["is finite"]) == (None, False)


def test_targets_of_several_parts_and_other_types() -> None:
    inputs, targets = toy_batch()
    report = check_metric(summed, MLPs(), batch=(inputs, (targets, {"more": targets})))
    assert report.passed
    assert check_metric("l2_norm", MLPs(), batch=(inputs.bfloat16(), targets)).passed


def test_a_metric_that_no_other_process_can_find() -> None:
    @metric("local", paper="none")
    def local(probe: Probe) -> float:
        return probe.inputs.numel() + float(sum(p.numel() for p in probe.net.parameters()))

    report = on_toys(local)
    assert failed(report) == ["reaches other processes"]
    assert "define it at the top level of a module" in str(report)


def test_it_leaves_the_callers_world_alone() -> None:
    states = torch.get_rng_state(), random.getstate(), repr(np.random.get_state())
    inputs, targets = toy_batch()
    check_metric(batch_writer, MLPs(), batch=(inputs.clone(), targets), second_batch=toy_batch(seed=1))
    check_metric(dice, MLPs(), batch=(inputs, targets))
    assert torch.equal(states[0], torch.get_rng_state())
    assert states[1] == random.getstate()
    assert states[2] == repr(np.random.get_state())
    assert torch.equal(inputs, toy_batch()[0])


@metric("pair", paper="none", needs=("second batch",))
def pair(probe: Probe) -> float:
    assert probe.second is not None
    return (probe.second[0] - probe.inputs).sum().item() + float(sum(p.numel() for p in probe.net.parameters()))


def test_a_second_batch_is_asked_for() -> None:
    with pytest.raises(InputError, match="'pair' compares two batches: give second_batch"):
        check_metric(pair, MLPs(), batch=toy_batch())
    on_toys(pair).assert_passed()
    check_metric(pair, pool=2).assert_passed()  # digits are there for both
