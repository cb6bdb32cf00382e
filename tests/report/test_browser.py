"""Pages in a browser: what is drawn, what a person can do there, and that nothing is asked of a network.

They take Playwright and a Chromium of the system: `pip install 'untrained[browser]'`.
"""

import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from report.pages import NASTY
from searching.searches import SCORES, SPACE, value_of
from untrained import ScoreTable, search, write_report
from untrained.benching import bench
from untrained.benchmarks import Benchmark
from untrained.objectives import Evaluation, EvaluationFailed

playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright (untrained[browser])")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-core (untrained[browser])")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")

DESKTOP, PHONE = 1280, 390
BUDGET = 12


def objective(arch: str, trial: Any) -> Evaluation:
    if SPACE.to_params(arch)["depth"] == 2:
        raise EvaluationFailed(NASTY)
    for step in (1, 2):
        trial.report(value_of(arch) / (3 - step), step)
    return Evaluation(value_of(arch), 1.5)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A page of each kind, with names that are scripts."""
    folder = tmp_path_factory.mktemp("pages")
    names = (f"m{NASTY}", "noise")
    scores = ScoreTable(SCORES.archs, names, SCORES.values)
    for name, sampler in (("a", "robot"), ("b", "random")):
        search(SPACE, objective, budget=BUDGET, scores=scores, sampler=sampler, out=folder / name)
        scores.save(folder / name / "scores.parquet")
    lines = [f"net{k},{k},{k % 3}" for k in range(9)]
    (folder / "t.csv").write_text("\n".join(["arch,acc,snip", *lines]))
    one = Benchmark("nb", NASTY.replace("/", "|"), "acc", "t.csv", "t.csv", metrics=("snip",))
    bench([one], ["random", "single"], range(2), budget=3, data_dir=folder, path=folder / "bench.parquet")
    return {
        "search": write_report(folder / "a", folder / "search.html", space=SPACE),
        "comparison": write_report([folder / "a", folder / "b"], folder / "comparison.html"),
        "bench": write_report(folder / "bench.parquet"),
    }


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def opened(browser: Any, path: Path, width: int = DESKTOP, scheme: str = "light") -> tuple[Any, list[str]]:
    """A page once all its figures are drawn, and all that went wrong or over a network meanwhile."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    tab, wrong = context.new_page(), list[str]()
    tab.on("console", lambda message: wrong.append(message.text))
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.on("dialog", lambda dialog: wrong.append(dialog.message))
    tab.on("request", lambda request: wrong.append(request.url) if request.url.startswith("http") else None)
    tab.goto(path.as_uri())
    until(tab, DRAWN)
    return tab, wrong


def until(tab: Any, condition: str) -> None:
    """Waits for a condition: `wait_for_function` would evaluate it in the page, whose policy lets no text be run."""
    end = time.monotonic() + 120
    while not tab.evaluate(condition):
        assert time.monotonic() < end, condition
        time.sleep(0.02)


def themed(theme: str) -> str:
    return f"[...document.querySelectorAll('[data-figure]')].every((place) => place.dataset.drawn === '{theme}')"


def cells(column: int) -> str:
    return f"[...document.querySelectorAll('#queries tbody tr')].map((row) => row.cells[{column}].dataset.v)"


def points(figure: str) -> str:
    """For each trace of a figure, where its points are."""
    return (
        f"[...document.querySelectorAll('[data-figure={figure}] .scatterlayer .trace')].map((trace) => "
        "[...trace.querySelectorAll('path.point')].map((point) => point.getAttribute('transform')))"
    )


DRAWN = "[...document.querySelectorAll('[data-figure]')].every((place) => place.querySelector('.main-svg'))"


@pytest.fixture(scope="module")
def tab(browser: Any, pages: dict[str, Path]) -> tuple[Any, list[str]]:
    return opened(browser, pages["search"])


def test_every_query_is_drawn_and_the_star_is_around_the_pick(tab: tuple[Any, list[str]]) -> None:
    page, wrong = tab
    drawn = [places for places in page.evaluate(points("progress")) if places]
    assert sum(map(len, drawn)) == BUDGET + 1
    *others, (star,) = drawn
    assert sum(star in places for places in others) == 1
    # The pick is a query of the best value, and no query stands higher.
    best = max(float(text) for text in page.evaluate(cells(2)) if text)
    marked = page.locator("#queries tr.best")
    assert (marked.count(), float(marked.locator("td").nth(2).get_attribute("data-v"))) == (1, best)
    heights = [float(place.partition(",")[2].rstrip(")")) for places in others for place in places]
    assert float(star.partition(",")[2].rstrip(")")) == min(heights)
    assert page.locator(".picture svg").count() == 1
    assert wrong == []


def test_the_table_sorts_by_mouse_and_keyboard(tab: tuple[Any, list[str]]) -> None:
    page, wrong = tab
    before = [float(text) for text in page.evaluate(cells(2)) if text]
    failed = [""] * (BUDGET - len(before))
    assert failed
    head = page.locator("#queries th").nth(2)
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    texts = page.evaluate(cells(2))
    assert [float(text) for text in texts if text] == sorted(before)
    assert texts[len(before) :] == failed  # last either way
    page.keyboard.press("Enter")  # the button has the focus
    assert head.get_attribute("aria-sort") == "descending"
    texts = page.evaluate(cells(2))
    assert [float(text) for text in texts if text] == sorted(before, reverse=True)
    assert texts[len(before) :] == failed
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press(" ")  # two heads to the left: the number of the query
    assert page.evaluate(cells(0)) == [str(place) for place in range(1, BUDGET + 1)]
    assert wrong == []


def test_a_point_says_what_it_is_as_text(tab: tuple[Any, list[str]]) -> None:
    page, wrong = tab
    point = page.locator("[data-figure=progress] path.point").first
    point.scroll_into_view_if_needed()
    box = point.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    label = page.locator("[data-figure=progress] .hoverlayer text").first
    label.wait_for()
    assert re.match(r"query \d+: [\d.]+width=", label.text_content())
    assert wrong == []


def test_another_metric_can_be_chosen(tab: tuple[Any, list[str]]) -> None:
    page, wrong = tab
    first = page.evaluate(points("metric-points"))
    page.locator("select[data-for=metric-points]").select_option(index=1)
    second = page.evaluate(points("metric-points"))
    assert sum(map(len, first)) == sum(map(len, second)) > 0
    assert first != second
    assert wrong == []


def test_light_and_dark(tab: tuple[Any, list[str]]) -> None:
    page, wrong = tab
    colours = """() => [getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color,
        getComputedStyle(document.querySelector('[data-figure=progress] .xtitle')).fill]"""
    paper, ink, title = page.evaluate(colours)
    assert ink == title  # figures follow the page
    page.get_by_role("button", name="Dark").click()
    until(page, themed("dark"))
    dark = page.evaluate(colours)
    assert dark[1] == dark[2] != ink
    assert dark[0] != paper
    page.emulate_media(color_scheme="dark")
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")  # it is told of it
    page.emulate_media(color_scheme="light")  # the system's change comes after the button's
    until(page, themed("light"))
    assert page.evaluate(colours) == [paper, ink, title]
    assert wrong == []


@pytest.mark.parametrize(
    ("kind", "width", "scheme"),
    [
        ("search", DESKTOP, "light"),
        ("search", PHONE, "dark"),
        ("comparison", PHONE, "light"),
        ("bench", DESKTOP, "dark"),
    ],
)
def test_everyone_can_read_it(browser: Any, pages: dict[str, Path], kind: str, width: int, scheme: str) -> None:
    """axe-core finds nothing serious, nothing runs over the edge, and nothing is asked of a network."""
    page, wrong = opened(browser, pages[kind], width, scheme)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    found = axe.Axe().run(page).response["violations"]
    serious = {
        one["id"]: [node["html"] for node in one["nodes"]] for one in found if one["impact"] in ("serious", "critical")
    }
    assert serious == {}
    assert wrong == []
    page.context.close()
