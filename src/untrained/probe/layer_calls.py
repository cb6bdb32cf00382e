"""The calls of layers in a forward pass, and what they return."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, cast

from torch import Tensor, nn
from torch.nn.utils.parametrize import ParametrizationList, is_parametrized

from untrained.probe.forward import Layer, LayerCall
from untrained.probe.hooks import After, Before
from untrained.probe.tape.tape import Tape

Version = tuple[Tensor, int]
"""A tensor, and PyTorch's count of the writes into it at some time: a higher count later shows another write."""


class LayerCalls:
    """Records what each layer returns: a module that holds its weight, or a function that the tape saw.

    Args:
        net: The network.
        layers: Its layers, in the order of the tape's weights.
        tape: The record of the pass.
        params: The weights that the pass runs on, by name.
        strict: Look at Conv2d and Linear modules only, as the public implementations do.
        copy: Hand copies of the outputs on, because something writes into them.

    Attributes:
        calls: The calls, in order.
        seen: The weights whose calls these are.
        versions: The outputs right after the calls.
    """

    def __init__(
        self,
        net: nn.Module,
        layers: Sequence[Layer],
        tape: Tape,
        params: Mapping[str, Tensor],
        *,
        strict: bool,
        copy: bool,
    ) -> None:
        self.calls, self.seen, self.versions = list[LayerCall](), set[str](), list[Version]()
        self._net, self._layers, self._tape, self._params = net, layers, tape, params
        self._strict, self._copy = strict, copy
        self._begun = list[int]()
        """How many products the tape had at the beginning of each call that is under way."""

    @property
    def hooks(self) -> Iterator[tuple[nn.Module, Before, After]]:
        """The hooks to run the network with, see `hooked`."""
        for module, layers in _callers(self._net, self._layers, self._strict):
            yield module, self._begin, partial(self._end, layers)

    def _begin(self, _module: nn.Module, _inputs: Any) -> None:
        self._begun.append(len(self._tape.products))

    def _end(self, layers: list[Layer], _module: nn.Module, _inputs: Any, output: Any) -> Tensor | None:
        products = self._tape.products[self._begun.pop() :]
        if not isinstance(output, Tensor) or not output.requires_grad:
            return None
        if not self._strict and any(self._layers[product.weight] in layers for product in products):
            return None  # a function that the module calls says better what the weights make
        self._add(LayerCall(layers[0], self._params[layers[0].weight].numel(), output), output._version)
        self.seen.update(layer.weight for layer in layers)
        return output.clone() if self._copy else None

    def finish(self) -> None:
        """Adds the calls of functions, once the pass is over."""
        for product in () if self._strict else self._tape.products:  # the public implementations have hooks on modules
            self._add(LayerCall(self._layers[product.weight], product.used, product.output), product.version)

    def _add(self, call: LayerCall, version: int) -> None:
        self.calls.append(call)
        self.seen.add(call.layer.weight)
        self.versions.append((call.output.detach(), version))


def _callers(net: nn.Module, layers: Sequence[Layer], strict: bool) -> Iterator[tuple[nn.Module, list[Layer]]]:
    """Yields every module whose output may be what weights of `layers` make, with these layers, the largest first."""
    by_weight = {id(net.get_parameter(layer.weight)): layer for layer in layers}
    for module in net.modules():
        # A recurrent cell returns something else than what its weights make.
        if isinstance(module, ParametrizationList | nn.RNNCellBase) or (
            strict and not isinstance(module, nn.Conv2d | nn.Linear)
        ):
            continue
        own = list(module._parameters.values())
        if is_parametrized(module, "weight"):
            own += cast(nn.ModuleDict, module.parametrizations)["weight"]._parameters.values()
        held = [w for w in own if w is not None and id(w) in by_weight]
        # A module that has layers of its own returns what these make.
        if held and (is_parametrized(module) or not any(part._parameters for part in module.children())):
            yield module, [by_weight[id(w)] for w in sorted(held, key=Tensor.numel, reverse=True)]
