"""What goes into a network's activations and comes out of them, while a pass runs."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, get_gradient_edge

from untrained.probe.blocks import blocks
from untrained.probe.channels import CHANNEL, ChannelWatch
from untrained.probe.functions import ACTIVATIONS, SIGNATURES, bound
from untrained.probe.hooks import hooked
from untrained.probe.probe import Probe


class Response(NamedTuple):
    """One call of a function.

    Attributes:
        function: The function.
        weight: The weight of a layer, the right factor of a product, the scale of a normalisation; or None.
        input: Its input, detached, as it was before the call.
        output: Its output, detached. What follows may write into both: look at them at once, or keep a copy.
        channel: The dimension of the output that holds the channels.
        level: How far into the network it is, from 1: each block (see `probe.blocks`) is a level of its own, and so is
            each call outside of the blocks.
        edge: The place in the graph at which the input's gradient arrives, as this call sends it back; None if it has
            none.
    """

    function: Any
    weight: Tensor | None
    input: Tensor
    output: Tensor
    channel: int
    level: int
    edge: GradientEdge | None


def listen(
    probe: Probe,
    state: dict[str, Tensor],
    inputs: Tensor,
    hear: Callable[[Response], None],
    functions: Iterable[Any] = ACTIVATIONS,
) -> Any:
    """Runs the network in training mode with `state`, and hands over each call of one of `functions`.

    Args:
        probe: The network.
        state: Name -> tensor, of each parameter and buffer that the network is to run on.
        inputs: n x ...
        hear: Called with each response, in order.
        functions: Activations, or also normalisations, layers, products.

    Returns:
        What the network returns.

    Example:
        >>> probe, found = Probe(nn.Sequential(nn.Linear(2, 3), nn.ReLU()), torch.randn(4, 2)), []
        >>> _ = listen(probe, probe.state(Tensor.clone), probe.inputs, found.append)
        >>> [(tuple(r.output.shape), r.channel, r.level) for r in found]
        [((4, 3), 1, 1)]
    """
    watch = _Watch(hear, frozenset(functions))
    hooks = [(block, watch.enter, watch.leave) for block in blocks(probe)[0]]
    with probe.untouched(), hooked(hooks), watch:
        return probe.call(state, inputs)


class _Watch(ChannelWatch):
    """Attributes:
    level: Of what comes next.
    depth: How many blocks' calls are under way.
    """

    def __init__(self, hear: Callable[[Response], None], functions: frozenset[Any]) -> None:
        super().__init__()
        self.hear, self.functions = hear, functions
        self.level = 0
        self.depth = 0

    def enter(self, _module: nn.Module, _inputs: Any) -> None:
        self.level += not self.depth
        self.depth += 1

    def leave(self, _module: nn.Module, _inputs: Any, _output: Any) -> None:
        self.depth -= 1

    def __torch_function__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func not in self.functions:
            output = func(*args, **kwargs)
            if isinstance(output, Tensor):
                self.mark(func, args, kwargs, output)
            return output
        x: Tensor = args[0] if args else kwargs["input"]
        if not isinstance(x, Tensor):  # a number times a tensor, say
            return func(*args, **kwargs)
        in_place = _in_place(func, args, kwargs)
        before = x.detach().clone() if in_place else x.detach()
        # A view that this call alone sees: what goes back to it is the call's, not that of others that use x as well.
        seen = x.view_as(x) if x.requires_grad and not in_place else x
        edge = get_gradient_edge(seen) if seen.requires_grad else None
        output: Tensor = func(seen, *args[1:], **{key: value for key, value in kwargs.items() if value is not x})
        self.mark(func, args or (x,), kwargs, output)
        self.level += not self.depth and func in ACTIVATIONS
        known = getattr(output, CHANNEL, None)
        channel = known.dimension if known else 1 if output.ndim > 3 else output.ndim - 1
        given = bound(func, args, kwargs) if func in SIGNATURES else {}
        weight = given.get("weight", given.get("other"))
        self.hear(Response(func, weight, before, output.detach(), channel, self.level, edge))
        return output


def _in_place(func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> bool:
    return func.__name__.endswith("_") or bool(kwargs.get("inplace")) or any(value is True for value in args[1:])
