from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from seatrial.kinds.base import ProbeResult, Target
from seatrial.kinds.postgres.config import PostgresConfig
from seatrial.kinds.postgres.probe import probe
from seatrial.waiting import Deadline
from tests.kinds.harness import Running, context_of, open_folder, running


def make_config(**keys: object) -> PostgresConfig:
    return PostgresConfig.model_validate(
        {"kind": "postgres", "database": "quantum_db", "user": "quantum_user", **keys}
    )


@pytest.fixture(scope="session")
def cache() -> Iterator[Path]:
    """The templates of this session, so that initdb runs once."""
    with open_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def server(cache: Path) -> Iterator[Running]:
    """A PostgreSQL that tests share: each makes databases and roles of its own in it."""
    with running(make_config(), component="postgres", cache=cache) as one:
        yield one


Look = Callable[..., ProbeResult]


@pytest.fixture
def look(cache: Path, tmp_path: Path) -> Look:
    """Probe a target once, within so many seconds."""

    def once(target: Target, seconds: float = 10.0) -> ProbeResult:
        context = context_of(cache, tmp_path, target)
        return asyncio.run(probe(target, context, Deadline.after(seconds)))

    return once
