"""Containers that run, and in which nothing listens where others look for it."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seatrial.compose.earshot import (
    hears_itself,
    hears_others,
    is_mute,
    published_unheard,
    unheard,
    with_listeners,
)
from seatrial.compose.engine import Container
from seatrial.compose.logs import with_last_words
from seatrial.kinds.base import Commands, Listening, OwnCheck, ProbeResult, Target, Words
from seatrial.kinds.http.config import HttpConfig
from seatrial.kinds.programs import as_it_listens
from seatrial.kinds.redis.config import RedisConfig
from seatrial.listeners import Listener
from seatrial.outcome import Cause, Connection, Health

from .test_targets import of

HEAD = "  sl  local_address rem_address   st\n"
ROW = "   0: {} 00000000:0000 {} 00000000:00000000 00:00000000 00000000 0 0 {} 1 0\n"
INSIDE = Listener("127.0.0.1", 8000, "1")
OUTSIDE = Listener("0.0.0.0", 8000, "2")


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One that runs a container called "abc" as process 7."""
    monkeypatch.setattr("seatrial.compose.earshot._PROCESSES", tmp_path)
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    (tmp_path / "7" / "net").mkdir(parents=True)
    (tmp_path / "7" / "cgroup").write_text("0::/system.slice/docker-abc.scope\n")
    rows = [("0100007F:1F40", "0A", 1), ("0B00007F:9C40", "0A", 2), ("00000000:1F41", "01", 3)]
    (tmp_path / "7" / "net" / "tcp").write_text(HEAD + "".join(ROW.format(*one) for one in rows))
    return tmp_path


def listens(one: Container) -> tuple[Listener, ...] | None:
    (found,) = with_listeners([one])
    return found.listens


def test_the_kernel_knows_where_a_container_listens(kernel: Path) -> None:
    """The engine's name server in it does not count, nor does what is connected."""
    assert listens(of("web", id="abc", pid=7)) == (INSIDE,)


def test_where_it_takes_datagrams(kernel: Path) -> None:
    rows = [("00000000:0202", "07", 4), ("0100007F:0035", "07", 5)]
    (kernel / "7" / "net" / "udp").write_text(HEAD + "".join(ROW.format(*one) for one in rows))
    web = of("web", id="abc", pid=7)
    assert [one.datagrams for one in with_listeners([web])] == [{514, 53}]
    assert [one.datagrams for one in with_listeners([replace(web, id="xyz")])] == [set()]
    assert [one.datagrams for one in with_listeners([replace(web, on_host=True)])] == [set()]


@pytest.mark.parametrize(
    "other",
    [{"id": "xyz"}, {"pid": 8}, {"pid": 0}, {"status": "exited"}, {"on_host": True}],
)
def test_of_whom_it_knows_nothing(kernel: Path, other: dict[str, object]) -> None:
    assert listens(replace(of("web", id="abc", pid=7), **other)) is None  # type: ignore[arg-type]


def test_what_ends_while_it_is_looked_at(kernel: Path) -> None:
    (kernel / "7" / "net" / "tcp").unlink()
    assert listens(of("web", id="abc", pid=7)) is None


def test_an_engine_elsewhere_has_processes_of_its_own(
    kernel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://far.example:2376")
    assert listens(of("web", id="abc", pid=7)) is None


def test_a_guest_may_have_stayed_in_a_network_that_its_host_left(
    kernel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (kernel / "8").mkdir()
    (kernel / "8" / "cgroup").write_text("0::/system.slice/docker-def.scope\n")
    for process in ("7", "8"):
        (kernel / process / "ns").mkdir()
        (kernel / process / "ns" / "net").touch()  # each another one
    web, side = of("web", id="abc", pid=7), of("side", id="def", pid=8, host="abc")
    assert [one.stranded for one in with_listeners([web, side])] == ["", "web"]
    for other in (replace(side, host=""), replace(side, host="gone"), replace(side, pid=0)):
        assert with_listeners([web, other])[1].stranded == ""
    (kernel / "8" / "ns" / "net").unlink()
    assert with_listeners([web, side])[1].stranded == ""
    os.link(kernel / "7" / "ns" / "net", kernel / "8" / "ns" / "net")
    assert with_listeners([web, side])[1].stranded == "", "the same one"


@pytest.mark.parametrize(
    ("there", "found", "fix"),
    [
        ((INSIDE,), "it listens at 127.0.0.1:8000 only, where nobody", "let web listen at 0.0.0.0"),
        ((Listener("::1", 8000, "1"),), "it listens at [::1]:8000 only", "not at ::1"),
        (
            (Listener("0.0.0.0", 8080, "1"),),
            "nothing listens at 8000, but at 0.0.0.0:8080",
            "let web listen at 8000 in its container, or correct its ports or its health check",
        ),
        ((), "nothing listens at 8000, 60 s after it was started; its log: waiting", ""),
        ((INSIDE, OUTSIDE), "", ""),
        ((Listener("172.17.0.2", 8000, "1"),), "", ""),
        (None, "", ""),
    ],
)
def test_why_nobody_is_heard(there: tuple[Listener, ...] | None, found: str, fix: str) -> None:
    one = of("web", listens=there, last_words="waiting")
    said, to_do = unheard("web", [8000], [one])
    assert found in said
    assert fix in to_do
    assert bool(said) is bool(found)
    assert bool(to_do) is bool(fix)


def test_what_was_started_lately_may_not_listen_yet() -> None:
    said, to_do = unheard("web", [8000], [of("web", listens=(), ran_for=3.2, last_words="hm")])
    assert said.endswith("nothing listens at 8000 yet, 3 s after it was started; its log: hm")
    assert to_do.startswith("look again in a moment")
    other = of("mq", listens=(Listener("0.0.0.0", 4369, ""),), ran_for=3.2)
    said, to_do = unheard("mq", [5672], [other])
    assert said.endswith("nothing listens at 5672, but at 0.0.0.0:4369")
    assert to_do.startswith("look again in a moment; if it stays so, let mq listen at 5672")


def test_how_long_a_program_has_run_is_told_of_the_first_hour() -> None:
    said, _ = unheard("web", [8000], [of("web", listens=(), ran_for=7200.0)])
    assert said.endswith("nothing listens at 8000")


def test_of_several_the_one_that_is_not_heard_is_told() -> None:
    some = [of("web", listens=(OUTSIDE,)), of("web", listens=None), of("web", listens=())]
    assert "nothing listens at 8000" in unheard("web", [8000], some)[0]
    assert unheard("web", [8000], some[:2]) == ("", "")


@pytest.mark.parametrize(
    ("published", "there", "found"),
    [
        ([9100], [("127.0.0.1", 9100)], "it listens at 127.0.0.1:9100 only"),
        ([5678, 9100], [("127.0.0.1", 9100)], "it listens at 127.0.0.1:9100 only"),
        ([50051], [("0.0.0.0", 50052)], "nothing listens at 50051, but at 0.0.0.0:50052"),
        ([5678], [], ""),  # for a debugger that is not there
        ([5678], [("0.0.0.0", 9100)], ""),
        ([9229], [("127.0.0.1", 9229)], ""),
        ([5678, 9100], [("0.0.0.0", 9100)], ""),
        ([5678, 9100], [("127.0.0.1", 5678), ("0.0.0.0", 9100)], ""),
        ([], [("0.0.0.0", 9100)], ""),
        ([9100], None, ""),
    ],
)
def test_what_is_published_and_nobody_asks(
    published: list[int], there: list[tuple[str, int]] | None, found: str
) -> None:
    listens = None if there is None else tuple(Listener(*one, "") for one in there)
    one = of("worker", published=dict.fromkeys(published, ("0.0.0.0", 1)), listens=listens)
    said, to_do = published_unheard("worker", published, [one])
    assert published_unheard("worker", [], [one]) == ("", ""), "others are not meant"
    assert found in said
    assert bool(said) is bool(to_do) is bool(found)


def test_a_sidecar_does_not_answer_for_the_ports_of_its_host() -> None:
    side = of("side", published={8000: ("0.0.0.0", 1)}, listens=(INSIDE,), host="9")
    assert published_unheard("side", {8000}, [side]) == ("", "")
    assert published_unheard("side", {8000}, [replace(side, host="")])[0]


@pytest.mark.parametrize(
    ("itself", "ports", "other"),
    [
        (True, [8000], {}),
        (True, [8000], {"published": {80: ("0.0.0.0", 80)}}),
        (True, [8000], {"published": {8000: ("127.0.0.1", 1)}, "exposed": (8000,)}),  # by Seatrial
        (True, [8000], {"listens": (INSIDE, Listener("0.0.0.0", 80, "3"))}),
        (False, [8000], {"health": ""}),
        (False, [8000], {"exposed": (8000,)}),
        (False, [8000], {"listens": (INSIDE, Listener("172.20.0.2", 8000, "3"))}),
        (False, [8000], {"listens": ()}),
        (False, [8000], {"listens": None}),
        (False, [8000, 80], {}),
        (False, [], {}),
    ],
)
def test_what_only_its_own_health_check_asks(
    itself: bool, ports: list[int], other: dict[str, object]
) -> None:
    one = replace(of("web", health="healthy", exposed=(), listens=(INSIDE,)), **other)  # type: ignore[arg-type]
    assert hears_itself(ports, (), [one]) is itself
    assert not hears_itself(ports, ports, [one]), "its file names them"
    assert not hears_itself(ports, (), [])
    assert not hears_itself(ports, (), [one, replace(one, listens=())])


@pytest.mark.parametrize(
    ("ports", "listens", "hears"),
    [
        ([8000], (OUTSIDE,), True),
        ([8000], (INSIDE,), False),
        ([8000], (), False),
        ([8000], None, False),
        ([8000, 80], (OUTSIDE,), False),
        ([], (OUTSIDE,), False),
    ],
)
def test_that_it_listens_for_others(
    ports: list[int], listens: tuple[Listener, ...] | None, hears: bool
) -> None:
    one = of("web", listens=listens)
    assert hears_others(ports, [one]) is hears
    assert not hears_others(ports, [])
    assert not hears_others(ports, [one, replace(one, listens=())])


def test_that_is_as_well_as_it_says() -> None:
    refused = ProbeResult(
        Health.UNHEALTHY, Connection.DISCONNECTED, 1.0, Cause.REFUSED, "e", "refused", "restart"
    )

    def told(words: Words) -> ProbeResult:
        target = Target("web", "http", HttpConfig(), {}, provider=words)
        return as_it_listens(refused, target)

    def by_itself(**says: Any) -> Words:
        return Words(commands=Commands("start web", "logs web"), own_check=OwnCheck(**says))

    alone = by_itself(alone=True, well="healthy")
    assert told(alone) == ProbeResult(Health.HEALTHY, Connection.CONNECTED, 1.0)
    ailing = told(by_itself(alone=True, ailing="it says unhealthy"))
    assert (ailing.health, ailing.cause) == (Health.UNHEALTHY, Cause.UNHEALTHY)
    assert ailing.found == "it says unhealthy"
    assert "start web; its last words: logs web" in ailing.fix
    assert told(by_itself(alone=True)) is refused
    assert told(by_itself(well="healthy")) is refused


def test_what_it_adds_to_a_look() -> None:
    words = Words(listening=Listening(unheard="nothing listens", fix="let it"))
    target = Target("cache", "redis", RedisConfig(kind="redis"), {}, provider=words)
    refused = ProbeResult(
        Health.UNHEALTHY, Connection.DISCONNECTED, 0.0, Cause.REFUSED, "e", "refused", "restart"
    )
    told = as_it_listens(refused, target)
    assert (told.found, told.fix) == ("refused; nothing listens", "let it")
    unsure = replace(target, provider=Words(listening=Listening(unheard="nothing listens")))
    assert as_it_listens(refused, unsure).fix == (
        "see why in its log (seatrial logs cache), then: restart"
    )
    for guessed in ("it hangs up: it is not up yet, or", "it hangs up (a port forwarder)"):
        told = as_it_listens(replace(refused, found=guessed), target)
        assert told.found == "it hangs up; nothing listens"
    answers = replace(refused, connection=Connection.CONNECTED)
    assert as_it_listens(answers, target) is answers
    assert as_it_listens(refused, replace(target, provider=Words())) is refused


@pytest.mark.parametrize(
    ("mute", "other"),
    [
        (True, {}),
        (True, {"health": "unhealthy"}),
        (False, {"health": "starting"}),
        (False, {"exposed": ()}),
        (False, {"listens": None}),
        (False, {"listens": (INSIDE,)}),
    ],
)
def test_the_log_of_what_hears_nobody_may_say_why(mute: bool, other: dict[str, object]) -> None:
    one = replace(of("web", listens=(), exposed=(8000,)), **other)  # type: ignore[arg-type]
    assert is_mute(one) is mute


def test_its_log_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docker = tmp_path / "docker"
    docker.write_text("#!/bin/sh\necho waiting for the registry\n")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    mute, well = of("web", listens=(), exposed=(1,)), of("web", listens=(OUTSIDE,), exposed=(1,))
    told = asyncio.run(with_last_words([mute, well], {}))
    assert [one.last_words for one in told] == ["waiting for the registry", ""]
