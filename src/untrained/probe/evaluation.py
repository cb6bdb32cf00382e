"""What the passes of single families share: those that `Probe` does not make for all."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from untrained.probe.outputs import Heads, join
from untrained.probe.per_sample.gradients import Use
from untrained.probe.per_sample.recorder import Uses
from untrained.probe.probe import Probe, check_alone, shared
from untrained.probe.sample_dimension import resized


def detached_state(probe: Probe) -> dict[str, Tensor]:
    """A copy of every parameter and buffer by name; none requires a gradient, what is shared stays shared.

    Raises ValueError where the batch is to go through in chunks: these passes take it whole.
    """
    if probe.chunk is not None:
        raise ValueError("this needs the whole batch at once: it cannot be had in chunks")
    state = probe.state(Tensor.clone)
    for tensor in state.values():
        tensor.requires_grad_(False)
    return state


def sibling(probe: Probe, inputs: Tensor, targets: Any, **changed: Any) -> Probe:
    """A probe of the same network and settings, but those `changed`, on another batch."""
    settings: dict[str, Any] = {
        "loss": probe.loss_function,
        "seed": probe.seed,
        "strict": probe.strict,
        "dtype": probe.dtype,
        "autocast": probe.autocast,
        "chunk": probe.chunk,
    }
    return Probe(probe.net, inputs, targets, **settings | changed)


def rows(batch: Any, part: slice | Tensor) -> Any:
    """Some samples of targets or outputs: of a tensor, or of all in tuples, lists and dictionaries."""
    return pytree.tree_map_only(Tensor, lambda tensor: tensor[part], batch)


def pieces(probe: Probe) -> Iterator[Probe]:
    """Probes of the chunks of the batch, each with its targets; for what treats every sample as a batch of its own."""
    for start in range(0, len(probe.inputs), probe.chunk or len(probe.inputs)):
        part = slice(start, start + (probe.chunk or len(probe.inputs)))
        yield probe if probe.chunk is None else sibling(probe, probe.inputs[part], rows(probe.targets, part))


def resized_probe(probe: Probe) -> Probe | None:
    """A probe of another number of the first samples (see `resized`); None where there is one only."""
    if len(probe.inputs) == 1:
        return None
    other = resized(torch.arange(len(probe.inputs)))
    return sibling(probe, probe.inputs[other], None, chunk=None)


def check_rows(probe: Probe, run: Callable[[Probe], tuple[Uses, Any]]) -> None:
    """Raises ValueError where there are chunks, and what `run` returns for a sample is not the same in any of them."""
    if probe.chunk is None:
        return

    def outputs(part: slice) -> Tensor:
        uses, found = run(sibling(probe, probe.inputs[part], rows(probe.targets, part), chunk=None))
        if uses.draws:
            raise ValueError("the network draws random numbers, others for chunks than for the whole batch")
        return join(found)[0].detach()

    pair = outputs(slice(2))
    for i, together in enumerate(pair):
        check_alone(together, outputs(slice(i, i + 1))[0])


def check_samples(probe: Probe, outputs: Any) -> None:
    """Raises ValueError where `outputs` are not one for each sample."""
    z, _ = join(outputs)
    if z.ndim == 0 or len(z) != len(probe.inputs):
        raise ValueError(f"the outputs have shape {tuple(z.shape)} for {len(probe.inputs)} samples: give one a sample")


PARAMETERS = 128
"""So many parameter tensors, the first ones, give one scalar each to `vkdnw`."""


def first_parameters(probe: Probe) -> list[str]:
    return [name for name, _ in probe.net.named_parameters()][:PARAMETERS]


class FirstElements:
    """Gradients, n x names in double precision, of the first element of each of the parameters `names`.

    To be called by `Uses.backward`.
    """

    def __init__(self, names: Sequence[str], like: Tensor) -> None:
        self.position = {name: k for k, name in enumerate(names)}
        self.values = torch.zeros(len(like), len(names), dtype=torch.float64, device=like.device)

    def __call__(self, name: str, parts: list[tuple[Use, Tensor]]) -> None:
        if name in self.position:
            for use, B in parts:
                self.values[:, self.position[name]] += use.first(B)


@dataclass
class EvaluationPass:
    """A forward pass in evaluation mode, where no sample sees another, with its graph."""

    uses: Uses
    """Of all parameters."""
    outputs: Tensor
    heads: Heads | None
    of_sum: FirstElements | None = None
    """Of the first parameters, for the sum of all outputs, once a metric has made that pass back."""


def summed_outputs(outputs: Tensor) -> Tensor:
    """n: the sum of each sample's outputs."""
    return outputs.reshape(len(outputs), -1).sum(1)


@shared
def evaluation_pass(probe: Probe) -> EvaluationPass:
    """That pass over the whole batch, with the network's own parameters."""
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
