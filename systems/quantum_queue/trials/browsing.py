"""A real browser for the trials of the web page: Chromium, driven by Playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

PATIENCE = 15_000  # ms for something to show
_PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_TO_DO = "`make browser` installs what is missing"


@contextmanager
def chromium() -> Iterator[Any]:
    """The browser. Skips where it, or what drives it, is not installed."""
    api = pytest.importorskip("playwright.sync_api", reason=f"Playwright is missing; {_TO_DO}")
    program = os.environ.get("TEST_BROWSER") or next(filter(None, map(shutil.which, _PROGRAMS)), "")
    if not program:
        pytest.skip(f"no browser: none of {', '.join(_PROGRAMS)} is on PATH; {_TO_DO}")
    with api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Tab:
    """The page in a tab of its own; what it submits carries `key` as its correlation id."""

    page: Any
    key: str
    address: str
    complaints: list[str] = field(default_factory=list)  # errors of scripts, violated policies
    requested: list[str] = field(default_factory=list)

    def by(self, role: str, name: str, **more: Any) -> Any:
        return self.page.get_by_role(role, name=name, **more)

    @property
    def state(self) -> Any:
        return self.page.locator("#state")

    def choose(self, example: str) -> None:
        self.page.get_by_label("Start from").select_option(label=example)

    def write(self, circuit: str) -> None:
        self.page.get_by_label("Program in OpenQASM 3").fill(circuit)

    def run(self) -> None:
        self.by("button", "Run circuit").click()

    def wait(self, text: str) -> None:
        """Until the state says so."""
        self.state.get_by_text(text).wait_for(timeout=PATIENCE)

    def task_id(self) -> str:
        return str(self.page.locator("#task-link").inner_text())

    def counts(self) -> dict[str, int]:
        """What the chart says, in its order."""
        rows = self.page.locator("table.chart tbody tr").all()
        cells = [
            (row.locator("th").inner_text(), row.locator(".count").inner_text()) for row in rows
        ]
        return {bits: int(count.replace(",", "")) for bits, count in cells}


def open_tab(browser: Any, address: str, key: str, path: str = "", **options: Any) -> Tab:
    """Open the page; `options` are those of a browser context."""
    from playwright.sync_api import expect

    context = browser.new_context(extra_http_headers={"X-Correlation-ID": key}, **options)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    tab = Tab(page, key, address)
    page.on("pageerror", lambda error: tab.complaints.append(f"script: {error}"))
    page.on("console", lambda said: said.type == "error" and tab.complaints.append(said.text))
    page.on("request", lambda request: tab.requested.append(request.url))
    page.goto(f"{address}/{path}")
    # Not by a function in the page: its policy lets nobody evaluate text there.
    expect(page.locator("#circuit")).not_to_have_value("", timeout=PATIENCE)
    return tab
