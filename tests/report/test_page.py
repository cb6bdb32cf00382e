"""The page on a search: what it shows, and that nothing of a folder runs or breaks out of its place."""

import json
import re
import sys
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from command_line import refused, untrained_cli
from documented import printed_by, python_blocks
from report.pages import NASTY, parsed
from searching.searches import FAILED, SCORES, SPACE, value_of
from untrained import ArchitectureList, Evaluation, InputError, ScoreTable, search, write_report
from untrained.report.page.data import Contents, read, rows_of
from untrained.report.page.decisions import decisions
from untrained.report.page.figures import against, curves, seconds
from untrained.report.page.told import agreements, correlations, plane, ranks
from untrained.samplers.query import Query


def traces(figure: Any) -> Sequence[Any]:
    return figure.data


def query(arch: str, value: float | None, **more: Any) -> Query:
    settings: dict[str, Any] = {"state": "failed" if value is None else "complete"}
    return Query(arch, value, **(settings | more))


def shown_with(queries: Sequence[Query]) -> Contents:
    summary = {"direction": "maximize", "best": None, "objective": {}}
    none: list[Any] = [{} for _ in queries]
    return Contents(Path(), summary, rows_of(summary, queries, {}, none, none))


def test_seconds_are_drawn_unless_all_were_looked_up() -> None:
    drawn = seconds(shown_with([query("a", 1, seconds=2.0), query("b", None, seconds=0.5), query("c", 2)]))
    assert drawn is not None
    assert {(trace.name, *trace.x, *trace.y) for trace in traces(drawn)} == {("query", 1, 2.0), ("failed", 2, 0.5)}
    assert seconds(shown_with([query("a", 1, seconds=0.01)])) is None


@pytest.mark.parametrize(("direction", "best"), [("maximize", [None, 3, 3, 3, 5]), ("minimize", [None, 3, 3, 2, 2])])
def test_the_best_so_far_leaves_out_what_failed_or_was_stopped(direction: str, best: list[float | None]) -> None:
    made = [query("a", None), query("b", 3), query("c", 9, state="pruned"), query("d", 2), query("e", 5)]
    pick = {"architecture": "e" if direction == "maximize" else "d", "value": best[-1]}
    summary = {"direction": direction, "best": pick, "front": [{"architecture": "b", "value": 3}]}
    rows = rows_of(summary, made, {-1: {}}, [{}] * 5, [{}] * 5)
    assert [row.best for row in rows] == best
    assert [row.query.architecture for row in rows if row.is_best] == [pick["architecture"]]
    assert [row.query.architecture for row in rows if row.on_front] == ["b"]


def table(columns: Sequence[Sequence[float]], names: Sequence[str], directions: Sequence[int] = ()) -> ScoreTable:
    values = np.array(columns, dtype=float).T
    return ScoreTable(tuple("abcdefgh"[: len(values)]), tuple(names), values, directions=tuple(directions))


def test_rank_correlations_with_the_objective() -> None:
    # d^2 of the ranks of `mixed` and the values 1..4: 0 + 1 + 1 + 0, so 1 - 6 * 2 / (4 * 15) = 0.8.
    columns = [[1, 8, 9, 70, 0], [1, 3, 2, 4, 9], [1, 2, 3, 4, 0], [1, 2, np.nan, np.nan, 0], [5, 5, 5, 5, 0]]
    scores = table(columns, ("same", "mixed", "lower", "gaps", "flat"), (1, 1, -1, 1, 1))
    values = {1: ("a", 10.0), 2: ("b", 20.0), 3: ("c", 30.0), 4: ("d", 40.0), 5: ("unknown", 50.0)}
    found = {one.metric: one for one in agreements(scores, values, 1)}
    assert [found[name].spearman for name in ("same", "mixed", "lower")] == pytest.approx([1, 0.8, -1])
    assert (found["gaps"].spearman, found["gaps"].n, found["flat"].spearman) == (None, 2, None)
    assert found["same"].n == 4
    assert next(one.metric for one in agreements(scores, values, -1)) == "lower"
    # e, which no query has, is the pool's worst by `same`: the others stand at 1/4 to 4/4.
    assert found["same"].points == ((1, 0.25, 10.0), (2, 0.5, 20.0), (3, 0.75, 30.0), (4, 1.0, 40.0))


def test_metrics_among_themselves() -> None:
    names, matrix = correlations(table([[1, 2, 3], [1, 4, 99], [3, 2, 1], [7, 7, 7]], ("m", "power", "down", "flat")))
    at = {name: k for k, name in enumerate(names)}
    assert at.keys() == {"m", "power", "down"}
    assert matrix[at["m"], at["power"]] == pytest.approx(1)
    assert matrix[at["m"], at["down"]] == pytest.approx(-1)
    assert abs(at["m"] - at["power"]) == 1  # of one kind, side by side


def test_two_metrics_are_a_plane_already() -> None:
    scores = table([[0, 0, 1, 1, 5], [0, 1, 0, 1, 9]], ("x", "y"))
    flat, shares = plane(scores)
    before = ranks(scores)
    for i, j in combinations(range(5), 2):  # turned, and no more than that
        assert np.linalg.norm(flat[i] - flat[j]) == pytest.approx(np.linalg.norm(before[i] - before[j]))
    assert sum(shares) == pytest.approx(1)
    assert shares[0] >= shares[1]
    assert np.allclose(plane(table([[1, 2, 3]], ("alone",)))[0][:, 1], 0)


def test_which_decisions_matter() -> None:
    """The value is the width alone; depth is drawn beside it, and the name is the same for all."""
    rng = np.random.default_rng(0)
    params = {
        p: {"depth": int(rng.integers(1, 4)), "width": 8 * int(rng.integers(1, 4)), "name": "x"} for p in range(40)
    }
    values = {p: float(one["width"]) for p, one in params.items()}
    width, depth = decisions(params, values)
    assert (width.name, width.options, width.means) == ("width", ("8", "16", "24"), (8.0, 16.0, 24.0))
    assert sum(width.counts) == sum(depth.counts) == 40
    assert width.share is not None
    assert depth.share is not None
    assert width.share > 0.9
    assert width.share + depth.share == pytest.approx(1)
    assert [params[place]["depth"] for place, _ in depth.points] == [
        int(depth.options[option]) for _, option in depth.points
    ]
    # Eight numbers of their own are four ranges of two.
    rates = {p: {"rate": 10.0 ** (p - 4)} for p in range(8)}
    (rate,) = decisions(rates, {p: float(p) for p in range(8)})
    assert rate.options == ("0.0001 … 0.001", "0.01 … 0.1", "1 … 10", "100 … 1e+03")
    assert (rate.means, rate.counts) == ((0.5, 2.5, 4.5, 6.5), (2, 2, 2, 2))
    few = decisions({p: params[p] for p in range(7)}, {p: values[p] for p in range(7)})
    assert {one.share for one in few} == {None}
    assert decisions({}, values) == decisions(params, {}) == []


@pytest.fixture(scope="module")
def nasty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search in a table whose names are scripts, with a failure."""
    folder = tmp_path_factory.mktemp("nasty")
    archs = [f"{NASTY}{k}" for k in range(8)]
    names = ("snip", f"m{NASTY}")
    rng = np.random.default_rng(0)
    scores = ScoreTable(tuple(archs), names, rng.normal(size=(8, 2)))
    calls = list[str]()

    def objective(arch: str) -> float:
        calls.append(arch)
        if len(calls) == 2:
            raise ValueError(NASTY)
        return float(arch[-1])

    search(ArchitectureList(archs), objective, budget=5, scores=scores, out=folder / "run")
    scores.save(folder / "run/scores.parquet")
    (folder / "run/run.json").write_text(
        json.dumps({"command": "search", "arguments": ["--x", NASTY], "folder": NASTY})
    )
    return folder / "run"


def test_nothing_breaks_out_of_its_place(nasty: Path) -> None:
    path = write_report(nasty)
    assert path == nasty / "report.html"
    page = parsed(path)
    assert page.tags.count("script") == 4
    assert "img" not in page.tags
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert f"{NASTY}1" in page.text
    assert page.text.count("{{ 7 * 7 }}") > 5  # no text is a template
    assert "No picture" in page.text
    read_as_html = json.dumps([json.loads(script) for script in page.scripts[:2]])
    assert not re.search("<(?!/?(b|br|extra)>)", read_as_html)  # what Plotly reads as HTML is ours
    found = page.figures
    assert {"progress", "agreement", "metric-points", "together", "pool", "trust"} <= found.keys()
    marks = {trace["name"]: trace for trace in found["progress"]["data"]}
    assert marks["failed"]["x"] == [2]
    assert [marks[name]["marker"]["symbol"] for name in ("explore", "exploit", "failed")] == ["circle", "diamond", "x"]


def test_the_file_stands_alone(nasty: Path) -> None:
    path = write_report(nasty, nasty / "one.html")
    assert path.stat().st_size < 6e6
    page = parsed(path)
    assert not [value for name, value in page.attributes if name in ("src", "href") and not str(value).startswith("#")]
    policy = next(value for name, value in page.attributes if name == "content" and "default-src" in str(value)) or ""
    assert "default-src 'none'" in policy
    for script in page.scripts[2:]:  # no other script may run
        assert f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" in policy
    assert policy.count("sha256-") == 2


def test_a_strangers_code_is_not_run(nasty: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "evil.py").write_text("raise SystemExit('it ran')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("evil:Space", "evil.py:Space"):
        document = json.loads((nasty / "best.json").read_text()) | {"space": name}
        (tmp_path / "best.json").write_text(json.dumps(document))
        text = parsed(write_report(tmp_path, "page.html")).text
        assert re.search("No picture: .*whose code is not run", text)
    assert "evil" not in sys.modules


def test_costs_curves_and_the_front(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parameters and fronts counted by hand, of networks that are a space of one's own."""

    def objective(arch: str, trial: Any) -> Evaluation:
        if value_of(arch) < 6:
            raise FAILED
        for step in (1, 2):
            trial.report(value_of(arch) / (3 - step), step)
        return Evaluation(value_of(arch), 1.5)

    search(SPACE, objective, budget=6, scores=SCORES, sampler="random", out=tmp_path / "runs/wine")
    shown = read(tmp_path / "runs/wine", space=SPACE)
    assert len(shown.rows) == 6
    for row in shown.rows:
        p = SPACE.to_params(row.query.architecture)
        w, d = p["width"], p["depth"]
        weights = (16 + 1) * w + (d - 1) * (w + 1) * w + p["norm"] * d * 2 * w + (w + 1) * 3
        assert row.figures["params"] == pytest.approx(weights / 1e6)
        assert row.curve == (() if row.query.value is None else ((1, row.query.value / 2), (2, row.query.value)))
    front = next(trace for trace in traces(against(shown, "params")) if trace.name == "front")
    points = {(row.figures["params"], row.query.value or 0.0) for row in shown.valued}
    beaten = {(x, y) for x, y in points for a, b in points if (a, b) != (x, y) and a <= x and b >= y}
    assert {*zip(front.x, front.y, strict=True)} == points - beaten
    drawn = curves(shown)
    assert drawn is not None
    steps = [x for trace in traces(drawn) for x in trace.x if x is not None]
    assert sorted(steps) == sorted([1, 2] * len(shown.valued))
    assert [trace.name for trace in traces(drawn)][-1] == "the pick"
    for row in shown.rows:
        assert row.decisions == SPACE.to_params(row.query.architecture)

    monkeypatch.chdir(tmp_path)
    (block,) = python_blocks("docs/guides/report.md")
    assert printed_by(block) == "runs/wine/report.html\n"
    page = parsed(tmp_path / "runs/wine/report.html")
    assert {"curves", "progress"} <= page.figures.keys()
    assert "svg" in page.tags  # its space is a module in use


@pytest.fixture(scope="module")
def tabular(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search in a table on the command line."""
    folder = tmp_path_factory.mktemp("tabular")
    (folder / "t.csv").write_text("arch,accuracy,params\n" + "".join(f"net{k},{k},{k}\n" for k in range(6)))
    how = ("--table", "t.csv", "--column", "accuracy", "--metrics", "params", "--budget", "4", "--out", "run")
    done = untrained_cli("search", *how, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_the_command(tabular: Path) -> None:
    done = untrained_cli("report", "run", "--out", "page.html", cwd=tabular)
    assert (done.returncode, done.stdout) == (0, "report: page.html\n"), done.stderr
    page = parsed(tabular / "page.html")
    shown = json.loads(untrained_cli("show", "run", "--json", cwd=tabular).stdout)
    drawn = page.figures["progress"]["data"]
    points = {(x, y) for trace in drawn if trace["name"] in ("explore", "exploit")
              for x, y in zip(trace["x"], trace["y"], strict=True)}  # fmt: skip
    assert points == {(k, q["value"]) for k, q in enumerate(shown["queries"], start=1)}
    assert "untrained search --budget 4 --table t.csv --column accuracy --metrics params" in page.text
    assert "a table without a space" in page.text
    assert {"cost-0", "agreement"} <= page.figures.keys()


def test_bad_input(tabular: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sorted(path.name for path in tabular.rglob("*"))
    refused("report", "t.csv", says="no search in 't.csv'", cwd=tabular)
    refused("report", "run", "--out", "page.pdf", says="'page.pdf': give a file that ends in .html", cwd=tabular)
    refused("report", "run", "--study", "other", says="no search 'other'", cwd=tabular)
    broken = tabular / "run/best.json"
    text = broken.read_text()
    broken.write_text(json.dumps(json.loads(text) | {"direction": 3, "objective": []}))
    refused("report", "run", "--out", "no.html", says="not what a search writes", cwd=tabular)
    broken.write_text(text)
    monkeypatch.setitem(sys.modules, "plotly", None)
    with pytest.raises(InputError, match=r"a report needs plotly: pip install 'untrained\[report\]'"):
        write_report(tabular / "run")
    assert sorted(path.name for path in tabular.rglob("*")) == before
