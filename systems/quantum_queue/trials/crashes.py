"""kill -9 of the queue's parts while callers submit: who falls when, and what callers were told."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
from conftest import BELL
from seatrial.waiting import Deadline
from traffic import Balancer

#: In the order in which they can be started again: the services need the servers.
PARTS = ("postgres", "rabbitmq", "api", "worker")
LONGEST_DOWN = 0.5  # s between the last blow of a group and the first start
_LATEST = 0.8  # of the work: what falls later finds nothing in flight
_CLIENTS = 8
_PAUSE = 0.05  # s before a caller asks again
_TRICKLE = 0.3  # s between two tasks of one caller, at most, once the rush is over
_PATIENCE = 120.0  # s for one submission, with all the crashes in its way

# Simulated shot by shot: long enough to be caught in the act, short enough for hundreds of them.
_LONGER = (
    "OPENQASM 3; qubit[8] q; bit c; h q; c = measure q[0]; if (c) { reset q[0]; } h q; measure q;"
)
_NEVER = "OPENQASM 3; qubit q; never q; measure q;"
#: (circuit, shots, what becomes of it)
KINDS = (
    (BELL, 100, "completed"),
    (BELL, 1024, "completed"),
    (_LONGER, 60, "completed"),
    (_NEVER, 10, "failed"),
)
_WEIGHTS = (10, 5, 4, 1)


@dataclass(frozen=True)
class Blow:
    """What falls together, when that much of the work is done, and for how long it lies."""

    parts: tuple[str, ...]
    after: float  # a share of the work
    down: float  # s

    def __str__(self) -> str:
        return f"{'+'.join(self.parts)} at {self.after:.0%}"


def plan(chance: random.Random) -> tuple[Blow, ...]:
    """Each part falls once, in any order, some of them together.

    Not more often: a worker or broker that is killed may cost an attempt, and a task has three.
    """
    order = chance.sample(PARTS, len(PARTS))
    groups = [[order[0]]]
    for part in order[1:]:
        if chance.random() < 0.5:
            groups.append([part])
        else:
            groups[-1].append(part)
    moments = sorted(chance.uniform(0, _LATEST) for _ in groups)
    return tuple(
        Blow(tuple(group), moment, chance.uniform(0, LONGEST_DOWN))
        for group, moment in zip(groups, moments, strict=True)
    )


@dataclass
class Callers:
    """What those who submit were told so far."""

    accepted: dict[str, int] = field(default_factory=dict)  # shots by task id
    expected: dict[str, str] = field(default_factory=dict)  # the status in the end
    refused: list[str] = field(default_factory=list)  # answers that are neither yes nor "later"
    repeated: int = 0  # requests that got no answer, or 503


@contextmanager
def callers(urls: Sequence[str], key: str, tasks: int, chance: random.Random) -> Iterator[Callers]:
    """Submit so many tasks beside the block, each again and again until it is accepted.

    The first half comes in a rush, so that there is much in flight; the other in a trickle, so that
    some is always being submitted. All carry `key` as their correlation id. The end of the block
    waits for the last of them.
    """
    seen, give_up = Callers(), threading.Event()
    kinds = chance.choices(KINDS, _WEIGHTS, k=tasks)
    gaps = [chance.uniform(0, _TRICKLE) if 2 * index > tasks else 0 for index in range(tasks)]
    work = list(zip(range(tasks), kinds, gaps, strict=True))

    def caller(number: int) -> None:
        balancer = Balancer(urls)
        try:
            for index, (circuit, shots, ending), gap in work[number::_CLIENTS]:
                give_up.wait(gap)
                body = {"circuit": circuit, "shots": shots}
                task = _submit(balancer, body, f"{key}.{index}", key, seen, give_up)
                if task is not None:
                    seen.accepted[task] = shots
                    seen.expected[task] = ending
        finally:
            balancer.close()

    threads = [threading.Thread(target=caller, args=(number,)) for number in range(_CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    except BaseException:
        give_up.set()
        raise
    finally:
        until = Deadline.after(_PATIENCE)
        for thread in threads:
            thread.join(until.remaining())
        give_up.set()
        for thread in threads:
            thread.join()


def _submit(
    balancer: Balancer,
    body: dict[str, object],
    idempotency: str,
    key: str,
    seen: Callers,
    give_up: threading.Event,
) -> str | None:
    """Returns the task's id, or None where there is no hope."""
    headers = {"Idempotency-Key": idempotency, "X-Correlation-ID": key}
    while not give_up.is_set():
        try:
            answer = balancer.send("POST", "/tasks", json=body, headers=headers)
        except httpx.HTTPError:
            seen.repeated += 1
        else:
            if answer.status_code == 200:
                return str(answer.json()["task_id"])
            if answer.status_code != 503:
                seen.refused.append(f"{answer.status_code}: {answer.text}")
                return None
            seen.repeated += 1
        give_up.wait(_PAUSE)
    return None
