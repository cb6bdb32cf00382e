"""`untrained samplers`."""

import untrained
from untrained.cli.output import stdout


def samplers() -> None:
    """List the samplers, whose they are and what they need."""
    from untrained.report.text import print_table

    rows = [(info.form, info.summary, info.needs, info.citation) for info in untrained.SAMPLERS.values()]
    print_table(stdout(), "Samplers", ("name", "what", "needs", "citation"), rows)
