"""Migrations and retention, on a scratch database: nobody's data is at stake."""

from __future__ import annotations

import re
from contextlib import ExitStack

import psycopg
import pytest
from scratch import SYSTEM, scratch_database

pytestmark = pytest.mark.long

#: A task in every state, as the first revision stores them: (age in days, status).
STATES = ("pending", "processing", "completed", "failed")

FILL = """
WITH task AS (
    INSERT INTO tasks (task_id, circuit, submitted_at, current_status, completed_at, result,
        error_message, correlation_id)
    SELECT gen_random_uuid(), 'OPENQASM 3; // ' || n, submitted, %(status)s::taskstatus,
        CASE WHEN %(status)s IN ('completed', 'failed') THEN submitted + interval '1 min' END,
        CASE WHEN %(status)s = 'completed' THEN '{"00": 5, "11": 6}'::jsonb END,
        CASE WHEN %(status)s = 'failed' THEN 'line 1: wrong' END,
        %(mark)s
    FROM generate_series(1, %(count)s) AS n,
        (SELECT now() - make_interval(days => %(days)s)) AS s(submitted)
    RETURNING task_id, submitted_at
)
INSERT INTO status_history (task_id, status, transitioned_at, notes)
SELECT task_id, unnest(ARRAY['pending', %(status)s]::taskstatus[]), submitted_at, 'note' FROM task
"""

OUTBOX = """
INSERT INTO outbox (task_id, correlation_id)
SELECT task_id, correlation_id FROM tasks WHERE correlation_id = %(mark)s
"""

#: All that the first revision knows of: what every later one must keep, forwards and backwards.
SNAPSHOT = """
SELECT t.task_id, circuit, shots, submitted_at, current_status, completed_at, result,
    error_message, t.correlation_id, idempotency_key, attempts,
    h.id, h.status, h.transitioned_at, h.notes, o.not_before
FROM tasks t JOIN status_history h USING (task_id) LEFT JOIN outbox o USING (task_id)
ORDER BY t.task_id, h.id
"""


def fill(database, status, *, days=0, count=1, mark="m"):
    with database.connect() as connection:
        values = {"status": status, "days": days, "count": count, "mark": mark}
        connection.execute(FILL, values)


def left(database):
    """How many tasks are left, by their mark."""
    return dict(database.query("SELECT correlation_id, count(*) FROM tasks GROUP BY 1"))


@pytest.fixture
def empty():
    with scratch_database() as database:
        yield database


@pytest.fixture
def database(empty):
    """A database at the head revision."""
    empty.alembic("upgrade", "head")
    return empty


@pytest.mark.criterion("AC-50", "AC-110")
def test_data_survives_every_migration_forwards_and_backwards(empty):
    # Here, since each run would pay for it, and few run this.
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(Config(str(SYSTEM / "alembic.ini")))
    revisions = [script.revision for script in scripts.walk_revisions()][::-1]
    empty.alembic("upgrade", revisions[0])
    for status in STATES:
        fill(empty, status, count=3)
    with empty.connect() as connection:
        connection.execute(OUTBOX, {"mark": "m"})
    before = empty.query(SNAPSHOT)
    assert len(before) == len(STATES) * 3 * 2
    for step in revisions[1:]:
        empty.alembic("upgrade", step)
        assert empty.query(SNAPSHOT) == before
    for step in revisions[-2::-1]:
        empty.alembic("downgrade", step)
        assert empty.query(SNAPSHOT) == before
    empty.alembic("upgrade", "head")
    assert empty.query(SNAPSHOT) == before
    assert empty.value("SELECT version_num FROM alembic_version") == revisions[-1]


@pytest.mark.criterion("AC-52")
def test_no_status_disagrees_with_what_is_stored_beside_it(database):
    for status in STATES:
        fill(database, status)
    columns = {"completed_at": "now()", "result": "'{\"0\": 1}'::jsonb", "error_message": "'e'"}
    set_by = {"completed": {"completed_at", "result"}, "failed": {"completed_at", "error_message"}}
    for status in STATES:
        for column, value in columns.items():
            wrong = "NULL" if column in set_by.get(status, set()) else value
            sql = f"UPDATE tasks SET {column} = {wrong} WHERE current_status = '{status}'"
            with pytest.raises(psycopg.errors.CheckViolation):
                database.query(sql)
    assert left(database) == {"m": len(STATES)}


@pytest.mark.criterion("AC-50")
def test_the_way_down_to_nothing_leaves_nothing_and_can_be_gone_up_again(database):
    ours = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    ours += " AND relname NOT LIKE 'alembic%'"
    types = "SELECT count(*) FROM pg_type WHERE typname = 'taskstatus'"
    assert (database.value(ours) > 0, database.value(types)) == (True, 1)
    fill(database, "completed", count=5)
    database.alembic("downgrade", "base")
    assert (database.value(ours), database.value(types)) == (0, 0)
    database.alembic("upgrade", "head")
    assert database.value("SELECT count(*) FROM tasks") == 0


def retain(database, *arguments):
    """Run the command; returns its exit status and the number that it says."""
    done = database.run("quantum_queue.retention", *arguments)
    said = re.search(r"(\d+) tasks finished before", done.stdout)
    assert said, done.stdout + done.stderr
    return done.returncode, int(said[1])


@pytest.fixture
def filled(database):
    fill(database, "completed", days=40, count=25, mark="old")
    fill(database, "failed", days=31, count=5, mark="old")
    fill(database, "pending", days=400, count=3, mark="waiting")
    fill(database, "processing", days=400, count=3, mark="running")
    fill(database, "completed", days=29, count=4, mark="young")
    fill(database, "completed", days=40, count=2, mark="late")
    fill(database, "completed", days=90, count=2, mark="unsent")
    with database.connect() as connection:
        connection.execute(OUTBOX, {"mark": "unsent"})
        late = (
            "UPDATE tasks SET completed_at = now() - interval '1 day' WHERE correlation_id = 'late'"
        )
        connection.execute(late)
    return database


KEPT = {"waiting": 3, "running": 3, "young": 4, "unsent": 2, "late": 2}


@pytest.mark.criterion("AC-111")
def test_without_delete_it_only_counts(filled):
    assert retain(filled, "--older-than", "30d") == (0, 30)
    assert left(filled) == {**KEPT, "old": 30}


@pytest.mark.criterion("AC-111")
@pytest.mark.parametrize("batch", ["7", "15", "500"])
def test_only_what_was_finished_long_ago_is_removed(filled, batch):
    history = "SELECT count(*) FROM status_history"
    before = filled.value(history)
    assert retain(filled, "--older-than", "30d", "--delete", "--batch", batch) == (0, 30)
    assert left(filled) == KEPT
    assert filled.value(history) == before - 2 * 30
    assert retain(filled, "--older-than", "30d", "--delete") == (0, 0)


@pytest.mark.criterion("AC-111")
def test_out_of_time_it_says_so_and_the_next_call_goes_on(filled):
    options = ("--older-than", "30d", "--delete", "--batch", "10")
    assert retain(filled, *options, "--seconds", "0") == (3, 10)
    assert left(filled) == {**KEPT, "old": 20}
    assert retain(filled, *options) == (0, 20)


@pytest.mark.criterion("AC-111")
def test_what_somebody_holds_is_left_for_the_next_call(filled):
    hold = "SELECT FROM tasks WHERE correlation_id = 'old' ORDER BY submitted_at LIMIT 4 FOR UPDATE"
    with ExitStack() as stack:
        stack.enter_context(filled.connect()).execute(hold)
        assert retain(filled, "--older-than", "30d", "--delete") == (0, 26)
    assert retain(filled, "--older-than", "30d", "--delete") == (0, 4)
    assert left(filled) == KEPT


@pytest.mark.criterion("AC-111")
def test_a_database_that_was_not_migrated_is_told(empty):
    done = empty.run("quantum_queue.retention", "--older-than", "1d", "--delete")
    assert done.returncode == 1
    assert 'relation "tasks" does not exist' in done.stderr
    assert "Traceback" not in done.stderr
