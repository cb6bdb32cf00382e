"""Commands that list what there is."""

import untrained
from untrained.cli.output import stdout


def metrics() -> None:
    """List the training-free metrics."""
    from untrained.report.text import print_table

    rows = [
        (m.name, "higher" if m.direction > 0 else "lower", ", ".join(m.needs) or "weights", m.summary, m.paper)
        for m in untrained.METRICS.values()
    ]
    print_table(stdout(), "Training-free metrics", ("name", "better", "needs", "what", "paper"), rows)


def spaces() -> None:
    """List the search spaces."""
    from untrained.report.text import print_table

    rows = []
    for name, kind in untrained.SPACES.items():
        space = kind()
        options = ", ".join(f"{k}={v}" for k, v in space.options.items())
        rows.append((name, f"{space.size or 'endless'}", options, (kind.__doc__ or "").split("\n")[0]))
    print_table(stdout(), "Search spaces", ("name", "architectures", "options", "what"), rows)
