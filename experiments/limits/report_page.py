"""How long a page on a search of many queries takes to open, and how large its file is.

    python experiments/limits/report_page.py --queries 500

The search is one in NAS-Bench-201 with made-up values, learning curves of twelve epochs, three costs, eight metrics and
2,000 architectures. Its page is opened in
headless Chromium (Playwright) several times. Printed are the size of the file, the seconds from the request to the last
figure drawn, and the processor seconds of the page's main thread until then: on a machine that others use too, the
latter are what the former would be without them.
"""

import argparse
import shutil
import statistics
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from playwright.sync_api import Browser, sync_playwright

from untrained import NASBench201, ScoreTable, search
from untrained.report.page.data import Row, read
from untrained.report.page.search import page
from untrained.samplers.query import Query

DRAWN = "performance.getEntriesByName('drawn').map((mark) => mark.startTime / 1000)"
EPOCHS, COSTS = 12, ("params", "flops", "latency")
METRICS = ("grad_norm", "snip", "grasp", "fisher", "synflow", "jacob_cov", "zen", "params")


def written(folder: Path, queries: int) -> Path:
    """The page on a search of a few queries, to which as many are added as are asked for."""
    space, rng = NASBench201(), np.random.default_rng(0)
    archs = space.pool(max(2000, queries), seed=0)
    truth = dict(zip(archs, rng.normal(90, 3, len(archs)).tolist(), strict=True))
    scores = ScoreTable(tuple(archs), METRICS, rng.normal(size=(len(archs), len(METRICS))))

    def value(arch: str) -> float:
        return truth[arch]

    search(space, value, budget=3, scores=scores, sampler="random", out=folder)
    scores.save(folder / "scores.parquet")
    shown, rows, best = read(folder), list[Row](), 0.0
    for place, arch in enumerate(archs[:queries], start=1):
        weights = {str(name): float(rng.random()) for name in METRICS}
        curve = tuple((step, truth[arch] - 30 / step) for step in range(1, EPOCHS + 1))
        best = max(best, truth[arch])
        query = Query(arch, truth[arch], phase="exploit", metric_weights=weights, seconds=truth[arch])
        figures = {name: float(rng.random()) for name in COSTS}
        rows.append(Row(place, query, best, curve, figures, space.to_params(arch)))
    path = folder / "report.html"
    path.write_text(page(replace(shown, rows=tuple(rows), axes=dict.fromkeys(COSTS, -1))))
    return path


def opened(browser: Browser, path: Path) -> tuple[float, float]:
    """Seconds on the clock, and processor seconds of the main thread."""
    tab = browser.new_page(viewport={"width": 1280, "height": 900})
    session = tab.context.new_cdp_session(tab)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    tab.goto(path.as_uri(), wait_until="commit")
    while not (found := tab.evaluate(DRAWN)):
        time.sleep(0.25)
    figures = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    tab.close()
    return found[0], figures["TaskDuration"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--times", type=int, default=7)
    parser.add_argument("--page", type=Path, help="a page that is there already")
    given = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with TemporaryDirectory() as folder, sync_playwright() as driver:
        path = (given.page or written(Path(folder) / "run", given.queries)).resolve()
        print(f"{path.stat().st_size / 1e6:.2f} MB")
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        times = [opened(browser, path) for _ in range(given.times)]
        browser.close()
    for name, found in zip(("clock", "processor"), zip(*times, strict=True), strict=True):
        print(f"{name}: median {statistics.median(found):.2f} s, least {min(found):.2f}, most {max(found):.2f}")


if __name__ == "__main__":
    main()
