"""What is said of a project of Seatrial's own that did not come up."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from seatrial.compose.project import read_project
from seatrial.keeper.failing import unwell

from .test_targets import of


def fix(folder: Path, check: str) -> str:
    """What is to be done about a db whose health check says unhealthy; no engine has its log."""
    test = {"healthcheck": {"test": check}} if check else {}
    waits = {"depends_on": {"db": {"condition": "service_healthy"}}}
    others = {"web": {"image": "x", **waits}, "free": {"image": "x", "depends_on": ["db"]}}
    services = {"db": {"image": "x", **test}, **others}
    (folder / "compose.yaml").write_text(json.dumps({"services": services}))
    project = read_project(folder / "compose.yaml", {})
    failure = asyncio.run(unwell(of("db", health="unhealthy"), project))
    assert failure.expected == "the health check of db finds it well, for web to start"
    return failure.fix


@pytest.fixture(autouse=True)
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")


def test_what_a_health_check_asks(tmp_path: Path) -> None:
    assert fix(tmp_path, "ask 1").endswith("is well (see its log), correct its health check: ask 1")
    assert "give it a health check of its own" in fix(tmp_path, "")


@pytest.mark.parametrize("before", range(285, 300))
def test_no_word_of_a_long_one_is_cut(tmp_path: Path, before: int) -> None:
    """It may be a password."""
    asks = f"{'x' * before} s3same-0pen tail"
    shown = fix(tmp_path, asks).partition("health check: ")[2].removesuffix(" ...").split()
    assert shown
    assert set(shown) <= set(asks.split())
