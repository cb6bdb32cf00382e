"""The batch that networks are scored on: taken as people have it, checked before anything is spent."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from untrained.errors import InputError

Batch = tuple[Tensor, Any]
"""(inputs n x ..., targets): targets are a tensor, tuples, lists or dictionaries of tensors, or None."""

TARGETS = ("y", "label", "labels", "target", "targets")
"""What the targets are called in a batch that is a dictionary of two."""


def as_batch(given: Any, called: str = "the batch") -> Batch:
    """Makes tensors of a batch, and checks that networks can be scored on it.

    Args:
        given: (inputs n x ..., targets), or a dictionary of two whose targets are called `y`, `label(s)` or
            `target(s)`. Tensors stay as they are; arrays become tensors, double precision the default one; a list of
            numbers is one target for each input. Targets can be None, or tuples, lists and dictionaries of tensors.
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
    inputs, targets = _tensor(given[0]), _targets(given[1])
    if not isinstance(inputs, Tensor):
        raise InputError(f"{called}'s inputs are a {type(inputs).__name__}: give a tensor or an array, n x ...")
    _check((inputs, targets), called)
    return inputs, targets


def _targets(given: Any) -> Any:
    if isinstance(given, Mapping):
        return {key: _targets(part) for key, part in given.items()}
    if isinstance(given, tuple) and not hasattr(given, "_fields"):
        return tuple(map(_targets, given))
    if isinstance(given, list):
        numbers = bool(given) and all(isinstance(part, bool | int | float | np.generic) for part in given)
        return _tensor(np.array(given)) if numbers else [_targets(part) for part in given]
    return _tensor(given)


def _tensor(given: Any) -> Any:
    if not isinstance(given, np.ndarray) or given.dtype.kind not in "biuf":
        return given
    tensor = torch.from_numpy(np.ascontiguousarray(given))
    # Double precision is what numpy makes of any number, and no choice.
    return tensor.to(torch.get_default_dtype()) if given.dtype == np.float64 else tensor


def _check(batch: Batch, called: str) -> None:
    inputs, targets = batch
    if inputs.ndim < 2 or len(inputs) == 0:
        raise InputError(f"{called}'s inputs have shape {tuple(inputs.shape)}: expected n x ... with n at least 1")
    if inputs.is_floating_point() and not torch.isfinite(inputs).all():
        raise InputError(f"{called}'s inputs hold NaN or infinite values")
    for part in pytree.tree_leaves(targets):
        if not isinstance(part, Tensor):
            if part is not None:
                raise InputError(f"{called}'s targets hold a {type(part).__name__}: give tensors")
            continue
        if part.ndim == 0 or len(part) != len(inputs):
            raise InputError(f"{called} has {len(inputs)} inputs but {len(part) if part.ndim else 1} targets")
        if part.is_floating_point() and not torch.isfinite(part).all():
            raise InputError(f"{called}'s targets hold NaN or infinite values")
