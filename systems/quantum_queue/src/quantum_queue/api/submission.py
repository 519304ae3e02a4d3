"""Read and judge a submitted task before anything is stored."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass

import msgspec
from starlette.requests import ClientDisconnect, Request

from quantum_queue.api.problems import invalid
from quantum_queue.contracts.words import DEFAULT_SHOTS, MAX_SHOTS, MIN_SHOTS

MAX_BODY_BYTES = 2 * 1024 * 1024
BODY_SECONDS = 30.0
IDEMPOTENCY_HEADER = "Idempotency-Key"

_DRAINED_BYTES = 32 * 1024 * 1024
_KEY = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?")
_EXAMPLE = '{"circuit": "<OpenQASM 3 text>", "shots": 1024}'


class _Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A task as people send it."""

    circuit: str
    shots: int | float = DEFAULT_SHOTS  # JSON knows only numbers: 10.0 is a whole one


@dataclass(frozen=True)
class Submission:
    """A task that may be stored."""

    circuit: str
    shots: int = DEFAULT_SHOTS


_decoder = msgspec.json.Decoder(_Body)


def parse(body: bytes) -> Submission:
    """Return the task in `body`, or raise the problem with it."""
    try:
        task = _decoder.decode(body)
    except UnicodeDecodeError:
        raise invalid("The body is not valid UTF-8.") from None
    except msgspec.ValidationError as error:
        raise invalid(f"The body is not a task: {error}. Send {_EXAMPLE}.") from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise invalid(f"The body is not valid JSON: {error}. Send {_EXAMPLE}.") from None
    _judge_circuit(task.circuit)
    if task.shots != int(task.shots) or not MIN_SHOTS <= task.shots <= MAX_SHOTS:
        raise invalid(f"`shots` must be a whole number from {MIN_SHOTS} to {MAX_SHOTS}.")
    return Submission(task.circuit, int(task.shots))


def _judge_circuit(circuit: str) -> None:
    if not circuit.strip():
        raise invalid("`circuit` is empty; it must hold an OpenQASM 3 program.")
    if "\x00" in circuit:
        position = circuit.index("\x00")
        raise invalid(f"`circuit` holds a NUL character at position {position}.")
    try:
        circuit.encode()
    except UnicodeEncodeError as error:
        reason = f"`circuit` holds half of a surrogate pair at position {error.start}."
        raise invalid(reason) from None


def idempotency_key(request: Request) -> str | None:
    """Return the caller's idempotency key, if there is one."""
    keys = request.headers.getlist(IDEMPOTENCY_HEADER)
    if not keys:
        return None
    if len(set(keys)) > 1:
        raise invalid(f"{IDEMPOTENCY_HEADER} is given more than once.")
    if not _KEY.fullmatch(keys[0]):
        raise invalid(f"{IDEMPOTENCY_HEADER} must be 1 to 255 printable ASCII characters.")
    return keys[0]


async def read_body(request: Request) -> bytes:
    """Return the body, or raise the problem of one that is too large or does not arrive.

    The rest of an oversize body is read and dropped, up to a bound: a client that is still
    sending would otherwise see a broken connection and never the reason.
    """
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                size += len(chunk)
                if size <= MAX_BODY_BYTES:
                    chunks.append(chunk)
                elif size > _DRAINED_BYTES:
                    break
    except TimeoutError:
        raise invalid(f"The body did not arrive within {BODY_SECONDS:g} s.") from None
    except ClientDisconnect:
        raise invalid("The connection was closed before the body was complete.") from None
    if size > MAX_BODY_BYTES:
        raise invalid(f"The body is larger than {MAX_BODY_BYTES} bytes.")
    return b"".join(chunks)
