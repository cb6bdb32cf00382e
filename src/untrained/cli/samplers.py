"""`untrained samplers`."""

import untrained
from untrained.cli.output import stdout


def samplers() -> None:
    """List the samplers, whose they are and what they need; those of installed packages included."""
    from untrained.report.text import print_table
    from untrained.samplers.registry import installed_samplers

    infos = [*untrained.SAMPLERS.values(), *installed_samplers()]
    rows = [(info.form, info.summary, info.needs, info.citation) for info in infos]
    print_table(stdout(), "Samplers", ("name", "what", "needs", "citation"), rows)
