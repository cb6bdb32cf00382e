"""A bench on the terminal and as a figure."""

import io
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
import pytest
from rich.console import Console

from untrained.benching import RANK, BenchResult, Curve, Panel, Ran, Row, Spread
from untrained.benching.result import SCHEMA
from untrained.benchmarks import Benchmark, Published
from untrained.errors import InputError
from untrained.report.bench import render_bench
from untrained.report.bench_figure import draw, pens, save_figure
from untrained.samplers import SAMPLERS

SVG = "{http://www.w3.org/2000/svg}"
BENCHMARK = Benchmark(
    "nb", "cifar", "val", "x", "x", test="acc", reported="test", published={"RS": Published(93.7, 0.36)}
)


def spread(mean: float) -> Spread:
    return Spread(mean, 0.5, mean, mean)


def shown(rows: list[Row], reference: str | None, benchmark: Benchmark = BENCHMARK) -> str:
    result = BenchResult(
        SCHEMA.empty_table(), (Ran(benchmark, 20, 9445, ("snip",), ("a [note]",)),), (("nb hnas", "no ntk"),)
    )
    console = Console(width=200, no_color=True, file=io.StringIO())
    with console.capture() as text:
        console.print(render_bench(result, rows, reference))
    return text.get()


def test_tables_say_what_there_is() -> None:
    figures = {"test": 94.2, "rank": 7.0, "regret": 0.25, "cost": 2634.0, "seconds": 1.5}
    spreads: dict[str, Any] = {name: spread(value) for name, value in figures.items()}
    robot = Row("nb/cifar/val", "robot", 10, **spreads)
    rows = [
        robot,
        replace(robot, sampler="random", difference=48.0, p=0.0123, published=BENCHMARK.published["RS"]),
        Row("nb/cifar/val", "NASI", published=Published(93.55, 0.1, 120.0)),
    ]
    text = shown(rows, "robot")
    assert re.search(r"nb · cifar · objective val · test acc *\nT = 20, 10 seeds, 9,445 architectures", text)
    assert re.search(r"robot +94\.20±0\.50 +7\.0±0\.5 +7 +7 +0\.25±0\.50 +2634 +1\.50 *\n", text)
    assert re.search(r"random .* \+48 +\.012 *\n", text)
    assert "\npublished (test figure, cost): random 93.70±0.36; NASI 93.55±0.10, 120 s\n" in text
    assert "metrics: snip; a [note]\n" in text
    assert "nb hnas: no ntk" in text
    assert "vs " not in shown(rows, None)


def panel(figure: str, *means: list[float]) -> Panel:
    curves = [
        Curve(name, np.arange(1.0, len(m) + 1), np.array(m), np.full(len(m), 0.5))
        for name, m in zip(("robot", "mine <&>"), means, strict=False)
    ]
    return Panel("cifar & more", "nb", figure, tuple(curves))


@pytest.mark.parametrize("figure", [RANK, "test error, %"])
def test_curves_are_drawn_as_they_are_under_one_legend(figure: str) -> None:
    robot, mine = [400.0, 50.0, 6.0], [6.0, 6.0, 5.5]
    drawn = draw([panel(figure, robot, mine)] * 4, "#000000")
    assert len(drawn.axes) == 4
    for axes in drawn.axes:
        assert [np.asarray(line.get_ydata()).tolist() for line in axes.lines] == [mine, robot]  # robot lies on top
        assert [np.asarray(line.get_xdata()).tolist() for line in axes.lines] == [[1, 2, 3]] * 2
        tops = [np.array(patch.get_path().vertices)[:3, 1] for patch in axes.patches]
        assert [list(top) for top in tops] == [[m + 0.5 for m in mine], [m + 0.5 for m in robot]]
        assert axes.get_ylabel() == figure
    assert [text.get_text() for text in drawn.texts] == ["robot", "mine <&>"]


@pytest.mark.parametrize("means", [[1.0, 1.0], [3.0], [0.0, 0.0], [100000.0, 1.0]])
@pytest.mark.parametrize("figure", [RANK, "test error, %"])
def test_flat_and_steep_curves_stay_in_the_picture(means: list[float], figure: str) -> None:
    (axes,) = draw([panel(figure, means)], "#000000").axes
    low, high = axes.get_ylim()
    assert low < min(means) <= max(means) < high
    for patch in axes.patches:  # a standard error below zero has no place on a scale of logarithms
        heights = np.array(patch.get_path().vertices)[:, 1]
        assert ((low <= heights) & (heights <= high)).all()


def test_no_curve_at_all() -> None:
    assert "no search found anything" in {
        t.get_text() for t in draw([Panel("t", "s", RANK, ())], "#000000").axes[0].texts
    }


def luminance(colour: str) -> float:
    """The relative luminance of WCAG 2.1."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_lines_are_seen_on_light_and_dark_and_told_apart_without_colour() -> None:
    used = pens([*SAMPLERS, "mine", "other"])
    for pen in used.values():
        for paper in ("#ffffff", "#0d1117"):
            light, dark = sorted((luminance(pen.colour), luminance(paper)), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 3  # WCAG 2.1, 1.4.11
    assert len({pen.colour for pen in used.values()}) == len(used)
    lines = [pen.dashes for name, pen in used.items() if name not in ("robot", "mixture")]
    assert all(a != b for a, b in pairwise(lines))


def test_figures_are_files(tmp_path: Path) -> None:
    who = {"benchmark": "nb", "task": "cifar", "objective": "val", "sampler": "<robot>", "seed": 0, "test": 90.0}
    rows = [dict.fromkeys(SCHEMA.names) | who | {"query": q} for q in (1, 2)]
    result = BenchResult(pa.Table.from_pylist(rows, SCHEMA), (Ran(BENCHMARK, 2, 10, ("snip",)),))
    for name in ("a.svg", "a.png", "a.pdf"):
        save_figure(result, tmp_path / name)
    root = ElementTree.parse(tmp_path / "a.svg").getroot()
    assert root.tag == f"{SVG}svg"
    assert {"<robot>", "cifar", "queries", "test error, %"} <= {text.text for text in root.iter(f"{SVG}text")}
    assert "10" in (root.findtext(f"{SVG}desc") or "")  # the error after the last query
    assert "prefers-color-scheme:dark" in (root.findtext(f"{SVG}style") or "")
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"
    assert (tmp_path / "a.pdf").read_bytes()[:4] == b"%PDF"
    with pytest.raises(InputError, match=r"'a.gif': give a file that ends in .svg, .png, .pdf"):
        save_figure(result, "a.gif")
