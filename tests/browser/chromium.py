"""Debian's Chromium, without anything that would call home; skipped with a reason where it is not there."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

EXECUTABLE = shutil.which("chromium") or shutil.which("chromium-browser")
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE_MS = 30_000
expect.set_options(timeout=PATIENCE_MS)  # else five seconds, which a busy machine may take


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """One browser with a profile of its own, gone at the end."""
    if EXECUTABLE is None:
        pytest.skip("no Chromium here; install Debian's package `chromium`")
    # Where nothing may be resolved outside, a proxy in the environment would be asked instead.
    quiet: dict[str, str | float | bool] = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=EXECUTABLE, args=list(_FLAGS), env=quiet)
        yield browser
        await browser.close()


@asynccontextmanager
async def page_of(browser: Browser, *, width: int = 390, height: int = 780) -> AsyncIterator[Page]:
    """A page on a device of its own: storage and all."""
    context = await browser.new_context(viewport={"width": width, "height": height}, locale="id-ID")
    context.set_default_timeout(PATIENCE_MS)
    try:
        yield await context.new_page()
    finally:
        await context.close()
