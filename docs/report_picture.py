"""Takes the picture of a page on a search into `pictures/report.png`, with Playwright and a Chromium of the system.

make demo
.venv/bin/python docs/report_picture.py runs/demo
"""

import io
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from playwright.sync_api import sync_playwright

from untrained import write_report

PICTURE = Path(__file__).parent / "pictures/report.png"
WIDTH, COLOURS = 1200, 128


def taken(folder: str) -> bytes:
    """The page from its top to the end of the first figure of its progress, as a PNG of few colours."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with TemporaryDirectory() as there, sync_playwright() as driver:
        page = write_report(folder, Path(there) / "report.html")
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": WIDTH, "height": 900}, color_scheme="light")
        tab.goto(page.resolve().as_uri())
        tab.locator("[data-figure=progress] .main-svg").first.wait_for()
        tab.wait_for_timeout(1000)
        end = tab.evaluate("document.querySelector('#progress figure').getBoundingClientRect().bottom + scrollY")
        shot = tab.screenshot(full_page=True, clip={"x": 0, "y": 0, "width": WIDTH, "height": round(end) + 24})
        browser.close()
    few, out = Image.open(io.BytesIO(shot)).convert("RGB").quantize(COLOURS), io.BytesIO()
    few.save(out, "png", optimize=True)
    return out.getvalue()


if __name__ == "__main__":
    PICTURE.write_bytes(taken(sys.argv[1]))
    print(f"{PICTURE}: {PICTURE.stat().st_size / 1000:.0f} kB")
