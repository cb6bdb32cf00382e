"""Metrics on the neural tangent kernel K[i,j] = <J(x_i), J(x_j)>.

J(x) is the gradient of the output with respect to the parameters, at the sample x. Three readings of J are about:

- `mode="eval"`: every sample on its own, BatchNorm with its running statistics. This is the kernel of the TE-NAS paper,
  in which J depends on one point. Parameters: those with "weight" in their name (convolutions, linear layers, scales of
  normalisations; no biases), as in TE-NAS's code, and bare ones that are used as weights. One forward and one backward
  pass.
- `mode="train"`: as TE-NAS's code runs it. J(x_i) is the gradient of sample i's output within a batch in training mode,
  so that it also depends on the others through BatchNorm's statistics. n backward passes.
- `layerwise=True`: as HNAS's code has it. One backward pass of the sum over all samples; row i gathers, layer by layer,
  what goes through sample i's activations. Weights and biases of the layers. It is the gradient of sample i if the
  samples do not touch each other.

`output` is what is differentiated: "sum", the sum of a sample's outputs (TE-NAS), or "target", the output of its class
(HNAS).
"""

import math
from typing import Literal

import torch
from torch import Tensor

from untrained.metrics.base.metric import metric
from untrained.probe import Probe, shared
from untrained.probe.evaluation import (
    check_samples,
    evaluation_pass,
    pieces,
    resized_probe,
)
from untrained.probe.feature_maps import feature_pass, map_features
from untrained.probe.outputs import join
from untrained.probe.per_sample import Use, Uses, summed

Mode = Literal["eval", "train"]
Output = Literal["sum", "target"]


@metric(
    "ntk_condition_number",
    paper="Chen, Gong & Wang, Neural Architecture Search on ImageNet in Four GPU Hours (TE-NAS), ICLR 2021",
    direction=-1,
    needs=("sample gradients",),
    formula=r"\frac{\lambda_{\max}(K)}{\lambda_{\min}(K)}, \quad K = J J^\top",
)
def ntk_condition_number(probe: Probe, mode: Mode = "eval", output: Output = "sum", layerwise: bool = False) -> float:
    """How hard the network is to train: largest over smallest eigenvalue of the neural tangent kernel (lower: easier).

    Public readings: TE-NAS's code `mode=train`; HNAS's code `mode=train,output=target,layerwise=True`.

    Args:
        probe: A network with a batch; with n class labels for `output="target"`.
        mode: "eval" has every sample on its own, "train" within the batch.
        output: What is differentiated: the "sum" of a sample's outputs, or that of its "target" class.
        layerwise: Gather what goes through each sample's activations, layer by layer.

    Returns:
        The condition number, 1 or more.

    Raises:
        ValueError: If the smallest eigenvalue is no larger than rounding, so that the condition number is not known.
            TE-NAS's code gives 100000 for a kernel that is not a number, and infinities or negative numbers as they
            come.

    Example:
        The gradients of one linear output are the samples, (1, 0) and (0, 2): K = diag(1, 4).

        >>> net = nn.Linear(2, 1, bias=False)
        >>> ntk_condition_number(Probe(net, torch.tensor([[1.0, 0.0], [0.0, 2.0]])))
        4.0
    """
    v = torch.linalg.eigvalsh(_kernel(probe, mode, output, layerwise))
    low, high = v[0].item(), v[-1].item()
    if high <= 0:
        raise ValueError("the kernel is zero: the outputs do not depend on the parameters")
    weight = probe.net.get_parameter(_weights(probe)[0])
    if low <= high * torch.finfo(probe.prepared(weight.detach()).dtype).eps:
        raise ValueError("the kernel is singular to working precision: two samples have the same gradient")
    return high / low


@metric(
    "ntk_trace",
    paper="Shu, Dai, Wu & Low, Unifying and Boosting Gradient-Based Training-Free NAS (HNAS), NeurIPS 2022",
    needs=("labels", "sample gradients"),
    formula=r"\sqrt{\frac{\operatorname{tr} K}{n}}, \quad K = J J^\top",
)
def ntk_trace(probe: Probe, mode: Mode = "train", output: Output = "target", layerwise: bool = True) -> float:
    """The size of the neural tangent kernel: sqrt(trace(K) / n), by default as in HNAS's code.

    Args:
        probe: A network with a batch; with n class labels for `output="target"`.
        mode: As for `ntk_condition_number`.
        output: As for `ntk_condition_number`.
        layerwise: As for `ntk_condition_number`.

    Returns:
        The root of the mean of K's diagonal, 0 or more.

    Raises:
        ValueError: If the outputs are not n x classes or the targets no labels, for `output="target"`.

    Example:
        The gradient of the first output is the sample (3, 4), of length 5:

        >>> net = nn.Linear(2, 2, bias=False)
        >>> ntk_trace(Probe(net, torch.tensor([[3.0, 4.0]]), torch.tensor([0])))
        5.0
    """
    kernel = _kernel(probe, mode, output, layerwise)
    return math.sqrt(kernel.trace().item() / len(kernel))


def _kernel(probe: Probe, mode: Mode, output: Output, layerwise: bool) -> Tensor:
    """Returns K, n x n in double precision."""
    if mode not in ("eval", "train") or output not in ("sum", "target"):
        raise ValueError(f"mode {mode!r}, output {output!r}: give eval or train, sum or target")
    if (mode, output, layerwise) == ("train", "target", True):
        return _hnas_kernel(probe)
    if layerwise:
        return _layerwise(probe, mode, output)
    return _in_batch(probe, output) if mode == "train" else _alone(probe, output)


@shared
def _hnas_kernel(probe: Probe) -> Tensor:
    return _layerwise(probe, "train", "target")


def _layerwise(probe: Probe, mode: Mode, output: Output) -> Tensor:
    names = {name for layer in probe.layers for name in (layer.weight, layer.bias)}
    uses, outputs = _pass(probe, mode)
    if missed := sorted(uses.unsupported & names):
        if mode == "eval":
            return _products(_rows(probe, output, names))
        try:
            return _products(_rows_in_training(probe, output, names))
        except ValueError as error:
            raise ValueError(
                f"{missed[0]} is used in a way of which no gradient a sample is known, and the samples cannot go one "
                f"by one: {error}"
            ) from error
    return _gram(uses, _differentiated(outputs, probe, output).sum(), names)


def _rows_in_training(probe: Probe, output: Output, names: set[str]) -> Tensor:
    """Returns the gradients of the parameters `names`, a row a sample, for samples that do not touch each other."""
    rows = []
    for i, part in enumerate(probe.replace(targets=None, chunk=1).parts(linearised=False)):
        parameters = [part.forward.params[name] for name in sorted(names & part.forward.params.keys())]
        rows.append(_row(_differentiated(part.outputs, probe, output, i).sum(), parameters))
    return torch.stack(rows)


def _rows(probe: Probe, output: Output, names: set[str]) -> Tensor:
    """Returns the same in evaluation mode."""
    rows = []
    for i, single in enumerate(pieces(probe, 1)):
        run = single.run(training=False)
        parameters = [run.params[name] for name in sorted(names & run.params.keys())]
        rows.append(_row(_differentiated(run.outputs, probe, output, i).sum(), parameters))
    return torch.stack(rows)


def _alone(probe: Probe, output: Output) -> Tensor:
    names = set(_weights(probe))
    run = evaluation_pass(probe)
    total = _differentiated(run.outputs, probe, output).sum()
    if run.uses.unsupported & names:
        return _products(_rows(probe, output, names))
    return _gram(run.uses, total, names)


def _weights(probe: Probe) -> list[str]:
    """Returns the parameters with "weight" in their name, and layers' weights by other names."""
    layers = {layer.weight for layer in probe.known_layers}
    names = [name for name, _ in probe.net.named_parameters() if "weight" in name or name in layers]
    if not names:
        raise ValueError("the network has no weight to differentiate with respect to")
    return names


def _in_batch(probe: Probe, output: Output) -> Tensor:
    parameters = [probe.forward.params[name] for name in _weights(probe)]
    each = _differentiated(probe.outputs, probe, output)
    return _products(torch.stack([_row(one, parameters) for one in each]))


def _pass(probe: Probe, mode: Mode) -> tuple[Uses, Tensor]:
    if mode == "eval":
        run = evaluation_pass(probe)
        return run.uses, run.outputs
    uses, _, outputs = feature_pass(probe)
    check_samples(probe, outputs)
    if (part := resized_probe(probe)) is not None:
        of_part = map_features(part, part.state(Tensor.clone))
        uses.unsupported |= of_part.uses.unsupported | of_part.uses.unseen(join(of_part.outputs)[0])
    with torch.enable_grad():
        return uses, join(outputs)[0]


def _gram(uses: Uses, total: Tensor, names: set[str]) -> Tensor:
    """The kernel of the parameters `names`."""
    kernel = torch.zeros(uses.n, uses.n, dtype=torch.float64, device=total.device)

    def add(name: str, parts: list[tuple[Use, Tensor]]) -> None:
        if name not in names:
            return
        if len(parts) == 1:
            use, B = parts[0]
            kernel.add_(use.gram(B))
        else:
            kernel.add_(_products(summed(parts).flatten(1)))

    uses.backward(total, add)
    return kernel


def _differentiated(outputs: Tensor, probe: Probe, output: Output, sample: int | None = None) -> Tensor:
    """Returns n numbers: what is differentiated for each sample (or for the one `sample`)."""
    if output == "sum":
        return outputs.reshape(len(outputs), -1).sum(1)
    targets = probe.labels
    if targets is None or outputs.ndim != 2:
        raise ValueError("the output of the target class needs n x classes outputs and n labels: use output=sum")
    if targets.max() >= outputs.shape[1]:
        raise ValueError(f"label {int(targets.max())}: the network has outputs for {outputs.shape[1]} classes")
    targets = targets if sample is None else targets[sample : sample + 1]
    return outputs.gather(1, targets[:, None])[:, 0]


def _row(one: Tensor, parameters: list[Tensor]) -> Tensor:
    gradients = torch.autograd.grad(one, parameters, retain_graph=True, materialize_grads=True)
    return torch.cat([g.flatten() for g in gradients])


def _products(rows: Tensor) -> Tensor:
    return (rows @ rows.T).double()
