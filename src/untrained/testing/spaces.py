"""Checks for whoever writes a space: do its strings come back, do its networks run, what do they cost?"""

import random
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from untrained.data import load_data
from untrained.errors import InputError, one_line, shown
from untrained.runtime.identity import code_of, described, readable
from untrained.runtime.seeding import derive_seed, seeded
from untrained.runtime.threads import torch_threads
from untrained.runtime.travel import can_travel
from untrained.scoring.batch import Batch
from untrained.spaces import SearchSpace, as_space
from untrained.spaces.structure import content_of, structure_of
from untrained.testing.report import Check, Report

BATCH = 4
CHANGED = 4
"""Architectures of which each decision is changed."""
TOLD = 2
"""Findings of one kind that are told; of further ones, only their number."""
CLOSE = 0.01
"""Part of the weights by which twins may differ: a bias behind a zero is used, and says little."""
DRAWS, TWINS = 24, 4
"""Architectures that are drawn to find twins among them, and how many twins are compared."""


@dataclass(frozen=True, repr=False)
class SpaceReport(Report):
    """What `check_space` found; printed, it is a table.

    Attributes:
        checks: Every question with its answer.
        space: The space on trial.
        archs: The architectures that were tried.
    """

    space: SearchSpace
    archs: tuple[str, ...]

    @property
    def title(self) -> str:
        """The name of the space."""
        return self.space.name


def check_space(
    space: Any,
    *,
    batch: Batch | None = None,
    pool: int = 12,
    seed: int = 0,
    most_parameters: float = 1e9,
    most_seconds: float = 30.0,
) -> SpaceReport:
    """Tries a space on some of its architectures, and reports; a failed check raises nothing.

    The space passes if

    - it has more than one architecture;
    - each string comes back: what `to_params` reads, `to_arch` writes, and `canonical` and `read` know it;
    - mutation and crossover stay inside, and mutation finds another architecture;
    - its networks can be built, run forward and backward without a number that is not finite, and give as many outputs
      as `num_classes` says;
    - a network depends on its architecture and the seed alone;
    - twins by `canonical` use equally many weights (but for one in 100), and a change of one decision that gives the
      very same network is known to `canonical`;
    - none of the networks is too large or takes too long;
    - it reaches other processes.

    Args:
        space: A space, or what stands for one (see `untrained.space`).
        batch: (inputs n x ..., targets) for the networks; None makes one of the space's options (`in_channels`,
            `image_size`, `in_features`, `length`), or takes one of scikit-learn's digits.
        pool: The number of architectures; the first and the last values of all decisions are tried beside them.
        seed: Decides the architectures and their weights.
        most_parameters: Parameters of a network from which it is too large. It is then not built.
        most_seconds: Seconds in which a network must be built and run forward and backward.

    Returns:
        The report.

    Raises:
        InputError: If nothing that is given stands for a space.

    Example:
        >>> from untrained.testing import check_space
        >>> def build(trial, num_classes=10):
        ...     width = trial.suggest_int("width", 8, 32, step=8)
        ...     return nn.Sequential(nn.Flatten(), nn.Linear(64, width), nn.ReLU(), nn.Linear(width, num_classes))
        >>> report = check_space(build)
        >>> report.passed, len(report.archs)
        (True, 4)
    """
    chosen = as_space(space)
    with torch_threads(1), seeded(seed), warnings.catch_warnings(action="ignore"):
        try:
            archs = list(dict.fromkeys([*_corners(chosen), *chosen.pool(pool, seed, at_most=True)]))
            count = chosen.size
        except InputError as error:
            return SpaceReport((Check("has architectures", False, _without(str(error), chosen)),), chosen, ())
        trial = _Trial(chosen, archs, seed, most_parameters, most_seconds)
        several = len(archs) > 1
        told = "too many to count" if count is None else f"{count} in all"
        checks = [
            Check("has architectures", several, told if several else f"only {archs[0]}: there is nothing to search"),
            trial.every("strings come back", [*archs, *trial.drawn_params()], trial.comes_back),
            trial.mutation(),
            trial.every("crossover stays inside", list(pairwise(archs)), trial.child),
        ]
        if chosen.has_networks:
            given = batch is not None
            checks += trial.networks(batch if batch is not None else _batch(chosen, seed), given=given)
        checks += [trial.travels(), trial.known_again()]
    return SpaceReport(tuple(checks), chosen, tuple(archs))


@dataclass
class _Trial:
    space: SearchSpace
    archs: Sequence[str]
    seed: int
    most_parameters: float
    most_seconds: float

    def every(self, name: str, things: Iterable[Any], question: Callable[[Any], str]) -> Check:
        """Asks a question of each thing; the answers are what is wrong, or empty."""
        wrong = list[str]()
        for thing in things:
            try:
                found = question(thing)
            except (Exception, SystemExit) as error:  # whatever the space under trial raises
                found = f"{_brief(thing)}: {one_line(error)}"
            if found:
                wrong.append(found)
        return Check(name, not wrong, _told(wrong))

    def drawn_params(self) -> list[dict[str, Any]]:
        """A value of every decision, as it is drawn; those that the space excludes are left out."""
        rng, decisions = random.Random(derive_seed(self.seed, "params")), self.space.decisions.values()
        times = 0 if self.space.conditional else DRAWS  # what a function writes it has been asked for
        drawn = ({d.name: d.draw(rng) for d in decisions} for _ in range(times))
        return [params for params in drawn if self.space.valid(params)]

    def comes_back(self, arch: str | dict[str, Any]) -> str:
        if isinstance(arch, dict):
            again = self.space.to_params(text := self.space.to_arch(arch))
            lost = [name for name, value in again.items() if value != arch[name]]
            return "".join(
                f"{name}={arch[name]!r:.40} becomes {again[name]!r:.40} in {_brief(text)}" for name in lost[:1]
            )
        params = self.space.to_params(arch)
        again = self.space.to_arch(params)
        if again != arch:
            return f"{_brief(arch)} is written again as {_brief(again)}"
        if self.space.read(f" {arch}\n") != arch:
            return f"{_brief(arch)} is read as {_brief(self.space.read(arch))}"
        canonical = self.space.canonical(arch)
        self.space.to_params(canonical)
        if self.space.canonical(canonical) != canonical:
            return f"the canonical {_brief(canonical)} has another canonical one: {self.space.canonical(canonical)}"
        return ""

    def mutation(self) -> Check:
        rng, changed = random.Random(self.seed), list[bool]()

        def mutant(arch: str) -> str:
            for _ in range(3):
                found = self.space.mutate(arch, rng)
                changed.append(found != arch)
                try:
                    self.space.to_params(found)
                except InputError as error:
                    return f"{_brief(arch)} becomes {_brief(found)}: {error}"
            return ""

        check = self.every("mutation stays inside", self.archs, mutant)
        if check.passed and len(self.archs) > 1 and not any(changed):
            return Check(check.name, False, "no architecture was ever changed")
        return check

    def child(self, parents: tuple[str, str]) -> str:
        found = self.space.crossover(*parents, random.Random(self.seed))
        try:
            self.space.to_params(found)
        except InputError as error:
            return f"the child {_brief(found)} of {_brief(parents[0])} and {_brief(parents[1])}: {error}"
        return ""

    def network(self, arch: str, seed: int | None = None) -> nn.Module:
        with seeded(derive_seed(self.seed, "init", arch) if seed is None else seed):
            return self.space.build(arch)

    def networks(self, batch: Batch, *, given: bool) -> list[Check]:
        costs, built, used = dict[str, tuple[int, float]](), list[str](), dict[str, int]()

        def build(arch: str) -> str:
            planned = self._planned(arch)
            if isinstance(planned, nn.Module) and (count := _count(planned)) > self.most_parameters:
                costs[arch] = count, 0.0
                return ""
            start = time.perf_counter()
            net = self.network(arch)
            if not isinstance(net, nn.Module):
                return f"{_brief(arch)} gives {shown(net, 40)}: return an nn.Module"
            costs[arch] = _count(net), time.perf_counter() - start
            built.append(arch)
            return ""

        def run(arch: str) -> str:
            net, start = self.network(arch), time.perf_counter()
            wrong = self._run(net, batch, used, arch)
            costs[arch] = costs[arch][0], costs[arch][1] + time.perf_counter() - start
            return wrong

        def same(arch: str) -> str:
            first, second = self.network(arch), self.network(arch)
            if [*map(tuple, _shapes(first))] != [*map(tuple, _shapes(second))]:
                return f"{_brief(arch)} is built in two ways"
            return "" if content_of(first) == content_of(second) else f"{_brief(arch)} has other weights each time"

        checks = [self.every("networks are built", self.archs, build), self.every("networks run", built, run)]
        if not checks[-1].passed and not used and not given:
            shape = " x ".join(map(str, batch[0].shape))
            checks[-1] = Check("networks run", False, f"with inputs {shape} (else give batch=): {checks[-1].found}")
        checks.append(self.every("a seed decides the weights", built[:3], same))
        pairs = ((arch, self.space.canonical(arch)) for arch in self._drawn())
        twins = list(islice(((arch, twin) for arch, twin in pairs if twin != arch), TWINS))
        if used:
            checks.append(self.every("twins are one network", twins, lambda pair: self._alike(pair, batch, used)))
        checks.append(
            self.every("every decision counts", [arch for arch in built if arch in used][:CHANGED], self._idle)
        )
        return [*checks, self._costs(costs)]

    def _planned(self, arch: str) -> nn.Module | None:
        """The network without its weights; None if it cannot be made so."""
        try:
            with torch.device("meta"), seeded(self.seed):
                return self.space.build(arch)
        except InputError:
            raise
        except Exception:  # what needs numbers is built as it is, and fails there if it must
            return None

    def _run(self, net: nn.Module, batch: Batch, used: dict[str, int], arch: str) -> str:
        inputs = batch[0]
        outputs = net.train()(inputs.clone())
        tensors = [t for t in pytree.tree_leaves(outputs) if isinstance(t, Tensor) and t.is_floating_point()]
        if not tensors:
            return f"{_brief(arch)} gives {shown(outputs, 40)}: no tensor of numbers"
        wanted = self.space.options.get("num_classes")
        if isinstance(outputs, Tensor) and outputs.ndim == 2 and wanted not in (None, outputs.shape[1]):
            return f"{_brief(arch)} gives {outputs.shape[1]} outputs for num_classes={wanted}"
        if not all(t.isfinite().all() for t in tensors):
            return f"{_brief(arch)} gives numbers that are not finite"
        torch.stack([t.square().mean() for t in tensors]).sum().backward()
        grads = [p.grad for p in net.parameters() if p.grad is not None and p.grad.any()]
        if not grads:
            return f"{_brief(arch)} has no weight that its output depends on"
        if not all(grad.isfinite().all() for grad in grads):
            return f"{_brief(arch)} has gradients that are not finite"
        used[arch] = sum(grad.numel() for grad in grads)
        return ""

    def _drawn(self) -> list[str]:
        rng = random.Random(derive_seed(self.seed, "twins"))
        return list(dict.fromkeys(self.space.sample(rng) for _ in range(DRAWS)))

    def _alike(self, pair: tuple[str, str], batch: Batch, used: dict[str, int]) -> str:
        for arch in pair:
            if arch not in used and (wrong := self._run(self.network(arch), batch, used, arch)):
                return wrong
        first, second = (used[arch] for arch in pair)
        close = abs(first - second) <= CLOSE * max(first, second)
        return "" if close else f"{_brief(pair[0])} uses {first} weights, {_brief(pair[1])} {second}"

    def _idle(self, arch: str) -> str:
        """A decision whose other value gives the very same network, and two architectures all the same."""
        params, rng = self.space.to_params(arch), random.Random(self.seed)
        before = self._structure(arch)
        for name, decision in self.space.decisions_of(arch).items():
            other = self.space.completed(params | {name: decision.other(params[name], rng)}, rng)
            if other is None or self.space.canonical(other) == self.space.canonical(arch):
                continue
            if self._structure(other) == before and self._same(arch, other):
                return f"{name} changes nothing: {_brief(arch)} and {_brief(other)} are one network, not by canonical"
        return ""

    def _structure(self, arch: str) -> bytes | None:
        """How the network is built, without its weights; None if it cannot be made so."""
        planned = self._planned(arch)
        return None if planned is None else structure_of(planned)

    def _same(self, first: str, second: str) -> bool:
        """Whether two architectures have the very same network."""
        nets = [self.network(arch, self.seed) for arch in (first, second)]
        made = [structure_of(net) for net in nets]
        return made[0] is not None and made[0] == made[1] and content_of(nets[0]) == content_of(nets[1])

    def _costs(self, costs: dict[str, tuple[int, float]]) -> Check:
        if not costs:
            return Check("costs", None, "no network was built")
        largest = max(costs, key=lambda arch: costs[arch][0])
        slowest = max(costs, key=lambda arch: costs[arch][1])
        parameters, seconds = costs[largest][0], costs[slowest][1]
        if parameters > self.most_parameters:
            return Check("costs", False, f"{_brief(largest)} has {parameters / 1e6:,.0f} M parameters")
        if seconds > self.most_seconds:
            return Check("costs", False, f"{_brief(slowest)} takes {seconds:.0f} s to build and run")
        least = min(count for count, _ in costs.values())
        return Check(
            "costs", True, f"{least / 1e6:.4g} to {parameters / 1e6:.4g} M parameters, at most {seconds:.2g} s"
        )

    def travels(self) -> Check:
        travels = can_travel(self.space)
        return Check("reaches other processes", travels, "" if travels else "it holds something that cannot be pickled")

    def known_again(self) -> Check:
        known = readable([code_of(self.space.source), described(self.space.options)])
        return Check("can be gone on with", None, "yes" if known else "no: its code is in no file that can be read")


def _corners(space: SearchSpace) -> list[str]:
    """The architectures of all first, and of all last values."""
    decisions, rng = space.decisions.values(), random.Random(0)
    first = {d.name: d.first for d in decisions}
    last = {d.name: d.values[(d.count or 1) - 1] if d.values is not None else d.first for d in decisions}
    found = (space.completed(params, rng) for params in (first, last))
    return [space.canonical(arch) for arch in found if arch is not None]


def _batch(space: SearchSpace, seed: int) -> Batch:
    """A batch that the options of a space ask for."""
    options, generator = space.options, torch.Generator().manual_seed(seed)
    classes = options.get("num_classes")
    targets = torch.arange(BATCH) % (classes if isinstance(classes, int) else 10)
    if isinstance(length := options.get("length"), int):
        vocabulary = options.get("vocabulary")
        return torch.randint(
            vocabulary if isinstance(vocabulary, int) else 2, (BATCH, length), generator=generator
        ), targets
    if isinstance(features := options.get("in_features"), int):
        return torch.randn(BATCH, features, generator=generator), targets
    channels, size = options.get("in_channels", 1), options.get("image_size")
    if channels == 1 and size is None:
        return load_data("digits").batch(BATCH, seed)
    sides = size if isinstance(size, list | tuple) else [size or 32] * 2
    return torch.randn(BATCH, channels, *sides, generator=generator), targets


def _count(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


def _shapes(net: nn.Module) -> list[torch.Size]:
    return [parameter.shape for parameter in net.parameters()]


def _brief(thing: Any) -> str:
    return thing if isinstance(thing, str) and len(thing) <= 60 else shown(thing, 60)


def _told(wrong: Sequence[str]) -> str:
    more = [f"and {len(wrong) - TOLD} more"] if len(wrong) > TOLD else []
    return "; ".join([*wrong[:TOLD], *more])


def _without(message: str, space: SearchSpace) -> str:
    return message.removeprefix(f"space {space.name!r}: ")
