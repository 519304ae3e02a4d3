"""The page as it is served: its files, their headers, and examples that keep their word."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from asgi import call

from quantum_queue.api.app import build_app
from quantum_queue.api.correlation import Correlation
from quantum_queue.contracts.settings import Settings
from quantum_queue.web import page
from quantum_queue.worker.frames import Order
from quantum_queue.worker.runner import Runner

FILES = sorted(path.name for path in page.FOLDER.iterdir() if path.name != "index.html")
EXAMPLES = json.loads((page.FOLDER / "examples.json").read_text())


@pytest.fixture
def app(settings: Settings) -> Correlation:
    return build_app(settings)


@pytest.fixture(scope="module")
def runner() -> Runner:
    return Runner(max_qubits=24)


class Addresses(HTMLParser):
    """Collects what a document refers to, and what it should not hold."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("src", "href", "action"):
                self.found.append(value or "")
            if name == "style" or name.startswith("on"):
                self.inline.append(name)
        if tag == "style" or (tag == "script" and "src" not in dict(attrs)):
            self.inline.append(tag)


def test_the_page_is_served_without_its_dependencies(app: Correlation) -> None:
    reply = call(app, "GET", "/")
    assert reply.status == 200
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert b"<h1>Quantum task queue</h1>" in reply.body


@pytest.mark.parametrize("path", ["/", *(f"/static/{name}" for name in FILES)])
def test_everything_has_the_strict_headers(app: Correlation, path: str) -> None:
    reply = call(app, "GET", path)
    assert reply.status == 200
    policy = reply.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["x-correlation-id"]


def test_the_page_refers_to_nothing_elsewhere(app: Correlation) -> None:
    addresses = Addresses()
    addresses.feed(call(app, "GET", "/").body.decode())
    assert addresses.inline == []
    local = [one for one in addresses.found if not one.startswith("#")]
    assert local
    for address in local:
        # Relative, so that the page also works under a prefix.
        assert re.fullmatch(r"[a-z][a-z./]*", address), address
        assert call(app, "GET", f"/{address}").status == 200


@pytest.mark.parametrize("name", [name for name in FILES if not name.endswith(".svg")])
def test_no_file_names_another_host(name: str) -> None:
    text = (page.FOLDER / name).read_text()
    assert re.findall(r"https?:|//[a-z]+\.", text) == []


def test_what_has_not_changed_is_not_sent_again(app: Correlation) -> None:
    first = call(app, "GET", "/static/page.js")
    again = call(app, "GET", "/static/page.js", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize("path", ["/static/", "/static/nothing", "/static/%2e%2e/page.py"])
def test_nothing_else_is_served(app: Correlation, path: str) -> None:
    reply = call(app, "GET", path)
    assert reply.status == 404
    assert reply.headers["content-type"] == "application/problem+json"


def test_the_page_cannot_be_written_to(app: Correlation) -> None:
    for path in ("/", "/static/page.js"):
        assert call(app, "POST", path).status == 405


@pytest.mark.parametrize("example", EXAMPLES, ids=[one["name"] for one in EXAMPLES])
def test_an_example_gives_what_it_says(runner: Runner, example: dict[str, Any]) -> None:
    answer = runner.run(Order(circuit=example["circuit"], shots=4000))
    if example["outcomes"]:
        assert answer.error is None
        assert sorted(answer.counts or {}) == example["outcomes"]
    else:
        assert answer.error is not None
        assert answer.error.startswith("line ")
