"""A wrong login of one service is told as its own, by whatever looks, and not as the server's."""

from __future__ import annotations

import json

import pytest

from seatrial.waiting import eventually
from tests.compose.conftest import Copy, Project
from tests.compose.engine import Engine

COMPOSE = """
services:
  db:
    image: postgres:15
    environment: {POSTGRES_PASSWORD: logins-right-1}
  worker:
    image: python:3.11-slim
    command: sleep 1000
    init: true
    depends_on: [db]
    environment: {DB_HOST: db, DB_USER: postgres, DB_PASSWORD: logins-wrong-2, DB_NAME: postgres}
  cache: {image: "redis:7", command: redis-server --requirepass logins-right-3}
  bare:
    image: python:3.11-slim
    command: sleep 1000
    init: true
    environment: {REDIS_URL: "redis://cache:6379/0"}
  strict:
    image: python:3.11-slim
    command: sleep 1000
    init: true
    environment:
      DATABASE_URL: postgresql://postgres:logins-right-1@db/postgres?sslmode=require
      REDIS_URL: rediss://:logins-right-3@cache:6379/0
      ConnectionStrings__Redis: cache:6379,password=logins-wrong-4,ssl=False
"""

DECLARED = """
system: logins
compose: compose.yaml
components:
  db: {kind: postgres}
  worker: {kind: process, needs: [db]}
  cache: {kind: redis}
  bare: {kind: process, needs: [cache]}
  strict: {kind: process, needs: [db, cache]}
"""

WRONG = {
    "worker.DB_HOST": "auth",
    "bare.REDIS_URL": "auth",
    "strict.DATABASE_URL": "tls",
    "strict.REDIS_URL": "tls",
    "strict.ConnectionStrings__Redis": "auth",
}
TRIAL = """
def test_the_server_is_there(component):
    assert component("db").value("SELECT 1") == 1
"""


@pytest.fixture
def project(copy: Copy, engine: Engine) -> Project:
    trial = {"trials/test_p1_there.py": TRIAL}
    files = {"compose.yaml": COMPOSE, "seatrial.yaml": DECLARED} | trial
    return copy("bookshop", engine).becomes(files)


@pytest.mark.engine
def test_in_a_project_that_runs_and_in_its_own(project: Project, engine: Engine) -> None:
    try:
        own = project.seatrial("up")
        assert own.code == 0, own.err
        checked = project.seatrial("check", "--json")
        assert {one["id"] for one in checked.json["findings"]} == set(WRONG)
        assert project.seatrial("down").code == 0

        engine.compose(project.folder, "up", "-d")
        eventually(
            lambda: {one["id"] for one in project.seatrial("check", "--json").json["findings"]},
            lambda ids: ids == set(WRONG),
            timeout=60,
            what="the servers are there, and only what these three are told is wrong",
        )
        run = project.seatrial("run", "--json", "--report-dir", "reports")
        assert (run.code, run.json["verdict"]) == (3, "no_go"), run.err
        report = json.loads((project.folder / "reports" / "report.json").read_text())
        assert {one["id"]: one["cause"] for one in report["findings"]} == WRONG
        assert [one["status"] for one in report["trials"]] == ["passed"]
    finally:
        project.seatrial("down")
        engine.compose(project.folder, "down", "-v", "-t", "1", check=False)
