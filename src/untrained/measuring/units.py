"""The names of figures and their units, which reports know without PyTorch."""

UNITS = {"params": "M", "flops": "M", "memory": "MB", "latency": "ms"}
"""Figure -> its unit."""
FIGURES = tuple(UNITS)
"""The figures of any network, cheapest first."""


def is_figure(name: str) -> bool:
    """Whether a name, without its options, is one of `FIGURES`."""
    return name.partition("(")[0].strip() in UNITS


def unit_of(name: str) -> str:
    """The unit of a figure, whatever its options: M (millions), MB (10^6 bytes) or ms.

    Args:
        name: Its name.
    """
    return UNITS[name.partition("(")[0]]
