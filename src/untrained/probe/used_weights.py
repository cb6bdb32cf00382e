"""Which bare parameters, such as `self.kernel` or those of an `nn.ParameterList`, a network uses as layers' weights."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree

from untrained.probe.functions import (
    ADDED_MATRIX_PRODUCTS,
    LAYERS,
    MATRIX_PRODUCTS,
    OTHER_MATRIX_PRODUCTS,
    RECURRENT_CELLS,
    bound,
)

FACTORS = MATRIX_PRODUCTS | OTHER_MATRIX_PRODUCTS | RECURRENT_CELLS
"""Each argument is a factor of a product."""
LOOKUPS = frozenset({Tensor.__getitem__, torch.index_select, Tensor.index_select, torch.gather, Tensor.gather})
"""Rows of the first argument, chosen by another."""

OF_INPUT, MADE_OF = "_untrained_of_input", "_untrained_made_of"
"""The attributes that mark what a pass has made of the network's input, and which parameters alone of what else."""


class UsedWeights(TorchFunctionMode):
    """Watches a forward pass for parameters that are used as weights.

    A parameter, or what is made of parameters alone (as its transpose is), is used as a weight if it is

    - the weight of a convolution, a linear layer or an embedding;
    - a factor of a matrix product;
    - a table in which the network's input chooses the rows.

    What is added, as biases and tables of positions are, what scales element by element, and what goes through the
    layers like an input, as learned queries do, is none.

    Args:
        parameters: Name -> the tensor that the pass runs on, of each parameter in question.
        inputs: The network's input.

    Attributes:
        names: Those of `parameters` that were used as weights.
    """

    def __init__(self, parameters: Mapping[str, Tensor], inputs: Tensor) -> None:
        super().__init__()
        self.names = set[str]()
        setattr(inputs, OF_INPUT, True)
        for name, tensor in parameters.items():
            setattr(tensor, MADE_OF, _made_of(tensor) | {name})  # one tensor has several names if it is shared

    def __torch_function__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        given = list(_tensors((args, kwargs)))
        of_input = any(hasattr(tensor, OF_INPUT) for tensor in given)
        made_of = frozenset[str]().union(*map(_made_of, given))
        for tensor in _weights(func, args, kwargs, given, of_input) if made_of else ():
            self.names |= _made_of(tensor)
        output = func(*args, **kwargs)
        for tensor in _tensors(output) if of_input or made_of else ():
            if of_input:
                setattr(tensor, OF_INPUT, True)
            else:
                setattr(tensor, MADE_OF, made_of)
        return output


def _weights(
    func: Any, args: Sequence[Any], kwargs: Mapping[str, Any], given: list[Tensor], of_input: bool
) -> Iterable[Tensor]:
    """Those of the tensors `given` to a call that it uses as weights."""
    if func in LAYERS or func is F.embedding:
        return [bound(func, args, kwargs)["weight"]]
    if func is F.embedding_bag:
        return given[:2]  # the indices come first, and are made of no parameter
    if func in FACTORS:
        return given
    if func in ADDED_MATRIX_PRODUCTS:
        return given[1:]
    return given[:1] if func in LOOKUPS and of_input else []


def _tensors(value: Any) -> Iterator[Tensor]:
    return (leaf for leaf in pytree.tree_leaves(value) if isinstance(leaf, Tensor))


def _made_of(tensor: Tensor) -> frozenset[str]:
    return frozenset() if hasattr(tensor, OF_INPUT) else getattr(tensor, MADE_OF, frozenset())
