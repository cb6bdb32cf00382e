"""The feature maps between a network's blocks."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from untrained.probe.blocks import blocks
from untrained.probe.channels import CHANNEL, Channels, ChannelWatch
from untrained.probe.evaluation import detached_state
from untrained.probe.functions import ACTIVATIONS, CONVOLUTIONS, bound
from untrained.probe.hooks import hooked
from untrained.probe.per_sample import Uses
from untrained.probe.probe import Probe, shared

CONVOLUTION_MODULES = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


class FeatureMap(NamedTuple):
    """A block's output with its graph, and which of its dimensions holds the channels."""

    output: Tensor
    channel: int


class FeaturePass(NamedTuple):
    """A forward pass in training mode, with its graph.

    Attributes:
        uses: How the pass used each parameter.
        maps: The feature maps, in order.
        outputs: What the network returned.
    """

    uses: Uses
    maps: list[FeatureMap]
    outputs: Any


@shared
def feature_pass(probe: Probe) -> FeaturePass:
    """Returns a pass with the network's own parameters; see `map_features`."""
    return map_features(probe, detached_state(probe))


def map_features(probe: Probe, state: dict[str, Tensor]) -> FeaturePass:
    """Runs the network with `state`, and collects its feature maps.

    A map is the output of a block (see `probe.blocks`). Outside of the blocks, a run with a convolution or linear layer
    that mixes channels, as a depthwise convolution does not, ends in a map: the output of the next activation, or what
    enters the next block, whichever comes first. A network that names its blocks has no other maps.

    Channels are the dimension that the last convolution (the first but the samples') or linear layer (the last) made,
    permuted as it may have been since; of what is added to each other, the one that was made first. Maps have three
    dimensions or more; in networks on tables (n x features), two.

    Args:
        probe: The network, with its batch.
        state: Name -> tensor, of each parameter and buffer that the network is to run on.

    Example:
        >>> net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 5, 3), nn.ReLU())
        >>> probe = Probe(net, torch.randn(2, 3, 8, 8))
        >>> [tuple(map.output.shape) for map in map_features(probe, detached_state(probe)).maps]
        [(2, 4, 6, 6), (2, 5, 4, 4)]
    """
    members, named = blocks(probe)
    walk = _Walk(probe.net, not named, 2 if probe.inputs.ndim == 2 else 3)
    uses = Uses({name: state[name] for name, _ in probe.net.named_parameters()}, len(probe.inputs))
    hooks = [(block, walk.enter, walk.leave) for block in members]
    with probe.untouched(), hooked(hooks), torch.enable_grad(), walk, uses:
        outputs = probe.call(state, probe.inputs.detach())
    uses.leaves += [output for output, _ in walk.maps if output.is_leaf]
    return FeaturePass(uses, walk.maps, outputs)


class _Walk(ChannelWatch):
    """Collects the feature maps of one forward pass.

    Attributes:
        find: Look for maps between the blocks, too.
        dims: How many dimensions a map has at least.
        depth: How many blocks' calls are under way.
        mixed: Has a layer mixed channels since the last map?
    """

    def __init__(self, net: nn.Module, find: bool, dims: int) -> None:
        super().__init__()
        self.find = find
        self.dims = dims
        self.convolutional = any(isinstance(module, CONVOLUTION_MODULES) for module in net.modules())
        self.maps: list[FeatureMap] = []
        self.depth = 0
        self.mixed = False

    def enter(self, _module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        self.depth += 1
        if self.find and self.depth == 1 and inputs and self._ends_run(inputs[0]):
            return self._add(inputs[0]), *inputs[1:]
        return inputs

    def leave(self, _module: nn.Module, _inputs: Any, output: Any) -> Tensor | None:
        self.depth -= 1
        if not isinstance(output, Tensor) or output.ndim < self.dims:
            return None
        return self._add(output)

    def __torch_function__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        output = func(*args, **kwargs)
        if isinstance(output, Tensor):
            self.mark(func, args, kwargs, output)
        if not self.find or self.depth:
            return output
        if func in CONVOLUTIONS or func is F.linear:
            self.mixed = self.mixed or func is F.linear or bound(func, args, kwargs)["groups"] == 1
        elif func in ACTIVATIONS and self._ends_run(output):
            return self._add(output)
        return output

    def _ends_run(self, tensor: Any) -> bool:
        return self.mixed and isinstance(tensor, Tensor) and tensor.ndim >= self.dims

    def _add(self, output: Tensor) -> Tensor:
        self.mixed = False
        if not output.requires_grad:
            output.requires_grad_()
        channels = getattr(output, CHANNEL, None) or Channels(self.made, 1 if self.convolutional else output.ndim - 1)
        self.maps.append(FeatureMap(output, channels.dimension))
        handed_on = output.clone()  # what follows may write into it
        setattr(handed_on, CHANNEL, channels)
        return handed_on
