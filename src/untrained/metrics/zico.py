"""ZiCo: gradients that are large and vary little from batch to batch."""

from torch import Tensor

from untrained.metrics.base.metric import metric
from untrained.probe import Probe
from untrained.probe.evaluation import rows


@metric(
    "zico",
    paper="Li, Yang, Bhardwaj & Marculescu, ZiCo: Zero-shot NAS via Inverse Coefficient of Variation on Gradients, "
    "ICLR 2023",
    needs=("labels", "loss gradient", "second batch"),
    cost="several passes",
)
def zico(probe: Probe, halves: bool = False, accumulate: bool = False) -> float:
    """sum_l ln sum (mean |g| / std g), mean and standard deviation of each weight's gradient over two batches.

    With two batches the mean is (|g_1| + |g_2|) / 2 and the deviation |g_1 - g_2| / 2. Weights whose deviation is 0
    are left out, and layers of which nothing is left; 0 where that is all of them. The quotient's tails are heavy: in
    single precision the value is good for two or three digits.

    halves: the two halves of the batch stand for two batches.
    accumulate: the second gradient is the sum of both, as where the code does not clear gradients (MeCo's repository,
    with `halves`).

    Raises ValueError where there is neither a second batch nor `halves`.
    """
    first, second = _gradients(probe, halves)
    value = 0.0
    for g1, g2 in zip(first, second, strict=True):
        g1, g2 = g1.double(), g2.double()
        if accumulate:
            g2 = g1 + g2
        deviation = (g1 - g2).abs()
        varies = deviation > 0
        q = ((g1.abs() + g2.abs())[varies] / deviation[varies]).sum()
        if q > 0:
            value += q.log().item()
    return value


def _gradients(probe: Probe, halves: bool) -> tuple[list[Tensor], list[Tensor]]:
    if halves:
        half, targets = len(probe.inputs) // 2, probe.targets
        if half < 1 or targets is None:
            raise ValueError("halves need a batch of two samples or more, with targets")
        first, second = (
            probe.replace(inputs=probe.inputs[part], targets=rows(targets, part))
            for part in (slice(half), slice(half, None))
        )
        return first.weight_gradients, second.weight_gradients
    if probe.second is None:
        raise ValueError("no second batch: give the probe one, or use halves=True")
    inputs, targets = probe.second
    return probe.weight_gradients, probe.replace(inputs=inputs, targets=targets).weight_gradients
