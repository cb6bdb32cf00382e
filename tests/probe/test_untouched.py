"""Scoring leaves no trace: network, batch, hooks, modes and random states are as they were, also after an error.

And because of that a score is a function of network and batch alone: not of what was asked before, nor of the mode.
"""

import copy
import math
import os
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from untrained.metrics import METRICS
from untrained.probe import Probe

NAMES = tuple(METRICS)

# A clock never shows the same twice.
SAME = tuple(name for name in NAMES if name != "latency")

# Metrics that look at no more than the parameters.
WITHOUT_FORWARD = {"l2_norm", "layers", "params"}

# In evaluation mode, BatchNorm's running statistics count.
WITH_STATISTICS = {"ntk_condition_number", "vkdnw"}

# These compare blocks, of which most networks here have one.
SEVERAL_BLOCKS = {"az_progressivity", "az_trainability"}

# Of transformers and recurrent networks.
OF_TOKENS = {name for name, m in METRICS.items() if m.function.__module__.endswith(("transformer", "recurrent"))}


# Networks: each function builds one with its batch, always the same.


@dataclass
class Case:
    net: nn.Module
    inputs: Tensor
    targets: Tensor


def images(net: nn.Module) -> Case:
    """`net` with four 3x6x6 images of three classes."""
    return Case(net, torch.randn(4, 3, 6, 6), torch.tensor([0, 1, 2, 1]))


def with_dropout() -> Case:
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Dropout(0.3),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(4, 3),
    )
    return images(net)


def with_inplace_relu() -> Case:
    """The ReLU overwrites what the convolution returned. BatchNorm with a cumulative average."""
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3),
        nn.ReLU(inplace=True),
        nn.Conv2d(4, 4, 3, groups=2, bias=False),
        nn.BatchNorm2d(4, momentum=None),
        nn.ReLU(inplace=True),
        nn.Flatten(),
        nn.Linear(16, 3),
    )
    return images(net)


def with_mixed_modes() -> Case:
    """In eval mode but for the first BatchNorm and the dropout."""
    case = with_dropout()
    assert isinstance(case.net, nn.Sequential)
    case.net.append(nn.Identity()).eval()
    case.net[1].train()
    case.net[3].train()
    return case


def with_frozen_parameters() -> Case:
    """Some parameters do not require a gradient, some have one already, some both."""
    case = with_inplace_relu()
    for index, parameter in enumerate(case.net.parameters()):
        if index % 2:
            parameter.grad = torch.randn_like(parameter)
        if index % 3 == 0:
            parameter.requires_grad_(False)
    return case


def with_everything_frozen() -> Case:
    case = with_inplace_relu()
    case.net.requires_grad_(False)
    return case


class Shared(nn.Module):
    """Two layers with one weight; and one layer that is called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.head = nn.Linear(5, 5), nn.Linear(5, 5), nn.Linear(5, 3)
        self.second.weight = self.first.weight
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.second(self.relu(self.first(x))))
        return self.head(self.relu(self.first(x)))


def with_shared_weights() -> Case:
    return Case(Shared(), torch.randn(4, 5), torch.tensor([2, 0, 1, 1]))


def with_shared_modules() -> Case:
    """One linear layer and one BatchNorm, each registered under two names."""
    layer, norm = nn.Linear(5, 5), nn.BatchNorm1d(5)
    net = nn.Sequential(layer, norm, nn.ReLU(), layer, norm, nn.ReLU(), nn.Linear(5, 3))
    return Case(net, torch.randn(4, 5), torch.tensor([2, 0, 1, 1]))


def with_spectral_norm() -> Case:
    """The weight is computed from another parameter, and the forward pass writes the vectors of its power iteration."""
    normed = nn.utils.parametrizations.spectral_norm(nn.Conv2d(3, 4, 3))
    return images(nn.Sequential(normed, nn.ReLU(), nn.Flatten(), nn.Linear(64, 3)))


class Functional(nn.Module):
    """ReLUs, a residual and a pooling without modules; a parameter of the root and a buffer that is not saved."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.bn, self.head = nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3), nn.Linear(3, 3)
        self.scale = nn.Parameter(torch.ones(1) * 1.5)
        self.register_buffer("shift", torch.tensor(0.25), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn(self.conv(x)) + x * self.scale + self.shift)
        x = F.relu(self.conv(x), inplace=True)
        return self.head(F.adaptive_avg_pool2d(x, 1).flatten(1))


def with_functional_relu() -> Case:
    return images(Functional())


def scale_output(_module: nn.Module, _arguments: tuple, output: Tensor) -> Tensor:
    return output * 2


def scale_input(_module: nn.Module, arguments: tuple) -> tuple:
    return (arguments[0] * 0.5,)


def leave_gradient(_module: nn.Module, _inputs: object, _outputs: object) -> None:
    """A backward hook that changes nothing."""


def with_hooks() -> Case:
    case = with_dropout()
    assert isinstance(case.net, nn.Sequential)
    case.net[0].register_forward_hook(scale_output)
    case.net[2].register_forward_pre_hook(scale_input)
    case.net.register_forward_hook(scale_output)
    case.net[7].register_full_backward_hook(leave_gradient)
    case.net[7].get_parameter("weight").register_hook(torch.Tensor.clone)
    return case


class Sequence(nn.Module):
    """Tokens through LayerNorm, attention-like mixing, a 1-D convolution and GELU: no ReLU, no image."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.norm, self.mix = nn.Linear(6, 8), nn.LayerNorm(8), nn.Conv1d(8, 8, 3, padding=1)
        self.act, self.drop, self.head = nn.GELU(), nn.Dropout(0.1), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.embed(x))
        x = x + self.drop(self.act(self.mix(x.transpose(1, 2)).transpose(1, 2)))
        return self.head(x.mean(dim=1))


def with_sequences() -> Case:
    return Case(Sequence(), torch.randn(4, 5, 6), torch.tensor([0, 2, 2, 1]))


class Counting(nn.Module):
    """A forward pass that writes to its buffers and draws random numbers, from torch unless told otherwise."""

    def __init__(self, draw: Callable[[], float | Tensor] = lambda: torch.randn(6)) -> None:
        super().__init__()
        self.draw = draw
        self.layer, self.head, self.relu = nn.Linear(4, 6), nn.Linear(6, 3), nn.ReLU()
        self.register_buffer("calls", torch.zeros(1))
        self.register_buffer("average", torch.zeros(6))

    def forward(self, x: Tensor) -> Tensor:
        assert isinstance(self.calls, Tensor)
        assert isinstance(self.average, Tensor)
        x = self.relu(self.layer(x))
        self.calls += 1
        self.average = 0.9 * self.average + 0.1 * x.detach().mean(dim=0)
        return self.head(x + 0.1 * self.draw())


def with_own_buffers() -> Case:
    return Case(Counting(), torch.randn(4, 4), torch.tensor([0, 2, 2, 1]))


def with_input_gradient() -> Case:
    """A batch that requires a gradient and has one."""
    case = with_dropout()
    case.inputs.requires_grad_()
    case.inputs.grad = torch.randn_like(case.inputs)
    return case


BUILDERS: dict[str, Callable[[], Case]] = {
    "dropout": with_dropout,
    "inplace_relu": with_inplace_relu,
    "mixed_modes": with_mixed_modes,
    "frozen_and_grad": with_frozen_parameters,
    "all_frozen": with_everything_frozen,
    "shared_weights": with_shared_weights,
    "shared_modules": with_shared_modules,
    "spectral_norm": with_spectral_norm,
    "functional_relu": with_functional_relu,
    "hooks": with_hooks,
    "sequence": with_sequences,
    "own_buffers": with_own_buffers,
    "input_gradient": with_input_gradient,
}


EACH = 1 if os.environ.get("UNTRAINED_ALL") else 3
PAIRS = [
    (name, network)
    for row, name in enumerate(NAMES)
    for column, network in enumerate(BUILDERS)
    if (row + column) % EACH == 0
]
"""Every metric meets a third of the networks one by one, every network a third of the metrics; all with UNTRAINED_ALL.
On one probe all metrics meet all networks always."""


def build(name: str) -> Case:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(11)
        return BUILDERS[name]()


# Snapshot


HOOKS = (
    "_forward_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_forward_pre_hooks",
    "_forward_pre_hooks_with_kwargs",
    "_backward_hooks",
    "_backward_pre_hooks",
    "_state_dict_hooks",
    "_state_dict_pre_hooks",
    "_load_state_dict_pre_hooks",
    "_load_state_dict_post_hooks",
)
GLOBAL_HOOKS = ("_global_forward_hooks", "_global_forward_pre_hooks", "_global_backward_hooks")
FUNCTIONS = (
    (F, "relu"),
    (F, "relu_"),
    (F, "linear"),
    (F, "conv2d"),
    (F, "batch_norm"),
    (torch, "relu"),
    (Tensor, "relu"),
)


def bits(value: Tensor) -> tuple:
    """Everything that tells one tensor's content from another, nan and signed zeros included."""
    return value.dtype, tuple(value.shape), value.stride(), value.detach().cpu().contiguous().numpy().tobytes()


def of_tensor(value: Tensor) -> dict[str, object]:
    """A tensor as an object: which one, where, what is in it, and its gradient likewise."""
    gradient = value.grad if value.is_leaf else None
    return {
        "object": id(value),
        "memory": value.data_ptr(),
        "content": bits(value),
        "requires_grad": value.requires_grad,
        "leaf": value.is_leaf,
        "grad": None if gradient is None else (id(gradient), gradient.data_ptr(), bits(gradient)),
        "hooks": dict(getattr(value, "_backward_hooks", None) or {}),
    }


@dataclass
class Snapshot:
    """What a network, a batch and the process look like. Holds on to the objects, so that no `id` is used again."""

    case: Case
    seen: dict[str, object] = field(init=False)

    def __post_init__(self) -> None:
        self.objects = [*self.case.net.modules(), *self.case.net.parameters(), *self.case.net.buffers()]
        self.gradients = [parameter.grad for parameter in self.case.net.parameters()]
        self.seen = self.look()

    def look(self) -> dict[str, object]:
        net = self.case.net
        seen: dict[str, object] = {}
        for name, value in net.state_dict().items():
            seen[f"state {name}"] = bits(value)
        for name, value in [*net.named_parameters(remove_duplicate=False), *net.named_buffers(remove_duplicate=False)]:
            seen[f"tensor {name}"] = of_tensor(value)
        for name, module in net.named_modules(remove_duplicate=False):
            seen[f"module {name}"] = (id(module), type(module), module.training)
            seen[f"attributes {name}"] = sorted(module.__dict__)
            # Whatever hangs on the module as a plain attribute, tensors stored aside among it.
            seen[f"values {name}"] = {
                key: id(value)
                for key, value in module.__dict__.items()
                if not isinstance(value, (bool, int, float, str, tuple, dict, set, type(None)))
            }
            for hooks in HOOKS:
                seen[f"{hooks} {name}"] = dict(getattr(module, hooks))
        seen["inputs"], seen["targets"] = of_tensor(self.case.inputs), of_tensor(self.case.targets)
        seen["torch random state"] = torch.get_rng_state().numpy().tobytes()
        kind, keys, *rest = np.random.get_state()
        seen["numpy random state"] = (kind, np.asarray(keys).tobytes(), *rest)
        seen["python random state"] = random.getstate()
        seen["grad mode"] = (torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.is_anomaly_enabled())
        seen["default dtype"] = torch.get_default_dtype()
        seen["deterministic"] = (torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark)
        seen["threads"] = torch.get_num_threads()
        for hooks in GLOBAL_HOOKS:
            seen[hooks] = dict(getattr(torch.nn.modules.module, hooks))
        for owner, name in FUNCTIONS:
            seen[f"function {owner} {name}"] = getattr(owner, name)
        return seen

    def assert_same(self) -> None:
        now = self.look()
        assert list(now) == list(self.seen)
        changed = [key for key in now if now[key] != self.seen[key]]
        assert not changed


@pytest.fixture(autouse=True)
def random_states() -> None:
    """States that no seeding inside the package would come upon by chance."""
    torch.manual_seed(20240917)
    torch.rand(7)
    np.random.seed(4711)
    np.random.rand(3)
    random.seed("untouched")
    random.random()


def attempt(name: str, probe: Probe) -> float | str:
    """The score, or the message of the ValueError that says why there is none."""
    try:
        return METRICS[name](probe)
    except ValueError as error:
        return str(error)


def probe_of(case: Case, second_order: bool = False) -> Probe:
    second = case.inputs.detach().flip(0), case.targets.roll(1)
    return Probe(case.net, case.inputs, case.targets, second=second, second_order=second_order)


def same(a: float | str, b: float | str) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return a == b or (math.isnan(a) and math.isnan(b))
    return a == b


def test_the_snapshot_sees_changes() -> None:
    """A test that cannot fail shows nothing: each of these leaves a trace that the snapshot has to find."""

    def step(case: Case) -> None:
        case.net(case.inputs).sum().backward()

    def freeze(case: Case) -> None:
        case.net.requires_grad_(False)

    def replace(case: Case) -> None:
        case.net.get_submodule("7").register_parameter("bias", nn.Parameter(case.net.get_parameter("7.bias").clone()))

    changes: list[Callable[[Case], object]] = [
        step,
        freeze,
        replace,
        lambda case: case.net(case.inputs),  # BatchNorm statistics, dropout
        lambda case: case.net.eval(),
        lambda case: case.net.get_submodule("3").eval(),
        lambda case: case.net.get_submodule("3").register_forward_hook(scale_output),
        lambda case: case.net.get_parameter("0.weight").data.mul_(1 + 1e-6),
        lambda case: case.inputs.requires_grad_(),
        lambda case: case.targets.add_(1),
        lambda _case: torch.rand(1),
        lambda _case: np.random.rand(),
        lambda _case: random.random(),
    ]
    for change in changes:
        case = build("dropout")
        snapshot = Snapshot(case)
        snapshot.assert_same()
        change(case)
        with pytest.raises(AssertionError):
            snapshot.assert_same()


@pytest.mark.parametrize(("name", "network"), PAIRS)
def test_untouched(name: str, network: str) -> None:
    case = build(network)
    snapshot = Snapshot(case)
    attempt(name, probe_of(case))
    snapshot.assert_same()


@pytest.mark.parametrize("network", BUILDERS)
def test_untouched_by_all_metrics_on_one_probe(network: str) -> None:
    """Also while the probe, and with it all it has kept, is alive, and once it is gone."""
    case = build(network)
    snapshot = Snapshot(case)
    probe = probe_of(case)
    snapshot.assert_same()
    for name in NAMES:
        attempt(name, probe)
        snapshot.assert_same()
    del probe
    snapshot.assert_same()


@pytest.mark.parametrize("draw", [random.random, np.random.rand], ids=["random", "numpy"])
def test_untouched_by_a_network_that_draws_outside_torch(draw: Callable[[], float]) -> None:
    """As implementations of stochastic depth do: the state is put back, and being seeded, the score is one score."""
    case = build("own_buffers")
    assert isinstance(case.net, Counting)
    case.net.draw = draw
    snapshot = Snapshot(case)
    first = {name: attempt(name, probe_of(case)) for name in SAME}
    snapshot.assert_same()
    random.seed(1)
    np.random.seed(1)
    assert {name: attempt(name, probe_of(case)) for name in SAME} == first


def test_untouched_by_a_loss_that_draws() -> None:
    """Label noise, say: the loss is part of the pass."""

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(outputs + torch.randn_like(outputs), targets)

    case = build("dropout")
    snapshot = Snapshot(case)
    first = METRICS["snip"](Probe(case.net, case.inputs, case.targets, loss=loss))
    snapshot.assert_same()
    torch.manual_seed(1)
    assert METRICS["snip"](Probe(case.net, case.inputs, case.targets, loss=loss)) == first


@pytest.mark.parametrize("name", SAME)
def test_untouched_without_autograd(name: str) -> None:
    """Inside `torch.no_grad` the score is the same, and the mode is put back to what the caller had."""
    expected = attempt(name, probe_of(build("dropout")))
    case = build("dropout")
    with torch.no_grad():
        snapshot = Snapshot(case)
        got = attempt(name, probe_of(case))
        snapshot.assert_same()
    assert same(got, expected)


# Errors


class Broken(RuntimeError):
    """Raised by the networks below; no package could mean it by another error."""


class Breaks(nn.Module):
    """Raises where it stands in the forward pass."""

    def forward(self, x: Tensor) -> Tensor:
        raise Broken("half-way")


class BreaksGoingBack(torch.autograd.Function):
    """Passes its argument on, and raises in the backward pass."""

    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def backward(ctx: object, *grad_outputs: Tensor) -> Tensor:
        raise Broken("on the way back")


class BreaksBackward(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return BreaksGoingBack.apply(x)


class BreaksLater(nn.Module):
    """Raises in every call but the first: in the second pass of whoever makes two."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = count()

    def forward(self, x: Tensor) -> Tensor:
        if next(self.calls):
            raise Broken("in the second pass")
        return x


def broken(module: nn.Module) -> Case:
    """After BatchNorm, dropout and hooks have had their effect; in mixed modes, partly frozen, with a gradient."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(13)
        net = nn.Sequential(
            nn.Conv2d(3, 4, 3, padding=1),
            nn.BatchNorm2d(4),
            nn.ReLU(inplace=True),
            nn.Dropout(0.5),
            module,
            nn.Flatten(),
            nn.Linear(144, 3),
        )
        case = images(net)
    net.eval()
    net[1].train()
    net[0].get_parameter("weight").requires_grad_(False)
    net[6].get_parameter("bias").grad = torch.ones(3)
    net[2].register_forward_hook(scale_output)
    return case


@pytest.mark.parametrize("name", [name for name in NAMES if name not in WITHOUT_FORWARD])
def test_untouched_after_an_error_in_the_forward_pass(name: str) -> None:
    case = broken(Breaks())
    snapshot = Snapshot(case)
    probe = probe_of(case)
    with pytest.raises(Broken, match="half-way"):
        METRICS[name](probe)
    snapshot.assert_same()
    # Nothing of the failed pass is taken for a result: asked again, the probe fails again.
    with pytest.raises(Broken, match="half-way"):
        METRICS[name](probe)
    snapshot.assert_same()


@pytest.mark.parametrize("name", ["grad_norm", "snip", "grasp", "fisher", "jacob_cov", "synflow", "plain"])
def test_untouched_after_an_error_in_the_backward_pass(name: str) -> None:
    case = broken(BreaksBackward())
    snapshot = Snapshot(case)
    with pytest.raises(Broken, match="on the way back"):
        METRICS[name](probe_of(case))
    snapshot.assert_same()


@pytest.mark.parametrize("name", NAMES)
def test_untouched_after_an_error_in_a_later_pass(name: str) -> None:
    """All metrics on one probe, beginning with each of them: the first pass works, the others do not."""
    case = broken(BreaksLater())
    snapshot = Snapshot(case)
    probe = probe_of(case)
    for following in (name, *NAMES):
        with suppress(Broken, ValueError):
            METRICS[following](probe)
        snapshot.assert_same()


@pytest.mark.parametrize("name", ["grad_norm", "snip", "grasp", "fisher", "plain"])
def test_untouched_after_an_error_in_the_loss(name: str) -> None:
    def loss(_outputs: Tensor, _targets: Tensor) -> Tensor:
        raise Broken("in the loss")

    case = build("mixed_modes")
    snapshot = Snapshot(case)
    with pytest.raises(Broken, match="in the loss"):
        METRICS[name](Probe(case.net, case.inputs, case.targets, loss=loss))
    snapshot.assert_same()


@pytest.mark.parametrize("name", ["grad_norm", "snip", "grasp", "fisher", "jacob_cov", "naswot", "synflow", "plain"])
def test_untouched_by_a_batch_that_does_not_fit(name: str) -> None:
    """Two channels where the convolution takes three: whatever is raised, it is raised without a trace."""
    case = build("mixed_modes")
    case.inputs = case.inputs[:, :2].clone()
    snapshot = Snapshot(case)
    with pytest.raises((RuntimeError, ValueError)):
        METRICS[name](probe_of(case))
    snapshot.assert_same()


@pytest.mark.parametrize("name", ["grad_norm", "snip", "grasp", "fisher", "plain"])
def test_untouched_by_missing_targets(name: str) -> None:
    """A loss without targets: an error that the user can read, and no trace."""
    case = build("mixed_modes")
    snapshot = Snapshot(case)
    with pytest.raises(ValueError, match=r"(?i)target|label"):
        METRICS[name](Probe(case.net, case.inputs))
    snapshot.assert_same()


# Scores


@pytest.mark.parametrize(("name", "network"), [pair for pair in PAIRS if pair[0] in SAME])
def test_same_score_again(name: str, network: str) -> None:
    """Twice on one probe, on a fresh one, on a copy of the network, and from other random states."""
    case = build(network)
    probe = probe_of(case)
    first = attempt(name, probe)
    assert same(attempt(name, probe), first)
    assert same(attempt(name, probe_of(case)), first)
    torch.manual_seed(99)
    assert same(attempt(name, probe_of(case)), first)
    if network != "hooks":  # a weight with a hook of its own takes it along into a copy
        assert same(attempt(name, probe_of(Case(copy.deepcopy(case.net), case.inputs, case.targets))), first)


@pytest.mark.parametrize("second_order", [False, True])
@pytest.mark.parametrize("network", BUILDERS)
def test_same_score_in_any_order(network: str, second_order: bool) -> None:
    """What the probe keeps from one metric does not show in the next. Rounding is all that a kept graph may change."""
    expected = {name: attempt(name, probe_of(build(network))) for name in SAME}
    orders = [list(SAME), list(reversed(SAME))]
    orders += [random.Random(seed).sample(SAME, len(SAME)) for seed in range(1 if EACH > 1 else 4)]
    case = build(network)
    for order in orders:
        probe = probe_of(case, second_order)
        for name in order:
            got = attempt(name, probe)
            if second_order and isinstance(got, float):
                assert got == pytest.approx(expected[name], rel=1e-5, nan_ok=True), order
            else:
                assert same(got, expected[name]), (name, order)


@pytest.mark.parametrize(("name", "network"), [p for p in PAIRS if p[0] in SAME and p[1] != "mixed_modes"])
def test_same_score_in_train_and_eval_mode(name: str, network: str) -> None:
    training, evaluating, mixed = build(network), build(network), build(network)
    training.net.train()
    evaluating.net.eval()
    for number, module in enumerate(mixed.net.modules()):
        module.training = bool(number % 2)
    expected = attempt(name, probe_of(training))
    assert same(attempt(name, probe_of(evaluating)), expected)
    assert same(attempt(name, probe_of(mixed)), expected)


@pytest.mark.parametrize("name", SAME)
def test_same_score_whatever_requires_a_gradient(name: str) -> None:
    """Freezing, gradients that are there already and BatchNorm statistics are no part of the architecture."""
    expected = attempt(name, probe_of(build("inplace_relu")))
    assert isinstance(expected, float) or name in SEVERAL_BLOCKS | OF_TOKENS
    assert same(attempt(name, probe_of(build("all_frozen"))), expected)
    assert same(attempt(name, probe_of(build("frozen_and_grad"))), expected)
    if name in WITH_STATISTICS:
        return
    warm = build("inplace_relu")
    warm.net(torch.randn(8, 3, 6, 6) * 3 + 1)
    assert same(attempt(name, probe_of(warm)), expected)


@pytest.mark.parametrize("name", SAME)
def test_same_score_for_an_input_that_requires_a_gradient(name: str) -> None:
    expected = attempt(name, probe_of(build("dropout")))
    assert isinstance(expected, float) or name in SEVERAL_BLOCKS | OF_TOKENS
    assert same(attempt(name, probe_of(build("input_gradient"))), expected)


@pytest.mark.parametrize("network", ["dropout", "inplace_relu", "mixed_modes", "functional_relu", "hooks"])
@pytest.mark.parametrize("name", [n for n in NAMES if n not in SEVERAL_BLOCKS | OF_TOKENS])
def test_image_networks_are_scored(name: str, network: str) -> None:
    """None of the above is true because nothing was computed: these networks have every score."""
    assert math.isfinite(METRICS[name](probe_of(build(network))))


def test_the_network_still_trains() -> None:
    """After all metrics, a step of gradient descent does what it does to a network that was never scored."""
    stepped = []
    for scored in (False, True):
        case = build("inplace_relu")
        if scored:
            probe = probe_of(case)
            for name in NAMES:
                attempt(name, probe)
        optimiser = torch.optim.SGD(case.net.parameters(), lr=0.1)
        F.cross_entropy(case.net(case.inputs), case.targets).backward()
        optimiser.step()
        stepped.append({key: bits(value) for key, value in case.net.state_dict().items()})
    assert stepped[0] == stepped[1]
