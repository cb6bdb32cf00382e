"""Training-free metrics, on the shared passes of a `Probe`."""

from collections.abc import Sequence

from untrained.errors import InputError
from untrained.metrics.base.lookup import Given, as_metric, find_metric
from untrained.metrics.base.metric import Metric, metric
from untrained.metrics.base.options import parse_name, split_names
from untrained.metrics.defaults import default_metrics
from untrained.metrics.registry import METRICS, ROBOT_METRICS
from untrained.probe import Probe

__all__ = [
    "METRICS",
    "ROBOT_METRICS",
    "Given",
    "Metric",
    "Probe",
    "default_metrics",
    "get_metrics",
    "metric",
    "split_names",
]


def get_metrics(metrics: str | Sequence[Given]) -> list[Metric]:
    """The metrics given, each by one of

    - its name in `METRICS`, or a name that an installed package gives (entry points `untrained.metrics`),
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
    found = find_metric(name, METRICS)
    return found.with_options(**options) if options else found
