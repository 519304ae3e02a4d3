from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from quantum_queue.contracts.schema import EXPECTED_REVISION
from quantum_queue.contracts.words import TaskStatus

SYSTEM = Path(__file__).parents[1]


def config() -> Config:
    return Config(str(SYSTEM / "alembic.ini"))


def test_the_services_expect_the_head() -> None:
    assert ScriptDirectory.from_config(config()).get_heads() == [EXPECTED_REVISION]


def test_every_revision_can_be_taken_back() -> None:
    for revision in ScriptDirectory.from_config(config()).walk_revisions():
        assert callable(revision.module.downgrade)


def test_the_schema_has_what_the_specification_names(capsys: pytest.CaptureFixture[str]) -> None:
    command.upgrade(config(), "head", sql=True)
    sql = " ".join(capsys.readouterr().out.split())
    words = ", ".join(f"'{status.value}'" for status in TaskStatus)
    assert f"CREATE TYPE taskstatus AS ENUM ({words})" in sql
    for name in ("idx_task_status", "idx_task_submitted_at", "idx_status_history_task_time"):
        assert f"CREATE INDEX {name} " in sql
    for table in ("tasks", "status_history", "outbox", "alembic_version"):
        assert f"CREATE TABLE {table} " in sql
