"""Which metrics to take when the user names none."""

from itertools import islice
from textwrap import shorten

from untrained.errors import InputError
from untrained.metrics.base.metric import Metric
from untrained.metrics.registry import METRICS, ROBOT_METRICS
from untrained.probe import Probe

STAND_INS = ("naswot", "gradsign", "az_expressivity", "meco", "l2_norm", "params")
"""What replaces a metric without a value, in this order: of the cheap ones, those that rank NAS-Bench-201 best."""

SHOWN = 60
"""So many characters of each reason fit into the one line that says what was chosen."""


def default_metrics(*probes: Probe) -> tuple[tuple[Metric, ...], str]:
    """Chooses metrics that work on networks of the probes' kind: RoBoT's six, or stand-ins for some of them.

    A metric works if it has a value on one of the probes. One probe is enough as a rule; a second one is only run if a
    metric fails on the first, as on a network whose outputs do not depend on its inputs.

    Args:
        probes: networks of the search space, each with the batch that will score the whole space.

    Returns:
        The metrics, and one line that says which were replaced and why; "" if RoBoT's six all work.

    Raises:
        InputError: no probe, or no metric that runs the network has a value on any of them.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> tokens, labels = torch.randint(0, 9, (4, 6)), torch.tensor([0, 1, 2, 0])
        >>> net = nn.Sequential(nn.Embedding(9, 8), nn.Flatten(), nn.Linear(48, 3))
        >>> metrics, why = default_metrics(Probe(net, tokens, labels))
        >>> [m.name for m in metrics]
        ['grad_norm', 'snip', 'grasp', 'fisher', 'gradsign', 'l2_norm']
    """
    if not probes:
        raise InputError("no network to choose metrics for: give a probe")
    chosen, reasons, stand_ins = list[str](), dict[str, str](), iter(STAND_INS)
    for name in ROBOT_METRICS:
        reason = _failure(name, probes)
        if reason is None:
            chosen.append(name)
        else:
            reasons[name] = reason
            works = (other for other in stand_ins if _failure(other, probes) is None)
            chosen += islice(works, 1)
    metrics = tuple(METRICS[name] for name in chosen)
    if all(m.cost == "weights only" for m in metrics):
        raise InputError(f"no metric has a value on these networks: {next(iter(reasons.values()))}")
    return metrics, _said(chosen, reasons)


def _failure(name: str, probes: tuple[Probe, ...]) -> str | None:
    """Why the metric has no value on any of the probes; None if it has one."""
    reasons = list[str]()
    for probe in probes:
        try:
            METRICS[name](probe)
        except Exception as error:  # whatever the network raises: scoring records it as a reason, too
            reasons.append((str(error).strip().splitlines() or [type(error).__name__])[0])
        else:
            return None
    return reasons[0]


def _said(chosen: list[str], reasons: dict[str, str]) -> str:
    """One line of at most 300 characters, for at most six metrics and one or two different reasons."""
    if not reasons:
        return ""
    distinct = list(dict.fromkeys(shorten(reason, SHOWN, placeholder=" ...") for reason in reasons.values()))[:2]
    return f"metrics {', '.join(chosen)}: {', '.join(reasons)} fail on this space ({'; '.join(distinct)})"
