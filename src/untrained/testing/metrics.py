"""Checks for whoever writes a metric: does it leave the network alone, is it a function, does it scale and rank?"""

import math
import pickle
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, is_dataclass, replace
from hashlib import blake2b
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils import _pytree as pytree

from untrained.data import load_data
from untrained.errors import InputError, one_line
from untrained.metrics import METRICS, ROBOT_METRICS, Given, Metric, get_metrics
from untrained.probe import Probe
from untrained.runtime.provenance import raw_bytes
from untrained.runtime.seeding import derive_seed, seeded
from untrained.runtime.threads import torch_threads
from untrained.scores.scaling import rank
from untrained.scoring.batch import Batch
from untrained.spaces import NASBench201, SearchSpace
from untrained.testing.report import Check, Report

BATCH = 16
OTHERS = (*ROBOT_METRICS, "plain", "naswot")
"""Metrics that show whether the passes that they share with the one on trial are still what they were."""
REPEATS = 3
"""Runs that must agree, or of which the shortest time is told."""


@dataclass(frozen=True, repr=False)
class MetricReport(Report):
    """What `check_metric` found; printed, it is a table.

    Attributes:
        checks: Every question with its answer.
        metric: The metric on trial.
        scores: Architecture -> score; None if the metric failed.
    """

    metric: Metric
    scores: Mapping[str, float | None]

    @property
    def title(self) -> str:
        """The name of the metric."""
        return self.metric.name


def check_metric(
    metric: Given,
    space: SearchSpace | None = None,
    *,
    batch: Batch | None = None,
    second_batch: Batch | None = None,
    objective: Mapping[str, float] | None = None,
    pool: int = 12,
    seed: int = 0,
) -> MetricReport:
    """Tries a metric on some architectures of a space, and reports; a failed check raises nothing.

    The metric passes if it

    - leaves the network alone: weights, buffers, gradients, modes, hooks, random states, and the batch;
    - leaves the shared passes alone: other metrics give the same after it;
    - is deterministic: one network and batch give one score, whatever the global random state and whatever was asked
      of the probe before;
    - is finite on every network, and not the same on all;
    - says what it needs: without "labels" or "second batch" among its `needs`, it gives the same without them;
    - reaches other processes (it can be pickled);
    - ranks as it says: its Spearman correlation with `objective` has the sign of its direction. Without an objective,
      the report has the correlation with the number of parameters.

    The report also has, without a verdict, the metric's time on the batch, on one twice as large and, if the space has
    a width `C`, on a network twice as wide.

    Args:
        metric: A `Metric`, a plain function `Probe -> float`, or a name as for `get_metrics`.
        space: The search space; None takes NAS-Bench-201 with one narrow cell a stage.
        batch: (inputs n x ..., targets); None takes one of scikit-learn's digits.
        second_batch: Another batch, for a metric that compares two.
        objective: Architecture -> figure, higher is better.
        pool: The number of architectures.
        seed: Decides the architectures, their initialisation and the random numbers of a pass.

    Returns:
        The report.

    Raises:
        InputError: If the metric cannot be found, or needs a second batch and only a first is given.

    Example:
        >>> from untrained.testing import check_metric
        >>> report = check_metric("snip", pool=3)
        >>> report.passed, len(report.scores)
        (True, 3)
    """
    (chosen,) = get_metrics([metric])
    space = space or NASBench201(N=1, C=8, num_classes=10, in_channels=1)
    if batch is None:
        digits = load_data("digits")
        first: Batch = digits.batch(BATCH, seed)
        batch, second_batch = first, digits.second_batch(BATCH, seed)
    elif second_batch is None and "second batch" in chosen.needs:
        raise InputError(f"metric {chosen.name!r} compares two batches: give second_batch=(inputs, targets) too")
    trial = _Trial(chosen, space, batch, second_batch, seed)
    with torch_threads(1), seeded(seed):
        archs = space.pool(pool, seed, at_most=True)
        found = {arch: trial.value(trial.probe(arch)) for arch in archs}
        scores = {arch: value for arch, value in found.items() if isinstance(value, float)}
        reasons = [f"{arch}: {value}" for arch, value in found.items() if isinstance(value, str)]
        example = next(iter(scores), archs[0])
        checks = [
            trial.network_alone(example),
            trial.passes_alone(example),
            trial.deterministic(example),
            Check("is finite", not reasons, "; ".join([f"on {len(scores)} of {len(archs)} networks", *reasons[:2]])),
            _distinct(scores),
        ]
        checks += [trial.needs(example), trial.pickled(example), trial.times(example)]
        if objective is None:
            params = {arch: METRICS["params"](trial.probe(arch)) for arch in scores}
            checks.append(Check("ranks", None, _told(_spearman(scores, params), "the number of parameters")))
        else:
            correlation = _spearman(scores, objective)
            right = correlation is not None and chosen.direction * correlation > 0
            checks.append(Check("ranks as it says", right, _told(correlation, "the objective")))
    return MetricReport(tuple(checks), chosen, {arch: scores.get(arch) for arch in archs})


@dataclass(frozen=True)
class _Trial:
    """A metric with what it is tried on. Each probe gets its own network and batch, which the metric may spoil."""

    metric: Metric
    space: SearchSpace
    batch: Batch
    second: Batch | None
    seed: int

    def network(self, arch: str) -> nn.Module:
        with seeded(derive_seed(self.seed, "init", arch)):
            return self.space.build(arch)

    def probe(self, arch: str) -> Probe:
        second = None if self.second is None else _copy(self.second)
        return Probe(self.network(arch), *_copy(self.batch), seed=self.seed, second=second)

    def value(self, probe: Probe) -> float | str:
        """Returns the score, or why there is none."""
        return _value(self.metric, probe)

    def network_alone(self, arch: str) -> Check:
        net = self.network(arch)
        for k, module in enumerate(net.modules()):  # neither all in training mode nor all without a gradient
            module.training = k % 2 == 0
        for parameter in list(net.parameters())[::2]:
            parameter.grad = torch.ones_like(parameter)
        batch, second = _copy(self.batch), None if self.second is None else _copy(self.second)
        before = _snapshot(net, batch, second)
        self.value(Probe(net, *batch, seed=self.seed, second=second))
        after = _snapshot(net, batch, second)
        changed = [what for what in before if before[what] != after[what]]
        return Check("leaves the network alone", not changed, f"changes {', '.join(changed)}" if changed else "")

    def passes_alone(self, arch: str) -> Check:
        probe = self.probe(arch)
        self.value(probe)
        alone, after = _others(self.probe(arch)), _others(probe)
        changed = [name for name in alone if alone[name] != after[name]]
        found = f"{', '.join(changed)} differ after it on the same probe" if changed else ""
        return Check("leaves the passes alone", not changed, found)

    def deterministic(self, arch: str) -> Check:
        values = []
        for seed in range(REPEATS):
            with seeded(seed):
                values.append(self.value(self.probe(arch)))
        probe = self.probe(arch)
        _others(probe)
        values.append(self.value(probe))
        shown = [value if isinstance(value, str) else f"{value:.9g}" for value in values]
        same = len(set(map(repr, values))) == 1
        told = "clock" in self.metric.needs or all(isinstance(value, str) for value in values)
        found = f"{shown[0] if same else ', '.join(shown)} on the same network"
        return Check("is deterministic", None if told else same, found)

    def needs(self, arch: str) -> Check:
        told, wants = repr(self.value(self.probe(arch))), list[str]()
        if repr(self.value(self.probe(arch))) != told:
            return Check("says what it needs", True, "cannot be told, as it is not deterministic")
        less = {"labels": replace(self, batch=(self.batch[0], None)), "second batch": replace(self, second=None)}
        if not (self.metric.paper or self.metric.needs):
            del less["labels"]  # a plain function cannot say what it needs; a second batch it would not get
        for need, trial in less.items():
            if need not in self.metric.needs and repr(trial.value(trial.probe(arch))) != told:
                wants.append(need)
        return Check("says what it needs", not wants, f"it also needs {', '.join(wants)}" if wants else "")

    def pickled(self, arch: str) -> Check:
        try:
            again = pickle.loads(pickle.dumps(self.metric))
        except Exception as error:  # pickle fails in many ways
            return Check("reaches other processes", False, f"{one_line(error)}; define it at the top level of a module")
        here, there = (repr(_value(metric, self.probe(arch))) for metric in (self.metric, again))
        same = here == there or here != repr(self.value(self.probe(arch)))  # one that is not deterministic
        return Check("reaches other processes", same, "" if same else f"unpickled it gives {there} for {here}")

    def times(self, arch: str) -> Check:
        def seconds(trial: _Trial) -> float:
            def run() -> float:
                probe = trial.probe(arch)
                start = time.perf_counter()
                trial.value(probe)
                return time.perf_counter() - start

            return min(run() for _ in range(REPEATS))

        once = seconds(self)
        told = [f"{once * 1e3:.3g} ms for a batch of {len(self.batch[0])}"]
        told.append(f"{seconds(replace(self, batch=_twice(self.batch))) / once:.1f} times that for twice the batch")
        if (width := self.space.options.get("C")) and is_dataclass(self.space):
            wider = replace(self.space, C=2 * width)
            told.append(f"{seconds(replace(self, space=wider)) / once:.1f} times for twice the width")
        return Check("takes", None, ", ".join(told))


def _value(metric: Metric, probe: Probe) -> float | str:
    try:
        return metric(probe)
    except (Exception, SystemExit) as error:  # whatever the metric under trial raises
        return one_line(error)


def _others(probe: Probe) -> dict[str, float | str]:
    return {name: _value(METRICS[name], probe) for name in OTHERS}


def _copy(batch: Batch) -> Batch:
    inputs, targets = batch
    return inputs.clone(), pytree.tree_map_only(torch.Tensor, torch.clone, targets)


def _twice(batch: Batch) -> Batch:
    inputs, targets = batch
    return torch.cat([inputs, inputs]), pytree.tree_map_only(torch.Tensor, lambda t: torch.cat([t, t]), targets)


def _snapshot(net: nn.Module, batch: Batch, second: Batch | None) -> dict[str, Any]:
    """Returns all that a metric must leave as it is, in a form that can be compared."""
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    parameters = dict(net.named_parameters())
    return {
        "weights": {name: (id(p), p.requires_grad, _bytes(p)) for name, p in parameters.items()},
        "buffers": {name: (id(b), _bytes(b)) for name, b in net.named_buffers()},
        "gradients": {name: _bytes(p.grad) for name, p in parameters.items()},
        "modules": [(name, id(module), sorted(vars(module))) for name, module in net.named_modules()],
        "training mode": [module.training for module in net.modules()],
        "hooks": [[list(getattr(module, kind)) for kind in hooks] for module in net.modules()],
        "batch": [_bytes(t) for t in pytree.tree_leaves(batch) if isinstance(t, torch.Tensor)],
        "second batch": [_bytes(t) for t in pytree.tree_leaves(second) if isinstance(t, torch.Tensor)],
        "random states": (_bytes(torch.get_rng_state()), random.getstate(), repr(np.random.get_state())),
        "torch's settings": (torch.is_grad_enabled(), torch.get_default_dtype(), torch.get_num_threads()),
    }


def _bytes(tensor: torch.Tensor | None) -> str:
    if tensor is None:
        return ""
    return blake2b(raw_bytes(tensor)).hexdigest()


def _distinct(scores: Mapping[str, float]) -> Check:
    n = len(set(scores.values()))
    found = f"{n} different scores on {len(scores)} networks"
    return Check("tells networks apart", n > 1, found)


def _spearman(scores: Mapping[str, float], figures: Mapping[str, float]) -> float | None:
    both = [arch for arch in scores if arch in figures and math.isfinite(figures[arch])]
    columns = [rank(np.array([table[arch] for arch in both])) for table in (scores, figures)]
    if len(both) < 2 or any(len(set(column)) == 1 for column in columns):
        return None
    return float(np.corrcoef(columns[0], columns[1])[0, 1])


def _told(correlation: float | None, what: str) -> str:
    return f"Spearman with {what}: " + ("none, too few or constant" if correlation is None else f"{correlation:+.2f}")
