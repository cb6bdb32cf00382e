"""What the passes of single families share: those that `Probe` does not make for all."""

from typing import Any

from torch import Tensor

from untrained.metrics.probe import Probe


def frozen(probe: Probe) -> dict[str, Tensor]:
    """A copy of every parameter and buffer by name; none requires a gradient, what is shared stays shared.

    Raises ValueError where the batch is to go through in chunks: these passes take it whole.
    """
    if probe.chunk is not None:
        raise ValueError("this needs the whole batch at once: it cannot be had in chunks")
    state = probe.state(Tensor.clone)
    for tensor in state.values():
        tensor.requires_grad_(False)
    return state


def one_tensor(outputs: Any) -> Tensor:
    """`outputs`, where they are a tensor; ValueError where the network returns several."""
    if not isinstance(outputs, Tensor):
        raise ValueError(f"the network returns a {type(outputs).__name__}: this metric needs one tensor")
    return outputs


def sibling(probe: Probe, inputs: Tensor, targets: Any) -> Probe:
    """A probe of the same network and settings on another batch."""
    return Probe(
        probe.net,
        inputs,
        targets,
        loss=probe.loss_function,
        seed=probe.seed,
        strict=probe.strict,
        dtype=probe.dtype,
        autocast=probe.autocast,
        chunk=probe.chunk,
    )
