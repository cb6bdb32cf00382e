"""Passes that only some metric families need. What every metric may need is a property of `Probe`."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from untrained.probe.outputs import Heads, join
from untrained.probe.per_sample import Uses
from untrained.probe.probe import Probe, shared
from untrained.probe.sample_dimension import check_alone, resized


def detached_state(probe: Probe) -> dict[str, Tensor]:
    """Returns a copy of every parameter and buffer by name; none requires a gradient.

    A tensor that modules share is copied once.

    Raises:
        ValueError: If the batch is to go through in chunks: passes with this state take it whole.
    """
    probe.check_whole()
    state = probe.state(Tensor.clone)
    for tensor in state.values():
        tensor.requires_grad_(False)
    return state


@dataclass
class EvaluationPass:
    """A forward pass in evaluation mode, in which no sample sees another, with its graph."""

    uses: Uses
    """Of all parameters."""
    outputs: Tensor
    heads: Heads | None


@shared
def evaluation_pass(probe: Probe) -> EvaluationPass:
    """Runs the whole batch in evaluation mode, with the network's own parameters.

    Raises:
        ValueError: If the outputs are not one for each sample, or the batch is to go through in chunks.
    """
    run = _evaluation_pass(probe, detached_state(probe))
    check_samples(probe, run.outputs)
    if (part := resized_probe(probe)) is not None:
        of_part = _evaluation_pass(part, part.state(Tensor.clone))
        run.uses.compare(run.outputs, of_part.uses, of_part.outputs)
    return run


def _evaluation_pass(probe: Probe, state: dict[str, Tensor]) -> EvaluationPass:
    uses = Uses({name: state[name] for name, _ in probe.net.named_parameters()}, len(probe.inputs))
    with probe.untouched(training=False), torch.enable_grad(), uses:
        outputs, heads = join(probe.call(state, probe.inputs.detach()))
    return EvaluationPass(uses, outputs, heads)


def rows(batch: Any, part: slice | Tensor) -> Any:
    """Picks samples of targets or outputs.

    Args:
        batch: A tensor, n x ..., or tuples, lists and dictionaries of such tensors.
        part: Which samples, as an index of the first dimension.

    Example:
        >>> rows({"class": torch.arange(4), "weight": None}, slice(1, 3))
        {'class': tensor([1, 2]), 'weight': None}
    """
    return pytree.tree_map_only(Tensor, lambda tensor: tensor[part], batch)


def pieces(probe: Probe, size: int | None = None) -> Iterator[Probe]:
    """Yields probes of parts of the batch, each with its own targets, for metrics that treat samples separately.

    Args:
        size: How many samples a part has; None for the probe's chunks, the whole batch if it has none.
    """
    size = size or probe.chunk or len(probe.inputs)
    if size == len(probe.inputs):
        yield probe
        return
    for start in range(0, len(probe.inputs), size):
        yield _piece(probe, slice(start, start + size))


def _piece(probe: Probe, part: slice) -> Probe:
    return probe.replace(inputs=probe.inputs[part], targets=rows(probe.targets, part), chunk=None)


def resized_probe(probe: Probe) -> Probe | None:
    """Returns a probe of another number of the first samples (see `resized`), without targets.

    None if the batch has one sample only.
    """
    if len(probe.inputs) == 1:
        return None
    return probe.replace(inputs=resized(probe.inputs), targets=None, chunk=None)


def check_rows(probe: Probe, run: Callable[[Probe], tuple[Uses, Any]]) -> None:
    """Checks that a batch in chunks gives each sample the outputs that it has alone.

    Args:
        run: Makes the pass of a probe; returns the uses and the outputs.

    Raises:
        ValueError: If a sample's outputs depend on the other samples, or on random numbers.
    """
    if probe.chunk is None:
        return

    def outputs(part: slice) -> Tensor:
        uses, found = run(_piece(probe, part))
        if uses.draws:
            raise ValueError("the network draws random numbers, others for chunks than for the whole batch")
        return join(found)[0].detach()

    for i, together in enumerate(outputs(slice(2))):
        check_alone(together, outputs(slice(i, i + 1))[0])


def check_samples(probe: Probe, outputs: Any) -> None:
    """Raises ValueError if `outputs` are not one for each sample."""
    z, _ = join(outputs)
    if z.ndim == 0 or len(z) != len(probe.inputs):
        raise ValueError(f"the outputs have shape {tuple(z.shape)} for {len(probe.inputs)} samples: give one a sample")
