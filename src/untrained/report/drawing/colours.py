"""The colour of each kind of operation, the same in all pictures.

They are of the palettes `vibrant`, `bright` and `muted` of Paul Tol (SRON technical note SRON/EPS/TN/09-002, issue 3.2,
2021), made for all common kinds of colour blindness; what they stand for is written on it as well.
"""

from untrained.report.drawing.scene import INK
from untrained.spaces.picture import Kind

COLOURS: dict[Kind, str] = {
    "conv": "#0077bb",
    "depthwise": "#009988",
    "pool": "#ee7733",
    "attention": "#aa3377",
    "linear": "#b8a030",
    "embedding": "#33bbee",
    "transform": "#cc6677",
    "recurrent": "#ee3377",
    "cell": "#aa4499",
    "reduction": "#cc3311",
    "skip": INK,
    "none": INK,
    "input": INK,
    "output": INK,
    "other": INK,
}


def tint(colour: str) -> tuple[float, float]:
    """The opacity of a filling and of the line around it."""
    return (0.04, 0.45) if colour == INK else (0.15, 0.95)
