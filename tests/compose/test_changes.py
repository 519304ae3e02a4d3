"""Whoever watches containers is woken by the engine, and looks by itself where it is silent."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator

import pytest

from seatrial.compose import changes as module
from seatrial.compose.changes import Changes
from seatrial.compose.engine import PROJECT
from tests.compose.engine import Engine

pytestmark = pytest.mark.engine

_BOUND = 30.0  # s for the engine to tell


@pytest.fixture
def told_alone(monkeypatch: pytest.MonkeyPatch, engine: Engine) -> None:
    """Only what the engine tells can end a wait."""
    monkeypatch.setattr(module, "_TOLD", 10 * _BOUND)
    if engine.host is not None:
        monkeypatch.setenv("DOCKER_HOST", engine.host)


@pytest.fixture
def project(engine: Engine) -> Iterator[str]:
    """A project with one container that runs."""
    name = f"watched-{uuid.uuid4().hex[:8]}"
    label = f"{PROJECT}={name}"
    engine.docker("run", "-d", "--name", name, "--label", label, "redis:7")
    yield name
    engine.docker("rm", "-f", "-v", name)


@pytest.mark.usefixtures("told_alone")
@pytest.mark.parametrize("what", ["pause", "kill"])
def test_what_happens_to_a_container_wakes(project: str, engine: Engine, what: str) -> None:
    async def watch() -> None:
        changes = Changes(project)
        await changes.begin()
        try:
            assert await changes.wait(_BOUND)  # the first look is due at once
            changes.looked()
            assert changes.last_stands
            await asyncio.to_thread(engine.docker, what, project)
            assert await changes.wait(_BOUND)
            assert not changes.last_stands
        finally:
            await changes.end()

    asyncio.run(watch())


@pytest.mark.usefixtures("told_alone")
def test_for_a_while_after_a_look_only_an_end_does(project: str, engine: Engine) -> None:
    async def watch() -> None:
        changes = Changes(project)
        await changes.begin()
        try:
            changes.looked()
            await asyncio.to_thread(engine.docker, "pause", project)
            assert not await changes.wait(1.0, calm=_BOUND)
            assert await changes.wait(_BOUND), "it was told, and is not forgotten"
            changes.looked()
            await asyncio.to_thread(engine.docker, "kill", project)
            assert await changes.wait(_BOUND, calm=_BOUND)
            changes.looked()
            changes.look_again()
            assert await changes.wait(_BOUND, calm=_BOUND)
        finally:
            await changes.end()

    asyncio.run(watch())


@pytest.mark.usefixtures("told_alone")
def test_another_project_does_not(project: str, engine: Engine) -> None:
    async def watch() -> None:
        changes = Changes("another")
        await changes.begin()
        try:
            changes.looked()
            await asyncio.to_thread(engine.docker, "pause", project)
            assert not await changes.wait(0.5)
        finally:
            await changes.end()

    asyncio.run(watch())


@pytest.mark.usefixtures("told_alone")
def test_an_engine_that_tells_nothing_more_is_looked_at(
    project: str, monkeypatch: pytest.MonkeyPatch, engine: Engine
) -> None:
    async def watch() -> None:
        changes = Changes(project)
        with monkeypatch.context() as gone:
            gone.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
            await changes.begin()
        try:
            assert await changes.wait(_BOUND)
            changes.looked()
            assert await changes.wait(_BOUND)  # its stream has ended
            changes.looked()
            assert not changes.last_stands
            assert await changes.wait(_BOUND)  # by itself
        finally:
            await changes.end()

    asyncio.run(watch())
