"""A bench as a picture: error or rank against queries, a panel a benchmark (as figure 2 of He et al., ICLR 2024)."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from untrained.benching import RANK, BenchResult, Curve, Panel, panels
from untrained.errors import InputError
from untrained.runtime.files import written_whole
from untrained.samplers import SAMPLERS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ENDINGS = (".svg", ".png", ".pdf")
OTHERS = ("#0b7a75", "#b5651d", "#8d6fd1", "#c0504d")
"""Colours of samplers that have none of their own."""
DASHES: tuple[tuple[float, ...], ...] = ((), (5, 2), (1.2, 1.8), (6, 2, 1.2, 2), (3, 1.5, 1.2, 1.5, 1.2, 1.5))
OURS = ("robot", "mixture")
"""Samplers that are drawn heavier, and above the others."""

PANELS_A_ROW, WIDTH, HEIGHT = 3, 350.0, 290.0
LEFT, RIGHT, TOP, BOTTOM = 56.0, 16.0, 52.0, 44.0
"""Margins of a panel around its axes."""
MARGIN, LEGEND_LINE, LEGEND_ENTRY = 14.0, 20.0, 118.0
FAINT, GRID = 0.68, 0.16
"""Opacity of the ink."""


class Pen(NamedTuple):
    """How the line of a sampler is drawn: never by its colour alone."""

    colour: str
    dashes: tuple[float, ...]
    width: float


def pens(names: Sequence[str]) -> dict[str, Pen]:
    """The pens of samplers, in the order of their registry.

    Args:
        names: The samplers.

    Example:
        >>> list(pens(["random", "mine", "robot"]))
        ['robot', 'random', 'mine']
    """
    known = [name for name, info in SAMPLERS.items() if info.colour]
    found = dict[str, Pen]()
    for name in sorted(names, key=lambda name: known.index(name) if name in known else len(known)):
        place = known.index(name) if name in known else len(known) + len([one for one in found if one not in known])
        colour = SAMPLERS[name].colour if name in known else OTHERS[(place - len(known)) % len(OTHERS)]
        ours = name in OURS
        # Two neighbours in the registry never share their dashes.
        found[name] = Pen(colour, () if ours else DASHES[(place - len(OURS)) % len(DASHES)], 2.6 if ours else 1.7)
    return found


def save_figure(result: BenchResult, path: str | Path) -> None:
    """Draws a bench and writes the picture to a file.

    An SVG follows the theme of its viewer; a PNG or PDF is on white.

    Args:
        result: The bench.
        path: A file that ends in .svg, .png or .pdf.

    Raises:
        InputError: It has another ending, or matplotlib is not installed.
    """
    path = checked_path(path)
    drawn = panels(result)
    with written_whole(path) as temporary:
        temporary.write_bytes(_svg(drawn).encode() if path.suffix == ".svg" else _pixels(drawn, path.suffix[1:]))


def checked_path(path: str | Path) -> Path:
    """The path of a file that a picture can be written to.

    Raises:
        InputError: It has another ending, or matplotlib is not installed.
    """
    path = Path(path)
    if path.suffix not in ENDINGS:
        raise InputError(f"{str(path)!r}: give a file that ends in {', '.join(ENDINGS)}")
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise InputError("a picture needs matplotlib: pip install 'untrained[draw]'") from error
    return path


def draw(shown: Sequence[Panel], ink: str) -> "Figure":
    """Draws panels under one legend. Lines are means over seeds, bands their standard errors.

    Args:
        shown: The panels.
        ink: The colour of text and axes.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    used = pens(list(dict.fromkeys(curve.sampler for panel in shown for curve in panel.curves)))
    across = min(PANELS_A_ROW, len(shown))
    down = -(-len(shown) // across)
    entries = max(int((across * WIDTH - LEFT) // LEGEND_ENTRY), 1)
    legend = LEGEND_LINE * -(-len(used) // entries) + MARGIN
    width, height = 2 * MARGIN + across * WIDTH, legend + MARGIN + down * HEIGHT
    figure = Figure(figsize=(width / 72, height / 72), dpi=72)
    FigureCanvasAgg(figure)
    for place, (name, pen) in enumerate(used.items()):
        x, y = MARGIN + LEFT + LEGEND_ENTRY * (place % entries), height - MARGIN - LEGEND_LINE * (place // entries) - 6
        line = figure.add_artist(_line([x / width, (x + 24) / width], [y / height] * 2, pen))
        line.set_transform(figure.transFigure)
        figure.text((x + 30) / width, y / height, name, color=ink, size=11, va="center_baseline", parse_math=False)
    for place, panel in enumerate(shown):
        x = MARGIN + WIDTH * (place % across) + LEFT
        y = height - legend - HEIGHT * (place // across + 1) + BOTTOM
        inner = (WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM)
        axes = figure.add_axes((x / width, y / height, inner[0] / width, inner[1] / height))
        _panel(axes, panel, used, ink)
    return figure


def _panel(axes: "Axes", panel: Panel, used: dict[str, Pen], ink: str) -> None:
    from matplotlib.patches import Polygon
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

    above: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points", "va": "baseline"}
    how: dict[str, Any] = {"color": ink, "parse_math": False}
    axes.annotate(panel.title, (0, 1), (0, 26), **above, **how, size=13, weight="bold")
    axes.annotate(panel.subtitle, (0, 1), (0, 9), **above, **how, size=10, alpha=FAINT)
    for side in ("top", "left", "right"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set(color=ink, alpha=FAINT)
    axes.tick_params(which="both", length=0, pad=5, labelsize=10)
    axes.patch.set_visible(False)
    if not panel.curves:
        axes.set(xticks=[], yticks=[])
        axes.annotate("no search found anything", (0, 0.8), xycoords="axes fraction", **how, alpha=FAINT, size=11)
        return
    means = np.concatenate([curve.mean for curve in panel.curves])
    low, high = float(means.min()), float(means.max())
    if low > 0:
        axes.set_yscale("log")
        bottom, top = low / 1.25 if panel.figure == RANK else low / 1.03, high * 1.06
    else:
        bottom, top = low - 0.05 * ((high - low) or 1.0), high + 0.05 * ((high - low) or 1.0)
    axes.set_ylim(bottom, top)
    last = max(float(curve.queries.max()) for curve in panel.curves)
    axes.set_xlim(1, last if last > 1 else 2)
    round_ones = MaxNLocator(6, integer=True).tick_values(1, last)
    axes.set_xticks([1, *(tick for tick in round_ones if 1 < tick <= last)])
    if low > 0:
        decades = np.log10(top / bottom)
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 3) if decades > 1.5 else (1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9)))
        if decades < 0.3:
            axes.yaxis.set_major_locator(MaxNLocator(6))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.4g}" if value < 1e4 else f"{value:,.0f}"))
    axes.grid(axis="y", color=ink, alpha=GRID, linewidth=1, clip_on=False)
    axes.set_axisbelow(True)
    axes.set_xlabel("queries", size=10, color=ink, alpha=FAINT, labelpad=4)
    axes.set_ylabel(panel.figure, size=10, color=ink, alpha=FAINT, labelpad=4)
    for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        label.set(color=ink, alpha=FAINT)
    ordered = sorted(map(_bends, panel.curves), key=lambda curve: (curve.sampler in OURS, -curve.mean[-1]))
    for curve in ordered:
        under, over = (np.clip(curve.mean + way * curve.error, bottom, top) for way in (-1, 1))
        corners = np.column_stack([np.r_[curve.queries, curve.queries[::-1]], np.r_[over, under[::-1]]])
        look: dict[str, Any] = {"color": used[curve.sampler].colour, "alpha": 0.12, "linewidth": 0, "clip_on": False}
        axes.add_patch(Polygon(corners, closed=True, **look))
    for curve in ordered:
        axes.add_line(_line(curve.queries, curve.mean, used[curve.sampler]))


def _line(x: Any, y: Any, pen: Pen) -> Any:
    from matplotlib.lines import Line2D

    style = (0, pen.dashes) if pen.dashes else "-"
    look: dict[str, Any] = {"color": pen.colour, "linewidth": pen.width, "linestyle": style, "clip_on": False}
    return Line2D(x, y, **look, dash_capstyle="butt", solid_capstyle="round")


def _bends(curve: Curve) -> Curve:
    """`curve` without points between two equal ones: a search of a hundred queries has many."""
    both = np.stack([curve.mean, curve.error])
    moves = (np.diff(both) != 0).any(0)
    kept = np.concatenate([[True], moves]) | np.concatenate([moves, [True]])
    return Curve(curve.sampler, curve.queries[kept], curve.mean[kept], curve.error[kept])


def _svg(shown: Sequence[Panel]) -> str:
    from untrained.report.drawing.canvas import MARK, in_a_file, plain_svg

    said = "; ".join(f"{panel.title}, {panel.subtitle}: {_ends(panel)}" for panel in shown)
    figure = draw(shown, MARK)
    return in_a_file(
        plain_svg(figure, f"{shown[0].figure} against queries", said, "bench").replace(MARK, "currentColor")
    )


def _ends(panel: Panel) -> str:
    """What the curves end at, in words."""
    ends = (f"{curve.sampler} {curve.mean[-1]:.3g}" for curve in sorted(panel.curves, key=lambda one: one.mean[-1]))
    return f"mean {panel.figure} at the end: {', '.join(ends)}" if panel.curves else "no search found anything"


def _pixels(shown: Sequence[Panel], ending: str) -> bytes:
    from untrained.report.drawing.canvas import INKS, PAPER, SHARPNESS

    out = io.BytesIO()
    fixed: dict[str, Any] = {"metadata": {"CreationDate": None}} if ending == "pdf" else {}
    draw(shown, INKS["light"]).savefig(out, format=ending, dpi=72 * SHARPNESS, facecolor=PAPER, **fixed)
    return out.getvalue()
