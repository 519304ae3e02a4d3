"""What the migrations make of an empty database: run once on a scratch server, then kept."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

import psycopg
from pydantic import BaseModel, ConfigDict, ValidationError

from seatrial.errors import SeatrialError, ServerMissing
from seatrial.kinds.base import Context, Endpoint, Target
from seatrial.kinds.postgres.address import Place, config_of
from seatrial.kinds.postgres.binaries import Server, find_server
from seatrial.kinds.postgres.config import MigrationsExpect
from seatrial.kinds.postgres.links import AsyncLink, bounded_async, connect_async
from seatrial.kinds.postgres.revisions import Revisions, read_folder
from seatrial.kinds.postgres.schema import Snapshot, read_revisions, read_snapshot
from seatrial.kinds.postgres.scratch import migrate, scratch_server
from seatrial.kinds.postgres.wire import Login, SslMode, Tls
from seatrial.outcome import Priority
from seatrial.waiting import Deadline

_FORMAT = 1  # raised when what is kept changes
_SETTINGS = ("alembic.ini", "pyproject.toml", "setup.cfg")  # of the system's folder
_MARGIN = 0.5  # s before the deadline, for ending the scratch server


class Schema(BaseModel):
    """A schema and the revisions that it is at; None without Alembic's table."""

    model_config = ConfigDict(frozen=True)

    revisions: tuple[str, ...] | None
    snapshot: Snapshot


@dataclass(frozen=True)
class Reference:
    """What is known of the migrations. Without `schema`, `problem` and `fix` say why."""

    known: Revisions
    schema: Schema | None
    problem: str = ""
    fix: str = ""
    priority: Priority | None = None  # of what therefore cannot be measured; None: as declared

    @property
    def heads(self) -> tuple[str, ...]:
        if self.schema is not None and self.schema.revisions is not None:
            return self.schema.revisions
        return self.known.heads


async def read_schema(link: AsyncLink, table: str | None) -> Schema:
    """Read both in one transaction that writes nothing; `table` is Alembic's, if there is one."""
    async with link.transaction():
        await link.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        revisions = await read_revisions(link, table) if table is not None else None
        return Schema(revisions=revisions, snapshot=await read_snapshot(link))


async def reference(
    target: Target, how: MigrationsExpect, context: Context, deadline: Deadline
) -> Reference:
    """From the cache, or made anew. Never raises, and is there before the deadline."""
    folder = context.system_folder / how.folder
    known = await asyncio.to_thread(read_folder, folder)
    if not folder.is_dir():
        where = f"expect.{target.name}.migrations.folder"
        return Reference(known, None, f"there is no folder {folder}", f"correct {where}")
    config = config_of(target)
    try:
        server = await asyncio.to_thread(find_server, config.version)
    except ServerMissing as error:
        why = f"{error.message}, so the migrations cannot be run to compare with"
        return Reference(known, None, why, error.hint or "", Priority.P2)
    kept = (
        context.cache
        / f"schema-{await asyncio.to_thread(_digest, target, how, context, server)}.json"
    )
    with contextlib.suppress(OSError, ValidationError):
        return Reference(known, Schema.model_validate_json(kept.read_bytes()))
    try:
        schema = await _make(target, how, context, server, deadline)
    except (SeatrialError, TimeoutError, OSError, psycopg.Error) as error:
        return Reference(known, None, *_why(error, target, how))
    _keep(kept, schema)
    return Reference(known, schema)


def _why(error: Exception, target: Target, how: MigrationsExpect) -> tuple[str, str]:
    command = " ".join(how.command)
    if isinstance(error, TimeoutError):
        return (
            f"the migrations took longer on a scratch PostgreSQL than the check may take: {error}",
            f"see what takes so long: {command}, on an empty database; "
            "or give the check more time: seatrial check --deadline 120",
        )
    found = error.message if isinstance(error, SeatrialError) else str(error)
    hint = (error.hint if isinstance(error, SeatrialError) else None) or (
        f"run them on an empty database: {command}; see expect.{target.name}.migrations"
    )
    return found, hint


async def _make(
    target: Target, how: MigrationsExpect, context: Context, server: Server, deadline: Deadline
) -> Schema:
    config = config_of(target)
    until = deadline.within(deadline.remaining() - _MARGIN)
    async with scratch_server(
        server, config.user, config.database, context.cache, until
    ) as scratch:
        await migrate(target.name, how, scratch.endpoint, context, until)
        link = await connect_async(_place(scratch.endpoint, config.database), until.remaining())
        try:
            return await bounded_async(link, read_schema(link, how.table), until.remaining())
        finally:
            link.pgconn.finish()


def _place(endpoint: Endpoint, database: str) -> Place:
    login = Login(endpoint.user or "", database, endpoint.password)
    return Place(endpoint.host, endpoint.port, login, Tls(SslMode.DISABLE))


def _digest(target: Target, how: MigrationsExpect, context: Context, server: Server) -> str:
    """Of all that decides what the migrations make, as far as it can be seen."""
    config = config_of(target)
    whole = hashlib.sha256()
    told = [_FORMAT, server.major, config.user, config.database, context.python]
    told += [how.command, how.url, dict(how.env), how.table, str(context.system_folder.resolve())]
    whole.update(json.dumps(told).encode())
    folder = context.system_folder / how.folder
    files = [path for path in folder.rglob("*") if "__pycache__" not in path.parts]
    files += [context.system_folder / name for name in _SETTINGS]
    for path in sorted(files):
        if path.is_file():
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            whole.update(f"\0{path.relative_to(context.system_folder)}\0{content}".encode())
    return whole.hexdigest()[:24]


def _keep(path: Path, schema: Schema) -> None:
    """Write it under another name first, so that nobody reads half of it."""
    making = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with contextlib.suppress(OSError):  # a cache: without it the next check takes longer
        making.write_text(schema.model_dump_json())
        os.replace(making, path)
