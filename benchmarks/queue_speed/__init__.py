"""The quantum task queue beside a bare loop, Celery, and a bare handler.

All of it runs on one PostgreSQL and one RabbitMQ, brought up for this (`seatrial.yaml` here), each
with one simulator process. Needs Celery (requirements/optional/bench.txt), which `make bench` gets.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from benchmarks.measuring import ENVIRON, PYTHON, Row, by_turns, median
from benchmarks.queue_speed.clients import complete_all, notified, one_by_one, submit_all
from seatrial.declaration.load import load
from seatrial.environment.deployment import Deployment, start
from seatrial.keeper.protocol import Action
from seatrial.kinds.registry import KINDS

_HERE = Path(__file__).parent
BELL = "OPENQASM 3; qubit[2] q; h q[0]; cx q[0], q[1]; measure q;"
SHOTS = 1024
BODY = json.dumps({"circuit": BELL, "shots": SHOTS}).encode()
_CLIENTS = 50
_TASKS = 300
_SUBMISSIONS = 2000
_TURNS = 5
_FEW = 50
_LATENCY_TURNS = 7


def measure() -> Iterator[Row]:
    if find_spec("celery") is None:
        raise SystemExit("Celery is missing; `make bench` installs what it measures against")
    with deployed() as (deployment, at):
        yield from _latency(at)
        yield from _throughput(at)
        yield _submissions(deployment, at)


@contextmanager
def deployed() -> Iterator[tuple[Deployment, Mapping[str, str]]]:
    """Everything, up for the block, and the address of what has one."""
    system = load(_HERE, KINDS, environment=None, variables=os.environ)
    with start(system, name=None) as deployment:
        deployment.wait_until_ready()
        yield (
            deployment,
            {n: s.endpoint().url for n, s in deployment.targets().items() if s.endpoints},
        )
        deployment.down()


def _latency(at: Mapping[str, str]) -> Iterator[Row]:
    def ours(way: Callable[..., Coroutine[None, None, list[float]]]) -> float:
        return median(asyncio.run(way(at, _FEW, BODY)))

    by_turns(1, lambda: ours(notified), lambda: ours(one_by_one))  # warms up
    told, polled = by_turns(_LATENCY_TURNS, lambda: ours(notified), lambda: ours(one_by_one))
    what = f"submit to completed, idle, p50 of {_FEW} tasks"
    for way, took in (("its client notified", told), ("polled every ms", polled)):
        p50 = median(took)
        figure = f"p50 {p50 * 1000:.1f} ms"
        yield Row(f"{what}, {way}", "", took, (), "p50 < 25 ms", p50 < 0.025, figure)


def _throughput(at: Mapping[str, str]) -> Iterator[Row]:
    env = {
        **ENVIRON,
        "DATABASE_URL": at["postgres"],
        "RABBITMQ_URL": at["rabbitmq"],
    }

    def ours() -> float:
        return asyncio.run(complete_all(at["api"], at["postgres"], _TASKS, _CLIENTS, BODY))

    def celery() -> float:
        return _printed("celery_clients.py", str(_TASKS), str(_CLIENTS), BELL, str(SHOTS), env=env)

    def loop() -> float:
        return _printed("bare_loop.py", str(_TASKS), BELL, str(SHOTS), env=env)

    queue, peer, floor = by_turns(_TURNS, ours, celery, loop)
    ratio = median(floor) / median(queue)
    what = f"{_TASKS} Bell circuits from {_CLIENTS} clients, done"
    rate = f"{_TASKS / median(queue):.0f} a second, {ratio:.2f}x"
    yield Row(what, "in a bare loop on one core", queue, floor, ">= 0.3x", ratio >= 0.3, rate)
    faster = median(peer) / median(queue)
    figure = f"{faster:.2f}x of Celery"
    yield Row(what, "by Celery", queue, peer, ">= 1.5x", faster >= 1.5, figure)


def _submissions(deployment: Deployment, at: Mapping[str, str]) -> Row:
    for component in ("worker", "celery"):
        deployment.act(Action.STOP, component)

    def to(component: str) -> float:
        return asyncio.run(submit_all(at[component], _SUBMISSIONS, _CLIENTS, BODY))

    api, bare = by_turns(_TURNS, lambda: to("api"), lambda: to("bare"))
    ratio = median(bare) / median(api)
    return Row(
        f"{_SUBMISSIONS} submissions from {_CLIENTS} clients",
        "to a bare handler with the same SQL",
        api,
        bare,
        ">= 0.5x",
        ratio >= 0.5,
        f"{_SUBMISSIONS / median(api):.0f} a second, {ratio:.2f}x",
    )


def _printed(program: str, *words: str, env: Mapping[str, str]) -> float:
    """The number that a program prints; run anew each time, so that no turn warms the next."""
    done = subprocess.run(
        [PYTHON, _HERE / program, *words],
        cwd=_HERE,
        env=dict(env),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"{program} ended with {done.returncode}:\n{done.stderr}")
    return float(done.stdout)
