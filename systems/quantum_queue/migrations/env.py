"""How Alembic reaches the database: the URL comes from DATABASE_URL and nowhere else."""

from __future__ import annotations

import asyncio
import os
import sys
from logging.config import fileConfig

import asyncpg
from alembic import context
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from quantum_queue.contracts.environment import SettingsError
from quantum_queue.contracts.settings import exit_with, read_database_url

CONNECT_SECONDS = 10.0
LOCK_MILLISECONDS = 60_000
LOCK_KEY = 7_110_051_017_101  # Any constant: two migrations of one database must not overlap.


def migrate_offline() -> None:
    """Write the SQL instead of running it (`alembic upgrade head --sql`)."""
    context.configure(dialect_name="postgresql", literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()


def migrate_with(connection: Connection) -> None:
    """Run the migrations in one transaction: all of them or none."""
    context.configure(connection=connection)
    with context.begin_transaction():
        connection.execute(text(f"SET LOCAL lock_timeout = {LOCK_MILLISECONDS}"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK_KEY})
        context.run_migrations()


async def migrate_online() -> None:
    """Connect with the same driver and the same reading of the URL as the services."""

    async def connect() -> asyncpg.Connection[asyncpg.Record]:
        return await asyncpg.connect(read_url(), timeout=CONNECT_SECONDS)

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(migrate_with)
    await engine.dispose()


def read_url() -> str:
    """Return DATABASE_URL, or end with one line that says what is wrong with it."""
    try:
        return read_database_url(os.environ)
    except SettingsError as error:
        exit_with("alembic", error.problems)


if context.config.config_file_name is not None:
    fileConfig(context.config.config_file_name, disable_existing_loggers=False)

if context.is_offline_mode():
    migrate_offline()
else:
    read_url()
    try:
        asyncio.run(migrate_online())
    except (OSError, TimeoutError, asyncpg.PostgresError, DBAPIError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        reason = str(cause) or type(cause).__name__
        print(f"alembic: the database was not migrated: {reason}", file=sys.stderr)
        raise SystemExit(1) from error
