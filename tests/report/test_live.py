"""A search on the screen while it runs."""

import io
import signal
from collections.abc import Iterator
from dataclasses import replace

import pytest
from rich.console import Console

from untrained.report.live import LiveView, curve, follow, live_view, render_live
from untrained.runtime import interrupts
from untrained.samplers.query import Query
from untrained.searching.watching import Running, Snapshot

LONG = "block=basic,width=[/]," + ",".join(f"depth{k}={k}" for k in range(30))
QUERIES = (
    Query("a", 70.0, number=0, phase="explore", seconds=30.0),
    Query("b", None, "failed", number=1, phase="explore", seconds=10.0, reason="out of memory"),
    Query(LONG, 90.0, number=2, phase="exploit", seconds=20.0),
    Query("d", 80.0, number=3, phase="exploit", seconds=20.0),
)
AT_WORK = Snapshot(
    "s on d, mixture, seed 0",
    study="s",
    measure="valid_accuracy",
    queries=QUERIES,
    running=(Running(Query("e", state="running", number=4, phase="exploit"), 65.0, {1: 40.0, 10: 75.0}),),
    budget=10,
    jobs=2,
    pool=256,
    grown=9,
)


def screen(now: Snapshot, width: int = 100, height: int = 40, resume: str = "") -> list[str]:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(render_live(now, width, height, resume))
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]


def test_what_is_shown_of_a_search_at_work() -> None:
    lines = screen(AT_WORK)
    text = "\n".join(lines)
    assert "exploit  4 of 10 queries  1 failed  pool 256 + 9  60 s left" in text  # 6 x (30 + 10 + 20 + 20) / 4 / 2
    assert "best 90.00 valid_accuracy, query 3" in text
    assert LONG in "".join(line.strip() for line in lines)
    assert any(line.split() == ["5", "exploit", "65", "s", "75.00", "at", "10", "e"] for line in lines)
    assert any(line.split() == ["2", "explore", "failed", "10", "s", "out", "of", "memory:", "b"] for line in lines)


@pytest.mark.parametrize("width", [40, 80, 100])
def test_no_line_is_wider_than_the_terminal_and_a_low_one_has_fewer_queries(width: int) -> None:
    assert max(map(len, screen(AT_WORK, width))) <= width
    assert len(screen(AT_WORK, 100, height=15)) <= 15 < len(screen(AT_WORK, 100))


def test_what_became_of_a_search_is_told() -> None:
    assert "untrained resume r goes on" in screen(replace(AT_WORK, state="died"), resume="untrained resume r")[-1]
    assert "stopped" in screen(replace(AT_WORK, state="stopped"))[-1]
    assert screen(Snapshot("runs/r", bars={"scoring": (3, None)}))[-1].split() == ["networks", "3", "so", "far"]


def test_control_characters_of_a_stranger_do_not_reach_the_terminal() -> None:
    query = replace(QUERIES[0], architecture="a\x1b[2J")
    assert "\x1b" not in "".join(screen(replace(AT_WORK, queries=(query,), name="\x1b[2J")))


def test_a_curve_by_hand() -> None:
    # Three values on 15 steps above the lowest: 0, 15/3 and 15 of them; a row has 8 steps.
    assert curve([1, 2, 4], width=8, rows=2) == ["4.00   █", "1.00 ▁▆█"]
    assert curve([3, 3], width=7) == []
    assert curve([3], width=10) == []
    assert len(curve(list(range(1000)), width=50)[0]) == 50


def interrupted_at_work(console: Console) -> None:
    with live_view(console) as view, interrupts.interruptible("step"):
        assert isinstance(view, LiveView)
        view.scoring(3, 20)
        signal.raise_signal(signal.SIGINT)
        interrupts.check_interrupt()


def test_ctrl_c_leaves_the_last_view_and_the_cursor(capfd: pytest.CaptureFixture[str]) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=100, height=30, _environ={"TERM": "xterm"})
    with pytest.raises(KeyboardInterrupt):
        interrupted_at_work(console)
    assert "stopping after this step" not in capfd.readouterr().err  # not across the view
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "3 of 20" in text
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")  # the cursor is shown again
    assert "\n" in text[text.rindex("3 of 20") :]


def test_a_pipe_gets_lines() -> None:
    def looks() -> Iterator[Snapshot]:
        yield replace(AT_WORK, queries=QUERIES[:2])
        yield AT_WORK
        yield replace(AT_WORK, state="finished")

    console = Console(file=io.StringIO(), width=60)
    assert follow(looks(), console, "").state == "finished"
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert [line.split()[0] for line in lines if line[0].isdigit()] == ["1/10", "2/10", "3/10", "4/10"]
    assert max(map(len, lines)) <= 60
    assert lines[-1] == "It is finished."
