"""Training-free metrics, on the shared passes of a `Probe`."""

from collections.abc import Sequence

from untrained.errors import InputError
from untrained.metrics.activation import linear_regions, naswot, swap
from untrained.metrics.az_nas import az_expressivity, az_progressivity, az_trainability
from untrained.metrics.base.lookup import Given, as_metric, imported_metric, installed_metric, installed_metrics
from untrained.metrics.base.metric import Metric, metric
from untrained.metrics.base.options import parse_name, split_names
from untrained.metrics.gradient import fisher, grad_norm, grasp, l2_norm, plain, snip
from untrained.metrics.gradsign import gradsign
from untrained.metrics.jacobian import epe_nas, jacob_cov, jacov
from untrained.metrics.meco import meco
from untrained.metrics.ntk import ntk_condition_number, ntk_trace
from untrained.metrics.size import flops, latency, params
from untrained.metrics.synflow import synflow, synflow_bn
from untrained.metrics.vkdnw import vkdnw
from untrained.metrics.zen import zen
from untrained.metrics.zico import zico

__all__ = ["METRICS", "ROBOT_METRICS", "Given", "Metric", "get_metrics", "metric", "split_names"]

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


def get_metrics(metrics: str | Sequence[Given]) -> list[Metric]:
    """The metrics given, each by one of

    - its name in `METRICS`, an alias, or a name that an installed package gives (entry points `untrained.metrics`),
    - `package.module:name` or `path/to/file.py:name`, a `Metric` or a plain function `Probe -> float`,
    - any of these with options, as `fisher(fan_in=False)`,
    - a `Metric` or a function itself;

    or all in one string, separated by commas. Raises `InputError` for an unknown name, an unknown option or a bad
    value of one, code that cannot be imported, and two metrics of one name.
    """
    found = dict[str, Metric]()
    for given in split_names(metrics) if isinstance(metrics, str) else metrics:
        m = _named(given) if isinstance(given, str) else as_metric(given)
        if m.name in found:
            raise InputError(f"metric {m.name!r} is given twice")
        found[m.name] = m
    if not found:
        raise InputError("no metric given")
    return list(found.values())


def _named(given: str) -> Metric:
    name, options = parse_name(given)
    if not name:
        raise InputError("a metric without a name: there is a comma too many")
    name = ALIASES.get(name, name)
    if name in METRICS:
        found = METRICS[name]
    elif ":" in name:
        found = imported_metric(name)
    elif points := installed_metrics().get(name):
        found = installed_metric(name, points)
    else:
        names = ", ".join((*METRICS, *ALIASES, *installed_metrics()))
        raise InputError(f"unknown metric {given!r}: choose from {names}, or give package.module:name or file.py:name")
    return found.with_options(**options) if options else found
