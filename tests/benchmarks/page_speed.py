"""How long a page of 500 cells with samples takes: to be made, and until it answers in a browser.

`python tests/benchmarks/page_speed.py [--rounds 3]` (needs Chromium)

The page is answering once another seed's samples are shown after they were asked for, counted from the moment
at which the browser was told to open the file. Medians over the rounds.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from ganbench.report import write_page, write_tables
from ganbench.store import Store

sys.path.insert(0, str(Path(__file__).parents[1]))
from fabricated_results import Folder, crowd  # a piece of the tests

_WIDTHS = {"desktop": 1440, "phone": 390}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as place:
        folder = Folder(Path(place) / "results")
        crowd(folder)
        store = Store(folder.path)
        making = []
        for _ in range(rounds):
            begun = time.perf_counter()
            page = write_page(store, write_tables(store, folder.ids))
            making.append(time.perf_counter() - begun)
        print(f"{len(folder.ids)} cells, {page.stat().st_size / 2**20:.1f} MiB")
        print(f"tables and page made in {statistics.median(making):.1f} s")
        path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
            for device, width in _WIDTHS.items():
                waited = [_answer(browser, page, width) for _ in range(rounds)]
                print(f"answers on a {device} after {statistics.median(waited):.2f} s")
            browser.close()


def _answer(browser: Browser, path: Path, width: int) -> float:
    """Seconds from opening the page to the first answer."""
    page = browser.new_context(viewport={"width": width, "height": 900}).new_page()
    begun = time.perf_counter()
    page.goto(path.as_uri())
    viewer = page.locator(".viewer").first
    viewer.locator("select").select_option("1")
    viewer.locator(".row[data-seed='1']").wait_for(state="visible")
    waited = time.perf_counter() - begun
    page.context.close()
    return waited


if __name__ == "__main__":
    main()
