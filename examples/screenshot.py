"""A picture of the sandbox's page with one customer's devices, as it stands in docs/sandbox.png.

    kabar import customers examples/customers.csv
    kabar sandbox --customers examples/customers.csv        # in another shell; then . var/sandbox.env
    kabar up                                                # in a third
    kabar send-test live-trading --to android:demo --customer C000002   # … and what else is to be seen
    python examples/screenshot.py --customer C000002

Needs Playwright, and Chromium where it is named with --chromium.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import sync_playwright

OUT = Path(__file__).parents[1] / "docs" / "sandbox.png"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:9010/", help="the sandbox's page")
    parser.add_argument("--customer", default="C000002", help="whose devices")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    asked = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=asked.chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1440, "height": 740}, device_scale_factor=0.75, locale="id-ID", reduced_motion="reduce")
        page.goto(f"{asked.url}#{urlencode({'customer': asked.customer})}")
        page.locator("figure iframe").last.wait_for()
        page.locator("figure").last.frame_locator("iframe").get_by_role("dialog").wait_for()
        page.locator("figure img").evaluate_all("images => Promise.all(images.map(image => image.decode()))")
        page.screenshot(path=asked.out)
        browser.close()
    print(asked.out)


if __name__ == "__main__":
    main()
