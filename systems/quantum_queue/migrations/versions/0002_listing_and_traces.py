"""An index that lists the tasks of one status page by page, and the trace that a task belongs to.

The index keeps its name and grows, so that no further one has to be written with each change of
status; what lists all tasks is `idx_task_submitted_at`, as it was. Building it blocks writes to
`tasks` for as long as it takes.
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

UPGRADE = (
    "ALTER TABLE tasks ADD COLUMN trace_context jsonb",
    "COMMENT ON COLUMN tasks.trace_context IS 'W3C headers of the request that submitted it'",
    "DROP INDEX idx_task_status",
    "CREATE INDEX idx_task_status ON tasks (current_status, submitted_at)",
)
DOWNGRADE = (
    "DROP INDEX idx_task_status",
    "CREATE INDEX idx_task_status ON tasks (current_status)",
    "ALTER TABLE tasks DROP COLUMN trace_context",
)


def upgrade() -> None:
    """Add what lists and traces need."""
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    """Go back; traces of tasks that wait are cut, the tasks themselves stay."""
    for statement in DOWNGRADE:
        op.execute(statement)
