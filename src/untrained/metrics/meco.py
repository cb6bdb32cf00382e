"""MeCo: how far the channels of each feature map are from being copies of each other."""

from typing import Any, Literal

import torch
from torch import Tensor, nn

from untrained.metrics.base.metric import metric
from untrained.probe.evaluation import detached_state
from untrained.probe.probe import Probe
from untrained.probe.redrawn import generator, normal


@metric(
    "meco",
    paper="Jiang, Wang & Bie, MeCo: Zero-Shot NAS with One Data and Single Forward Pass via Minimum Eigenvalue of "
    "Correlation, NeurIPS 2023",
    needs=("feature maps", "random draws"),
    cost="forward",
)
def meco(
    probe: Probe,
    size: int | None = None,
    inputs: Literal["random", "batch"] = "random",
    modules: Literal["all", "leaves"] = "all",
) -> float:
    """sum over modules of the smallest eigenvalue of the Pearson correlation matrix of the channels of their output.

    One sample ~ N(0, 1), in training mode. A channel that is constant has correlation 0 with all, itself included;
    so an output of one number a channel counts 0.

    size: so high and wide is the sample, instead of as the batch's images; the public code has 64 always.
    inputs: "batch" takes the first sample of the batch.
    modules: "all" also counts containers and the network itself, as the public code does: what ends its container
    counts twice. "leaves" counts each computation once.
    """
    if inputs not in ("random", "batch") or modules not in ("all", "leaves"):
        raise ValueError(f"inputs {inputs!r}, modules {modules!r}: give random or batch, all or leaves")
    if size is not None and size < 1:
        raise ValueError(f"size {size}: give 1 or more pixels")
    x = probe.inputs[:1].detach().clone()
    if inputs == "random":
        if not x.is_floating_point():
            raise ValueError(f"the inputs are {x.dtype}: use inputs=batch")
        stream = generator(probe)
        shape = (1, x.shape[1], size, size) if size is not None and x.ndim == 4 else x.shape
        x = normal(shape, stream).to(x)
    total = 0.0
    seen: dict[tuple[int, int], tuple[Tensor, float]] = {}

    def record(_module: nn.Module, _inputs: Any, output: Any) -> None:
        nonlocal total
        if isinstance(output, Tensor) and output.ndim > 1:
            # A container hands on its last module's output. Keeping the tensor keeps its id from being used again.
            key = id(output), output._version
            if key not in seen:
                seen[key] = output, _smallest_eigenvalue(_of_sample(output))
            total += seen[key][1]

    counted = [m for m in probe.net.modules() if modules == "all" or not list(m.children())]
    handles = [module.register_forward_hook(record) for module in counted]
    try:
        with probe.untouched(), torch.no_grad():
            probe.call(detached_state(probe), x)
    finally:
        for handle in handles:
            handle.remove()
    return total


def _of_sample(output: Tensor) -> Tensor:
    """Without the dimension of the one sample: the first, or the only one that is 1 long, as in sequences first."""
    short = [d for d, length in enumerate(output.shape) if length == 1]
    return output.select(short[0], 0) if len(output) > 1 and len(short) == 1 else output[0]


def _smallest_eigenvalue(f: Tensor) -> float:
    """Of the correlations of the rows of `f`, channels x positions..."""
    f = f.reshape(len(f), -1).double()
    channels, positions = f.shape
    if positions <= channels:
        return 0.0  # centred rows span fewer dimensions than there are channels
    f = f - f.mean(1, keepdim=True)
    norms = f.norm(dim=1, keepdim=True)
    f = f / torch.where(norms > 0, norms, 1.0)
    return torch.linalg.eigvalsh(f @ f.T)[0].item()
