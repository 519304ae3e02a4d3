"""A private PostgreSQL for one trial: for what must not be tried on anybody's data."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row, tuple_row
from seatrial.errors import DeploymentError
from seatrial.keeper.places import cache
from seatrial.kinds.postgres.binaries import find_server
from seatrial.kinds.postgres.scratch import scratch_server
from seatrial.waiting import Deadline

SYSTEM = Path(__file__).parents[1]
_PATIENCE = 60.0  # s for one command


@dataclass(frozen=True)
class ScratchDatabase:
    """An empty database of its own; commands of the system run against it."""

    url: str

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """`python -m COMMAND` in the system's folder, with this database."""
        return subprocess.run(
            [sys.executable, "-m", *command],
            cwd=SYSTEM,
            env={**os.environ, "DATABASE_URL": self.url},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )

    def alembic(self, *arguments: str) -> None:
        done = self.run("alembic", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr

    def connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.url, row_factory=tuple_row)

    def query(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with self.connect() as connection:
            cursor = connection.execute(sql, parameters or None)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def rows(self, sql: str, parameters: Mapping[str, object]) -> list[dict[str, Any]]:
        """By the names of their columns."""
        with psycopg.connect(self.url, row_factory=dict_row) as connection:
            return connection.execute(sql, parameters).fetchall()  # type: ignore[arg-type]

    def value(self, sql: str, parameters: Sequence[object] = ()) -> Any:
        ((found,),) = self.query(sql, parameters)
        return found


@contextmanager
def scratch_database(folder: Path | None = None) -> Iterator[ScratchDatabase]:
    """With its data in this folder, if it matters. Skips where no PostgreSQL is installed."""
    try:
        server = find_server(None)
    except DeploymentError as missing:
        pytest.skip(f"a scratch database needs PostgreSQL on this machine: {missing}")
    # Two short runs of one loop, so that none is running in this thread during the trial.
    with asyncio.Runner() as runner:
        opened = scratch_server(
            server, "quantum_user", "scratch_db", folder or cache(), Deadline.after(_PATIENCE)
        )
        scratch = runner.run(opened.__aenter__())
        try:
            yield ScratchDatabase(scratch.endpoint.url)
        finally:
            runner.run(opened.__aexit__(None, None, None))
