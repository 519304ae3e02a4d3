"""Indexes that list tasks page by page, and the trace that a task belongs to.

Both indexes keep their names and grow: one that ends in the order of the list also finds where a
page begins, and no further index has to be written with each change of status. Building them
blocks writes to `tasks` for as long as it takes.
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
    "CREATE INDEX idx_task_status ON tasks (current_status, submitted_at, task_id)",
    "DROP INDEX idx_task_submitted_at",
    "CREATE INDEX idx_task_submitted_at ON tasks (submitted_at, task_id)",
)
DOWNGRADE = (
    "DROP INDEX idx_task_submitted_at",
    "CREATE INDEX idx_task_submitted_at ON tasks (submitted_at)",
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
