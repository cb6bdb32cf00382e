"""Networks that do by unusual calls what others do by usual ones: the score is the same, or autograd's."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from untrained.errors import InputError
from untrained.metrics import METRICS
from untrained.probe import Probe

LABELS = torch.tensor([0, 2, 1, 1, 0, 2])
SAMPLE_BY_SAMPLE = ("gradsign", "ntk_trace", "ntk_condition_number", "vkdnw")
OF_LOSS = ("grad_norm", "snip", "plain", "grasp")


def batch(*shape: int) -> tuple[Tensor, Tensor]:
    return torch.randn(6, *shape, dtype=torch.float64), LABELS


def by_autograd(net: nn.Module, inputs: Tensor) -> dict[str, float]:
    """Metrics of the loss gradient, by two plain backward passes."""
    weights = [p for name, p in net.named_parameters() if p.ndim > 1 and "weight" in name]
    gradients = torch.autograd.grad(F.cross_entropy(net(inputs), LABELS), weights, create_graph=True)
    along = sum((g * g.detach()).sum() for g in gradients)
    assert isinstance(along, Tensor)
    products = [(w * g).detach() for w, g in zip(weights, gradients, strict=True)]
    hessian = zip(weights, torch.autograd.grad(along, weights), strict=True)
    return {
        "grad_norm": sum(g.norm().item() for g in gradients),
        "snip": sum(p.abs().sum().item() for p in products),
        "plain": sum(p.sum().item() for p in products),
        "grasp": -sum((w * h).sum().item() for w, h in hessian),
    }


def scores(names: tuple[str, ...], net: nn.Module, *args: Any, **settings: Any) -> dict[str, float]:
    probe = Probe(net, *args, **settings)
    return {name: METRICS[name](probe) for name in names}


NOT_OF_ONE_BLOCK = {"az_progressivity", "az_trainability"}
# Of transformers and recurrent networks.
OF_TOKENS = {name for name, m in METRICS.items() if m.function.__module__.endswith(("transformer", "recurrent"))}
ALL = tuple(name for name in METRICS if name not in {"latency", *NOT_OF_ONE_BLOCK, *OF_TOKENS})


class OwnFunction(torch.autograd.Function):
    """A linear function whose gradient is written by hand."""

    @staticmethod
    def forward(ctx: Any, *args: Any) -> Tensor:
        x, w = args
        ctx.save_for_backward(x, w)
        return F.linear(x, w)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        (g,), (x, w) = grad_outputs, ctx.saved_tensors
        return g @ w, g.T @ x


class Own(nn.Linear):
    def forward(self, input: Tensor) -> Tensor:
        return OwnFunction.apply(input, self.weight)


class Vmapped(nn.Linear):
    def forward(self, input: Tensor) -> Tensor:
        return torch.vmap(lambda x: F.linear(x, self.weight))(input)


@pytest.mark.parametrize("kind", [Own, Vmapped])
@pytest.mark.parametrize("both", [True, False])
def test_calls_that_no_mode_sees(kind: type[nn.Linear], both: bool) -> None:
    torch.manual_seed(1)
    usual = nn.Sequential(nn.Linear(8, 12, bias=False), nn.ReLU(), nn.Linear(12, 3, bias=False)).double()
    second = kind(12, 3, bias=False) if both else nn.Linear(12, 3, bias=False)
    unusual = nn.Sequential(kind(8, 12, bias=False), nn.ReLU(), second).double()
    unusual.load_state_dict(usual.state_dict())
    inputs, targets = batch(8)
    expected = scores(SAMPLE_BY_SAMPLE, usual, inputs, targets)
    assert scores(SAMPLE_BY_SAMPLE, unusual, inputs, targets) == pytest.approx(expected, rel=1e-8)


class Steps(nn.Module):
    """A recurrent cell, step by step; its state makes its output."""

    def __init__(self, cell: Callable[..., nn.Module]) -> None:
        super().__init__()
        self.cell, self.head = cell(4, 5), nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        state = None
        for step in x.unbind(1):
            state = self.cell(step, state)
        assert state is not None
        return self.head(state if isinstance(state, Tensor) else state[0] * state[1].tanh())


class Residual(nn.Module):
    """Dropout in place: what is added is what has been dropped from."""

    def __init__(self, inplace: bool) -> None:
        super().__init__()
        self.a, self.b, self.head = nn.Linear(4, 5), nn.Linear(5, 5), nn.Linear(5, 3)
        self.drop = nn.Dropout(0.5, inplace=inplace)

    def forward(self, x: Tensor) -> Tensor:
        h = self.a(x.mean(1))
        return self.head(self.b(self.drop(h)).tanh() + h)


@pytest.mark.parametrize("cell", [nn.LSTMCell, nn.GRUCell, nn.RNNCell])
def test_cells(cell: Callable[..., nn.Module]) -> None:
    torch.manual_seed(2)
    net = Steps(cell).double()
    inputs, targets = batch(7, 4)
    assert scores(OF_LOSS, net, inputs, targets) == pytest.approx(by_autograd(net, inputs), rel=1e-9)


@pytest.mark.parametrize("inplace", [True, False])
def test_dropout_in_place(inplace: bool) -> None:
    torch.manual_seed(3)
    net = Residual(inplace).double()
    inputs, targets = batch(7, 4)
    found = scores(OF_LOSS, net, inputs, targets, seed=8)
    torch.manual_seed(8)
    assert found == pytest.approx(by_autograd(net, inputs), rel=1e-9)


class Written(nn.Module):
    """Begins by writing into its input."""

    def forward(self, x: Tensor) -> Tensor:
        return x.sub_(1).mul_(0.5)


def test_a_network_may_write_into_its_input() -> None:
    torch.manual_seed(4)
    of_tables = tuple(name for name in ALL if name not in ("meco", "meco_opt"))  # they have nothing to correlate here
    layers = nn.Linear(4, 40), nn.ReLU(), nn.Linear(40, 3)
    inputs, targets = batch(4)
    kept, second = inputs.clone(), (inputs * 0.3, targets)
    found = scores(of_tables, nn.Sequential(Written(), *layers).double(), inputs, targets, second=second)
    assert torch.equal(inputs, kept)
    assert torch.equal(second[0], inputs * 0.3)
    assert all(math.isfinite(score) for score in found.values())
    of_loss = ("grad_norm", "grasp", "gradsign", "vkdnw")
    written = (inputs - 1) * 0.5
    expected = scores(of_loss, nn.Sequential(*layers).double(), written, targets)
    assert {name: found[name] for name in of_loss} == pytest.approx(expected, rel=1e-9)


class Checkpointed(nn.Module):
    def __init__(self, reentrant: bool | None) -> None:
        super().__init__()
        self.first, self.inner = nn.Conv2d(3, 5, 3), nn.Sequential(nn.Conv2d(5, 5, 3), nn.BatchNorm2d(5), nn.ReLU())
        self.head = nn.Linear(5, 3)
        self.reentrant = reentrant

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.first(x))
        again: Any = checkpoint
        x = self.inner(x) if self.reentrant is None else again(self.inner, x, use_reentrant=self.reentrant)
        return self.head(x.mean((2, 3)))


@pytest.mark.parametrize("reentrant", [True, False])
def test_checkpoints(reentrant: bool) -> None:
    """Run a second time as the pass goes back, a part would find the network as it was before."""
    torch.manual_seed(5)
    plain, net = Checkpointed(None).double(), Checkpointed(reentrant).double()
    net.load_state_dict(plain.state_dict())
    inputs, targets = batch(3, 8, 8)
    second = (inputs * 0.3, targets)
    expected = scores(ALL, plain, inputs, targets, second=second)
    assert scores(ALL, net, inputs, targets, second=second) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("outer", [torch.autocast("cpu", torch.bfloat16), torch.inference_mode(), torch.no_grad()])
def test_what_the_caller_has_set_is_not_the_metrics(outer: Any) -> None:
    torch.manual_seed(6)
    net = nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.ReLU(), nn.Flatten(), nn.Linear(180, 3))
    inputs, targets = torch.randn(6, 3, 8, 8), LABELS
    expected = scores(ALL, net, inputs, targets, second=(inputs * 0.3, targets))
    probe = Probe(net, inputs, targets, second=(inputs * 0.3, targets))
    with outer:
        found = {name: METRICS[name](probe) for name in ALL}
    assert found == expected


def test_the_callers_default_type_is_not_the_metrics() -> None:
    torch.manual_seed(6)
    net = nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.ReLU(), nn.Flatten(), nn.Linear(180, 3))
    inputs, targets = torch.randn(6, 3, 8, 8), LABELS
    names = ("zen", "swap", "meco", "naswot", "az_expressivity")
    expected = scores(names, net, inputs, targets)
    torch.set_default_dtype(torch.float64)
    try:
        assert scores(names, net, inputs, targets) == expected
    finally:
        torch.set_default_dtype(torch.float32)


class Starts(nn.Module):
    """Makes a state as it runs, and masks with minus infinity."""

    def __init__(self, plain: bool) -> None:
        super().__init__()
        self.plain, self.a, self.b = plain, nn.Linear(4, 5), nn.Linear(5, 3)
        self.register_buffer("mask", torch.full((5, 5), -math.inf).triu(1))

    def forward(self, x: Tensor) -> Tensor:
        state = x.new_zeros(len(x), 5) if self.plain else torch.zeros(len(x), 5)
        mixed = torch.softmax(self.get_buffer("mask"), -1) @ (self.a(x) + state).T
        return self.b(mixed.T)


@pytest.mark.parametrize("name", ["synflow", "synflow_bn", "grad_norm", "ntk_trace"])
def test_what_a_network_makes_is_of_the_passes_type(name: str) -> None:
    torch.manual_seed(7)
    net, plain = Starts(False), Starts(True)
    plain.load_state_dict(net.state_dict())
    inputs = torch.randn(6, 4)
    expected = METRICS[name](Probe(plain, inputs, LABELS))
    assert expected > 0
    assert METRICS[name](Probe(net, inputs, LABELS)) == pytest.approx(expected, rel=1e-6)
    assert METRICS[name](Probe(net, inputs, LABELS, dtype=torch.float64)) == pytest.approx(expected, rel=1e-4)
    assert torch.get_default_dtype() == torch.float32


class Keeping(nn.Module):
    """Keeps what it sees, in attributes that are not parameters or buffers."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 4, 3), nn.Linear(4, 3)
        self.seen, self.last, self.names = [torch.ones(2)], {"first": 0.0}, {"a"}
        self.count, self.output = torch.zeros(()), torch.zeros(1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        self.seen.append(x)
        self.last["second"] = float(x.detach().mean())
        self.names.add("b")
        self.count += 1
        self.output = self.head(x.relu().mean((2, 3)))
        return self.output

    def train(self, mode: bool = True) -> "Keeping":
        super().train(mode)
        return self


def test_what_a_network_keeps_is_as_it_was() -> None:
    torch.manual_seed(8)
    net = Keeping()
    inputs = torch.randn(6, 3, 8, 8)
    net(inputs)  # from here on it keeps a tensor with a graph, which PyTorch does not copy
    kept = list(net.seen), dict(net.last), set(net.names), net.count.clone(), net.output
    probe = Probe(net, inputs, LABELS, second=(inputs * 0.3, LABELS))
    for name in (*ALL, "latency"):
        METRICS[name](probe)
    assert len(net.seen) == len(kept[0])
    assert all(a is b for a, b in zip(net.seen, kept[0], strict=True))
    assert (net.last, net.names, net.count) == kept[1:4]
    assert net.output is kept[4]


@pytest.mark.parametrize("name", [*SAMPLE_BY_SAMPLE, "naswot", "fisher"])
def test_outputs_that_are_not_one_a_sample(name: str) -> None:
    """A language model that flattens its tokens: metrics that need samples say so, the others work."""
    torch.manual_seed(9)
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Flatten(0, 1), nn.Linear(8, 3))
    probe = Probe(net, torch.randn(6, 7, 4), torch.arange(42) % 3)
    if name in SAMPLE_BY_SAMPLE:
        with pytest.raises(
            ValueError, match=r"the outputs have shape \(42, 3\) for 6 samples|targets of shape \(42,\)"
        ):
            METRICS[name](probe)
    else:
        assert METRICS[name](probe) > 0


class Folded(nn.Module):
    """A video network: frames and samples share a dimension, and BatchNorm goes over both."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm, self.head = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        frames = F.relu(self.norm(self.conv(x.flatten(0, 1))))
        return self.head(frames.mean((2, 3)).unflatten(0, x.shape[:2]).mean(1))

    def written_out(self, x: Tensor, factor: Tensor) -> tuple[Tensor, Tensor]:
        """The outputs, and the rectified frames; `factor` is on each sample's channels behind the convolution."""
        made = self.conv(x.flatten(0, 1)).unflatten(0, x.shape[:2]) * factor[:, None, :, None, None]
        frames = F.relu(self.norm(made.flatten(0, 1)))
        return self.head(frames.mean((2, 3)).unflatten(0, x.shape[:2]).mean(1)), frames.unflatten(0, x.shape[:2])


def test_samples_and_their_frames() -> None:
    torch.manual_seed(10)
    net, (inputs, targets) = Folded().double(), batch(5, 3, 6, 6)
    factor = torch.ones(6, 4, dtype=torch.float64, requires_grad=True)
    on_logits = torch.ones(6, 3, dtype=torch.float64, requires_grad=True)
    outputs, frames = net.written_out(inputs, factor)
    s, t = torch.autograd.grad(F.cross_entropy(outputs * on_logits, targets), [factor, on_logits])
    expected = 3 * 9 * s.square().sum() / 12 + 4 * t.square().sum() / 12
    probe = Probe(net, inputs, targets)
    assert METRICS["fisher"](probe) == pytest.approx(expected.item(), rel=1e-9)
    on = (frames > 0).flatten(1).double()
    K = on @ on.T + (1 - on) @ (1 - on).T
    assert METRICS["naswot"](probe) == pytest.approx(torch.linalg.slogdet(K).logabsdet.item(), rel=1e-12)
    # gradsign: a sample alone has statistics over its own frames
    signs = 0
    for i in range(6):
        loss = F.cross_entropy(net(inputs[i : i + 1]), targets[i : i + 1])
        gradients = torch.autograd.grad(loss, [net.conv.weight, net.head.weight])
        signs = signs + torch.cat([g.flatten() for g in gradients]).sign()
    assert isinstance(signs, Tensor)
    assert METRICS["gradsign"](probe) == signs.abs().sum()


@pytest.mark.parametrize("n", [5, 6])
def test_a_table_of_as_many_rows_as_samples(n: int) -> None:
    """Of six rows, six samples included: what has no samples is the same for all."""

    class Table(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.rows, self.head = nn.Conv2d(3, 4, 3), nn.Linear(2, 4), nn.Linear(4, 3)
            self.register_buffer("table", torch.randn(6, 2))

        def forward(self, x: Tensor) -> Tensor:
            bias = F.relu(self.rows(self.get_buffer("table"))).sum(0)
            return self.head(F.relu(self.conv(x)).mean((2, 3)) + bias)

    torch.manual_seed(11)
    net, inputs = Table(), torch.randn(n, 3, 6, 6)
    on = (net.conv(inputs) > 0).flatten(1).double()
    K = on @ on.T + (1 - on) @ (1 - on).T + 6 * 4  # on all of the table's units all samples agree
    assert METRICS["naswot"](Probe(net, inputs)) == pytest.approx(torch.linalg.slogdet(K).logabsdet.item(), rel=1e-9)
    assert METRICS["swap"](Probe(net, inputs)) == len({tuple(u) for u in [*on.T.tolist(), *self_units(net, n)]})


def self_units(net: Any, n: int) -> list[list[float]]:
    return [[float(unit)] * n for unit in (net.rows(net.table) > 0).flatten().tolist()]


def test_layers_by_functions_within_one_module() -> None:
    """The product tells what a weight makes, not what the module returns that holds it."""

    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.in_weight, self.out_weight = nn.Parameter(torch.randn(8, 4)), nn.Parameter(torch.randn(5, 8))

        def forward(self, x: Tensor) -> Tensor:
            return F.linear(torch.tanh(F.linear(x, self.in_weight)), self.out_weight)

    torch.manual_seed(12)
    net = nn.Sequential(Two(), nn.Linear(5, 3)).double()
    usual = nn.Sequential(nn.Linear(4, 8, bias=False), nn.Tanh(), nn.Linear(8, 5, bias=False), nn.Linear(5, 3)).double()
    names = ("0.weight", "2.weight", "3.weight", "3.bias")
    usual.load_state_dict(dict(zip(names, net.state_dict().values(), strict=True)))
    inputs, targets = batch(4)
    expected = METRICS["fisher"](Probe(usual, inputs, targets))
    assert METRICS["fisher"](Probe(net, inputs, targets)) == pytest.approx(expected, rel=1e-12)


class Patches(nn.Module):
    """A vision transformer's way: one convolution, or the linear layer that is the same, then tokens x features."""

    def __init__(self, convolution: bool) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 12, 4, 4) if convolution else nn.Linear(48, 12)
        self.convolution = convolution
        self.blocks = nn.Sequential(*(nn.Sequential(nn.LayerNorm(12), nn.Linear(12, 12), nn.GELU()) for _ in range(2)))
        self.head = nn.Linear(12, 3)

    def forward(self, x: Tensor) -> Tensor:
        if self.convolution:
            x = self.patch(x).flatten(2).transpose(1, 2)
        else:
            x = self.patch(F.unfold(x, 4, stride=4).transpose(1, 2))
        return self.head(self.blocks(x).mean(1))


@pytest.mark.parametrize("name", ["az_expressivity", "az_progressivity", "az_trainability"])
def test_channels_of_tokens_behind_a_convolution(name: str) -> None:
    torch.manual_seed(13)
    net, same = Patches(True).double(), Patches(False).double()
    state = net.state_dict()
    same.load_state_dict(state | {"patch.weight": state["patch.weight"].flatten(1)})
    inputs, _ = batch(3, 16, 16)
    assert torch.allclose(net(inputs), same(inputs))
    expected = METRICS[name](Probe(same, inputs))
    assert METRICS[name](Probe(net, inputs)) == pytest.approx(expected, rel=1e-9)


def test_az_expressivity_of_a_table() -> None:
    """By its formula: the entropies of the spectra of two hidden layers' covariances over the samples."""
    torch.manual_seed(14)
    net, (inputs, _) = (
        nn.Sequential(*(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 3))),
        batch(4),
    )
    net = net.double()
    total = 0.0
    for f in (net[:2](inputs), net[:4](inputs)):
        p = torch.linalg.svdvals(f - f.mean(0)).square()
        p = p / p.sum()
        total -= (p * (p + 1e-12).log()).sum().item()
    assert METRICS["az_expressivity"](Probe(net, inputs)) == pytest.approx(total, rel=1e-6)


def test_blocks_on_parallel_branches() -> None:
    class Towers(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = (nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU()) for _ in range(2))
            self.head = nn.Linear(4, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.head((self.a(x) + self.b(x)).mean((2, 3)))

    torch.manual_seed(15)
    with pytest.raises(ValueError, match="parallel branches"):
        METRICS["az_trainability"](Probe(Towers(), torch.randn(6, 3, 8, 8)))


def test_the_other_samples_of_a_fixed_number() -> None:
    """One graph, its nodes the samples: no other number of them goes through."""

    class Graph(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(4, 8), nn.Linear(8, 3)
            self.register_buffer("adjacency", (torch.rand(6, 6) > 0.5).double())

        def forward(self, x: Tensor) -> Tensor:
            return self.b(F.relu(self.get_buffer("adjacency") @ self.a(x)))

    torch.manual_seed(16)
    net, (inputs, targets) = Graph().double(), batch(4)
    on = (net.get_buffer("adjacency") @ net.a(inputs) > 0).double()
    probe = Probe(net, inputs, targets)
    assert METRICS["swap"](probe) == len(torch.unique(on, dim=1).T)
    assert METRICS["fisher"](probe) > 0


def test_bags_scaled_by_how_often_a_word_is_there() -> None:
    torch.manual_seed(17)
    net = nn.Sequential(nn.EmbeddingBag(4, 5, scale_grad_by_freq=True), nn.Tanh(), nn.Linear(5, 3)).double()
    inputs = torch.randint(4, (6, 4))
    gradients = torch.autograd.grad(F.cross_entropy(net(inputs), LABELS), [p for p in net.parameters() if p.ndim > 1])
    expected = sum(g.norm().item() for g in gradients)
    assert METRICS["grad_norm"](Probe(net, inputs, LABELS)) == pytest.approx(expected, rel=1e-9)


class Mixer(nn.Module):
    """Mixes tokens, then features, and adds the one to the other in either order."""

    def __init__(self, first: bool) -> None:
        super().__init__()
        self.first = first
        self.embed, self.head = nn.Linear(4, 8), nn.Linear(8, 3)
        self.blocks = nn.ModuleList(nn.ModuleList([nn.Linear(6, 6), nn.LayerNorm(8)]) for _ in range(2))
        self.outs = nn.ModuleList(nn.Sequential(nn.Sequential(nn.Identity(), nn.Tanh())) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x)
        for (tokens, norm), out in zip(self.blocks, self.outs, strict=True):  # type: ignore[misc]
            mixed = tokens(norm(x).transpose(1, 2)).transpose(1, 2)
            x = out(x + mixed if self.first else mixed + x)
        return self.head(x.mean(1))

    def feature_modules(self) -> list[nn.Module]:
        return list(self.outs)


@pytest.mark.parametrize("first", [True, False])
def test_channels_of_a_sum_are_those_made_first(first: bool) -> None:
    torch.manual_seed(19)
    net, inputs = Mixer(first).double(), batch(6, 4)[0]
    total, maps = 0.0, list[Tensor]()
    for out in net.outs:
        out.register_forward_hook(lambda _m, _i, output: maps.append(output.detach()))
    net(inputs)
    for f in maps[:2]:
        rows = f.flatten(0, 1)
        p = torch.linalg.svdvals(rows - rows.mean(0)).square()
        p = p / p.sum()
        total -= (p * (p + 1e-12).log()).sum().item()
    assert METRICS["az_expressivity"](Probe(net, inputs)) == pytest.approx(total, rel=1e-6)


@pytest.mark.parametrize(
    "kept", [torch.eye(3).to_sparse(), torch.empty(3, device="meta"), torch.full((1,), math.nan).expand(3)]
)
def test_tensors_that_a_network_keeps_and_leaves_alone(kept: Tensor) -> None:
    torch.manual_seed(20)
    net, (inputs, targets) = nn.Sequential(nn.Linear(4, 3)).double(), batch(4)
    expected = METRICS["grad_norm"](Probe(net, inputs, targets))
    net.kept = kept  # type: ignore[assignment]
    assert METRICS["grad_norm"](Probe(net, inputs, targets)) == expected


@pytest.mark.parametrize("dtype", [None, torch.float32, torch.float64])
def test_synflow_of_a_network_that_makes_tensors(dtype: torch.dtype | None) -> None:
    torch.manual_seed(21)
    net, plain = Starts(False), Starts(True)
    plain.load_state_dict(net.state_dict())
    inputs = torch.randn(6, 4)
    expected = METRICS["synflow"](Probe(plain, inputs))
    assert METRICS["synflow"](Probe(net, inputs, dtype=dtype)) == pytest.approx(expected, rel=1e-6)


def test_targets_made_in_inference_mode() -> None:
    torch.manual_seed(22)
    net, (inputs, targets) = nn.Sequential(nn.Linear(4, 3)).double(), batch(4)
    expected = METRICS["snip"](Probe(net, inputs, targets))
    with torch.inference_mode():
        inside = targets.clone()
    assert METRICS["snip"](Probe(net, inputs, inside)) == expected


@pytest.mark.parametrize("mode", ["sum", "mean"])
def test_bags(mode: str) -> None:
    class Bags(nn.Module):
        def __init__(self, mode: str) -> None:
            super().__init__()
            self.bag, self.head = nn.EmbeddingBag(11, 5, mode=mode, sparse=True), nn.Linear(5, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(torch.tanh(self.bag(x)))

    class Written(Bags):
        def forward(self, x: Tensor) -> Tensor:
            rows = F.embedding(x, self.bag.weight)
            return self.head(torch.tanh(rows.sum(1) if self.bag.mode == "sum" else rows.mean(1)))

    torch.manual_seed(17)
    net, written, inputs = Bags(mode).double(), Written(mode).double(), torch.randint(11, (6, 4))
    written.load_state_dict(net.state_dict())
    assert torch.allclose(net(inputs), written(inputs))
    expected = by_autograd(written, inputs)
    probe = Probe(net, inputs, LABELS)
    for name in ("grad_norm", "snip", "plain"):
        assert METRICS[name](probe) == pytest.approx(expected[name], rel=1e-9)
    with pytest.raises(ValueError, match="second derivative"):
        METRICS["grasp"](probe)


@pytest.mark.parametrize("inputs", [(torch.ones(2, 3), torch.ones(2)), [[1.0, 2.0]], torch.tensor(3.0)])
def test_inputs_that_are_not_one_tensor(inputs: Any) -> None:
    with pytest.raises(InputError, match="give one tensor, samples first"):
        Probe(nn.Linear(3, 2), inputs)


class Merging(nn.Module):
    """Channels last, and patches that are merged four to one between blocks, or channels first, by convolutions."""

    def __init__(self, last: bool) -> None:
        super().__init__()
        self.last = last
        layer = nn.Linear if last else lambda i, o: nn.Conv2d(i, o, 1)
        sizes = ((3, 4), (16, 6), (24, 5))
        self.blocks = nn.ModuleList(nn.Sequential(layer(*size), nn.Tanh(), nn.Identity()) for size in sizes)
        self.head = nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        for k, block in enumerate(self.blocks):
            x = F.pixel_unshuffle(x, 2) if k else x
            x = block(x.movedim(1, -1)).movedim(-1, 1) if self.last else block(x)
        return self.head(x.mean((2, 3)))


def test_trainability_of_channels_last() -> None:
    torch.manual_seed(18)
    net, usual = Merging(True).double(), Merging(False).double()
    shapes = {name: tensor.shape for name, tensor in usual.state_dict().items()}
    usual.load_state_dict({name: tensor.reshape(shapes[name]) for name, tensor in net.state_dict().items()})
    inputs, _ = batch(3, 8, 8)
    assert torch.allclose(net(inputs), usual(inputs))
    names = ("az_expressivity", "az_progressivity")
    assert scores(names, net, inputs) == pytest.approx(scores(names, usual, inputs), rel=1e-9)
    found = METRICS["az_trainability"](Probe(net, inputs))  # of other signs, which stand in another order
    assert math.isfinite(found)
    assert found < 0
