"""The parts that need no pytest process: classification, root causes, ledgers of the dead."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from seatrial.declaration.graph import Graph
from seatrial.declaration.models import Component, ComponentConfig, Location
from seatrial.keeper.protocol import Event
from seatrial.ledger.file import LedgerFile, Owner, this_process, unfinished
from seatrial.ledger.recover import recover
from seatrial.outcome import Cause, Outcome, Priority, State
from seatrial.plugin.marks import Marks, priority_by_name
from seatrial.plugin.states import Down, cause_of, root
from seatrial.plugin.trial import Blocked, Phase, Trial

PASSED = Phase("passed", "", 0.1)
FAILED = Phase("failed", "assert 1 == 2", 0.1)
SKIPPED = Phase("skipped", "not today", 0.1)
EXITED = Down("worker", State.EXITED, "exit code 1")


def trial(**phases: Phase) -> Trial:
    return Trial("n", Marks(Priority.P1), 1, {"worker"}, phases=phases)


@pytest.mark.parametrize(
    ("phases", "outcome"),
    [
        ({"setup": PASSED, "call": PASSED, "teardown": PASSED}, Outcome.PASSED),
        ({"setup": PASSED, "call": FAILED, "teardown": PASSED}, Outcome.FAILED),
        ({"setup": PASSED, "call": FAILED, "teardown": FAILED}, Outcome.FAILED),
        ({"setup": PASSED, "call": PASSED, "teardown": FAILED}, Outcome.ERRORED),
        ({"setup": FAILED, "teardown": PASSED}, Outcome.ERRORED),
        ({"setup": PASSED, "call": SKIPPED, "teardown": PASSED}, Outcome.SKIPPED),
        ({"setup": SKIPPED, "teardown": PASSED}, Outcome.SKIPPED),
        ({"setup": SKIPPED, "teardown": FAILED}, Outcome.SKIPPED),
        ({"setup": PASSED, "teardown": PASSED}, Outcome.ERRORED),
    ],
)
def test_outcome_of_phases(phases: dict[str, Phase], outcome: Outcome) -> None:
    assert trial(**phases).result().outcome is outcome


def test_a_loss_is_a_failure_whatever_pytest_saw() -> None:
    for call in (PASSED, FAILED):
        lost = trial(setup=PASSED, call=call, teardown=PASSED)
        lost.lost, lost.lost_finding = EXITED, "worker.exited"
        result = lost.result()
        assert (result.outcome, result.finding) == (Outcome.FAILED, "worker.exited")
        assert "worker is exited" in result.reason


def test_blocked_comes_before_everything() -> None:
    blocked = trial(setup=FAILED, teardown=FAILED)
    blocked.blocked = Blocked("worker is exited", EXITED, "worker.exited")
    assert blocked.result().outcome is Outcome.BLOCKED


def event(component: str, state: State, *, by_fault: bool = False) -> Event:
    return Event(
        seq=1,
        at=datetime.now(UTC),
        component=component,
        replica=None,
        state=state,
        detail="",
        by_fault=by_fault,
    )


def test_what_counts_as_a_loss() -> None:
    def lost(one: Event, faults: int = 0, before: dict[str, Down] | None = None) -> bool:
        running = trial()
        running.faults, running.down_at_begin = faults, before or {}
        running.note([one], ["worker"])
        return running.lost is not None

    assert lost(event("worker", State.EXITED))
    assert not lost(event("worker", State.READY))
    assert not lost(event("other", State.EXITED))
    assert not lost(event("worker", State.EXITED), faults=1)
    assert not lost(event("worker", State.STOPPED, by_fault=True))
    assert not lost(event("worker", State.EXITED), before={"worker": EXITED})


@pytest.mark.parametrize(
    ("state", "call", "still", "lost"),
    [
        (State.UNREACHABLE, PASSED, False, False),
        (State.UNREACHABLE, PASSED, True, True),
        (State.UNREACHABLE, FAILED, False, True),
        (State.EXITED, PASSED, False, True),
    ],
)
def test_a_moment_out_of_reach_is_forgiven(
    state: State, call: Phase, still: bool, lost: bool
) -> None:
    one = trial(setup=PASSED, call=call)
    one.lost = Down("worker", state)
    one.forgive({"worker"} if still else set())
    assert (one.lost is not None) is lost


def component(name: str, *needs: str) -> Component:
    config = ComponentConfig(kind="process", needs=needs)
    return Component(name, "process", config, None, (), Location(Path("f"), 1, 1))


GRAPH = Graph(
    {
        c.name: c
        for c in (
            component("db"),
            component("broker"),
            component("migrate", "db"),
            component("api", "migrate", "broker"),
        )
    }
)


@pytest.mark.parametrize(
    ("names", "expected"),
    [(["api", "migrate", "db"], "db"), (["api", "broker"], "broker"), (["api"], "api")],
)
def test_the_root_is_what_explains_the_others(names: Sequence[str], expected: str) -> None:
    for order in (names, list(reversed(names))):
        down = {name: Down(name, State.EXITED) for name in order}
        assert root(down, GRAPH).component == expected


def test_causes_of_states() -> None:
    assert cause_of(Down("x", State.EXITED), "process") is Cause.EXITED
    assert cause_of(Down("x", State.FAILED), "postgres") is Cause.EXITED
    assert cause_of(Down("x", State.PAUSED), "postgres") is Cause.STOPPED
    assert cause_of(Down("x", State.UNREACHABLE), "postgres") is Cause.TIMEOUT
    assert cause_of(Down("x", State.UNREACHABLE), "process") is Cause.NO_CONSUMER
    assert cause_of(Down("x", State.UNREACHABLE, cause=Cause.DNS), "http") is Cause.DNS


@pytest.mark.parametrize(
    ("name", "expected"),
    [("test_p1_a.py", "p1"), ("test_p3_a.py", "p3"), ("test_a.py", "p1"), ("test_p4_a.py", "p1")],
)
def test_priority_by_name(name: str, expected: str) -> None:
    assert priority_by_name(Path("trials") / name) is Priority(expected)


class Shelf:
    """Stands for the cleaner of a system: what is there, by key."""

    addresses = ("postgresql://here",)

    def __init__(self, *keys: str, stubborn: bool = False) -> None:
        self.keys, self.stubborn = set(keys), stubborn

    def remove(self, keys: Sequence[str]) -> None:
        if self.stubborn:
            raise PermissionError("DELETE is not granted")
        self.keys -= set(keys)

    def left(self, keys: Sequence[str]) -> int:
        return len(self.keys & set(keys))


@pytest.fixture
def dead(tmp_path: Path) -> Owner:
    """The owner of a ledger in `tmp_path` whose process is gone: its start does not match."""
    this = this_process()
    owner = Owner("s", "far", "d", Shelf.addresses, this.number, this.started - 1)
    file = LedgerFile(tmp_path, owner)
    file.intend("k1", "n")
    file.intend("k2", "n")
    file.close(forget=False)
    return owner


def test_a_ledger_of_the_dead_is_read(tmp_path: Path, dead: Owner) -> None:
    (left,) = unfinished(tmp_path)
    assert (left.owner, left.keys) == (dead, ("k1", "k2"))
    assert left.file.stat().st_mode & 0o777 == 0o600


def test_a_torn_last_line_is_no_key(tmp_path: Path, dead: Owner) -> None:
    (file,) = tmp_path.iterdir()
    with file.open("a") as stream:
        stream.write('{"key": "k3", "no')
    (left,) = unfinished(tmp_path)
    assert left.keys == ("k1", "k2")


def test_a_ledger_of_the_living_is_left_alone(tmp_path: Path) -> None:
    this = this_process()
    assert this.number == os.getpid()
    owner = Owner("s", "far", "d", Shelf.addresses, this.number, this.started)
    LedgerFile(tmp_path, owner).close(forget=False)
    assert list(unfinished(tmp_path)) == []


def recovered(shelf: Shelf, folder: Path) -> list[str]:
    return [one.said for one in recover(shelf, unfinished(folder), False, "d")]  # type: ignore[arg-type]


def test_recovery_removes_what_the_dead_left(tmp_path: Path, dead: Owner) -> None:
    shelf = Shelf("k1", "k2", "other")
    lines = recovered(shelf, tmp_path)
    assert shelf.keys == {"other"}
    assert len(lines) == 1
    assert "removed" in lines[0]
    assert list(tmp_path.iterdir()) == []


def test_recovery_leaves_other_servers_alone(tmp_path: Path, dead: Owner) -> None:
    """The same environment name, but its URL now leads elsewhere."""
    (file,) = tmp_path.iterdir()
    head, *rest = file.read_text().splitlines()
    assert json.loads(head)["addresses"] == list(Shelf.addresses)
    elsewhere = asdict(replace(dead, addresses=("postgresql://there",)))
    file.write_text("\n".join([json.dumps({"ledger": 1, **elsewhere}), *rest, ""]))
    shelf = Shelf("k1", "k2")
    lines = recovered(shelf, tmp_path)
    assert shelf.keys == {"k1", "k2"}
    assert "postgresql://there" in lines[0]
    assert file.exists()


def test_recovery_that_fails_says_so_and_tries_again_next_time(
    tmp_path: Path, dead: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seatrial.ledger.recover._SETTLE", 0.05)
    lines = recovered(Shelf("k1", stubborn=True), tmp_path)
    assert "DELETE is not granted" in lines[0]
    assert len(list(tmp_path.iterdir())) == 1
