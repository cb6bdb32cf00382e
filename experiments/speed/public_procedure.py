"""How the public zero-cost implementation goes about its metrics, as the yardstick of the speed benchmarks.

Abdelfattah, Mehrotra, Dudziak & Lane, Zero-Cost Proxies for Lightweight NAS, ICLR 2021. Written anew from what it does,
pass by pass: every metric works on a deep copy of the network, in the default memory format, and nothing is shared.
"""

import copy
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

K = 1e-5


def layers_of(net: nn.Module) -> list[nn.Conv2d | nn.Linear]:
    return [module for module in net.modules() if isinstance(module, nn.Conv2d | nn.Linear)]


def grad_norm(net: nn.Module, inputs: Tensor, targets: Tensor) -> float:
    F.cross_entropy(net(inputs), targets).backward()
    return sum(_gradient(layer).norm().item() for layer in layers_of(net))


def snip(net: nn.Module, inputs: Tensor, targets: Tensor) -> float:
    """The gradients of masks of ones, one for each layer, by which its frozen weight is multiplied."""
    masks = []
    for layer in layers_of(net):
        mask = torch.ones_like(layer.weight, requires_grad=True)
        masks.append(mask)
        layer.weight.requires_grad_(False)
        layer.forward = _masked(layer, mask)  # type: ignore[method-assign]
    F.cross_entropy(net(inputs), targets).backward()
    return sum(mask.grad.abs().sum().item() for mask in masks if mask.grad is not None)


def _masked(layer: nn.Conv2d | nn.Linear, mask: Tensor) -> Callable[[Tensor], Tensor]:
    def forward(x: Tensor) -> Tensor:
        weight = layer.weight * mask
        if isinstance(layer, nn.Linear):
            return F.linear(x, weight, layer.bias)
        return F.conv2d(x, weight, layer.bias, layer.stride, layer.padding, layer.dilation, layer.groups)

    return forward


def grasp(net: nn.Module, inputs: Tensor, targets: Tensor) -> float:
    """A pass for g; another whose gradient is differentiated."""
    weights = [layer.weight for layer in layers_of(net)]
    constant = torch.autograd.grad(F.cross_entropy(net(inputs), targets), weights, allow_unused=True)
    gradients = torch.autograd.grad(F.cross_entropy(net(inputs), targets), weights, create_graph=True)
    pairs = zip(constant, gradients, strict=True)
    torch.stack([(c.detach() * g).sum() for c, g in pairs if c is not None]).sum().backward()
    return sum((-layer.weight.detach() * _gradient(layer)).sum().item() for layer in layers_of(net))


def fisher(net: nn.Module, inputs: Tensor, targets: Tensor) -> float:
    """Each layer's output goes through an identity, whose backward hook multiplies it by its gradient."""
    found: list[float] = []
    for layer in layers_of(net):
        layer.register_forward_hook(_fisher_hook(layer, found))
    F.cross_entropy(net(inputs), targets).backward()
    return sum(found)


def _fisher_hook(layer: nn.Conv2d | nn.Linear, found: list[float]) -> Callable[[nn.Module, object, Tensor], Tensor]:
    fan_in = layer.weight.numel() / len(layer.weight)

    def hook(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
        output = output.view_as(output)
        activation = output.detach()

        def save(gradient: Tensor) -> None:
            product = activation * gradient
            if product.ndim > 2:
                product = product.sum((2, 3))
            found.append((product.pow(2).mean(0) / 2).sum().item() * fan_in)

        output.register_hook(save)
        return output

    return hook


def jacob_cov(net: nn.Module, inputs: Tensor, _targets: Tensor) -> float:
    net.zero_grad()
    inputs = inputs.detach().clone().requires_grad_()
    outputs = net(inputs)
    outputs.backward(torch.ones_like(outputs))
    assert inputs.grad is not None
    v = torch.linalg.eigvalsh(torch.corrcoef(inputs.grad.flatten(1).double()))
    return -(torch.log(v + K) + 1 / (v + K)).sum().item()


def synflow(net: nn.Module, inputs: Tensor, _targets: Tensor) -> float:
    net.double()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.forward = nn.Identity().forward  # type: ignore[method-assign]
    with torch.no_grad():
        for tensor in net.state_dict().values():
            tensor.abs_()
    net(torch.ones_like(inputs[:1], dtype=torch.float64)).sum().backward()
    return sum((layer.weight * _gradient(layer)).abs().sum().item() for layer in layers_of(net))


def _gradient(layer: nn.Conv2d | nn.Linear) -> Tensor:
    return torch.zeros_like(layer.weight) if layer.weight.grad is None else layer.weight.grad


PROCEDURE = {f.__name__: f for f in (grad_norm, snip, grasp, fisher, synflow, jacob_cov)}


def score(name: str, net: nn.Module, inputs: Tensor, targets: Tensor) -> float:
    return PROCEDURE[name](copy.deepcopy(net).train(), inputs, targets)
