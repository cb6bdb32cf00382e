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
    """How large gradients are beside their spread over two batches: sum_l ln sum (mean |g| / std g).

    The inner sum runs over the weights of layer l. With two batches the mean is (|g_1| + |g_2|) / 2 and the deviation
    |g_1 - g_2| / 2. Weights whose deviation is 0 are left out, and so are layers of which nothing is left; the value is
    0 if no layer is left. The quotient's tails are heavy: in single precision, two or three digits are good.

    Args:
        probe: A network with two batches and their targets, `Probe(..., second=(inputs, targets))`.
        halves: Take the two halves of the first batch instead.
        accumulate: Let the second gradient be the sum of both, as if the code did not clear gradients (MeCo's
            repository, with `halves`).

    Returns:
        The sum over layers, in nats.

    Raises:
        ValueError: If there is neither a second batch nor `halves`, or the network has no layer with a weight.

    Example:
        The gradients of w are 1 and 3, so the quotient is 2 / 1:

        >>> net = nn.Linear(1, 1, bias=False)
        >>> first, second = (torch.ones(1, 1), torch.zeros(1)), (torch.full((1, 1), 3.0), torch.zeros(1))
        >>> round(zico(Probe(net, *first, second=second, loss=lambda z, _: z.mean())), 4)  # ln 2
        0.6931
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
