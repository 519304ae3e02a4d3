"""Tasks, their history, and the outbox of messages that are still to be published."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

STATEMENTS = (
    "CREATE TYPE taskstatus AS ENUM ('pending', 'processing', 'completed', 'failed')",
    """
    CREATE TABLE tasks (
        task_id uuid CONSTRAINT pk_tasks PRIMARY KEY,
        circuit text NOT NULL,
        shots integer NOT NULL DEFAULT 1024,
        submitted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        current_status taskstatus NOT NULL DEFAULT 'pending',
        completed_at timestamptz,
        result jsonb,
        error_message text,
        correlation_id text NOT NULL,
        idempotency_key text,
        attempts integer NOT NULL DEFAULT 0,
        claim_token uuid,
        claimed_until timestamptz,
        dead_lettered boolean NOT NULL DEFAULT false,
        enqueued_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT uq_tasks_idempotency_key UNIQUE (idempotency_key),
        CONSTRAINT ck_tasks_shots CHECK (shots BETWEEN 1 AND 100000),
        CONSTRAINT ck_tasks_attempts CHECK (attempts >= 0),
        CONSTRAINT ck_tasks_result CHECK ((result IS NOT NULL) = (current_status = 'completed')),
        CONSTRAINT ck_tasks_error CHECK ((error_message IS NOT NULL) = (current_status = 'failed')),
        CONSTRAINT ck_tasks_completed_at CHECK (
            (completed_at IS NOT NULL) = (current_status IN ('completed', 'failed'))
        )
    )
    """,
    "COMMENT ON COLUMN tasks.claim_token IS 'which attempt may write the outcome; all others lost'",
    "COMMENT ON COLUMN tasks.claimed_until IS 'until when that attempt is believed to be alive'",
    "COMMENT ON COLUMN tasks.enqueued_at IS 'when a message for this task was last written'",
    "CREATE INDEX idx_task_status ON tasks (current_status)",
    "CREATE INDEX idx_task_submitted_at ON tasks (submitted_at)",
    """
    CREATE TABLE status_history (
        id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_status_history PRIMARY KEY,
        task_id uuid NOT NULL
            CONSTRAINT fk_status_history_task REFERENCES tasks (task_id) ON DELETE CASCADE,
        status taskstatus NOT NULL,
        transitioned_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        notes text
    )
    """,
    "CREATE INDEX idx_status_history_task_time ON status_history (task_id, transitioned_at)",
    """
    CREATE TABLE outbox (
        id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_outbox PRIMARY KEY,
        task_id uuid NOT NULL
            CONSTRAINT fk_outbox_task REFERENCES tasks (task_id) ON DELETE CASCADE,
        correlation_id text NOT NULL,
        not_before timestamptz NOT NULL DEFAULT clock_timestamp(),
        created_at timestamptz NOT NULL DEFAULT clock_timestamp()
    )
    """,
    "COMMENT ON TABLE outbox IS 'messages committed with their cause, published afterwards'",
    "CREATE INDEX idx_outbox_not_before ON outbox (not_before, id)",
    "CREATE INDEX idx_outbox_task ON outbox (task_id)",
)


def upgrade() -> None:
    """Create everything."""
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Drop everything."""
    for table in ("outbox", "status_history", "tasks"):
        op.execute(f"DROP TABLE {table}")
    op.execute("DROP TYPE taskstatus")
