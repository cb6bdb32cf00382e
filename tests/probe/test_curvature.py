"""The sweep of tangents against PyTorch's own double backward, on networks that between them use every rule."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from untrained.metrics import METRICS
from untrained.probe import Probe
from untrained.probe.curvature import curvature, double_backward, tangent_sweep
from untrained.spaces import NASBench201

Batch = tuple[nn.Module, Tensor, Tensor]


class WrittenOut(TorchFunctionMode):
    """A hard sigmoid, which PyTorch differentiates once only, as its formula."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return (args[0] / 6 + 0.5).clamp(0, 1) if func is F.hardsigmoid else func(*args, **(kwargs or {}))


def by_hand(net: nn.Module, inputs: Tensor, targets: Tensor, loss: Callable = F.cross_entropy) -> float:
    """w^T H g for the weights of two dimensions or more, from the definition."""
    net = copy.deepcopy(net).train()
    weights = [
        module._parameters["weight"]
        for module in net.modules()
        if isinstance(module._parameters.get("weight"), Tensor) and not isinstance(module, nn.LayerNorm | nn.GroupNorm)
    ]
    weights = list({id(w): w for w in weights if w is not None and w.ndim > 1}.values())
    torch.manual_seed(0)
    with WrittenOut():
        outputs = net(inputs)
    gradients = torch.autograd.grad(loss(outputs, targets), weights, create_graph=True, materialize_grads=True)
    inner = torch.stack([(g.detach() * g).sum() for g in gradients]).sum()
    products = torch.autograd.grad(inner, weights, materialize_grads=True)
    return sum((w * p).sum().item() for w, p in zip(weights, products, strict=True))


def images(net: nn.Module) -> Batch:
    return net.double(), torch.randn(6, 3, 8, 8, dtype=torch.float64), torch.tensor([0, 1, 2, 1, 0, 2])


def cell(arch: str) -> Batch:
    return images(NASBench201(N=1, C=4, num_classes=3).build(arch))


class Lambda(nn.Module):
    """`forward` as a function of the module, with `layers` to call."""

    def __init__(self, forward: Callable[[nn.ModuleDict, Tensor], Tensor], **layers: nn.Module) -> None:
        super().__init__()
        self.layers, self.function = nn.ModuleDict(layers), forward

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self.layers, x)


def conv(c_in: int, c_out: int, kernel: int = 3, **options: Any) -> nn.Conv2d:
    return nn.Conv2d(c_in, c_out, kernel, padding=kernel // 2, **options)


def head(x: Tensor) -> Tensor:
    return F.adaptive_avg_pool2d(x, 1).flatten(1)


def with_biases() -> Batch:
    return images(nn.Sequential(conv(3, 4), nn.ReLU(), conv(4, 5), nn.ReLU(), nn.Flatten(), nn.Linear(320, 3)))


def separable() -> Batch:
    block = [conv(4, 4, groups=4, bias=False), nn.Conv2d(4, 6, 1), nn.BatchNorm2d(6), nn.ReLU6()]
    return images(
        nn.Sequential(conv(3, 4, stride=2), nn.BatchNorm2d(4), nn.ReLU(), *block, nn.Flatten(), nn.Linear(96, 3))
    )


def perceptron() -> Batch:
    net = nn.Sequential(nn.Linear(5, 7), nn.BatchNorm1d(7), nn.Tanh(), nn.Linear(7, 7), nn.GELU(), nn.Linear(7, 3))
    return net.double(), torch.randn(6, 5, dtype=torch.float64), torch.tensor([0, 1, 2, 1, 0, 2])


def called_twice() -> Batch:
    """One convolution and one BatchNorm in two places each, a residual, and functions instead of modules."""

    def forward(m: nn.ModuleDict, x: Tensor) -> Tensor:
        x = m["stem"](x)
        x = F.relu(m["bn"](m["conv"](x))) + x
        x = torch.relu(m["bn"](m["conv"](x))) * 0.5 - x / 3
        return m["head"](head(x))

    return images(Lambda(forward, stem=conv(3, 4), conv=conv(4, 4), bn=nn.BatchNorm2d(4), head=nn.Linear(4, 3)))


def gains() -> Batch:
    """BatchNorms with gains that are not one: zero among them, none, and in evaluation mode."""

    def forward(m: nn.ModuleDict, x: Tensor) -> Tensor:
        x = F.relu(m["first"](m["a"](x)))
        x = F.silu(m["plain"](m["b"](x)))
        x = F.batch_norm(m["c"](x), torch.tensor([0.1] * 4).double(), torch.tensor([0.5] * 4).double())
        return m["head"](head(F.relu(x, inplace=True)))

    first, plain = nn.BatchNorm2d(4, eps=0.3), nn.BatchNorm2d(4, affine=False, eps=0.01)
    with torch.no_grad():
        first.weight.copy_(torch.tensor([2.0, 0.0, -0.7, 1e-3]))
        first.bias.copy_(torch.tensor([0.1, 0.5, -0.7, 0.3]))
    layers = {name: conv(3 if name == "a" else 4, 4, bias=False) for name in "abc"}
    return images(Lambda(forward, first=first, plain=plain, head=nn.Linear(4, 3), **layers))


def other_norms() -> Batch:
    def forward(m: nn.ModuleDict, x: Tensor) -> Tensor:
        x = F.leaky_relu(m["group"](m["a"](x)))
        x = F.instance_norm(m["b"](x))
        return m["head"](m["layer"](F.max_pool2d(x, 2).flatten(1)))

    layers = {"group": nn.GroupNorm(2, 4), "layer": nn.LayerNorm(64), "head": nn.Linear(64, 3)}
    return images(Lambda(forward, a=conv(3, 4), b=conv(4, 4), **layers))


def in_place() -> Batch:
    """In-place ReLUs on the output of a convolution, of a BatchNorm and of a sum, and an in-place sum and product."""

    def forward(m: nn.ModuleDict, x: Tensor) -> Tensor:
        x = F.relu(m["a"](x), inplace=True)
        y = m["bn"](m["b"](x)).relu_() * 0.7
        y += x
        y = m["c"](y)
        y *= 2.5
        return m["head"](head(y.sub_(x).relu_()))

    layers = {"bn": nn.BatchNorm2d(4), "head": nn.Linear(4, 3)}
    return images(Lambda(forward, a=conv(3, 4), b=conv(4, 4), c=conv(4, 4), **layers))


def branches() -> Batch:
    """Several ReLUs of one tensor, before and after something wrote into it, and one of them in place."""

    def forward(m: nn.ModuleDict, x: Tensor) -> Tensor:
        x = m["a"](x) * 1
        y = m["b"](F.relu(x)) + torch.relu(x) + x.relu()
        x -= 0.3
        return m["head"](head(y * F.relu(x) + F.relu(x) + F.relu(x, inplace=True) + x))

    return images(Lambda(forward, a=conv(3, 4), b=conv(4, 4), head=nn.Linear(4, 3)))


def joined() -> Batch:
    """Concatenation with a constant, splitting, indexing, shuffling, viewing, stacking, a gate of two variables."""

    def forward(m: nn.ModuleDict, x: Tensor) -> Tensor:
        y = torch.cat([m["a"](x), x[:, :1]], 1)
        left, right = y.chunk(2, 1)
        y = torch.cat([right, left * torch.sigmoid(right)], dim=1)
        y = y.view(len(y), 3, 2, 8, 8).transpose(1, 2).reshape(len(y), 6, 8, 8)
        y = torch.stack([y, y * y, torch.zeros_like(y)]).sum(0)
        return m["head"](y[:, :4].mean((2, 3)))

    return images(Lambda(forward, a=conv(3, 5), head=nn.Linear(4, 3)))


def attention() -> Batch:
    def forward(m: nn.ModuleDict, x: Tensor) -> Tensor:
        x = m["norm"](m["embed"](x.flatten(2).transpose(1, 2)))
        q, k, v = m["qkv"](x).split(4, dim=2)
        x = x + torch.softmax(q @ k.transpose(1, 2) / 2, dim=-1) @ v
        x = x + F.scaled_dot_product_attention(q, k, v)
        return m["head"](x.mean(1))

    return images(
        Lambda(forward, embed=nn.Linear(3, 4), norm=nn.LayerNorm(4), qkv=nn.Linear(4, 12), head=nn.Linear(4, 3))
    )


class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, *grad_outputs: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return 2 * x * grad_outputs[0]


def own_function() -> Batch:
    """Nothing sees into it from outside: the sweep has to give way to double backward."""

    def forward(m: nn.ModuleDict, x: Tensor) -> Tensor:
        return m["head"](head(Square.apply(m["a"](x))))

    return images(Lambda(forward, a=conv(3, 4), head=nn.Linear(4, 3)))


def through_a_view() -> Batch:
    """A write that shows in a tensor of another name."""

    def forward(m: nn.ModuleDict, x: Tensor) -> Tensor:
        y = m["a"](x) * 1.5
        y.view(len(y), -1).mul_(torch.linspace(0, 1, 256).double())
        return m["head"](head(y))

    return images(Lambda(forward, a=conv(3, 4), head=nn.Linear(4, 3)))


def strided() -> Batch:
    net, inputs, targets = with_biases()
    return net, inputs.transpose(2, 3), targets


def before_activation() -> Batch:
    """BatchNorms whose input goes elsewhere as well: into a sum, a concatenation and another BatchNorm."""

    def forward(m: nn.ModuleDict, x: Tensor) -> Tensor:
        x = m["a"](x)
        x = x + m["b"](F.relu(m["first"](x)))
        x = torch.cat([x, m["c"](F.relu(m["second"](x)))], 1)
        return m["head"](head(F.relu(m["third"](x)) * F.gelu(m["plain"](x))))

    norms = {"first": nn.BatchNorm2d(4), "second": nn.BatchNorm2d(4), "third": nn.BatchNorm2d(8)}
    norms["plain"] = nn.BatchNorm2d(8, affine=False)
    return images(Lambda(forward, a=conv(3, 4), b=conv(4, 4), c=conv(4, 4), head=nn.Linear(8, 3), **norms))


def fixed_gains() -> Batch:
    """BatchNorms whose scale is a buffer, that of the batch and that of running statistics."""

    def forward(m: nn.ModuleDict, x: Tensor) -> Tensor:
        gain, shift = m["a"].get_buffer("gain"), m["a"].get_buffer("shift")
        x = F.batch_norm(m["a"](x), None, None, gain, shift, training=True)
        x = F.batch_norm(m["b"](F.hardsigmoid(x)), shift, gain, gain, shift, training=False)
        return m["head"](head(F.relu(x)))

    a = conv(3, 4)
    a.register_buffer("gain", torch.tensor([2.0, 0.5, 0.7, 1.5]))
    a.register_buffer("shift", torch.tensor([0.1, 0.5, -0.7, 0.3]))
    return images(Lambda(forward, a=a, b=conv(4, 4), head=nn.Linear(4, 3)))


def squeezed() -> Batch:
    """A channel's gate as in MobileNetV3."""

    def forward(m: nn.ModuleDict, x: Tensor) -> Tensor:
        x = F.hardswish(m["a"](x))
        return m["head"](head(x * m["gate"](m["b"](F.adaptive_avg_pool2d(x, 1)))))

    return images(Lambda(forward, a=conv(3, 4), b=conv(4, 4, 1), gate=nn.Hardsigmoid(), head=nn.Linear(4, 3)))


NETWORKS: dict[str, Callable[[], Batch]] = {
    "nasbench201": lambda: cell(
        "|nor_conv_3x3~0|+|nor_conv_1x1~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|"
    ),
    "nasbench201 with dead edges": lambda: cell(
        "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|avg_pool_3x3~0|nor_conv_1x1~1|none~2|"
    ),
    "nasbench201 without input": lambda: cell("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"),
    **{
        f.__name__: f
        for f in (
            *(with_biases, separable, perceptron, called_twice, gains, other_norms, in_place, joined, attention),
            *(branches, before_activation, fixed_gains, squeezed),
            *(own_function, through_a_view, strided),
        )
    },
}
GAPS = {"own_function", "through_a_view"}


def build(name: str) -> Batch:
    torch.manual_seed(5)
    return NETWORKS[name]()


@pytest.mark.parametrize("name", NETWORKS)
def test_curvature(name: str) -> None:
    net, inputs, targets = build(name)
    probe = Probe(net, inputs, targets)
    assert (probe.forward.tape.gap is not None) == (name in GAPS)
    assert curvature(probe) == pytest.approx(by_hand(net, inputs, targets), rel=1e-10)


def test_every_relu_has_its_pattern() -> None:
    """Those of one tensor, too."""
    net, inputs, targets = build("branches")
    x = net.get_submodule("layers.a")(inputs)
    expected = [(x - shift > 0).flatten(1) for shift in (0, 0, 0, 0.3, 0.3, 0.3)]
    found = Probe(net, inputs, targets).active_units
    for got, pattern in zip(found, expected, strict=True):
        assert torch.equal(got.flatten(1), pattern)


@pytest.mark.parametrize("name", [name for name in NETWORKS if name not in GAPS])
def test_the_sweep_is_double_backward(name: str) -> None:
    """The parts of it too, along a direction that is not the gradient."""
    probe = Probe(*build(name))
    torch.manual_seed(6)
    v = [torch.randn_like(weight) for weight in probe.weights]
    for swept, expected in zip(tangent_sweep(probe, v), double_backward(probe, v), strict=True):
        assert swept is not None
        assert expected is not None
        assert torch.allclose(swept, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", NETWORKS)
def test_curvature_of_another_loss(name: str) -> None:
    net, inputs, targets = build(name)

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        return ((outputs - F.one_hot(targets, 3)) ** 4).sum() / len(outputs)

    got = -METRICS["grasp"](Probe(net, inputs, targets, loss=loss))
    assert got == pytest.approx(by_hand(net, inputs, targets, loss), rel=1e-10)


def test_dropout_is_differentiated_with_its_mask() -> None:
    """In the sweep and by double backward: a second drawing would give another mask."""
    torch.manual_seed(5)
    inputs, targets = torch.randn(6, 5, dtype=torch.float64), torch.tensor([0, 1, 2, 1, 0, 2])
    net = nn.Sequential(nn.Linear(5, 9), nn.Dropout(0.4), nn.Tanh(), nn.Linear(9, 3)).double()
    probe = Probe(net, inputs, targets)
    assert probe.forward.tape.gap is None
    assert curvature(probe) == pytest.approx(by_hand(net, inputs, targets), rel=1e-10)  # both are seeded with 0


def test_single_precision_is_as_exact_as_double_backward() -> None:
    net, inputs, targets = build("nasbench201")
    exact = by_hand(net, inputs, targets)
    net, inputs = net.float(), inputs.float()
    assert curvature(Probe(net, inputs, targets)) == pytest.approx(exact, rel=1e-4)
    assert curvature(Probe(net, inputs, targets, dtype=torch.float64)) == pytest.approx(exact, rel=1e-4)
