"""The database is what the migrations and the application say."""

from __future__ import annotations

import pytest

pytestmark = [
    pytest.mark.budget(5, name="schema trials"),
    pytest.mark.read_only,
    pytest.mark.needs("postgres"),
]

TASKS = {
    "task_id": "uuid",
    "circuit": "text",
    "submitted_at": "timestamp with time zone",
    "current_status": "taskstatus",
    "completed_at": "timestamp with time zone",
    "result": "jsonb",
    "error_message": "text",
}
HISTORY = {
    "task_id": "uuid",
    "status": "taskstatus",
    "transitioned_at": "timestamp with time zone",
    "notes": "text",
}


@pytest.mark.criterion("AC-51")
@pytest.mark.parametrize("table", ["tasks", "status_history", "alembic_version"])
def test_the_table_exists(db_client, table):
    assert db_client.check_table_exists(table)


@pytest.mark.criterion("AC-51")
@pytest.mark.parametrize(
    ("table", "columns"), [("tasks", TASKS), ("status_history", HISTORY)], ids=["tasks", "history"]
)
def test_the_columns_have_their_types(db_client, table, columns):
    found = db_client.sql.columns(table)
    assert {name: found.get(name) for name in columns} == columns


@pytest.mark.criterion("AC-51")
@pytest.mark.parametrize(
    "index", ["idx_task_status", "idx_task_submitted_at", "idx_status_history_task_time"]
)
def test_the_index_is_there_and_valid(db_client, index):
    sql = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)"
    assert db_client.sql.value(sql, [index]) is True


@pytest.mark.criterion("AC-51")
def test_the_statuses_are_in_their_order(db_client):
    sql = "SELECT enum_range(NULL::taskstatus)::text[]"
    assert db_client.sql.value(sql) == ["pending", "processing", "completed", "failed"]


@pytest.mark.criterion("AC-51")
def test_a_history_entry_belongs_to_a_task(db_client):
    sql = (
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conrelid = 'status_history'::regclass AND contype = 'f'"
    )
    definitions = [row["pg_get_constraintdef"] for row in db_client.sql.query(sql)]
    assert any("(task_id) REFERENCES tasks(task_id)" in text for text in definitions)


@pytest.mark.criterion("AC-51", "AC-52")
@pytest.mark.parametrize("what", ["result", "error", "completed_at"])
def test_what_is_stored_is_held_to_the_status(db_client, what):
    """That it refuses what disagrees is shown on a scratch database (test_p2_upkeep.py)."""
    sql = (
        "SELECT convalidated AND pg_get_constraintdef(oid) LIKE '%%current_status%%'"
        " FROM pg_constraint WHERE conrelid = 'tasks'::regclass AND contype = 'c' AND conname = %s"
    )
    assert db_client.sql.value(sql, [f"ck_tasks_{what}"]) is True


@pytest.mark.criterion("AC-51")
def test_the_revision_is_the_one_that_the_application_expects(db_client, http):
    expected = http.health().json()["schema_version"]["expected"]
    assert db_client.sql.value("SELECT version_num FROM alembic_version") == expected
