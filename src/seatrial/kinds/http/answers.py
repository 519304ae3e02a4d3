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
#: In a sentence; believed only where the whole is bad ("errors: none" is nobody's complaint).
_TROUBLE = re.compile(
    r"(?i)\b(fail\w*|error\w*|refused|denied|timed? ?out|unreachable|cannot|can't|could(?: not|n't)"
    r"|not connected|disconnected|no connection|lost|missing|does not exist)\b"
)
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
    rest: str = ""  # all else that it says, in a line

    def __str__(self) -> str:
        parts = [f"status: {self.word}"] if self.word else []
        parts += [str(complaint) for complaint in self.complaints[:8]]
        parts += [quote(self.reason)] if self.reason else []
        if not self.complaints and not self.reason and self.rest:
            parts.append(self.rest)
        return ", ".join(parts)


def read(body: bytes, *, failed: bool = False) -> Said | None:
    """What a health answer says; None when it is no JSON object. `failed`: so says its status."""
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
        tuple(dict.fromkeys(_Reader(failed or overall is Word.BAD).complaints(answer, "", _DEPTH))),
        reason,
        version if isinstance(version, str) else None,
        _rest(answer),
    )


def _rest(answer: Mapping[str, object]) -> str:
    more = {key: value for key, value in answer.items() if key not in (*_OVERALL, "version")}
    return quote(json.dumps(more, ensure_ascii=False)) if more else ""


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


@dataclass(frozen=True)
class _Reader:
    """Finds the parts that it complains of. `bad`: the whole is, so that words weigh more."""

    bad: bool

    def complaints(self, node: object, path: str, depth: int) -> Iterator[Complaint]:
        if depth == 0:
            return
        if isinstance(node, list):
            for item in node:
                name = item.get("name") if isinstance(item, dict) else None
                inner = _join(path, name) if isinstance(name, str) else path
                yield from self.complaints(item, inner, depth - 1)
        elif isinstance(node, dict):
            yield from self._in_object(node, path, depth)

    def _in_object(self, node: Mapping[str, object], path: str, depth: int) -> Iterator[Complaint]:
        expected, found = node.get("expected"), node.get("found")
        if path and "expected" in node and "found" in node and expected != found:
            yield Complaint(path, f"found {found}, expected {expected}")
        for key, value in node.items():
            if not path and key in (*_OVERALL, *_REASONS) and not isinstance(value, dict | list):
                continue
            part = path if key in _OVERALL and path else _join(path, str(key))
            if isinstance(value, str) and self._blames(value):
                yield Complaint(part, quote(value))
            elif value is False and (key in _OVERALL or self.bad):
                yield Complaint(part, f"{key} is false" if key in _OVERALL else "false")
            else:
                yield from self.complaints(value, part, depth - 1)

    def _blames(self, value: str) -> bool:
        if _judge(value) is not Word.FINE:
            return True
        return self.bad and _TROUBLE.search(value) is not None


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
