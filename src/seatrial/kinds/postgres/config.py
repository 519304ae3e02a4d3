"""What may be declared of a PostgreSQL component, and what may be expected of it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from seatrial.declaration.models import CleanUp, Command, ComponentConfig, Environ, Model
from seatrial.kinds.versions import Requirement
from seatrial.outcome import Priority

#: Where a native start makes nothing else necessary.
DEFAULT_NAME = "app"


_Statement = Annotated[str, Field(min_length=1)]


_LONGEST_NAME = 63  # bytes


class PostgresConfig(ComponentConfig):
    """A PostgreSQL server and the database in it that the system uses."""

    version: Requirement | None = Field(
        None, description='versions that will do, such as ">=15" or ">=15, <18"'
    )
    database: str = Field(DEFAULT_NAME, min_length=1, max_length=_LONGEST_NAME)
    user: str = Field(
        DEFAULT_NAME, min_length=1, max_length=_LONGEST_NAME, description="owner of the database"
    )
    port: int | None = Field(
        None, ge=1, le=65535, description="a fixed port for a native start; a free one if left out"
    )
    options: Mapping[str, bool | int | float | str] = Field(
        {}, description="server settings for a native start, such as max_connections: 50"
    )
    standby: bool = Field(False, description="a read-only standby will do at this endpoint")
    start_timeout: float = Field(60.0, gt=0, le=3600, description="seconds until it must be ready")

    @model_validator(mode="after")
    def _reserved(self) -> Self:
        for key in ("database", "user"):
            if len(getattr(self, key).encode()) > _LONGEST_NAME:
                raise ValueError(f"{key}: PostgreSQL cuts names of more than {_LONGEST_NAME} bytes")
        if self.user.startswith("pg_"):
            raise ValueError('user: PostgreSQL keeps names that begin with "pg_" to itself')
        if self.database in ("template0", "template1"):
            raise ValueError(f"database: {self.database} is PostgreSQL's own template")
        return self


class MigrationsExpect(Model):
    """The live schema is what these Alembic migrations make of an empty database."""

    folder: str = Field(description="holds the migrations, relative to the system's folder")
    run: Command = Field(description="the command that applies all of them")
    url: str = Field("DATABASE_URL", description="the variable in which it reads the database URL")
    env: Environ = Field({}, description="what else it needs in its environment")
    table: str = Field("alembic_version", description="where it keeps the applied revision")
    priority: Priority = Priority.P1

    @property
    def command(self) -> tuple[str, ...]:
        return tuple(shlex.split(self.run)) if isinstance(self.run, str) else self.run

    @model_validator(mode="after")
    def _has_command(self) -> Self:
        if not self.command:
            raise ValueError("run: the command is empty")
        return self


class TableExpect(Model):
    """A table exists and has at least these columns, indexes and constraints."""

    columns: Mapping[str, str] = Field({}, description="column name -> its SQL type")
    indexes: tuple[str, ...] = Field((), description="names of indexes")
    constraints: tuple[str, ...] = Field(
        (), description='definitions, as psql shows them: "UNIQUE (email)"'
    )
    priority: Priority = Priority.P1


def _labels(value: Any) -> Any:
    return {"labels": value} if isinstance(value, list | tuple) else value


class EnumLabels(Model):
    """An enum type has exactly these labels, in this order."""

    labels: tuple[str, ...] = Field(min_length=1)
    priority: Priority = Priority.P1


EnumExpect = Annotated[
    EnumLabels,
    BeforeValidator(_labels, json_schema_input_type=tuple[str, ...] | EnumLabels),
]


Privilege = Literal["select", "insert", "update", "delete", "truncate", "references", "trigger"]


def _tables(value: Any) -> Any:
    return value if isinstance(value, dict) and "tables" in value else {"tables": value}


class TablePrivileges(Model):
    """What a role may do with tables, by name, or schema.name."""

    tables: Mapping[str, tuple[Privilege, ...]] = Field(min_length=1)
    priority: Priority = Priority.P1


PrivilegesExpect = Annotated[
    TablePrivileges,
    BeforeValidator(
        _tables, json_schema_input_type=Mapping[str, tuple[Privilege, ...]] | TablePrivileges
    ),
]


class PostgresCleanUp(CleanUp):
    """SQL with the keys that the ledger wrote down: `= ANY(%(keys)s)`, an array of text."""

    find: str = Field(
        min_length=1,
        description="SQL that returns one number, how many things with the keys are there",
    )
    remove: tuple[_Statement, ...] = Field(
        min_length=1, description="SQL statements that remove them, all in one transaction"
    )


class PostgresExpect(Model):
    """What the database must be like."""

    migrations: MigrationsExpect | None = None
    tables: Mapping[str, TableExpect] = Field({}, description="by name, or schema.name")
    enums: Mapping[str, EnumExpect] = Field({}, description="by name: the labels in order")
    privileges: Mapping[str, PrivilegesExpect] = Field(
        {}, description="by role: what it may do, table by table: {orders: [select, insert]}"
    )

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if not (self.migrations or self.tables or self.enums or self.privileges):
            raise ValueError("nothing is expected: declare migrations, tables, enums or privileges")
        return self
