"""The batch that networks are scored on: taken as people have it, checked before anything is spent."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from untrained.errors import InputError

Batch = tuple[Any, Any]
"""(inputs n x ..., targets): each a tensor, or tuples, lists or dictionaries of tensors; no targets are None."""

TARGETS = ("y", "label", "labels", "target", "targets")
"""What the targets are called in a batch that is a dictionary of two."""


def as_batch(given: Any, called: str = "the batch") -> Batch:
    """Makes tensors of a batch, and checks that networks can be scored on it.

    Args:
        given: (inputs n x ..., targets), or a dictionary of two whose targets are called `y`, `label(s)` or
            `target(s)`. Tensors stay as they are; arrays become tensors, double precision the default one; a list of
            numbers is one target for each input. Both can be tuples, lists and dictionaries of tensors, and targets
            None.
        called: what an error calls it.

    Raises:
        InputError: it has another form, no inputs, another number of targets, or numbers that are not finite.

    Example:
        >>> import numpy as np
        >>> inputs, labels = as_batch((np.ones((2, 3)), [0, 1]))
        >>> inputs.dtype, labels.tolist()
        (torch.float32, [0, 1])
    """
    if isinstance(given, Mapping):
        keys = sorted(given, key=lambda key: key in TARGETS)
        given = [given[key] for key in keys] if len(keys) == 2 and keys[1] in TARGETS and keys[0] not in TARGETS else ()
    if not isinstance(given, tuple | list) or len(given) != 2:
        raise InputError(f"{called} is a {type(given).__name__}: give (inputs, targets)")
    inputs, targets = _nested(given[0], numbers=False), _nested(given[1], numbers=True)
    for part in pytree.tree_leaves(inputs):
        if not isinstance(part, Tensor):
            part = inputs if isinstance(inputs, list) else part
            raise InputError(f"{called}'s inputs are a {type(part).__name__}: give a tensor or an array, n x ...")
    _check((inputs, targets), called)
    return inputs, targets


def described_inputs(inputs: Any) -> tuple[str, Any]:
    """What the inputs of a batch are, but for the number of samples.

    Args:
        inputs: A tensor, or tuples, lists and dictionaries of tensors.

    Returns:
        Their types, and the shape of a sample; of nested inputs, all in the order of their keys.

    Example:
        >>> described_inputs({"a": torch.zeros(5, 2), "b": torch.zeros(5, dtype=torch.int64)})
        ('float32,int64', [(2,), ()])
    """
    parts = pytree.tree_leaves(inputs)
    dtypes = ",".join(str(part.dtype).removeprefix("torch.") for part in parts)
    shapes = [tuple(part.shape[1:]) for part in parts]
    return dtypes, shapes[0] if isinstance(inputs, Tensor) else shapes


def _nested(given: Any, *, numbers: bool) -> Any:
    """Arrays in nested tuples, lists and dictionaries as tensors; with `numbers`, lists of numbers too."""
    if isinstance(given, Mapping):
        return {key: _nested(part, numbers=numbers) for key, part in given.items()}
    if isinstance(given, tuple) and not hasattr(given, "_fields"):
        return tuple(_nested(part, numbers=numbers) for part in given)
    if isinstance(given, list):
        if given and all(isinstance(part, bool | int | float | np.generic) for part in given):
            return _tensor(np.array(given)) if numbers else given
        return [_nested(part, numbers=numbers) for part in given]
    return _tensor(given)


def _tensor(given: Any) -> Any:
    if not isinstance(given, np.ndarray) or given.dtype.kind not in "biuf":
        return given
    tensor = torch.from_numpy(np.ascontiguousarray(given))
    # Double precision is what numpy makes of any number, and no choice.
    return tensor.to(torch.get_default_dtype()) if given.dtype == np.float64 else tensor


def _check(batch: Batch, called: str) -> None:
    inputs, targets = batch
    parts = pytree.tree_leaves(inputs)
    for part in parts:
        # One number a sample is an input beside others; alone it would be n x 1.
        if part.ndim < (2 if len(parts) == 1 else 1) or len(part) == 0:
            raise InputError(f"{called}'s inputs have shape {tuple(part.shape)}: expected n x ... with n at least 1")
        if len(part) != len(parts[0]):
            raise InputError(f"{called} has inputs of {len(parts[0])} and of {len(part)} samples")
        if part.is_floating_point() and not torch.isfinite(part).all():
            raise InputError(f"{called}'s inputs hold NaN or infinite values")
    if not parts:
        raise InputError(f"{called} has no inputs: give a tensor or an array, n x ...")
    n = len(parts[0])
    for part in pytree.tree_leaves(targets):
        if not isinstance(part, Tensor):
            if part is not None:
                raise InputError(f"{called}'s targets hold a {type(part).__name__}: give tensors")
            continue
        if part.ndim == 0 or len(part) != n:
            raise InputError(f"{called} has {n} inputs but {len(part) if part.ndim else 1} targets")
        if part.is_floating_point() and not torch.isfinite(part).all():
            raise InputError(f"{called}'s targets hold NaN or infinite values")
