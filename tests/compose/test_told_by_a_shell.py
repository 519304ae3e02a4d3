"""Secrets that only the shell had in which the project was started."""

from __future__ import annotations

import pytest

from seatrial.waiting import eventually
from tests.compose.conftest import Copy
from tests.compose.engine import Engine

COMPOSE = """
services:
  db:
    image: postgres:15
    environment: {POSTGRES_PASSWORD: "${DB_PASSWORD:-of-the-file-0}"}
  worker:
    image: python:3.11-slim
    command: sh -c 'echo no login with $$API_SECRET and $$DB_PASSWORD; exec sleep 1000'
    init: true
    depends_on: [db]
    environment: {API_SECRET: "${API_SECRET:-none}", DB_PASSWORD: "${DB_PASSWORD:-of-the-file-0}"}
"""
DECLARED = """
system: shell
compose: compose.yaml
components:
  db: {kind: postgres}
  worker: {kind: process, needs: [db]}
"""
TRIAL = """
def test_the_server_is_there(component):
    assert component("db").value("SELECT 1") == 1
"""
SECRETS = ("of-a-shell-991", "of-a-shell-552")


@pytest.mark.engine
def test_they_are_masked_by_whatever_looks(copy: Copy, engine: Engine) -> None:
    files = {"compose.yaml": COMPOSE, "seatrial.yaml": DECLARED, "trials/test_p1_a.py": TRIAL}
    project = copy("bookshop", engine).becomes(files)
    api, db = SECRETS
    compose = " ".join(engine.compose_command)
    try:
        up = project.shell(f"API_SECRET={api} DB_PASSWORD={db} {compose} up -d")
        assert up.code == 0, up.err
        eventually(
            lambda: project.seatrial("check"),
            lambda done: done.code == 0,
            timeout=60,
            what="all of it is there",
        )
        logs = project.seatrial("logs", "worker")
        assert "no login with *** and ***" in logs.out
        run = project.seatrial("run", "--report-dir", "reports")
        assert run.code == 0, run.err
        written = [file for file in (project.folder / "reports").rglob("*") if file.is_file()]
        written += [file for file in (project.folder / ".seatrial").rglob("*") if file.is_file()]
        assert written
        for file in written:
            assert not any(one.encode() in file.read_bytes() for one in SECRETS), file
        assert not any(one in run.out + run.err for one in SECRETS)
    finally:
        engine.compose(project.folder, "down", "-v", "-t", "1", check=False)
