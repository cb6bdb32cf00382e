"""What the user of a scoring is told."""

from collections.abc import Callable

from untrained.scores.table import ScoreTable

Note = Callable[[str], None]
"""Called with a line that the user is to read."""


def tell(table: ScoreTable, asked: int, note: Note) -> None:
    """Says what is not in a table.

    Args:
        table: The scores.
        asked: How many architectures were to be scored.
        note: Called with each line.
    """
    if left_out := table.provenance["unbuilt"]:
        why = next(iter(left_out.values()))
        note(f"{len(left_out)} of {asked} networks cannot be built: {why}: left out")
    for name, why in table.missing.items():
        if name not in table.idle:
            note(f"{name}: {why}")
