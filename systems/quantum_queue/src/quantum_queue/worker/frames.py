"""What a worker and its simulator process say to each other, over two pipes."""

from __future__ import annotations

import msgspec

HEADER_BYTES = 4
LARGEST_FRAME = 32 * 1024 * 1024
"""Bytes of an answer that the worker accepts: several times what bounds.py lets through."""


class Order(msgspec.Struct, frozen=True):
    """Run this circuit."""

    circuit: str
    shots: int


class Answer(msgspec.Struct, frozen=True):
    """The counts, or why the circuit can never run."""

    counts: dict[str, int] | None = None
    error: str | None = None
    is_last: bool = False
    """The process has grown so much that the next circuit should get a new one."""


READY = Answer()
"""The first frame of a simulator process: it has everything loaded."""


def encode(message: Order | Answer) -> bytes:
    """Return the frame: the length, then the message."""
    body = msgspec.json.encode(message)
    return len(body).to_bytes(HEADER_BYTES, "big") + body


def decode_order(body: bytes) -> Order:
    """Return the order in the body of a frame."""
    return msgspec.json.decode(body, type=Order)


def decode_answer(body: bytes) -> Answer:
    """Return the answer in the body of a frame."""
    return msgspec.json.decode(body, type=Answer)
