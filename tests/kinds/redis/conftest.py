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


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """Options with a certificate that signed itself, for a name that leads nowhere."""
    folder = tmp_path_factory.mktemp("tls")
    key, own = str(folder / "key.pem"), str(folder / "own.pem")
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    make += ["-nodes", "-days", "2", "-subj", "/CN=cache", "-keyout", key, "-out", own]
    subprocess.run(make, check=True, capture_output=True)
    files = ("--tls-cert-file", own, "--tls-key-file", key, "--tls-ca-cert-file", own)
    return (*files, "--tls-auth-clients", "no")


@pytest.fixture
def start(tmp_path: Path, look: Look) -> Start:
    """A Redis with options of the test's own, and no password; only with TLS where `secure`."""

    @contextmanager
    def one(*options: str, secure: bool = False, **keys: object) -> Iterator[Target]:
        ports = Reserved()
        endpoint = Endpoint("redis", "127.0.0.1", ports())
        target = Target("cache", "redis", make_config(**keys), {"redis": (endpoint,)})
        ports_told = ("--port", "0", "--tls-port") if secure else ("--port",)
        port = (*ports_told, str(endpoint.port))
        argv = (installed(None).program, *port, "--save", "", *options)
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
