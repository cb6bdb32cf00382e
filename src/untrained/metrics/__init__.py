"""Training-free metrics, on the shared passes of a `Probe`."""

from collections.abc import Sequence

from untrained.errors import InputError
from untrained.metrics.base.lookup import Given, as_metric, find_metric
from untrained.metrics.base.metric import Metric, metric
from untrained.metrics.base.options import parse_name, split_names
from untrained.metrics.defaults import default_metrics
from untrained.metrics.registry import (
    METRICS,
    ROBOT_METRICS,
    activation_distance,
    az_expressivity,
    az_progressivity,
    az_trainability,
    dextr,
    dss,
    epe_nas,
    epsinas,
    fisher,
    flops,
    grad_norm,
    gradsign,
    grasp,
    head_confidence,
    head_importance,
    hidden_covariance,
    intrain,
    jacob_cov,
    jacov,
    l2_norm,
    l_swag,
    latency,
    layers,
    linear_regions,
    meco,
    meco_opt,
    naswot,
    near,
    ntk_condition_number,
    ntk_trace,
    nwot,
    params,
    plain,
    rbflex,
    snip,
    softmax_confidence,
    swap,
    synflow,
    synflow_bn,
    vkdnw,
    w_pca,
    wrcor,
    zen,
    zico,
)
from untrained.probe import Probe

__all__ = [
    "METRICS",
    "ROBOT_METRICS",
    "Given",
    "Metric",
    "Probe",
    "activation_distance",
    "az_expressivity",
    "az_progressivity",
    "az_trainability",
    "default_metrics",
    "dextr",
    "dss",
    "epe_nas",
    "epsinas",
    "fisher",
    "flops",
    "get_metrics",
    "grad_norm",
    "gradsign",
    "grasp",
    "head_confidence",
    "head_importance",
    "hidden_covariance",
    "intrain",
    "jacob_cov",
    "jacov",
    "l2_norm",
    "l_swag",
    "latency",
    "layers",
    "linear_regions",
    "meco",
    "meco_opt",
    "metric",
    "naswot",
    "near",
    "ntk_condition_number",
    "ntk_trace",
    "nwot",
    "params",
    "plain",
    "rbflex",
    "snip",
    "softmax_confidence",
    "split_names",
    "swap",
    "synflow",
    "synflow_bn",
    "vkdnw",
    "w_pca",
    "wrcor",
    "zen",
    "zico",
]


def get_metrics(metrics: str | Sequence[Given]) -> list[Metric]:
    """Finds the metrics that a user has named.

    Args:
        metrics: A list, or one string with commas, of any of

            - a name in `METRICS`, or one that an installed package gives (entry points `untrained.metrics`),
            - `package.module:name` or `path/to/file.py:name`, of a `Metric` or a plain function `Probe -> float`,
            - one of these with options, as `fisher(fan_in=False)`,
            - a `Metric`, or a function.

    Returns:
        The metrics, in this order.

    Raises:
        InputError: If a name or an option is unknown, a value is bad, code cannot be imported, or two metrics have one
            name.

    Example:
        >>> [m.name for m in get_metrics("snip,fisher(fan_in=False)")]
        ['snip', 'fisher(fan_in=False)']
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
    found = find_metric(name, METRICS)
    return found.with_options(**options) if options else found
