"""Small kinds of the tests' own, so that they do not change with the real ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field, JsonValue, field_validator, model_validator

from seatrial.declaration.load import load
from seatrial.declaration.models import (
    CleanUp,
    ComponentConfig,
    ComponentName,
    Model,
    ProgramConfig,
    System,
)
from seatrial.errors import DeclarationError, Problem


class DbConfig(ComponentConfig):
    kind: Literal["db"] = "db"
    database: str = Field("app", description="the database that the system uses")
    password: int | None = None
    api_token: str | None = None
    port: int | None = Field(None, ge=1, le=65535)

    @field_validator("api_token")
    @classmethod
    def _tells_what_it_was_given(cls, value: str) -> str:
        raise ValueError(f"{value} is no token")

    @field_validator("database")
    @classmethod
    def _not_reserved(cls, value: str) -> str:
        if value.startswith("template"):
            raise ValueError("a template cannot be used")
        return value


class Table(Model):
    columns: Mapping[str, str] = {}
    indexes: tuple[str, ...] = ()


class Migrations(Model):
    folder: str = Field(description="holds the migrations")


class DbExpect(Model):
    migrations: Migrations | None = None
    tables: Mapping[str, Table] = {}
    enums: Mapping[str, tuple[str, ...]] = {}

    @model_validator(mode="after")
    def _something(self) -> DbExpect:
        if not (self.migrations or self.tables or self.enums):
            raise ValueError("nothing is expected")
        return self


class DbCleanUp(CleanUp):
    find: str
    remove: tuple[str, ...] = Field(min_length=1)


class BrokerCleanUp(CleanUp):
    queues: tuple[str, ...] = Field(min_length=1)


class BrokerConfig(ComponentConfig):
    kind: Literal["broker"] = "broker"
    port: int | None = None
    management_port: int | None = None


class Queue(Model):
    durable: bool | None = None
    consumers: int | None = Field(None, ge=0)
    consumer: ComponentName | None = None


class BrokerExpect(Model):
    queues: Mapping[str, Queue] = {}


class WebConfig(ProgramConfig):
    kind: Literal["web"] = "web"
    health: str | None = Field(None, pattern="^/")
    port: int | None = None


class WebExpect(Model):
    status: int | None = None
    answer: Mapping[str, JsonValue] | None = Field(None, alias="json")


class JobConfig(ProgramConfig):
    kind: Literal["job"] = "job"
    consumes: Mapping[ComponentName, str] = {}

    @property
    def consumed(self) -> tuple[tuple[str, str], ...]:
        return tuple(self.consumes.items())


@dataclass(frozen=True)
class FakeKind:
    name: str
    config: type[ComponentConfig]
    expect: type[Model] | None
    endpoints: tuple[str, ...]
    clean_up: type[CleanUp] | None = None
    has_queues: bool = False

    def read(self, url: str) -> object:
        if url.startswith("wrong:"):
            raise ValueError("it begins with wrong")
        return url


KINDS = {
    kind.name: kind
    for kind in (
        FakeKind("db", DbConfig, DbExpect, ("sql",), DbCleanUp),
        FakeKind("broker", BrokerConfig, BrokerExpect, ("amqp", "management"), BrokerCleanUp, True),
        FakeKind("web", WebConfig, WebExpect, ("http",)),
        FakeKind("job", JobConfig, None, ()),
    )
}


def load_text(
    folder: Path,
    text: str | bytes,
    *,
    environment: str | None = None,
    variables: Mapping[str, str] | None = None,
) -> System:
    """Write a declaration into a folder and load it."""
    data = text.encode() if isinstance(text, str) else text
    (folder / "seatrial.yaml").write_bytes(data)
    return load(folder, KINDS, environment=environment, variables=variables or {})


def problems_of(
    folder: Path,
    text: str | bytes,
    *,
    environment: str | None = None,
    variables: Mapping[str, str] | None = None,
) -> tuple[Problem, ...]:
    """The mistakes of a declaration; () where it loads."""
    try:
        load_text(folder, text, environment=environment, variables=variables)
    except DeclarationError as error:
        return error.problems
    return ()
