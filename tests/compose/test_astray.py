"""Workers that look for their server where it is not, in a project that runs."""

from __future__ import annotations

import pytest

from seatrial.waiting import eventually
from tests.compose.conftest import Copy
from tests.compose.engine import Engine

COMPOSE = """
x-worker: &worker {image: "python:3.11-slim", command: sleep 999, init: true}
services:
  db: {image: "postgres:15", environment: {POSTGRES_PASSWORD: astray-pw-1}, networks: [back]}
  inside:
    <<: *worker
    networks: [back]
    environment: {DATABASE_URL: "postgresql://postgres:astray-pw-1@localhost:5432/postgres"}
  apart:
    <<: *worker
    networks: [front]
    environment: {DB_HOST: db, DB_USER: postgres, DB_PASSWORD: astray-pw-1}
  well:
    <<: *worker
    networks: [front, back]
    environment: {DATABASE_URL: "postgresql://postgres:astray-pw-1@db/postgres"}
networks: {front: {}, back: {}}
"""
FOUND = {
    "inside.DATABASE_URL": "localhost is there the container of inside itself, not db",
    "apart.DB_HOST": "apart and db share no network: db has no address there",
}


@pytest.mark.engine
def test_each_is_told_what_it_is_told_wrongly(copy: Copy, engine: Engine) -> None:
    project = copy("bookshop", engine).becomes({"compose.yaml": COMPOSE})
    try:
        engine.compose(project.folder, "up", "-d")
        assert project.seatrial("init").code == 0
        eventually(
            lambda: project.seatrial("check", "--json").json["findings"],
            lambda findings: {one["id"]: one["found"] for one in findings} == FOUND,
            timeout=60,
            what="only these two are told, with why",
        )
    finally:
        engine.compose(project.folder, "down", "-v", "-t", "1", check=False)


@pytest.mark.engine
def test_whom_a_gateway_passes_on_to(copy: Copy, engine: Engine) -> None:
    """Its own health is well all the same."""
    project = copy("gateway", engine)
    settings = project.folder / "nginx" / "default.conf"
    settings.write_text(settings.read_text().replace("http://events:9000", "http://events:9001"))
    try:
        engine.compose(project.folder, "up", "-d", "--build")
        assert project.seatrial("init").code == 0
        (one,) = eventually(
            lambda: project.seatrial("check", "--json").json["findings"],
            lambda findings: len(findings) == 1,
            timeout=60,
            what="it alone is told",
        )
        assert one["id"] == "gateway.nginx/default.conf:5"
        assert one["found"] == "events listens at 9000 in its container, not at 9001"
        assert project.seatrial("check").code == 0, "a warning"
    finally:
        engine.compose(project.folder, "down", "-v", "-t", "1", check=False)
