"""A bench as a figure: error against queries, a panel a benchmark (as figure 2 of He et al., ICLR 2024)."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np

from untrained.benching import RANK, BenchResult, Curve, Panel, panels
from untrained.runtime.files import written_whole
from untrained.samplers import SAMPLERS

OTHERS = ("#0b7a75", "#b5651d", "#6b4fa0", "#9a3b3b")
"""Colours of samplers that have none of their own."""

PANELS_A_ROW, WIDTH, HEIGHT = 3, 350, 300
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 52, 44
"""Margins of a panel around its axes."""
MARGIN, LEGEND_ENTRY, LEGEND_LINE = 20, 118, 20
APART = 20
RANK_TICKS = [[k * 10.0**p for p in range(7)] for k in (1, 3)]
ERROR_TICKS = [[step * k for k in range(round(100 / step) + 1)] for step in (10, 5, 2, 1, 0.5)]
INK, FAINT, GRID = "#1f2328", "#656d76", "#e4e7eb"


def save_figure(result: BenchResult, path: Path) -> None:
    """Draws a bench and writes the figure to a file.

    Args:
        result: The bench.
        path: A `.svg` file, or a `.html` file that shows the figure.
    """
    svg = draw(panels(result))
    if path.suffix == ".html":
        head = '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>untrained bench</title></head>'
        svg = f'{head}<body style="margin:24px;background:#fff">{svg}</body></html>'
    with written_whole(path) as temporary:
        temporary.write_text(svg + "\n", encoding="utf-8")


def draw(shown: Sequence[Panel]) -> str:
    """Draws panels under one legend. Lines are means over seeds, bands their standard errors.

    Args:
        shown: The panels.

    Returns:
        The text of an SVG.
    """
    names = list(dict.fromkeys(curve.sampler for panel in shown for curve in panel.curves))
    known = {name: info.colour for name, info in SAMPLERS.items() if info.colour}
    names.sort(key=lambda name: list(known).index(name) if name in known else len(known))
    unknown = [name for name in names if name not in known]
    colours = known | {name: OTHERS[i % len(OTHERS)] for i, name in enumerate(unknown)}
    across = min(PANELS_A_ROW, len(shown))
    width = MARGIN * 2 + WIDTH * across
    per_line = max((width - 2 * MARGIN) // LEGEND_ENTRY, 1)
    legend = LEGEND_LINE * math.ceil(len(names) / per_line) + 14
    height = MARGIN * 2 + legend + HEIGHT * math.ceil(len(shown) / across)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    for i, name in enumerate(names):
        x, y = MARGIN + LEFT + LEGEND_ENTRY * (i % per_line), MARGIN + 8 + LEGEND_LINE * (i // per_line)
        parts.append(f'<path d="M{x} {y}h20" stroke="{colours[name]}" stroke-width="{_weight(name)}"/>')
        parts.append(_text(x + 26, y + 4, name, INK))
    for i, panel in enumerate(shown):
        x, y = MARGIN + WIDTH * (i % across), MARGIN + legend + HEIGHT * (i // across)
        parts += [f'<g transform="translate({x} {y})">', *_panel(panel, colours), "</g>"]
    return "\n".join([*parts, "</svg>"])


@dataclass(frozen=True)
class _Scale:
    """Maps numbers to pixels.

    Args:
        low: The number that is drawn at `start`.
        high: The number that is drawn at `end`.
        start: A pixel.
        end: A pixel.
        above: If given, a number x is drawn by the logarithm of x - `above`.
    """

    low: float
    high: float
    start: float
    end: float
    above: float | None = None

    def __call__(self, value: float) -> float:
        low, high, at = (v if self.above is None else math.log(v - self.above) for v in (self.low, self.high, value))
        return self.start + (self.end - self.start) * (at - low) / ((high - low) or 1.0)

    def ticks(self, tiers: Sequence[Sequence[float]]) -> list[float]:
        """Chooses numbers to write, from the roundest tier on: those at least `APART` pixels from all others."""
        chosen: list[float] = []
        for tick in (t for tier in tiers for t in tier if self.low <= t <= self.high):
            if all(abs(self(tick) - self(other)) >= APART for other in chosen):
                chosen.append(tick)
        return chosen


def _panel(panel: Panel, colours: dict[str, str]) -> Iterator[str]:
    yield _text(LEFT, 18, panel.title, INK, weight="600", size=14)
    yield _text(LEFT, 36, panel.subtitle, FAINT, size=11)
    if not panel.curves:
        yield _text(LEFT, 80, "no search found anything", FAINT)
        return
    means = np.concatenate([c.mean for c in panel.curves])
    low, high = float(means.min()), float(means.max())
    # Ranks by their logarithm; errors by that of their distance to 0.9 times the least one.
    above = 0.0 if panel.figure == RANK else 0.9 * low - 1e-3 * max(high, 1.0)
    y = _Scale(low - 0.2 * (low - above), high + 0.05 * (high - above), HEIGHT - BOTTOM, TOP, above)
    x = _Scale(1, max(c.queries.max() for c in panel.curves), LEFT, WIDTH - RIGHT)
    for tick in y.ticks(RANK_TICKS if panel.figure == RANK else ERROR_TICKS):
        yield f'<path d="M{LEFT} {y(tick):.1f}H{WIDTH - RIGHT}" stroke="{GRID}"/>'
        yield _text(LEFT - 7, y(tick) + 4, f"{tick:g}", FAINT, anchor="end", size=11)
    yield f'<path d="M{LEFT} {HEIGHT - BOTTOM}H{WIDTH - RIGHT}" stroke="{FAINT}"/>'
    for tick in _queries(x.high):
        yield f'<path d="M{x(tick):.1f} {HEIGHT - BOTTOM}v4" stroke="{FAINT}"/>'
        yield _text(x(tick), HEIGHT - BOTTOM + 16, f"{tick:g}", FAINT, anchor="middle", size=11)
    yield _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, "queries", FAINT, anchor="middle", size=11)
    middle = (TOP + HEIGHT - BOTTOM) / 2
    yield (
        f'<text transform="translate(13 {middle}) rotate(-90)" text-anchor="middle" fill="{FAINT}" font-size="11">'
        f"{escape(panel.figure)}</text>"
    )
    drawn = sorted(map(_bends, panel.curves), key=lambda c: (c.sampler in ("robot", "mixture"), -c.mean[-1]))
    for curve in drawn:
        yield _band(curve, x, y, colours[curve.sampler])
    for curve in drawn:
        points = " ".join(f"{x(q):.1f},{y(m):.1f}" for q, m in zip(curve.queries, curve.mean, strict=True))
        yield (
            f'<polyline points="{points}" fill="none" stroke="{colours[curve.sampler]}" '
            f'stroke-width="{_weight(curve.sampler)}" stroke-linejoin="round" stroke-linecap="round">'
            f"<title>{escape(curve.sampler)}: {curve.mean[-1]:.3g} after {curve.queries[-1]:.0f} queries</title>"
            "</polyline>"
        )


def _queries(last: float) -> list[float]:
    """1 and the multiples of a round number, up to the last query."""
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, last) if last / step <= 6)
    return [1.0, *(step * k for k in range(1, int(last / step) + 1) if step * k > 1)]


def _bends(curve: Curve) -> Curve:
    """`curve` without points between two equal ones: a search of a hundred queries has many."""
    both = np.stack([curve.mean, curve.error])
    moves = (np.diff(both) != 0).any(0)
    kept = np.concatenate([[True], moves]) | np.concatenate([moves, [True]])
    return Curve(curve.sampler, curve.queries[kept], curve.mean[kept], curve.error[kept])


def _band(curve: Curve, x: _Scale, y: _Scale, colour: str) -> str:
    low = np.clip(curve.mean - curve.error, y.low, y.high)
    high = np.clip(curve.mean + curve.error, y.low, y.high)
    upper = [f"{x(q):.1f},{y(v):.1f}" for q, v in zip(curve.queries, high, strict=True)]
    lower = [f"{x(q):.1f},{y(v):.1f}" for q, v in zip(curve.queries, low, strict=True)]
    return f'<polygon points="{" ".join(upper + lower[::-1])}" fill="{colour}" fill-opacity="0.12"/>'


def _weight(name: str) -> str:
    return "2.6" if name in ("robot", "mixture") else "1.6"


def _text(
    x: float, y: float, text: str, fill: str, *, anchor: str = "start", weight: str = "400", size: int = 12
) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}" font-size="{size}"'
    return f'<text {place} fill="{fill}">{escape(text)}</text>'
