"""What is restarted while a project of Seatrial's own starts, and what shares a network."""

from __future__ import annotations

import pytest

from tests.compose.conftest import Copy
from tests.compose.engine import Engine

pytestmark = pytest.mark.engine

DECLARED = """
system: restarts
compose: compose.yaml
components: {db: {kind: postgres}, worker: {kind: process}}
"""
COMPOSE = """
services:
  db: {image: "postgres:15", environment: {POSTGRES_PASSWORD: restarts-pw-1}, expose: [5432]}
  worker:
    image: python:3.11-slim
    command: PROGRAM
    restart: always
    init: true
"""
UNTIL_IT_IS_THERE = (
    "python -uc \"import socket, time; socket.create_connection(('db', 5432)); time.sleep(999)\""
)
NEVER = "python -uc \"import time; time.sleep(0.7); raise SystemExit('no good')\""


def test_a_worker_that_ends_again_and_again_is_never_up(copy: Copy, engine: Engine) -> None:
    files = {"compose.yaml": COMPOSE.replace("PROGRAM", NEVER), "seatrial.yaml": DECLARED}
    up = copy("bookshop", engine).becomes(files).seatrial("up", "--json")
    assert up.code == 3
    assert up.json["failure"]["component"] == "worker"
    assert "no good" in str(up.json["failure"])
    assert [one["id"] for one in up.json["findings"]] == ["worker.exited"]


def test_one_that_ends_until_its_server_is_there_is_waited_for(copy: Copy, engine: Engine) -> None:
    text = COMPOSE.replace("PROGRAM", UNTIL_IT_IS_THERE)
    project = copy("bookshop", engine).becomes({"compose.yaml": text, "seatrial.yaml": DECLARED})
    try:
        up = project.seatrial("up", "--json")
        assert up.code == 0, up.err
        assert up.json["components"]["worker"]["state"] == "ready"
    finally:
        project.seatrial("down")


def test_what_shares_the_network_of_another_is_reached_there(copy: Copy, engine: Engine) -> None:
    text = """
services:
  web: {image: "python:3.11-slim", command: sleep 999, init: true}
  cache: {image: "redis:7", network_mode: "service:web"}
"""
    declared = """
system: shared
compose: compose.yaml
components: {web: {kind: process}, cache: {kind: redis}}
"""
    project = copy("bookshop", engine).becomes({"compose.yaml": text, "seatrial.yaml": declared})
    try:
        engine.compose(project.folder, "up", "-d")
        checked = project.seatrial("check", "--json")
        assert (checked.code, checked.json["findings"]) == (0, [])
    finally:
        engine.compose(project.folder, "down", "-v", "-t", "1")
