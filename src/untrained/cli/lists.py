"""`untrained metrics` and `untrained spaces`."""

from collections.abc import Iterator
from typing import Any

import untrained
from untrained.cli.output import AsJson, print_json, stdout
from untrained.errors import InputError

METRICS_EXAMPLES = """
[bold]Examples[/bold]

  untrained metrics

  untrained metrics --json
"""
SPACES_EXAMPLES = """
[bold]Examples[/bold]

  untrained spaces

  untrained spaces --json
"""


def metrics(as_json: AsJson = False) -> None:
    """List the training-free metrics, those of installed packages included."""
    from untrained.metrics import get_metrics
    from untrained.report.text import print_entries
    from untrained.runtime.lookup import installed

    if as_json:
        print_json({"metrics": [_metric(m) for m in untrained.METRICS.values()] + list(_installed_metrics())})
        return
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


def _metric(metric: Any) -> dict[str, Any]:
    """A metric as a JSON object."""
    return {
        "name": metric.name,
        "summary": metric.summary,
        "direction": "maximize" if metric.direction > 0 else "minimize",
        "cost": metric.cost,
        "needs": list(metric.needs),
        "options": {
            name: {"default": default, "choices": list(choices)}
            for name, (default, choices) in metric.all_options.items()
        },
        "paper": metric.paper,
    }


def _installed_metrics() -> Iterator[dict[str, Any]]:
    """The metrics of installed packages, or why they cannot be used."""
    from untrained.metrics import get_metrics
    from untrained.runtime.lookup import installed

    for name in installed("metric").keys() - untrained.METRICS.keys():
        try:
            yield _metric(get_metrics([name])[0]) | {"name": name}
        except InputError as error:
            yield {"name": name, "error": str(error)}


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


def spaces(as_json: AsJson = False) -> None:
    """List the search spaces, those of installed packages included."""
    from untrained.report.text import print_entries
    from untrained.runtime.lookup import installed
    from untrained.spaces import get_space

    entries, told = [], list[dict[str, Any]]()
    for name in (*untrained.SPACES, *(installed("space").keys() - untrained.SPACES.keys())):
        try:
            space = get_space(name)
        except InputError as error:
            entries.append((name, [f"error: {error}"]))
            told.append({"name": name, "error": str(error)})
            continue
        size = f"{space.size:,}" if space.size else "endless"
        use = "training, tables" if space.has_networks else "tables only"
        options = ", ".join(f"{k}={v}" for k, v in space.options.items()) or "none"
        what = (type(space).__doc__ or "").split("\n")[0]
        about = {"size": space.size, "has_networks": space.has_networks, "options": dict(space.options)}
        told.append({"name": name, "summary": what, **about})
        entries.append((name, [what, f"{size} architectures; searched by: {use}", f"options: {options}"]))
    if as_json:
        print_json({"spaces": told})
        return
    print_entries(stdout(), "Search spaces", entries)
