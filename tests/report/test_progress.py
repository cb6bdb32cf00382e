"""What a search says while it runs."""

import io
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from untrained.deploying.refitting.luck import Luck, Spread
from untrained.report import progress, trained
from untrained.report.progress import progress_bars
from untrained.samplers.query import Query


def said(*queries: Query, budget: int, **limits: Any) -> list[str]:
    """The lines that a log gets."""
    log = io.StringIO()
    with progress_bars(Console(file=log, width=80)) as bars:
        bars.within(**({"seconds": None, "counted": True} | limits))
        for done, query in enumerate(queries, start=1):
            bars.querying(query, done, budget)
    return log.getvalue().splitlines()


def test_each_query_has_a_line_with_the_time_that_is_left() -> None:
    first = Query("w=[8]", value=0.51234567, phase="explore", seconds=30.0)
    second = Query("w=16", state="failed", reason="the loss became nan", phase="exploit", seconds=90.0)
    third = Query("w=24", value=0.9, phase="exploit", seconds=0.0, reused=True)
    lines = said(first, second, third, budget=3)
    # 2 queries of 30 s are left, then one of (30 + 90) / 2 s; no line is cut at the width of the console.
    assert lines[0].split("  ") == ["1/3", "explore", "0.512346", "30.0 s", "60 s left", "w=[8]"]
    assert lines[1].split("  ") == ["2/3", "exploit", "the loss became nan", "90.0 s", "60 s left", "w=16"]
    assert lines[2].split("  ") == ["3/3", "exploit", "0.9", "reused", "w=24"]


def test_a_search_beyond_a_day_is_warned_of_once() -> None:
    long = Query("a", value=1.0, seconds=10_000.0)
    lines = said(long, long, budget=20)
    assert sum("warning" in line for line in lines) == 1
    assert "2.2 days" in lines[1]  # 19 x 10,000 s
    assert not any("warning" in line for line in said(long, budget=3))


def test_the_time_that_is_left_is_unknown_until_something_was_evaluated() -> None:
    (line,) = said(Query("a", value=1.0, phase="explore", reused=True), budget=2)
    assert line.split("  ") == ["1/2", "explore", "1", "reused", "a"]


def test_a_time_limit_and_several_jobs_shorten_what_is_left() -> None:
    query = Query("a", value=1.0, phase="explore", seconds=10_000.0)
    assert said(query, budget=5, jobs=4)[0].split("  ")[-2] == "2.8 h left"  # 4 queries at once
    (line,) = said(query, budget=256, seconds=1_199.9, counted=False)
    assert "20 min left" in line
    assert "256" not in line


def test_a_line_that_is_too_long_has_its_architecture_below_it() -> None:
    long = "|nor_conv_3x3~0|+|nor_conv_1x1~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"
    lines = said(Query(long, value=1.0, phase="explore", seconds=1.0), budget=1)
    assert lines[0] == "1/1  explore  1  1.0 s"
    assert "".join(line.removeprefix("    ") for line in lines[1:]) == long
    assert max(map(len, lines)) <= 80


def test_a_log_is_told_every_half_minute_how_far_the_scoring_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """100 of the other 300 networks took 40 s, so 200 take 80 s."""
    now = SimpleNamespace(monotonic=lambda: 0.0)
    monkeypatch.setattr(progress, "time", now)
    log = io.StringIO()
    with progress_bars(Console(file=log, width=80)) as bars:
        for seconds, done in ((0.0, 1), (20.0, 41), (40.0, 101), (60.0, 201), (71.0, 301)):
            now.monotonic = lambda seconds=seconds: seconds
            bars.scoring(done, 301)
        for seconds, done in ((900.0, 1), (901.0, 2)):  # some that join later
            now.monotonic = lambda seconds=seconds: seconds
            bars.scoring(done, 3)
    assert log.getvalue() == "scoring 101/301  80 s left\n"


def test_luck_has_a_name_and_a_measure() -> None:
    def told(value: float, std: float) -> str:
        luck = Luck(value, Spread(60.0, std, 3), 1, queries=5).to_json()
        return trained._luck({"luck": luck, "metric": "accuracy"})[0]

    assert "was unlucky by 13.89 of accuracy, no more than fresh trainings differ" in told(46.11, 8.0)
    assert "was lucky by 2.00 of accuracy: 62.00 in the search" in told(62.0, 0.5)
