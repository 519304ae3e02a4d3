"""A project of Seatrial's own as its keeper sees it, and which containers end its start at once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import pytest

from seatrial.compose.drive import Drive
from seatrial.compose.engine import Container
from seatrial.compose.project import read_project
from seatrial.declaration.load import load
from seatrial.keeper.composed import Composed
from seatrial.keeper.containers import Containers
from seatrial.keeper.instance import StartFailed
from seatrial.keeper.places import Place
from seatrial.keeper.timeline import Timeline
from seatrial.kinds.base import OwnCheck, ProbeResult, Words
from seatrial.kinds.registry import KINDS
from seatrial.outcome import State

from .test_targets import COMPOSE, DECLARED, RUNNING, of


@dataclass(frozen=True)
class There:
    """What an engine would list."""

    found: list[Container]

    async def containers(self) -> list[Container]:
        return self.found


def seen(
    folder: Path, *found: Container, timeline: Timeline | None = None, starting: bool = False
) -> Containers:
    (folder / "compose.yaml").write_text(COMPOSE + "  seed: {image: busybox}\n")
    (folder / "seatrial.yaml").write_text(DECLARED)
    system = load(folder, KINDS, variables={})
    own = Containers(system, read_project(folder / "compose.yaml", {}), timeline or Timeline())
    asyncio.run(own.look(cast(Drive, There(list(found))), starting=starting))
    return own


def dead(folder: Path, *found: Container) -> str | None:
    """The component, or the service, whose container ended as it should not."""
    one = seen(folder, *found).dead(None)
    return None if one is None else one[1]


@pytest.mark.parametrize(
    ("service", "code", "told"),
    [
        ("web", 0, "web"),
        ("worker", 0, "worker"),
        ("worker", 3, "worker"),
        ("migrate", 0, None),  # a task
        ("migrate", 3, "migrate"),
        ("seed", 0, None),  # nobody declared it, so it may be one
        ("seed", 3, "seed"),
    ],
)
def test_one_that_has_ended(tmp_path: Path, service: str, code: int, told: str | None) -> None:
    ended = of(service, status="exited", exit_code=code)
    assert dead(tmp_path, of("db"), ended) == told


def test_one_that_ended_well_at_once_may_be_meant_to(tmp_path: Path) -> None:
    ended = {"status": "exited", "exit_code": 0, "command": "python prepare.py"}
    assert dead(tmp_path, of("worker", **ended, lived=2.0)) is None
    assert dead(tmp_path, of("worker", **ended, lived=99.0)) == "worker"


@pytest.mark.parametrize(
    ("service", "meant"),
    [("web", "keeps running"), ("migrate", "ends with exit code 0"), ("seed", "keeps running")],
)
def test_what_it_is_there_for(tmp_path: Path, service: str, meant: str) -> None:
    failed = of(service, status="exited", exit_code=3)
    assert seen(tmp_path, failed).meant(failed) == f"the container of {service} {meant}"


@pytest.mark.parametrize(
    ("words", "health", "status", "told"),
    [
        ("dependency failed to start: container x-db-1 is unhealthy", "unhealthy", "running", "db"),
        ('for web  Container "0123456789ab" is unhealthy.', "unhealthy", "running", "db"),
        ("dependency failed to start: container x-seed-1 is unhealthy", "unhealthy", "running", ""),
        ("container x-db-1 is unhealthy", "starting", "running", ""),
        (" Container x-db-1  Started\ncontainer x-seed-1 exited (1)", "unhealthy", "running", ""),
        ("container x-db-10 is unhealthy", "unhealthy", "running", ""),
        ("container x-db-1 exited (1)", "unhealthy", "exited", ""),
    ],
)
def test_which_one_is_unwell(
    tmp_path: Path, words: str, health: str, status: str, told: str
) -> None:
    one = of("db", id="0123456789abcdef", health=health, status=status)
    found = seen(tmp_path, replace(one, name="x-db-1")).ailing(words)
    assert (found and found[1]) == (told or None)


def test_why_it_is_not_ready_is_not_told_twice(tmp_path: Path) -> None:
    timeline = Timeline()
    own = seen(tmp_path, of("web", status="running"), timeline=timeline)
    (detail,) = [event.detail for event in timeline.events if event.component == "web"]
    before = len(timeline.events)
    asyncio.run(own.held_up("web", detail))
    assert len(timeline.events) == before
    asyncio.run(own.held_up("web", "it answers 503"))
    assert timeline.events[-1].detail == "it answers 503"


def test_its_endpoints_stand_in_the_users_file_and_its_commands_are_ours(tmp_path: Path) -> None:
    words = seen(tmp_path, of("web", published={8000: ("", 1)})).statuses()["web"].provider
    assert words == Words(
        setting="the service web of compose.yaml (healthcheck, ports, command)",
        images=(RUNNING.image,),
        own_check=OwnCheck(path="/up"),
    )


def test_what_its_own_health_check_says_counts_there_too(tmp_path: Path) -> None:
    """But for what it was asked to be."""
    one = of("web", health="healthy", published={8000: ("", 1)})
    own = seen(tmp_path, one)
    assert own.statuses()["web"].provider.own_check.well == "its own health check says healthy"
    own.asked.add("web")
    asyncio.run(own.look(cast(Drive, There(own.all))))
    assert own.statuses()["web"].provider.own_check.well == ""


def test_a_worker_between_two_ends_is_not_up_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # no engine tells its log
    lately = [of(name, restarts=2, ran_for=0.5, age=3.0) for name in ("worker", "web", "db")]
    own = seen(tmp_path, *lately, starting=True)
    assert own.seen["worker"].states == (State.STARTING,)
    assert "was restarted 2 times" in own.seen["worker"].provider.found
    assert [own.seen[name].states for name in ("web", "db")] == [(State.READY,)] * 2
    assert seen(tmp_path, *lately).seen["worker"].states == (State.READY,)


def test_what_ends_behind_its_proof_proves_itself_again(tmp_path: Path) -> None:
    there = [of("worker"), of("web")]
    own = seen(tmp_path, *there, starting=True)
    own.proven.update({"worker", "web"})
    gone = [of("worker", status="restarting", exit_code=1), of("web")]
    for starting, proven in ((False, {"worker", "web"}), (True, {"web"})):
        asyncio.run(own.look(cast(Drive, There(gone)), starting=starting))
        assert own.proven == proven


def test_everybody_is_told_why_nobody_is_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seatrial.compose.earshot._PROCESSES", tmp_path)
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    (tmp_path / "7" / "net").mkdir(parents=True)
    (tmp_path / "7" / "net" / "tcp").touch()
    (tmp_path / "7" / "cgroup").write_text("0::/docker/abc\n")
    own = seen(tmp_path, of("web", id="abc", pid=7))
    words = own.statuses()["web"].provider
    assert "nothing listens at 8000" in words.listening.unheard
    own.asked.add("web")
    asyncio.run(own.look(cast(Drive, There(own.all))))
    assert own.statuses()["web"].provider.listening.unheard == ""


def test_where_nobody_knows_a_port_it_is_ready_when_it_runs(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text("services: {web: {image: x, command: serve}}")
    declared = "system: s\ncompose: compose.yaml\ncomponents: {web: {kind: http}}"
    (tmp_path / "seatrial.yaml").write_text(declared)
    system = load(tmp_path, KINDS, variables={})
    project = read_project(tmp_path / "compose.yaml", {})
    own = Composed(system, project, Place("x"), Timeline())
    runs = of("web", exposed=(), command="serve", environment={})

    async def prove() -> bool:
        await own._containers.look(cast(Drive, There([runs])))
        return await own._prove("web", {}, 0.0)

    assert asyncio.run(prove())
    assert own._containers.seen["web"].endpoints == {}


def test_a_task_that_does_not_end_may_be_none(tmp_path: Path) -> None:
    seen(tmp_path)  # writes the files
    system, project = (
        load(tmp_path, KINDS, variables={}),
        read_project(tmp_path / "compose.yaml", {}),
    )
    own = Composed(system, project, Place("x"), Timeline())
    own._drive = cast(Drive, There([of("migrate", exposed=()), of("worker", exposed=())]))
    late = asyncio.run(own._never_ready("migrate", None))
    assert late.fix.endswith("; if it is to run on, it is of `kind: process`")
    assert "kind" not in asyncio.run(own._never_ready("worker", None)).fix


def test_why_nobody_is_heard_is_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seatrial.compose.earshot._PROCESSES", tmp_path)
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    (tmp_path / "7" / "net").mkdir(parents=True)
    (tmp_path / "7" / "net" / "tcp").touch()
    (tmp_path / "7" / "cgroup").write_text("0::/docker/abc\n")
    (tmp_path / "compose.yaml").write_text(COMPOSE)
    (tmp_path / "seatrial.yaml").write_text(DECLARED)
    system, project = (
        load(tmp_path, KINDS, variables={}),
        read_project(tmp_path / "compose.yaml", {}),
    )
    own = Composed(system, project, Place("x"), Timeline())
    own._drive = cast(Drive, There([of("web", id="abc", pid=7, published={8000: ("", 1)})]))
    last: dict[str, ProbeResult] = {}

    async def prove() -> bool:
        await own._containers.look(cast(Drive, own._drive))
        return await own._prove("web", last, 0.0)

    assert not asyncio.run(prove())
    own.ready = True
    told = own._held_up(["web"], last)["web"]
    assert told.count("nothing listens at 8000") == 1
    with pytest.raises(StartFailed) as failed:
        raise asyncio.run(own._never_ready("web", last["web"]))
    assert failed.value.found.count("nothing listens at 8000") == 1
    assert failed.value.fix.count("see why in its log") == 1
