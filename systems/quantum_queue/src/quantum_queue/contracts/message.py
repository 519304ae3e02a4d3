"""The message that tells a worker about a task: its id, and nothing that could go stale."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

import msgspec
from pamqp.commands import Basic

CONTENT_TYPE = "application/json"
PERSISTENT = 2


class MalformedMessage(Exception):
    """A message body that is not a task message."""


class TaskMessage(msgspec.Struct, frozen=True):
    """What travels over the broker; the circuit itself stays in the database."""

    task_id: uuid.UUID
    version: int = 1

    def encode(self) -> bytes:
        """Return the message body."""
        return msgspec.json.encode(self)


def decode(body: bytes) -> TaskMessage:
    """Return the task message in `body`, or raise MalformedMessage."""
    try:
        message = msgspec.json.decode(body, type=TaskMessage)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedMessage(str(error)) from error
    if message.version != 1:
        raise MalformedMessage(f"message version {message.version} is not known")
    return message


def properties(
    task_id: uuid.UUID, correlation_id: str, trace: Mapping[str, str]
) -> Basic.Properties:
    """Return the AMQP properties of a task's message: persistent, and easy to trace."""
    return Basic.Properties(
        content_type=CONTENT_TYPE,
        delivery_mode=PERSISTENT,
        message_id=str(task_id),
        correlation_id=correlation_id,
        app_id="quantum_queue",
        headers=dict(trace),
    )
