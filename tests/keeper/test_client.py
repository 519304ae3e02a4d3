"""A client and its connection: time-outs, other versions, limits."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Iterator

import pytest

from seatrial.errors import KeeperError
from seatrial.keeper import client
from seatrial.keeper import protocol as p
from seatrial.keeper.client import KeeperClient
from seatrial.keeper.places import Place
from seatrial.keeper.protocol import Action
from seatrial.outcome import State

from .conftest import Fleet
from .test_life import SLEEPER, keeper_of

STATUS = p.DeploymentStatus(
    id="x",
    environment="local",
    digest="",
    ready=True,
    failure=None,
    components={},
    capabilities=(),
    kept=False,
    last_event=0,
)


def test_a_client_goes_on_after_a_time_out(fleet: Fleet) -> None:
    started = fleet.up(SLEEPER)
    keeper = keeper_of(started.place)
    os.kill(keeper, signal.SIGSTOP)
    try:
        with pytest.raises(KeeperError, match="does not answer"):
            started.ask(p.Logs(component="one"), 0.2)
    finally:
        os.kill(keeper, signal.SIGCONT)
    assert started.status().components["one"].state is State.READY


@pytest.fixture
def connection() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Ours, and that of a peer that is not a keeper of this version."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


Pair = tuple[socket.socket, socket.socket]


def greeting(**changes: object) -> bytes:
    status = json.loads(STATUS.model_dump_json()) | changes
    return json.dumps({"status": status}).encode() + b"\n"


def test_a_reply_may_come_in_pieces(connection: Pair) -> None:
    ours, theirs = connection
    theirs.sendall(greeting() + b'{"stat')
    found = KeeperClient(Place.private(), ours, started=False)
    with pytest.raises(KeeperError, match="does not answer"):
        found.ask(p.Keep(idle_seconds=1), 0.05)
    theirs.sendall(b'us": null, "number": 1}\n' + greeting(ready=False))
    assert not found.status().ready


def test_a_reply_that_was_lost_is_not_waited_for(connection: Pair) -> None:
    """As by Ctrl-C, just when it had been read."""
    ours, theirs = connection
    theirs.sendall(greeting())
    found = KeeperClient(Place.private(), ours, started=False)
    with pytest.raises(KeeperError, match="does not answer"):
        found.ask(p.Keep(idle_seconds=1), 0.05)
    theirs.sendall(b'{"number": 2, "error": "mine", "hint": "x"}\n')
    with pytest.raises(KeeperError, match="mine"):
        found.ask(p.Down(), 5.0)


def test_a_request_that_nobody_takes_ends_the_connection(
    connection: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = connection
    theirs.sendall(greeting())
    found = KeeperClient(Place.private(), ours, started=False)
    monkeypatch.setattr(client, "_ANSWER_SECONDS", 0.1)
    with pytest.raises(KeeperError, match="does not answer"):
        found.ask(p.Logs(component="x" * 5_000_000))
    with pytest.raises(KeeperError, match="was closed"):  # half a request was sent
        found.status()


def test_a_reply_without_end_is_not_read_for_ever(
    connection: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = connection
    monkeypatch.setattr(p, "LONGEST_LINE", 1000)
    theirs.sendall(b"x" * 2000)
    with pytest.raises(KeeperError, match="different versions"):
        KeeperClient(Place.private(), ours, started=False)


@pytest.mark.parametrize(
    "said",
    [
        greeting(protocol=p.PROTOCOL + 1),
        greeting(ready="perhaps"),
        b'{"status": {}}\n',
        b"220 ready\n",
    ],
    ids=["protocol", "value", "missing", "no JSON"],
)
def test_another_version_is_named_with_what_to_do(connection: Pair, said: bytes) -> None:
    ours, theirs = connection
    theirs.sendall(said)
    with pytest.raises(KeeperError, match="different versions") as error:
        KeeperClient(Place.private(), ours, started=False)
    assert "seatrial down" in (error.value.hint or "")


def test_what_a_later_keeper_says_beyond_that_is_ignored(connection: Pair) -> None:
    ours, theirs = connection
    theirs.sendall(greeting(mood="good"))
    assert KeeperClient(Place.private(), ours, started=False).greeting.status == STATUS


def test_waits_are_as_long_as_the_declaration_allows(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = fleet.up(SLEEPER.replace("notify}", "notify, start_timeout: 3600, grace: 300}"))
    limits: list[float] = []
    ask = started.ask

    def listen(request: p.BaseModel, seconds: float = 0.0) -> p.Reply:
        limits.append(seconds)
        return ask(request)

    with monkeypatch.context() as listening:
        listening.setattr(started, "ask", listen)
        listening.setattr(client, "wait_until_gone", lambda _, seconds: limits.append(seconds))
        started.act(Action.RESTART, "one")
        assert limits.pop() > 3900
        started.down()
        assert limits.pop() > 300
