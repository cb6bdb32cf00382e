"""`untrained samplers`."""

import untrained
from untrained.cli.output import AsJson, print_json, stdout

EXAMPLES = """
[bold]Examples[/bold]

  untrained samplers

  untrained samplers --json
"""


def samplers(as_json: AsJson = False) -> None:
    """List the samplers, whose they are and what they need; those of installed packages included."""
    from untrained.report.text import print_entries
    from untrained.samplers.registry import installed_samplers

    infos = [*untrained.SAMPLERS.values(), *installed_samplers()]
    if as_json:
        told = [
            {"name": one.form, "summary": one.summary, "needs": one.needs, "citation": one.citation} for one in infos
        ]
        print_json({"samplers": told})
        return
    entries = [
        (info.form, [info.summary, *([f"needs {info.needs}"] if info.needs else []), info.citation]) for info in infos
    ]
    print_entries(stdout(), "Samplers", entries)
