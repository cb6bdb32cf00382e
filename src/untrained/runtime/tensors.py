"""Copies of tensors."""

from collections.abc import Mapping

from torch import Tensor


def copied(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copies weights to the CPU, so that later training does not change them. Tied weights stay one tensor.

    Args:
        weights: Name -> tensor, a network's `state_dict()`.
    """
    copies: dict[object, Tensor] = {}
    found: dict[str, Tensor] = {}
    for name, tensor in weights.items():
        place = tensor.data_ptr(), tensor.dtype, tuple(tensor.shape), tensor.stride()
        key = place if tensor.numel() else name
        if key not in copies:
            copies[key] = tensor.detach().to("cpu", copy=True).contiguous()
        found[name] = copies[key]
    return found
