"""Every key of a declaration is documented with its default, and no other key is."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic.fields import FieldInfo

from seatrial.declaration.load import SECTIONS, Header
from seatrial.declaration.models import (
    CleanUp,
    ComponentConfig,
    EnvironmentConfig,
    Model,
    ProgramConfig,
    RemoteEndpoint,
)
from seatrial.declaration.references import FIELDS
from seatrial.kinds.http.config import HttpConfig, HttpExpect
from seatrial.kinds.postgres import config as postgres
from seatrial.kinds.process.config import ProcessConfig
from seatrial.kinds.programs import PASSED_ON
from seatrial.kinds.rabbitmq import config as rabbitmq
from seatrial.kinds.redis.config import RedisConfig
from seatrial.kinds.registry import KINDS
from seatrial.kinds.task.config import TaskConfig
from seatrial.outcome import Priority
from tests.docs.documents import KINDS as PAGES
from tests.docs.documents import ROOT, names, sections

DECLARATION = ROOT / "docs" / "declaration.md"

#: Model -> where its table stands: document, heading, and which table of key, default and meaning
#: it is under that heading.
TABLES: dict[type[Model], tuple[Path, str, int]] = {
    Header: (DECLARATION, "The top level", 0),
    ComponentConfig: (DECLARATION, "Keys of every component", 0),
    ProgramConfig: (DECLARATION, "Keys of programs", 0),
    EnvironmentConfig: (DECLARATION, "Environments", 0),
    RemoteEndpoint: (DECLARATION, "Environments", 1),
    HttpConfig: (PAGES / "http.md", "Keys", 0),
    HttpExpect: (PAGES / "http.md", "Expectations", 0),
    postgres.PostgresConfig: (PAGES / "postgres.md", "Keys", 0),
    postgres.PostgresExpect: (PAGES / "postgres.md", "Expectations", 0),
    postgres.MigrationsExpect: (PAGES / "postgres.md", "Expectations", 1),
    postgres.TableExpect: (PAGES / "postgres.md", "Expectations", 2),
    postgres.EnumLabels: (PAGES / "postgres.md", "Expectations", 3),
    postgres.TablePrivileges: (PAGES / "postgres.md", "Expectations", 4),
    postgres.PostgresCleanUp: (PAGES / "postgres.md", "Clean-up", 0),
    rabbitmq.RabbitmqCleanUp: (PAGES / "rabbitmq.md", "Clean-up", 0),
    rabbitmq.RabbitmqConfig: (PAGES / "rabbitmq.md", "Keys", 0),
    rabbitmq.RabbitmqExpect: (PAGES / "rabbitmq.md", "Expectations", 0),
    rabbitmq.QueueExpect: (PAGES / "rabbitmq.md", "Expectations", 1),
    rabbitmq.BindingExpect: (PAGES / "rabbitmq.md", "Expectations", 2),
    rabbitmq.ExchangeExpect: (PAGES / "rabbitmq.md", "Expectations", 3),
    rabbitmq.PermissionsExpect: (PAGES / "rabbitmq.md", "Expectations", 4),
    RedisConfig: (PAGES / "redis.md", "Keys", 0),
    ProcessConfig: (PAGES / "process.md", "Keys", 0),
    TaskConfig: (PAGES / "task.md", "Keys", 0),
}


def default_of(field: FieldInfo) -> str:
    """A default as the tables write it."""
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None:
        return "none"
    if value == () or value == {} or value == "":
        return "empty"
    if isinstance(value, Priority):
        value = value.value
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def own_fields(model: type[Model]) -> Mapping[str, FieldInfo]:
    """The keys that a model adds to those documented with its base; `kind` is every component's."""
    base = model.__mro__[1]
    inherited = getattr(base, "model_fields", {})
    return {
        field.alias or name: field
        for name, field in model.model_fields.items()
        if name not in inherited
        or (name != "kind" and default_of(field) != default_of(inherited[name]))
        or (model is TaskConfig and name == "replicas")
    }


@pytest.mark.parametrize("model", TABLES, ids=lambda model: model.__name__)
def test_a_table_has_the_keys_of_its_model_and_their_defaults(model: type[Model]) -> None:
    document, heading, number = TABLES[model]
    tables = [table for table in sections(document)[heading].tables if len(table[0]) == 3]
    documented = {names(row[0])[0]: row[1] for row in tables[number]}
    if model is ComponentConfig:
        assert documented.pop("kind") == "required"
    expected = {name: default_of(field) for name, field in own_fields(model).items()}
    expected.pop("kind", None)
    assert documented == expected


def test_every_model_of_a_declaration_has_a_table() -> None:
    def below(model: type[Model]) -> set[type[Model]]:
        return {model, *(two for one in model.__subclasses__() for two in below(one))}

    def ours(model: type[Model]) -> bool:
        module = sys.modules.get(model.__module__)  # those of other tests are gone from there
        return model.__module__.startswith("seatrial.") and hasattr(module, model.__name__)

    assert {one for one in below(Model) if ours(one)} - {Model, CleanUp} == set(TABLES)


def test_every_section_of_the_file_is_described() -> None:
    text = sections(DECLARATION)["The top level"].text
    assert [name for name in SECTIONS if f"`{name}`" not in text] == []


def test_the_fields_of_a_reference() -> None:
    (table,) = sections(DECLARATION)["References"].tables
    assert [names(row[0])[0] for row in table] == list(FIELDS)


def test_what_a_program_is_given_of_the_callers_environment() -> None:
    text = sections(DECLARATION)["Keys of programs"].text
    assert [name for name in PASSED_ON if f"`{name}`" not in text] == []
    assert "`PYTHONUNBUFFERED=1`" in text


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_a_kinds_page_names_its_endpoints_schemes_and_packages(kind) -> None:
    text = (PAGES / f"{kind.name}.md").read_text()
    shown = [f"`{name}`" for name in kind.endpoints]
    shown += [scheme.partition("+")[0] + "://" for scheme in kind.schemes]
    shown += [str(port) for port in kind.schemes.values()]
    shown += [f"`{package}`" for package in kind.packages]
    assert [one for one in shown if one not in text] == []
    for heading in ("Keys", "Probe", "Expectations", "Client", "Started locally"):
        assert heading in sections(PAGES / f"{kind.name}.md")


def _public(client: type, base: type | None) -> set[str]:
    """Methods and properties of a client; `base` is the library's class that it extends."""
    inherited = set(dir(base)) if base is not None else set()
    return {name for name in dir(client) if not name.startswith("_") and name not in inherited}


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_a_kinds_page_lists_what_its_client_can_do(kind) -> None:
    section = sections(PAGES / f"{kind.name}.md")["Client"]
    if kind.client is None:
        assert section.text.strip().startswith("None.")
        return
    documented = {names(row[0])[0] for table in section.tables for row in table}
    client = kind.client
    base = client.__mro__[1] if client.__mro__[1] is not object else None
    assert documented == _public(client, base) | {"aio"}


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_a_kind_without_expectations_says_so(kind) -> None:
    text = sections(PAGES / f"{kind.name}.md")["Expectations"].text.strip()
    assert text.startswith("None.") is (kind.expect is None)
