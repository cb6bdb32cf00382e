"""A network without numbers: its modules, the shapes of what they give, and their parameters."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.utils import _pytree as pytree

from untrained.errors import InputError, one_line
from untrained.runtime.calling import call_network
from untrained.spaces.facts import is_whole, sides
from untrained.spaces.picture import Block, Kind

SIDE = 32
"""Side of images in pixels, if a space does not say."""


class Outline:
    """A network on the meta device, on which tensors have shapes and no numbers, and one pass over it.

    Args:
        build: makes the network. A network that cannot be made on the meta device, as it reads numbers of its tensors,
            is made on the CPU.
        options: of its space: facts of the data that say what inputs look like, if none are given.
        inputs: a batch of the network's inputs, of which only shapes and types count.

    Attributes:
        net: the network.
        shapes: name of a module -> shape of its output, without the number of samples; in the order of the calls.

    Raises:
        InputError: if the network cannot be made, or does not take the inputs that are given.

    Example:
        >>> outline = Outline(lambda: nn.Sequential(nn.Linear(4, 8), nn.ReLU()), {"in_features": 4})
        >>> outline.shapes, outline.params("0"), outline.net[0].weight.device
        ({'0': (8,), '1': (8,), '': (8,)}, 40, device(type='meta'))
    """

    def __init__(self, build: Callable[[], nn.Module], options: Mapping[str, Any], inputs: Any = None) -> None:
        self.net, device = _made(build)
        self.net.eval()
        self.inputs = likely_inputs(options) if inputs is None else inputs
        self.shapes = dict[str, tuple[int, ...]]()
        if self.inputs is None:
            return
        try:
            self._run(device)
        except Exception as error:  # whatever a network of somebody's own raises
            self.shapes.clear()
            if inputs is not None:
                raise InputError(f"the network does not take these data: {one_line(error)}") from error
            # The inputs were guessed from the options of the space: without them, blocks are shown without shapes.

    def params(self, *names: str) -> int:
        """Parameters of some modules, `""` being the network; those that they share count once.

        Args:
            names: of modules, as `get_submodule` takes them.
        """
        return params_of(*map(self.net.get_submodule, names))

    def block(self, title: str, kind: Kind, *names: str, details: Sequence[str] = ()) -> Block:
        """A block of some modules.

        Args:
            title: what it is.
            kind: decides its colour.
            names: its modules, the last of which gives its output.
            details: facts in a few words each.
        """
        return Block(title, kind, tuple(filter(None, details)), self.shapes.get(names[-1]), self.params(*names))

    def input(self) -> Block:
        """What goes into the network."""
        leaves = [leaf for leaf in pytree.tree_leaves(self.inputs) if isinstance(leaf, Tensor)]
        if len(leaves) != 1:
            return Block("input", "input", (f"{len(leaves)} tensors",) if leaves else ())
        return Block("input", "input", ("tokens",) if leaves[0].dtype == torch.long else (), tuple(leaves[0].shape[1:]))

    def _run(self, device: str) -> None:
        def listen(name: str) -> Callable[..., None]:
            def hook(_module: nn.Module, _args: Any, output: Any) -> None:
                tensors = [leaf for leaf in pytree.tree_leaves(output) if isinstance(leaf, Tensor)]
                if tensors:
                    self.shapes[name] = tuple(tensors[0].shape[1:])

            return hook

        hooks = [module.register_forward_hook(listen(name)) for name, module in self.net.named_modules()]
        moved = pytree.tree_map_only(Tensor, lambda t: torch.zeros(t.shape, dtype=t.dtype, device=device), self.inputs)
        try:
            with torch.no_grad(), torch.device(device):
                call_network(self.net, moved)
        finally:
            for hook in hooks:
                hook.remove()


def _made(build: Callable[[], nn.Module]) -> tuple[nn.Module, str]:
    """The network, and the device that it is on."""
    try:
        with torch.device("meta"):
            return build(), "meta"
    except InputError:
        raise
    except Exception as error:  # whatever its author's code raises
        if "meta" not in str(error).lower():
            raise InputError(f"the network cannot be built: {one_line(error)}") from error
    try:
        return build(), "cpu"
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"the network cannot be built: {one_line(error)}") from error


def params_of(*modules: nn.Module) -> int:
    """Parameters of some modules; those that they share count once, and lazy ones not at all."""
    found = {id(p): p for module in modules for p in module.parameters()}
    return sum(p.numel() for p in found.values() if not is_lazy(p))


def likely_inputs(options: Mapping[str, Any]) -> Tensor | None:
    """Two inputs on the meta device, as the options of a space describe them: rows, sequences of tokens or images.

    Args:
        options: `in_features`; `vocabulary` and `length`; or `in_channels` and perhaps `image_size`.

    Returns:
        n x in_features, n x length, or n x in_channels x height x width; None if the options say none of these.

    Example:
        >>> likely_inputs({"in_channels": 3}).shape, likely_inputs({"width": 3}) is None
        (torch.Size([2, 3, 32, 32]), True)
    """
    match options:
        case {"in_features": features} if is_whole(features):
            return torch.zeros(2, features, device="meta")
        case {"vocabulary": tokens, "length": length} if is_whole(tokens) and is_whole(length):
            return torch.zeros(2, length, dtype=torch.long, device="meta")
        case {"in_channels": channels} if is_whole(channels):
            size = options.get("image_size", SIDE)
            size = tuple(size) if isinstance(size, list) else size
            if is_whole(size) or (isinstance(size, tuple) and len(size) == 2 and all(map(is_whole, size))):
                return torch.zeros(2, channels, *sides(size), device="meta")
    return None
