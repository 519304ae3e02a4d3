"""The kind `postgres`: a PostgreSQL server, and the one database in it that the system uses."""

from __future__ import annotations

from seatrial.kinds.base import Kind
from seatrial.kinds.postgres.config import PostgresCleanUp, PostgresConfig, PostgresExpect

_HERE = "seatrial.kinds.postgres"

KIND = Kind(
    name="postgres",
    summary="PostgreSQL: one database of a server",
    config=PostgresConfig,
    endpoints=("sql",),
    expect=PostgresExpect,
    schemes={
        "postgresql": 5432,
        "postgres": 5432,
        # As SQLAlchemy writes them; the driver's name means nothing to Seatrial.
        "postgresql+psycopg": 5432,
        "postgresql+psycopg2": 5432,
        "postgresql+asyncpg": 5432,
    },
    probe_at=f"{_HERE}.probe:probe",
    expectations_at=f"{_HERE}.expect:check",
    launch_at=f"{_HERE}.launch:LAUNCH",
    client_at=f"{_HERE}.client:PostgresClient",
    meters_at=f"{_HERE}.meters:read",
    clean_up=PostgresCleanUp,
    clean_up_at=f"{_HERE}.clean_up:CLEAN_UP",
    drills_at=f"{_HERE}.drills:drills",
    place="database",
    logs_in=True,
    server_at=f"{_HERE}.server:installed",
    containers_at=f"{_HERE}.containers:CONTAINERS",
    packages=("postgresql",),
    also_called=("database", "db", "postgresql", "sql"),
)
