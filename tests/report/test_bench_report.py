"""A bench on the terminal and as a figure."""

import io
import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from rich.console import Console

from untrained.benching import RANK, BenchResult, Curve, Panel, Ran, Row, Spread
from untrained.benching.collect import SCHEMA
from untrained.benchmarks import Benchmark, Published
from untrained.report.bench import render_bench
from untrained.report.figure import draw, save_figure

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
    assert re.search(r"nb · cifar · objective val *\nT = 20, 10 seeds, 9,445 architectures", text)
    assert re.search(r"robot +94\.20±0\.50 +7±0 +7 +7 +0\.25±0\.50 +2634 +1\.50 *\n", text)
    assert re.search(r"random .* \+48 +\.012 +93\.70±0\.36\n", text)
    assert re.search(r"NASI +93\.55±0\.10, 120 s\n", text)
    assert "metrics: snip; a [note]; published: the test figure, and the cost" in text
    assert "nb hnas: no ntk" in text
    assert "vs " not in shown(rows, None)


def panel(figure: str, *means: list[float]) -> Panel:
    curves = [
        Curve(name, np.arange(1.0, len(m) + 1), np.array(m), np.full(len(m), 0.5))
        for name, m in zip(("robot", "mine <&>"), means, strict=False)
    ]
    return Panel("cifar & more", "nb", figure, tuple(curves))


@pytest.mark.parametrize("figure", [RANK, "test error, %"])
def test_a_better_query_is_drawn_lower_and_later_ones_further_right(figure: str) -> None:
    root = ElementTree.fromstring(draw([panel(figure, [400.0, 50.0, 6.0], [6.0, 6.0, 5.5])] * 4))
    lines = root.findall(f".//{SVG}polyline")
    assert len(lines) == 8
    robot = next(line for line in lines if "robot" in (line.findtext(f"{SVG}title") or ""))
    points = [tuple(map(float, point.split(","))) for point in robot.get("points", "").split()]
    assert [x for x, _ in points] == sorted(x for x, _ in points)
    assert [y for _, y in points] == sorted(y for _, y in points)  # y grows downwards
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert {"robot", "mine <&>", "cifar & more", "queries", figure} <= set(texts)
    assert texts.count("robot") == 1  # one legend


@pytest.mark.parametrize("means", [[1.0, 1.0], [3.0], [0.0, 0.0], [100000.0, 1.0]])
def test_flat_and_steep_curves_stay_in_the_picture(means: list[float]) -> None:
    for figure in (RANK, "test error, %"):
        if figure == RANK and min(means) == 0:
            continue
        svg = draw([panel(figure, means)])
        assert "nan" not in svg
        assert "inf" not in svg
        numbers = [float(v) for p in re.findall(r'points="([^"]*)"', svg) for v in re.split("[ ,]", p)]
        assert all(0 <= v <= 400 for v in numbers)
    assert "no search found anything" in draw([Panel("t", "s", RANK, ())])


def test_figures_are_files(tmp_path: Path) -> None:
    rows = [
        dict.fromkeys(SCHEMA.names)
        | {
            "benchmark": "nb",
            "task": "cifar",
            "objective": "val",
            "sampler": "robot",
            "seed": 0,
            "query": q,
            "test": 90.0,
        }
        for q in (1, 2)
    ]
    import pyarrow as pa

    result = BenchResult(pa.Table.from_pylist(rows, SCHEMA), (Ran(BENCHMARK, 2, 10, ("snip",)),))
    save_figure(result, tmp_path / "a.svg")
    save_figure(result, tmp_path / "a.html")
    assert ElementTree.parse(tmp_path / "a.svg").getroot().tag == f"{SVG}svg"
    assert (tmp_path / "a.svg").read_text().strip() in (tmp_path / "a.html").read_text()
