"""`untrained metrics` and `untrained spaces`."""

from typing import Any

import untrained
from untrained.cli.output import stdout
from untrained.errors import InputError


def metrics() -> None:
    """List the training-free metrics, those of installed packages included."""
    from untrained.metrics import get_metrics
    from untrained.report.text import print_entries
    from untrained.runtime.lookup import installed

    entries = [(m.name, _described(m)) for m in untrained.METRICS.values()]
    for name, points in installed("metric").items():
        if name in untrained.METRICS:
            entries.append((name, [f"of {points[0].value} is not used: the metric above has this name"]))
            continue
        try:
            described = _described(get_metrics([name])[0])
        except InputError as error:
            described = [f"error: {error}"]
        entries.append((name, [*described, f"from {points[0].value}"]))
    print_entries(stdout(), "Training-free metrics", entries)


def _described(metric: Any) -> list[str]:
    """What a metric computes, its direction, cost and needs, its options, its paper: a line each."""
    options = [
        f"{name}={default}" + "".join(f"|{choice}" for choice in choices if choice != default)
        for name, (default, choices) in metric.all_options.items()
    ]
    better = "higher is better" if metric.direction > 0 else "lower is better"
    lines = [metric.summary, f"{better}; {metric.cost}; needs {', '.join(metric.needs) or 'nothing but the network'}"]
    if options:
        lines.append(f"options: {', '.join(options)}")
    return [line for line in (*lines, metric.paper) if line]


def spaces() -> None:
    """List the search spaces, those of installed packages included."""
    from untrained.report.text import print_entries
    from untrained.runtime.lookup import installed
    from untrained.spaces import get_space

    entries = []
    for name in (*untrained.SPACES, *(installed("space").keys() - untrained.SPACES.keys())):
        try:
            space = get_space(name)
        except InputError as error:
            entries.append((name, [f"error: {error}"]))
            continue
        size = f"{space.size:,}" if space.size else "endless"
        use = "training, tables" if space.has_networks else "tables only"
        options = ", ".join(f"{k}={v}" for k, v in space.options.items()) or "none"
        what = (type(space).__doc__ or "").split("\n")[0]
        entries.append((name, [what, f"{size} architectures; searched by: {use}", f"options: {options}"]))
    print_entries(stdout(), "Search spaces", entries)
