"""Training-free metrics, on the shared passes of a `Probe`."""

from collections.abc import Sequence

from untrained.errors import InputError
from untrained.metrics.az_nas import az_expressivity, az_progressivity, az_trainability
from untrained.metrics.base import Metric, metric
from untrained.metrics.gradient import fisher, grad_norm, grasp, l2_norm, plain, snip
from untrained.metrics.gradsign import gradsign
from untrained.metrics.jacobian import epe_nas, jacob_cov, jacov
from untrained.metrics.meco import meco
from untrained.metrics.ntk import ntk_condition_number, ntk_trace
from untrained.metrics.patterns import linear_regions, naswot, swap
from untrained.metrics.probe import Probe
from untrained.metrics.size import flops, latency, params
from untrained.metrics.synflow import synflow, synflow_bn
from untrained.metrics.vkdnw import vkdnw
from untrained.metrics.zen import zen
from untrained.metrics.zico import zico

__all__ = ["METRICS", "ROBOT_METRICS", "Metric", "Probe", "get_metrics", "metric"]

METRICS: dict[str, Metric] = {
    m.name: m
    for m in (
        *(grad_norm, snip, grasp, fisher, plain, l2_norm, zico, gradsign),
        *(synflow, synflow_bn),
        *(jacob_cov, jacov, epe_nas),
        *(naswot, linear_regions, swap),
        *(ntk_condition_number, ntk_trace),
        *(az_expressivity, az_progressivity, az_trainability),
        *(zen, meco, vkdnw),
        *(params, flops, latency),
    )
}
"""Every metric by its name."""

ALIASES = {"nwot": "naswot"}

ROBOT_METRICS = ("grad_norm", "snip", "grasp", "fisher", "synflow", "jacob_cov")
"""The six that RoBoT combines on NAS-Bench-201 (He et al., ICLR 2024)."""


def get_metrics(metrics: Sequence[str | Metric]) -> list[Metric]:
    """The metrics called `metrics`; a `Metric` stands for itself. Raises `InputError` for an unknown name."""
    found = dict[str, Metric]()
    for m in metrics:
        name = m if isinstance(m, str) else m.name
        name = ALIASES.get(name, name)
        if isinstance(m, str) and name not in METRICS:
            raise InputError(f"unknown metric {m!r}: choose from {', '.join(METRICS)}")
        if name in found:
            raise InputError(f"metric {name!r} is given twice")
        found[name] = METRICS[name] if isinstance(m, str) else m
    if not found:
        raise InputError("no metric given")
    return list(found.values())
