"""Reading a health answer: what the service says of itself and of its parts.

There is no standard, so this knows the words in use: Spring Boot (UP, DOWN, OUT_OF_SERVICE),
MicroProfile, ASP.NET (also as plain text), the IETF draft (pass, warn, fail), and plain ones. A
word that it does not know is nobody's complaint: the HTTP status decides then. What the service
says of itself outweighs what it says of a part; where it says several things of itself, the worst.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from seatrial.evidence.redaction import mask_urls

_BAD = frozenset(
    {"unhealthy", "down", "fail", "failed", "failing", "failure", "error", "errored", "critical"}
    | {"fatal", "disconnected", "unavailable", "out_of_service", "unreachable", "offline", "dead"}
    | {"broken", "not_ok", "not_ready", "starting", "initializing", "initialising", "stopped"}
    | {"nok", "not_healthy"}
)
#: Bad where a service says them of itself, or of a part's health; elsewhere ("read_only: no",
#: "colour: red") they say nothing of the kind.
_BAD_OF_HEALTH = frozenset(("false", "no", "ko", "red", "bad"))
_DOUBTFUL = frozenset(("degraded", "warn", "warning", "partial", "impaired"))
#: The word before its explanation: "UNHEALTHY: no connection", but not "failed: 0".
_BEFORE = re.compile(r"\s*([^:;,(]+?)\s*[:;,(]\s*(?!0\b|(?:no|none|null|nil)\W*$)\S")
#: In a sentence; believed only where the whole is bad ("errors: none" is nobody's complaint).
_TROUBLE = re.compile(
    r"(?i)\b(fail\w*|error\w*|refused|denied|timed? ?out|unreachable|cannot|can't|could(?: not|n't)"
    r"|not connected|disconnected|no connection|lost|missing|does not exist)\b"
)
_OVERALL = ("status", "health", "healthy", "state", "ok", "ready", "success")
_OF_A_PART = (*_OVERALL, "reachable", "connected")
_NAMES = ("name", "component", "service", "check")  # of a part that stands in a list
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
    key: str = ""  # that it stands under
    complaints: tuple[Complaint, ...] = ()
    reason: str = ""  # its own explanation, where it gives one
    version: str | None = None
    rest: str = ""  # all else that it says, in a line

    def __str__(self) -> str:
        parts = [_join(self.key, self.word, ": ")] if self.word else []
        parts += [str(complaint) for complaint in self.complaints[:8]]
        parts += [quote(self.reason)] if self.reason else []
        if not self.complaints and not self.reason and self.rest:
            parts.append(self.rest)
        return ", ".join(parts)


def read(body: bytes, *, failed: bool = False) -> Said | None:
    """What a health answer says; None when it says nothing. `failed`: so says its status."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = body.decode("utf-8", "replace")
    if isinstance(answer, bool | str):
        return _of_a_word(answer)
    if not isinstance(answer, dict):
        return _of_parts(answer, failed) if isinstance(answer, list) else None
    said = {key.lower(): value for key, value in answer.items()}
    overall, key, word = _overall(said)
    version = said.get("version")
    reason = next((said[k] for k in _REASONS if isinstance(said.get(k), str)), "")
    return Said(
        overall,
        word,
        key,
        _complaints(answer, failed or overall is Word.BAD),
        reason,
        version if isinstance(version, str) else None,
        _rest(answer),
    )


def _of_a_word(answer: bool | str) -> Said | None:
    """An answer that is no more than a word, such as "Unhealthy", or one with an explanation."""
    word, written = _judge_health(answer)
    return Said(word, written) if word is not Word.FINE and len(written) < _LONGEST else None


def _of_parts(answer: list[object], failed: bool) -> Said:
    return Said(Word.UNKNOWN, complaints=_complaints(answer, failed))


def _complaints(answer: object, bad: bool) -> tuple[Complaint, ...]:
    return tuple(dict.fromkeys(_Reader(bad).complaints(answer, "", _DEPTH)))


def _rest(answer: Mapping[str, object]) -> str:
    known = (*_OVERALL, "version")
    more = {key: value for key, value in answer.items() if key.lower() not in known}
    return quote(json.dumps(more, ensure_ascii=False)) if more else ""


def quote(text: str) -> str:
    """One line of at most 200 characters, with no password of a URL in it."""
    line = mask_urls(" ".join(text.split()))
    return line if len(line) <= _LONGEST else line[: _LONGEST - 3] + "..."


_SEVERITY = (Word.BAD, Word.DOUBTFUL, Word.FINE)


def _overall(answer: Mapping[str, object]) -> tuple[Word, str, str]:
    """The worst that it says of itself, under which key, and as written."""
    said = [
        (*_judge_health(value), key)
        for key in _OVERALL
        if isinstance(value := answer.get(key), bool | str)
    ]
    if not said:
        return Word.UNKNOWN, "", ""
    word, written, key = min(said, key=lambda one: _SEVERITY.index(one[0]))
    return word, key, written


def _judge_health(value: bool | str) -> tuple[Word, str]:
    """What stands under a key such as `status`, and as it is written."""
    written = f"{value}".lower() if isinstance(value, bool) else quote(value)
    return (Word.BAD if written.lower() in _BAD_OF_HEALTH else _judge(written)), written


def _judge(value: str) -> Word:
    before = _BEFORE.match(value[:_LONGEST])
    for said in (value, before[1] if before else ""):
        word = re.sub(r"[\s-]+", "_", said.strip().lower())
        if word in _BAD:
            return Word.BAD
        if word in _DOUBTFUL:
            return Word.DOUBTFUL
    return Word.FINE


@dataclass(frozen=True)
class _Reader:
    """Finds the parts that it complains of. `bad`: the whole is, so that words weigh more."""

    bad: bool

    def complaints(self, node: object, path: str, depth: int) -> Iterator[Complaint]:
        if depth == 0:
            return
        if isinstance(node, list):
            for item in node:
                yield from self.complaints(item, _join(path, _name_of(item)), depth - 1)
        elif isinstance(node, dict) and node.get("enabled") is not False:
            yield from self._in_object(node, path, depth)

    def _in_object(self, node: Mapping[str, object], path: str, depth: int) -> Iterator[Complaint]:
        expected, found = node.get("expected"), node.get("found")
        if path and "expected" in node and "found" in node and expected != found:
            yield Complaint(path, f"found {found}, expected {expected}")
        for written, value in node.items():
            key = written.lower()
            if not path and key in (*_OVERALL, *_REASONS) and not isinstance(value, dict | list):
                continue
            part = path if key in _OVERALL and path else _join(path, written)
            if isinstance(value, str) and self._blames(key, value):
                yield Complaint(part, quote(value))
            elif value is False and (key in _OF_A_PART or self.bad):
                yield Complaint(part, f"{written} is false" if key in _OF_A_PART else "false")
            else:
                yield from self.complaints(value, part, depth - 1)

    def _blames(self, key: str, value: str) -> bool:
        word = _judge_health(value)[0] if key in _OVERALL else _judge(value)
        return word is not Word.FINE or (self.bad and _TROUBLE.search(value) is not None)


def _name_of(item: object) -> str:
    """Of a part in a list, where it has one."""
    if not isinstance(item, dict):
        return ""
    return next((item[key] for key in _NAMES if isinstance(item.get(key), str)), "")


def _join(path: str, key: str, by: str = ".") -> str:
    return by.join(part for part in (path, key) if part)
