"""The published JSON Schema takes what `load` takes, and refuses what editors should underline."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from seatrial.declaration.load import load
from seatrial.declaration.schema import json_schema
from seatrial.errors import DeclarationError
from seatrial.kinds.registry import KINDS as REAL_KINDS
from tests.unit.declaration.fake_kinds import KINDS, load_text
from tests.unit.declaration.test_load import QUEUE

TARGET = """\
system: quantum-queue
python: "${QUANTUM_QUEUE_PYTHON:-../../.venv/bin/python}"
components:
  postgres: {kind: postgres, version: ">=15", database: quantum_db, user: quantum_user}
  rabbitmq: {kind: rabbitmq, version: ">=3.10", user: quantum_user}
  migrate:  {kind: task, run: [python, -m, alembic, upgrade, head],
             env: {DATABASE_URL: "{postgres.url}"}, needs: [postgres]}
  api:      {kind: http, run: [python, -m, quantum_queue.api], health: /health, needs: [migrate],
             env: {HOST: "{api.host}", PORT: "{api.port}", DATABASE_URL: "{postgres.url}",
                   RABBITMQ_URL: "{rabbitmq.url}"}}
  worker:   {kind: process, run: [python, -m, quantum_queue.worker], ready: notify,
             consumes: {rabbitmq: quantum_tasks}, needs: [migrate], replicas: "${WORKERS:-1}",
             env: {DATABASE_URL: "{postgres.url}", RABBITMQ_URL: "{rabbitmq.url}"}}
environments:
  local:    {provider: local}
  deployed:
    provider: remote
    endpoints:
      api: "${TEST_API_URL:-http://localhost:8001}"
      postgres: "${TEST_DATABASE_URL:-postgresql://u:p@localhost:5432/quantum_db}"
      rabbitmq:
        amqp: "${TEST_RABBITMQ_URL:-amqp://u:p@localhost:5672/}"
        management: {url: "${TEST_RABBITMQ_MGMT_URL:-http://localhost:15672}",
                     user: "${TEST_RABBITMQ_USER:-guest}", password: "${TEST_RABBITMQ_PASS:-guest}"}
expect:
  postgres:
    migrations: {folder: migrations, run: [python, -m, alembic, upgrade, head], url: DATABASE_URL}
    tables:
      tasks:
        columns: {task_id: uuid, circuit: text, current_status: taskstatus}
        indexes: [idx_task_status]
    enums: {taskstatus: [pending, processing, completed, failed]}
  rabbitmq:
    queues:
      quantum_tasks: {durable: true, auto_delete: false, consumers: ">=1", dead_letter: true}
clean_up:
  postgres: {find: "SELECT 1", remove: ["DELETE FROM tasks"]}
  rabbitmq: {queues: [quantum_tasks.dead]}
"""

MISSPELT = [
    ("system:", "sytem:"),
    ("components:", "componets:"),
    ("kind: postgres", "kind: postgre"),
    ("health: /health", "helth: /health"),
    ("database: quantum_db", "databse: quantum_db"),
    ("provider: local", "provider: locale"),
    ("endpoints:", "endpoint:"),
    ("    tables:", "    tabels:"),
    ("columns:", "colums:"),
    ("durable:", "durabel:"),
    ("find:", "fnd:"),
    ("user: quantum_user}\n  rabbitmq", "user: 5}\n  rabbitmq"),
    ("ready: notify", "ready: notified"),
    ('replicas: "${WORKERS:-1}"', "replicas: many"),
    ("expect:\n  postgres:\n", "expect:\n  api: {}\n  postgres:\n"),
    ("{provider: local}", '{provider: local, protected: "${P}"}'),
    ("  migrate: ", "  ../migrate: "),
]


@pytest.fixture(scope="module")
def real() -> Draft202012Validator:
    schema = json_schema(REAL_KINDS)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.fixture(scope="module")
def fake() -> Draft202012Validator:
    return Draft202012Validator(json_schema(KINDS))


def test_the_target_declaration_is_valid(real: Draft202012Validator, tmp_path: Path) -> None:
    assert [error.message for error in real.iter_errors(yaml.safe_load(TARGET))] == []
    (tmp_path / "seatrial.yaml").write_text(TARGET)
    for environment in ("local", "deployed"):
        assert load(tmp_path, REAL_KINDS, environment=environment, variables={}).components


@pytest.mark.parametrize(("right", "wrong"), MISSPELT)
def test_what_is_misspelt_is_refused(
    right: str, wrong: str, real: Draft202012Validator, tmp_path: Path
) -> None:
    text = TARGET.replace(right, wrong, 1)
    assert text != TARGET
    assert not real.is_valid(yaml.safe_load(text))
    (tmp_path / "seatrial.yaml").write_text(text)
    with pytest.raises(DeclarationError):
        load(tmp_path, REAL_KINDS, variables={})


def test_an_error_stands_at_the_key(real: Draft202012Validator) -> None:
    wrong = yaml.safe_load(TARGET.replace("health: /health", "helth: /health"))
    errors = list(real.iter_errors(wrong))
    assert [list(error.path) for error in errors] == [["components", "api"]]
    assert "helth" in errors[0].message


def test_what_loads_is_valid(fake: Draft202012Validator, tmp_path: Path) -> None:
    load_text(tmp_path, QUEUE)
    assert [error.message for error in fake.iter_errors(yaml.safe_load(QUEUE))] == []


def test_keys_are_described(real: Draft202012Validator) -> None:
    schema = real.schema
    assert schema["$defs"]["HttpConfig"]["properties"]["health"]["description"]
    assert schema["properties"]["system"]["description"] == "the name of the system"


def test_kinds_without_expectations() -> None:
    schema = json_schema({"job": KINDS["job"]})
    Draft202012Validator.check_schema(schema)
    document = {"system": "s", "components": {"j": {"kind": "job"}}}
    assert Draft202012Validator(schema).is_valid(document)
    assert not Draft202012Validator(schema).is_valid({**document, "expect": {"j": {}}})
