from __future__ import annotations

import uuid

import pytest

from quantum_queue.contracts.message import MalformedMessage, TaskMessage, decode, properties

TASK = uuid.UUID("0b6f4b1e-6c52-4d6c-8a1e-3f3f5a1e9d70")


def test_a_message_survives_the_journey() -> None:
    assert decode(TaskMessage(TASK).encode()) == TaskMessage(TASK)


def test_fields_of_later_versions_of_the_sender_are_ignored() -> None:
    assert decode(f'{{"task_id":"{TASK}","version":1,"new":1}}'.encode()).task_id == TASK


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b'{"task_id":"x"}',
        b'{"task_id":1}',
        b"[" * 9999,
    ],
)
def test_anything_else_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedMessage):
        decode(body)


def test_an_unknown_version_is_malformed() -> None:
    with pytest.raises(MalformedMessage, match="version 2"):
        decode(f'{{"task_id":"{TASK}","version":2}}'.encode())


def test_messages_are_persistent_and_traceable() -> None:
    found = properties(TASK, "my-id", {"traceparent": "t"})
    assert found.delivery_mode == 2
    assert found.message_id == str(TASK)
    assert found.correlation_id == "my-id"
    assert found.headers == {"traceparent": "t"}
    assert found.content_type == "application/json"
