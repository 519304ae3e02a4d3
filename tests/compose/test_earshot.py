"""Containers that run, and in which nothing listens where others look for it."""

from __future__ import annotations

import pytest

from seatrial.waiting import eventually
from tests.compose.conftest import Copy, Project
from tests.compose.engine import Engine

SERVE = "python -u -m http.server"
COMPOSE = f"""
services:
  itself: {{image: "python:3.11-slim", command: {SERVE} 8000 --bind 127.0.0.1, ports: [8000]}}
  other: {{image: "python:3.11-slim", command: {SERVE} 8080, ports: [8000]}}
  mute: {{image: "python:3.11-slim", command: sh -c "echo no registry; sleep 1000", expose: [8000]}}
  well: {{image: "python:3.11-slim", command: {SERVE} 8000, expose: [8000]}}
  worker: {{image: "python:3.11-slim", command: {SERVE} 9200, ports: [9100]}}
  debugged: {{image: "python:3.11-slim", command: sleep 999, init: true, ports: [5678]}}
"""
DECLARED = """
system: heard
compose: compose.yaml
components:
  itself: {kind: http, start_timeout: 6}
  other: {kind: http}
  mute: {kind: http}
  well: {kind: http}
  worker: {kind: process}
  debugged: {kind: process}
"""
FOUND = {
    "itself.refused": "; in its container it listens at 127.0.0.1:8000 only, where nobody outside "
    "reaches it",
    "other.refused": "; in its container nothing listens at 8000, but at 0.0.0.0:8080",
    "mute.refused": "after it was started; its log: no registry",
    "worker.unhealthy": "in its container nothing listens at 9100, but at 0.0.0.0:9200",
}


def findings_of(project: Project) -> list[dict[str, str]]:
    found: list[dict[str, str]] = project.seatrial("check", "--json").json["findings"]
    return found


@pytest.mark.engine
def test_a_check_and_a_start_say_where_it_listens(copy: Copy, engine: Engine) -> None:
    files = {"compose.yaml": COMPOSE, "seatrial.yaml": DECLARED}
    project = copy("bookshop", engine).becomes(files)
    try:
        engine.compose(project.folder, "up", "-d")
        findings = eventually(
            lambda: findings_of(project),
            lambda found: (
                {one["id"] for one in found} == set(FOUND)
                and all(one["found"].endswith(FOUND[one["id"]]) for one in found)
            ),
            timeout=60,
            what="all but the one that is well are told, with where they listen",
        )
        fixes = {one["id"]: one["fix"] for one in findings}
        assert fixes["itself.refused"].startswith("let itself listen at 0.0.0.0 in its container")
        assert "let other listen at 8000 in its container" in fixes["other.refused"]

        own = project.seatrial("up")
        assert own.code == 3
        assert "at 127.0.0.1:8000 only, where nobody outside reaches it" in own.err
        assert "let itself listen at 0.0.0.0" in own.err
        assert " 0 findings" not in own.err
        assert "is no HTTP server" not in own.err, "what is known is not guessed"
        told = [line for line in own.err.splitlines() if " itself " in line]
        assert any("starting" in line and "8000 only" in line for line in told), told
    finally:
        project.seatrial("down")
        engine.compose(project.folder, "down", "-v", "-t", "1", check=False)


ASKS = "import urllib.request as u; u.urlopen('http://localhost:9000/{}')"
SERVES = (
    "import os, sys, threading\nfrom http.server import SimpleHTTPRequestHandler as H, "
    "ThreadingHTTPServer as S\nos.chdir('/srv')\nservers = [S((one.split(':')[0], "
    "int(one.split(':')[1])), H) for one in sys.argv[1:]]\nfor one in servers:\n"
    "    threading.Thread(target=one.serve_forever).start()\n"
)
ALONE = f"""
x-image: &image {{image: "python:3.11-slim", volumes: [./serves.py:/serves.py:ro], init: true}}
x-well: &well {{test: [CMD, python, -c, "{ASKS.format("")}"], interval: 1s}}
x-ill: &ill {{test: [CMD, python, -c, "{ASKS.format("nope")}"], interval: 1s, retries: 1}}
services:
  api:
    {{<<: *image, command: python /serves.py 127.0.0.1:9000 0.0.0.0:80, ports: [80],
      healthcheck: *well}}
  worker: {{<<: *image, command: python /serves.py 127.0.0.1:9000, healthcheck: *well}}
  ill: {{<<: *image, command: python /serves.py 127.0.0.1:9000, healthcheck: *ill}}
  told: {{<<: *image, command: python /serves.py 127.0.0.1:9000, healthcheck: *well}}
  tells: {{<<: *image, command: sleep 999, environment: {{TOLD: "http://told:9000"}}}}
  itself: {{<<: *image, command: {SERVE} 8000 --bind 127.0.0.1, ports: [8000]}}
  side: {{<<: *image, command: sleep 999, network_mode: "service:itself"}}
"""


@pytest.mark.engine
def test_what_only_its_own_health_check_reaches(copy: Copy, engine: Engine) -> None:
    """It is as well as that says, unless others have to reach it too."""
    project = copy("bookshop", engine).becomes({"compose.yaml": ALONE, "serves.py": SERVES})
    assert project.seatrial("init").code == 0
    try:
        engine.compose(project.folder, "up", "-d")
        found = eventually(
            lambda: {one["id"]: one["found"] for one in findings_of(project)},
            lambda found: {"ill.unhealthy", "told.refused", "itself.refused"} == set(found),
            timeout=60,
            what="what is wrong is told, and nothing else",
        )
        assert "its health check says unhealthy" in found["ill.unhealthy"]
        assert "HTTP Error 404" in found["ill.unhealthy"]
        assert "127.0.0.1:9000 only" in found["told.refused"]
        guessed = project.seatrial("init", "--force", "--json").json["components"]
        kinds = {name: one["kind"] for name, one in guessed.items()}
        assert kinds["api"] == kinds["told"] == "http"
        assert kinds["worker"] == kinds["ill"] == "process"
    finally:
        engine.compose(project.folder, "down", "-v", "-t", "1", check=False)


#: Correct, each in a way of its own: a health check with a header, one of a gateway by name, a
#: sidecar that listens for its host, a file that two share, and what ends by itself.
STRICT = (
    "from http.server import BaseHTTPRequestHandler as H, HTTPServer as S\nclass One(H):\n"
    "    def do_GET(self):\n        well = self.headers.get('X-Health') == '1'\n"
    "        self.send_response(200 if well else 503)\n        self.end_headers()\n"
    "S(('', 8000), One).serve_forever()\n"
)
ASKS_SO = (
    "import urllib.request as u; u.urlopen(u.Request('http://localhost:8000/up', "
    "headers={'X-Health': '1'}))"
)
CORRECT = f"""
x-image: &image {{image: "python:3.11-slim", volumes: [./serves.py:/serves.py:ro], init: true}}
x-well: &well {{test: [CMD, python, -c, "{ASKS.format("")}"], interval: 1s}}
services:
  api:
    {{<<: *image, command: python /serves.py 127.0.0.1:9000 0.0.0.0:80, ports: [80],
      healthcheck: *well}}
  worker: {{<<: *image, command: python /serves.py 127.0.0.1:9000, healthcheck: *well}}
  strict:
    image: python:3.11-slim
    init: true
    command: python /strict.py
    volumes: [./strict.py:/strict.py:ro]
    ports: [8000]
    healthcheck: {{test: [CMD, python, -c, "{ASKS_SO}"], interval: 1s}}
  local:
    {{<<: *image, command: python /serves.py 127.0.0.1:8000 127.0.0.1:9000, ports: [8080],
      healthcheck: *well}}
  proxy: {{<<: *image, command: python /serves.py 0.0.0.0:8080, network_mode: "service:local"}}
  writer:
    image: python:3.11-slim
    init: true
    command: sh -c "echo written > /state && sleep 999"
    volumes: [./state:/state]
  reader:
    image: python:3.11-slim
    init: true
    command: sh -c "until grep -q written /state; do sleep 0.1; done; touch /seen; sleep 999"
    volumes: [./state:/state:ro]
    healthcheck: {{test: test -e /seen, interval: 1s, retries: 30}}
"""


@pytest.mark.engine
def test_of_what_is_right_nothing_is_told(copy: Copy, engine: Engine) -> None:
    """Neither of the user's own project nor of one that Seatrial starts."""
    files = {"compose.yaml": CORRECT, "serves.py": SERVES, "strict.py": STRICT, "state": ""}
    project = copy("bookshop", engine).becomes(files)
    assert project.seatrial("init").code == 0
    before = engine.everything()
    try:
        up = project.seatrial("up")
        assert up.code == 0, up.err
        checked = project.seatrial("check", "--json")
        assert (checked.code, checked.json["findings"]) == (0, [])
        assert project.seatrial("down").code == 0
        assert (project.folder / "state").read_text() == "", "it was a copy"
        assert engine.everything() == before

        engine.compose(project.folder, "up", "-d")
        eventually(
            lambda: findings_of(project),
            lambda found: found == [],
            timeout=60,
            what="all is well, and nothing is told",
        )
        assert (project.folder / "state").read_text() == "written\n"
    finally:
        project.seatrial("down")
        engine.compose(project.folder, "down", "-v", "-t", "1", check=False)
