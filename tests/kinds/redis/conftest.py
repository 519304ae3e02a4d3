from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from seatrial.kinds.base import Endpoint, ProbeResult, Target
from seatrial.kinds.redis.config import RedisConfig
from seatrial.kinds.redis.probe import probe
from seatrial.kinds.redis.server import installed
from seatrial.waiting import Deadline, eventually
from tests.kinds.harness import Reserved, Running, context_of, dying_with_us, running


def make_config(**keys: object) -> RedisConfig:
    return RedisConfig.model_validate({"kind": "redis", **keys})


@pytest.fixture(scope="session")
def server() -> Iterator[Running]:
    """A Redis with a password, as a native start makes it."""
    with running(make_config(), component="cache") as one:
        yield one


Look = Callable[..., ProbeResult]


@pytest.fixture
def look(tmp_path: Path) -> Look:
    def one(target: Target, seconds: float = 5.0) -> ProbeResult:
        return asyncio.run(
            probe(target, context_of(tmp_path, tmp_path, target), Deadline.after(seconds))
        )

    return one


Start = Callable[..., AbstractContextManager[Target]]


@pytest.fixture
def start(tmp_path: Path, look: Look) -> Start:
    """A Redis with options of the test's own, and no password."""

    @contextmanager
    def one(*options: str, **keys: object) -> Iterator[Target]:
        ports = Reserved()
        endpoint = Endpoint("redis", "127.0.0.1", ports())
        target = Target("cache", "redis", make_config(**keys), {"redis": (endpoint,)})
        argv = (installed(None).program, "--port", str(endpoint.port), "--save", "", *options)
        with open(tmp_path / "redis.log", "ab") as log:
            process = subprocess.Popen(
                [*dying_with_us(None), *argv], cwd=tmp_path, stdout=log, stderr=log
            )
        try:
            eventually(
                lambda: look(target).found,
                lambda said: "no connection" not in said,
                watch=lambda: (tmp_path / "redis.log").read_text() if process.poll() else None,
            )
            yield target
        finally:
            process.kill()
            process.wait()
            ports.release()

    return one
