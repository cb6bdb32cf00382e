"""`untrained samplers`."""

import untrained
from untrained.cli.output import stdout


def samplers() -> None:
    """List the samplers, whose they are and what they need; those of installed packages included."""
    from untrained.report.text import print_entries
    from untrained.samplers.registry import installed_samplers

    infos = [*untrained.SAMPLERS.values(), *installed_samplers()]
    entries = [
        (info.form, [info.summary, *([f"needs {info.needs}"] if info.needs else []), info.citation]) for info in infos
    ]
    print_entries(stdout(), "Samplers", entries)
