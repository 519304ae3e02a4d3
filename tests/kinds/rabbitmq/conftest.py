from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from pamqp import commands

from seatrial.kinds.base import Endpoint, ProbeResult, Target
from seatrial.kinds.rabbitmq.config import RabbitmqConfig
from seatrial.kinds.rabbitmq.probe import probe
from seatrial.kinds.rabbitmq.wire import session
from seatrial.waiting import Deadline
from tests.kinds.harness import Running, context_of, open_folder, running
from tests.kinds.rabbitmq.admin import Admin


def make_config(**keys: object) -> RabbitmqConfig:
    return RabbitmqConfig.model_validate({"kind": "rabbitmq", "user": "quantum_user", **keys})


@pytest.fixture(scope="session")
def cache() -> Iterator[Path]:
    with open_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def server(cache: Path) -> Iterator[Running]:
    """A broker that tests share: each makes a virtual host of its own in it."""
    with running(make_config(), component="rabbitmq", cache=cache) as one:
        yield one


@pytest.fixture(scope="session")
def _numbers() -> Iterator[int]:
    return itertools.count()


@pytest.fixture
def admin(server: Running, _numbers: Iterator[int]) -> Iterator[Admin]:
    """Changes a virtual host that only this test sees."""
    one = Admin(server.endpoints["management"], f"test-{next(_numbers)}")
    one.put(f"vhosts/{one.vhost}", {})
    one.permit("quantum_user")
    yield one
    one.forget()


@pytest.fixture
def target(server: Running, admin: Admin) -> Target:
    """The shared broker, and the test's own virtual host in it."""
    return with_endpoint(server.target, "amqp", path=f"/{admin.vhost}")


def with_endpoint(target: Target, name: str, **changes: object) -> Target:
    endpoint: Endpoint = replace(target.endpoint(name), **changes)  # type: ignore[arg-type]
    return replace(target, endpoints={**target.endpoints, name: (endpoint,)})


def with_config(target: Target, **keys: object) -> Target:
    return replace(target, config=make_config(**keys))


def as_user(target: Target, user: str, password: str) -> Target:
    """The same broker, with another login at both endpoints."""
    target = with_endpoint(target, "amqp", user=user, password=password)
    return with_endpoint(target, "management", user=user, password=password)


Look = Callable[..., ProbeResult]


@pytest.fixture
def look(cache: Path, tmp_path: Path) -> Look:
    """Probe a target once, within so many seconds."""

    def once(target: Target, seconds: float = 10.0) -> ProbeResult:
        context = context_of(cache, tmp_path, target)
        return asyncio.run(probe(target, context, Deadline.after(seconds)))

    return once


@contextmanager
def consuming(target: Target, *queues: str, exclusive: bool = False) -> Iterator[None]:
    """A consumer on each of these queues, on a connection of its own; it acknowledges nothing.

    `exclusive`: it declares them first, and has them for itself.
    """
    ready, done = threading.Event(), threading.Event()
    errors: list[BaseException] = []

    async def consume() -> None:
        async with session(target.endpoint("amqp"), Deadline.after(60)) as one:
            channel = await one.channel()
            for queue in queues:
                if exclusive:
                    declare = commands.Queue.Declare(queue=queue, exclusive=True)
                    await one.ask(channel, declare, commands.Queue.DeclareOk)
                await one.ask(
                    channel, commands.Basic.Consume(queue=queue), commands.Basic.ConsumeOk
                )
            ready.set()
            await asyncio.to_thread(done.wait)

    def body() -> None:
        try:
            asyncio.run(consume())
        except BaseException as error:
            errors.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=body)
    thread.start()
    ready.wait()
    try:
        assert not errors, errors
        yield
    finally:
        done.set()
        thread.join()
