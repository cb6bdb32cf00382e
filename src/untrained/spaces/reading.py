"""The picture of a network of which nothing is known but its modules."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from torch import nn

from untrained.spaces.outline import Outline, params_of
from untrained.spaces.picture import Block, Chain, Kind, Picture, Stage

if TYPE_CHECKING:
    from untrained.spaces.base import SearchSpace

Named = tuple[str, nn.Module]
"""A module by its full name."""

CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
KINDS: tuple[tuple[str, Kind], ...] = (
    ("attention", "attention"),
    ("transformer", "attention"),
    ("conv", "conv"),
    ("rnn", "recurrent"),
    ("lstm", "recurrent"),
    ("gru", "recurrent"),
    ("embedding", "embedding"),
    ("pool", "pool"),
    ("linear", "linear"),
)
"""What the class of a module has in its name -> what it is; of several, the first counts."""
SILENT = ("Identity", "Flatten")
"""Classes of modules that need not be told."""
MOST_LAYERS = 3
"""Kinds of layers that are told of a block."""


def read_picture(space: "SearchSpace", arch: str, inputs: Any = None) -> Picture:
    """The picture of a network: its modules in the order in which data pass them. See `SearchSpace.picture`.

    What stands in a `Sequential` or a list is a stage; normalisations, activations and what else has no weights is told
    with the layer before it. What happens between modules is not seen.
    """
    space.to_params(arch)
    outline = Outline(lambda: space.build(arch), space.options, inputs)
    reader = _Reader(outline)
    for name, module in _in_order(outline, *_unwrapped(outline.net)):
        label = "" if name.rpartition(".")[2].isdigit() else name.rpartition(".")[2]
        if type(module) in CONTAINERS:
            reader.stage(label)
            for inner, part in _leaves(outline, name, module):
                reader.add(inner, part)
            reader.stage("")
        else:
            reader.add(name, module, label)
    stages = tuple(Stage(tuple(blocks), title) for title, blocks in reader.stages if blocks)
    chain = Chain("network", (Stage((outline.input(),)), *stages))
    return Picture(space.name.rpartition("/")[2], arch, (chain,), outline.params(""))


class _Reader:
    """Makes blocks of modules, one after the other.

    Attributes:
        stages: titles and blocks.
    """

    def __init__(self, outline: Outline) -> None:
        self.outline = outline
        self.stages: list[tuple[str, list[Block]]] = [("", [])]
        self._last: list[Block] | None = None  # where the last layer stands, if what follows may be told with it

    def stage(self, title: str) -> None:
        """Begins a stage."""
        self.stages.append((title, []))

    def add(self, name: str, module: nn.Module, label: str = "") -> None:
        """Adds a module as a block, or to the last block."""
        kind, weights, is_layer = type(module).__name__, params_of(module), not _parts(module)
        follows = is_layer and "pool" not in kind.lower() and (not weights or "norm" in kind.lower())
        if follows and kind in SILENT:
            return
        if follows and self._last:
            told = self._last[-1]
            shape = self.outline.shapes.get(name, told.shape)
            params = None if told.params is None else told.params + weights
            self._last[-1] = replace(told, details=(*told.details, kind), shape=shape, params=params)
            return
        blocks = self.stages[-1][1]
        blocks.append(_block(self.outline, name, module, label))
        self._last = blocks if is_layer else None


def _parts(module: nn.Module) -> list[nn.Module]:
    return list(module.children())


def _unwrapped(net: nn.Module) -> Named:
    """The network without modules that hold one other and nothing else."""
    name, module = "", net
    while type(module) not in CONTAINERS and len(inner := list(module.named_children())) == 1 and _parts(inner[0][1]):
        name, module = f"{name}.{inner[0][0]}".removeprefix("."), inner[0][1]
    return name, module


def _in_order(outline: Outline, name: str, module: nn.Module) -> list[Named]:
    """The children of a module in the order of the first calls in them; as they are held, if there are no calls."""
    found = [(f"{name}.{child}".removeprefix("."), part) for child, part in module.named_children()]
    if not found:
        return [(name, module)]
    if not outline.shapes:
        return found
    called = list(outline.shapes)
    first = dict[str, int]()
    for child, _ in found:
        below = (place for place, other in enumerate(called) if other == child or other.startswith(f"{child}."))
        first[child] = min(below, default=-1)
    return sorted((named for named in found if first[named[0]] >= 0), key=lambda named: first[named[0]])


def _leaves(outline: Outline, name: str, module: nn.Module) -> Iterator[Named]:
    """What stands in a container and in the containers within it."""
    for inner, part in _in_order(outline, name, module) if _parts(module) else []:
        if type(part) in CONTAINERS:
            yield from _leaves(outline, inner, part)
        else:
            yield inner, part


def _block(outline: Outline, name: str, module: nn.Module, label: str) -> Block:
    title, details = type(module).__name__, [label]
    if _parts(module):
        layers = Counter(type(part).__name__ for part in module.modules() if any(True for _ in part.parameters(False)))
        details += [f"{n} {layer}" if n > 1 else layer for layer, n in layers.most_common(MOST_LAYERS)]
    elif kernel := getattr(module, "kernel_size", None):
        title += f" {sizes_text(kernel)}"
        strides = _sizes(getattr(module, "stride", None) or 1)
        text = sizes_text(strides[0] if len({*strides}) == 1 else strides)
        details += [f"stride {text}"] if text != "1" else []
    return outline.block(title, _kind(module), name, details=details)


def _sizes(sizes: int | Sequence[int]) -> Sequence[int]:
    return [sizes] if isinstance(sizes, int) else sizes


def sizes_text(sizes: int | Sequence[int]) -> str:
    """Sizes as people write them.

    Example:
        >>> sizes_text((3, 3)), sizes_text(2)
        ('3×3', '2')
    """
    return "×".join(map(str, _sizes(sizes)))


def _kind(module: nn.Module) -> Kind:
    """What a module is, by its class; else by the first of `KINDS` that one of its layers is."""
    layers = [type(part) for part in module.modules() if any(True for _ in part.parameters(False))]
    for among in ([type(module)], layers):
        names = [kind.__name__.lower() for kind in among]
        for word, kind in KINDS:
            if any(word in name for name in names):
                depthwise = kind == "conv" and 1 < getattr(module, "groups", 1) == getattr(module, "in_channels", 0)
                return "depthwise" if depthwise else kind
    return "other"
