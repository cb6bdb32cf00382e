"""What a transformer's linear layers are for, by the flow of data: mixing tokens, or working on each token alone.

A network's author calls modules as he likes, so their names tell nothing. What goes into attention, or another product
of two tensors, mixes tokens; what enters an activation, or comes out of one, is part of an MLP.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree

from untrained.probe.blocks import blocks
from untrained.probe.evaluation import detached_state
from untrained.probe.functions import (
    ACTIVATIONS,
    ADDED_MATRIX_PRODUCTS,
    LAYERS,
    MATRIX_PRODUCTS,
    NORMS,
    PRODUCTS,
    SUMS,
)
from untrained.probe.hooks import hooked
from untrained.probe.probe import Probe, shared
from untrained.probe.tape.rules.attention import attention

SOFTMAXES = frozenset({F.softmax, torch.softmax, Tensor.softmax})


@dataclass
class TokenLayers:
    """Names of weights, by what their layers do.

    Attributes:
        into_mixing: What they make goes into a mixing of tokens, such as queries, keys and values.
        mixing: These, and those that take up what was mixed, such as attention's projection.
        into_activation: What they make enters an activation.
        mlp: These, and those that take up what an activation made.
        peaks: For each call of a layer in `into_mixing`, the mean over samples and features of the maximum over tokens.
        attention_peaks: For each softmax over tokens, n x heads x tokens x tokens, the mean of its maximum over heads.
    """

    into_mixing: set[str] = field(default_factory=set)
    mixing: set[str] = field(default_factory=set)
    into_activation: set[str] = field(default_factory=set)
    mlp: set[str] = field(default_factory=set)
    peaks: list[float] = field(default_factory=list)
    attention_peaks: list[float] = field(default_factory=list)


@shared
def token_layers(probe: Probe) -> TokenLayers:
    """Returns what the network's matrices are for.

    Raises:
        ValueError: If the network has no linear layer on tokens, n x tokens x features.

    Example:
        >>> layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
        >>> found = token_layers(Probe(nn.Sequential(layer, layer), torch.randn(3, 5, 8)))
        >>> sorted(found.mixing), sorted(found.mlp)
        (['0.self_attn.in_proj_weight', '0.self_attn.out_proj.weight'], ['0.linear1.weight', '0.linear2.weight'])
    """
    state = detached_state(probe)
    flow = _Flow({id(state[layer.weight]): layer.weight for layer in probe.layers})
    hooks = [(block, flow.enter, flow.leave) for block in blocks(probe)[0]]
    with probe.untouched(), hooked(hooks), torch.no_grad(), flow:
        probe.call(state, probe.inputs.detach())
    found = flow.found()
    if not found.mixing and not found.mlp:
        raise ValueError("the network has no linear layer on tokens: this is for transformers")
    return found


class _Source(NamedTuple):
    """Where a tensor comes from.

    Attributes:
        makers: The layers whose outputs are in it, with no other layer, sum or normalisation in between.
        mixed: Whether tokens have been mixed since.
        activated: Whether an activation has been called since.
    """

    makers: frozenset[str] = frozenset()
    mixed: bool = False
    activated: bool = False


SOURCE = "_untrained_source"


class _Flow(TorchFunctionMode):
    def __init__(self, weights: dict[int, str]) -> None:
        super().__init__()
        self.weights = weights
        self.layers = TokenLayers()
        self.after_mixing: set[str] = set()
        self.consumers: dict[str, set[str]] = {}
        self.in_block: set[str] = set()
        self.on_tokens: set[str] = set()
        self.peaks: list[tuple[str, Tensor]] = []
        self.depth = 0
        self.heads: int | None = None
        """Of PyTorch's attention while it is under way: its tokens come first, its heads and samples as one."""

    def enter(self, _module: nn.Module, _inputs: Any) -> None:
        self.depth += 1

    def leave(self, _module: nn.Module, _inputs: Any, _output: Any) -> None:
        self.depth -= 1

    def __torch_function__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is F.multi_head_attention_forward:
            self.heads = kwargs.get("num_heads", args[4] if len(args) > 4 else 1)
            try:
                return attention(self, func, *args, **kwargs)  # pyright: ignore[reportArgumentType]: it is a mode
            finally:
                self.heads = None
        given = [value for value in pytree.tree_leaves((args, kwargs)) if isinstance(value, Tensor)]
        sources = [getattr(value, SOURCE) for value in given if hasattr(value, SOURCE)]
        output = func(*args, **kwargs)
        source = self._source(func, args, kwargs, given, sources, output)
        for value in pytree.tree_leaves(output):
            if isinstance(value, Tensor):
                setattr(value, SOURCE, source)
        return output

    def _source(
        self, func: Any, args: Any, kwargs: Any, given: list[Tensor], sources: list[_Source], output: Any
    ) -> _Source:
        """Where the output comes from."""
        together = _union(sources)
        if func in LAYERS | MATRIX_PRODUCTS:
            name = next((name for value in given if (name := self._name(value)) is not None), None)
            if name is not None:
                return self._layer(name, given, together, output)
        if func is F.scaled_dot_product_attention:
            self._attend(_probabilities(**_arguments(args, kwargs)))
            return self._mixed(together)
        if func in MATRIX_PRODUCTS | ADDED_MATRIX_PRODUCTS:
            return self._mixed(together)
        if func in SOFTMAXES and together.mixed and output.ndim > 2:
            self._attend(output)
        if func in ACTIVATIONS:
            if not together.mixed:
                self.layers.into_activation |= together.makers
            return together._replace(activated=True)
        if func in PRODUCTS and len(sources) > 1 and together.activated and not together.mixed:
            self.layers.mlp |= together.makers  # a gate
        if func in NORMS:
            return _Source(mixed=together.mixed)
        return _Source() if func in SUMS and len(sources) > 1 else together

    def _layer(self, name: str, given: list[Tensor], source: _Source, output: Tensor) -> _Source:
        for maker in source.makers:
            self.consumers.setdefault(maker, set()).add(name)
        if source.mixed:
            self.layers.mixing |= source.makers
            self.after_mixing.add(name)
        elif source.activated:
            self.layers.mlp.add(name)
        if self.depth:
            self.in_block.add(name)
        if self.heads is not None or (output.ndim > 2 and min(v.ndim for v in given if self._name(v) == name) == 2):
            self.on_tokens.add(name)
            if output.ndim > 2:
                peak = output.detach().amax(0 if self.heads is not None else 1)
                self.peaks.append((name, peak.mean(dtype=torch.float64)))
        return _Source(frozenset({name}))

    def _attend(self, output: Tensor) -> None:
        """Takes down a softmax over tokens."""
        if output.ndim == 3:
            output = output.unflatten(0, (-1, self.heads or 1))
        self.layers.attention_peaks.append(output.detach().amax(1).mean(dtype=torch.float64).item())

    def _mixed(self, source: _Source) -> _Source:
        self.layers.into_mixing |= source.makers
        return source._replace(mixed=True, activated=False)

    def _name(self, value: Tensor) -> str | None:
        return self.weights.get(id(value)) or self.weights.get(id(value._base))

    def found(self) -> TokenLayers:
        """What was found, once the pass is over."""
        found, mlp = self.layers, self.layers.mlp | self.layers.into_activation
        found.into_mixing = self._with_those_before((found.into_mixing - mlp) & self.on_tokens) & self.on_tokens
        mixing = found.into_mixing | self.after_mixing | found.mixing
        found.mixing = self._with_those_before((mixing - mlp) & self.on_tokens) & self.on_tokens
        found.into_activation &= self.on_tokens
        found.mlp = mlp & self.on_tokens
        found.peaks = [peak.item() for name, peak in self.peaks if name in found.into_mixing]
        return found

    def _with_those_before(self, names: set[str]) -> set[str]:
        """Adds layers in blocks whose outputs nothing takes but layers of `names`, one after another."""
        known, before = set(names), set[str]()
        mlp = self.layers.mlp | self.layers.into_activation
        while before != known:
            before = set(known)
            known |= {
                name
                for name, takers in self.consumers.items()
                if takers <= known and name in self.in_block and name not in mlp
            }
        return known


def _union(sources: Iterable[_Source]) -> _Source:
    sources = list(sources)
    makers = frozenset[str]().union(*(source.makers for source in sources))
    return _Source(makers, any(source.mixed for source in sources), any(source.activated for source in sources))


def _arguments(args: Sequence[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    names = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal")
    return dict(zip(names, args, strict=False)) | kwargs


def _probabilities(
    query: Tensor,
    key: Tensor,
    attn_mask: Tensor | None = None,
    is_causal: bool = False,
    scale: float | None = None,
    **_: Any,
) -> Tensor:
    """Returns the weights of a scaled dot-product attention, before dropout."""
    scores = query @ key.mT * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)
    if is_causal:
        scores = scores.masked_fill(torch.ones_like(scores, dtype=torch.bool).triu(1), -math.inf)
    if attn_mask is not None:
        masked = attn_mask if attn_mask.dtype != torch.bool else torch.where(attn_mask, 0.0, -math.inf).to(scores)
        scores = scores + masked
    return scores.softmax(-1).detach()
