"""Reading a JSON health answer: what the service says of itself and of its parts.

There is no standard, so this knows the words in use: Spring Boot (UP, DOWN, OUT_OF_SERVICE),
MicroProfile, the IETF draft (pass, warn, fail), and plain ones. A word that it does not know is
nobody's complaint: the HTTP status decides then. What the service says of itself outweighs what it
says of a part.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

_BAD = frozenset(
    {"unhealthy", "down", "fail", "failed", "failing", "failure", "error", "errored", "critical"}
    | {"fatal", "disconnected", "unavailable", "out_of_service", "unreachable", "offline", "dead"}
    | {"broken", "not_ok", "not_ready", "starting", "initializing", "initialising", "stopped"}
)
_DOUBTFUL = frozenset(("degraded", "warn", "warning", "partial", "impaired"))
_OVERALL = ("status", "health", "healthy", "state", "ok", "ready")
_REASONS = ("detail", "message", "error", "reason", "title")
_DEPTH = 4
_LONGEST = 200  # characters of a quotation


class Word(Enum):
    FINE = "fine"
    DOUBTFUL = "doubtful"
    BAD = "bad"
    UNKNOWN = "unknown"  # it says nothing of itself


@dataclass(frozen=True)
class Complaint:
    part: str  # "database_status", "components.db"
    says: str

    def __str__(self) -> str:
        return f"{self.part}: {self.says}"


@dataclass(frozen=True)
class Said:
    overall: Word
    word: str = ""  # as written
    complaints: tuple[Complaint, ...] = ()
    reason: str = ""  # its own explanation, where it gives one
    version: str | None = None

    def __str__(self) -> str:
        parts = [f"status: {self.word}"] if self.word else []
        parts += [str(complaint) for complaint in self.complaints[:8]]
        parts += [quote(self.reason)] if self.reason else []
        return ", ".join(parts)


def read(body: bytes) -> Said | None:
    """What a health answer says; None when it is no JSON object."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(answer, dict):
        return None
    overall, word = _overall(answer)
    version = answer.get("version")
    reason = next((answer[k] for k in _REASONS if isinstance(answer.get(k), str)), "")
    return Said(
        overall,
        word,
        tuple(dict.fromkeys(_complaints(answer, "", _DEPTH))),
        reason,
        version if isinstance(version, str) else None,
    )


def quote(text: str) -> str:
    """One line of at most 200 characters, with no password of a URL in it."""
    line = " ".join(text.split())
    line = re.sub(r"(://[^:/@\s]*):[^@\s]*@", r"\1:***@", line)
    return line if len(line) <= _LONGEST else line[: _LONGEST - 3] + "..."


def _overall(answer: Mapping[str, object]) -> tuple[Word, str]:
    for key in _OVERALL:
        value = answer.get(key)
        if isinstance(value, bool):
            return (Word.FINE if value else Word.BAD), f"{value}".lower()
        if isinstance(value, str):
            return _judge(value), quote(value)
    return Word.UNKNOWN, ""


def _judge(value: str) -> Word:
    word = re.sub(r"[\s-]+", "_", value.strip().lower())
    if word in _BAD:
        return Word.BAD
    return Word.DOUBTFUL if word in _DOUBTFUL else Word.FINE


def _complaints(node: object, path: str, depth: int) -> Iterator[Complaint]:
    if depth == 0:
        return
    if isinstance(node, list):
        for item in node:
            name = item.get("name") if isinstance(item, dict) else None
            inner = _join(path, name) if isinstance(name, str) else path
            yield from _complaints(item, inner, depth - 1)
        return
    if not isinstance(node, dict):
        return
    expected, found = node.get("expected"), node.get("found")
    if path and "expected" in node and "found" in node and expected != found:
        yield Complaint(path, f"found {found}, expected {expected}")
    for key, value in node.items():
        if not path and key in _OVERALL and not isinstance(value, dict | list):
            continue
        part = path if key in _OVERALL and path else _join(path, str(key))
        if isinstance(value, str) and _judge(value) is not Word.FINE:
            yield Complaint(part, quote(value))
        elif value is False and key in _OVERALL:
            yield Complaint(part, f"{key} is false")
        else:
            yield from _complaints(value, part, depth - 1)


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
