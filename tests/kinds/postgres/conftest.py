from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from seatrial.kinds.base import ProbeResult, Target
from seatrial.kinds.postgres.config import PostgresConfig
from seatrial.kinds.postgres.launch import socket_folder
from seatrial.kinds.postgres.probe import probe
from seatrial.kinds.postgres.template import KEEPER
from seatrial.waiting import Deadline
from tests.kinds.harness import Running, at, context_of, open_folder, running


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


def as_superuser(one: Running, *statements: str, database: str = "quantum_db") -> list[object]:
    """Run statements over the private socket; the rows of the last one."""
    conninfo = f"host={socket_folder(one.site)} port={one.endpoints['sql'].port}"
    with psycopg.connect(f"{conninfo} user={KEEPER} dbname={database}", autocommit=True) as link:
        for statement in statements:
            cursor = link.execute(statement)  # type: ignore[call-overload]
        return list(cursor.fetchall()) if cursor.description else []


@pytest.fixture
def database(server: Running) -> Iterator[Target]:
    """A database of this test's own, owned by the declared user, with the same password."""
    name = f"t_{secrets.token_hex(6)}"
    as_superuser(server, f"CREATE DATABASE {name} OWNER quantum_user", database="postgres")
    yield at(server.target, path=f"/{name}")
    as_superuser(server, f"DROP DATABASE {name} WITH (FORCE)", database="postgres")


@pytest.fixture
def sql(database: Target) -> Iterator[Callable[..., list[object]]]:
    """Run statements in the test's own database, as its owner."""
    with psycopg.connect(database.endpoint().url, autocommit=True) as link:

        def run(*statements: str) -> list[object]:
            for statement in statements:
                cursor = link.execute(statement)  # type: ignore[call-overload]
            return list(cursor.fetchall()) if cursor.description else []

        yield run


@pytest.fixture
def role(server: Running) -> Iterator[Callable[[str], str]]:
    """Make a role with the declared user's password; returns its name."""
    made: list[str] = []
    password = server.endpoints["sql"].password

    def make(attributes: str = "LOGIN") -> str:
        name = f"r_{secrets.token_hex(6)}"
        as_superuser(server, f"CREATE ROLE {name} {attributes} PASSWORD '{password}'")
        made.append(name)
        return name

    yield make
    for name in made:
        as_superuser(server, f"DROP OWNED BY {name}; DROP ROLE {name}")
