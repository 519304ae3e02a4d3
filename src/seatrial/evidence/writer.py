"""Writing evidence: one file of JSON lines per writing process, which survives that process.

Each line is one `write` to a file opened for appending, so lines never mix, and what was written
is in the kernel's hands at once: it outlives a crash or SIGKILL of the process. Nothing is
buffered here. `close` syncs to disk; a run that a power failure ends has no verdict anyway.

This is the one place where records are redacted: every string of every record on its way out.
"""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Literal, get_origin

from pydantic import BaseModel, JsonValue

from seatrial.errors import EvidenceError
from seatrial.evidence.records import AnyRecord
from seatrial.evidence.redaction import Redactor, cap

FOLDER = "evidence"  # in the run's folder
LONGEST_LINE = 16 * 1024 * 1024  # bytes; a longer record is refused, never shortened unseen

_BODY = 8 * 1024  # bytes of a request's or response's body
_TEXT = 64 * 1024  # bytes of any other string
_BEHIND = 16 * 1024  # characters behind a cap that are redacted with what it keeps
_CAPS = {"sent": _BODY, "received": _BODY, "declaration": 4 * 1024 * 1024}  # bytes, by field
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class EvidenceWriter:
    """Appends records to `evidence/NAME.jsonl` in a run's folder. Thread-safe.

    NAME must be the writing process's own. Raises EvidenceError where it cannot write.
    """

    def __init__(self, folder: Path, name: str, redactor: Redactor) -> None:
        if not _NAME.fullmatch(name):
            raise EvidenceError(f"{name!r} cannot be the name of an evidence file")
        self.path = folder / FOLDER / f"{name}.jsonl"
        self._redactor = redactor
        self._lock = threading.Lock()
        self._over = EvidenceError(f"{self.path} is closed", hint="write before the run ends")
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
            self._file: int | None = os.open(self.path, flags, 0o600)
            self._end_torn_line(self._file)
        except OSError as error:
            raise self._failed(error) from error

    @staticmethod
    def _end_torn_line(file: int) -> None:
        """What a killed predecessor left unfinished must not run into the first new line."""
        size = os.fstat(file).st_size
        if size and os.pread(file, 1, size - 1) != b"\n":
            os.write(file, b"\n")

    def write(self, record: AnyRecord) -> None:
        """Redact, cap and append one record."""
        line = self._line(record)
        with self._lock:
            if self._file is None:
                raise self._over
            try:
                written = os.write(self._file, line)
                while written < len(line):  # a full disk or a signal; the next write tells which
                    written += os.write(self._file, line[written:])
            except OSError as error:
                os.close(self._file)  # behind half a line nothing may follow
                self._file = None
                self._over = self._failed(error)  # what is written later is lost for this reason
                raise self._over from error

    def _line(self, record: AnyRecord) -> bytes:
        try:
            line = json.dumps(self._plain(record), allow_nan=False, separators=(",", ":"))
        except ValueError as error:
            raise EvidenceError(f"a {record.type} record holds no JSON number: {error}") from error
        octets = line.encode() + b"\n"
        if len(octets) > LONGEST_LINE:
            raise EvidenceError(
                f"a {record.type} record has {len(octets)} bytes; {LONGEST_LINE} are allowed",
                hint="split the suite, or shorten what it reports",
            )
        return octets

    def _plain(self, value: object, key: str = "") -> JsonValue:
        """The value as JSON, its free texts redacted; enumerations and literals are our words."""
        match value:
            case BaseModel():
                fields = type(value).model_fields
                return {
                    name: getattr(value, name)
                    if get_origin(field.annotation) is Literal
                    else self._plain(getattr(value, name), name)
                    for name, field in fields.items()
                }
            case Enum():
                return str(value.value)
            case datetime():
                return value.isoformat()
            case str():
                return self._text(key, value)
            case Mapping():
                return {
                    self._redactor.redact(_sound(str(name))): self._plain(item, str(name))
                    for name, item in value.items()
                }
            case (str() as name, str() as text) if key == "properties":
                return [self._text("", name), self._text(name, text)]
            case tuple() | list():
                return [self._plain(item, key) for item in value]
            case None | bool() | int() | float():
                return value
        raise EvidenceError(f"{type(value).__name__} cannot be written as evidence")

    def _text(self, key: str, text: str) -> str:
        # In this order: a secret that a cap cut in two is harder to recognise. What stands far
        # behind the cap is not looked at, so that a body of megabytes costs no seconds.
        limit = _CAPS.get(key, _TEXT)
        near = text[: limit + _BEHIND]
        redacted = self._redactor.redact_item(key, _sound(near))
        return cap(redacted, limit, beyond=len(text) - len(near))

    def _failed(self, error: OSError) -> EvidenceError:
        return EvidenceError(
            f"{self.path} cannot be written: {error.strerror}",
            hint="see to free disk space and to the rights of the run's folder",
        )

    def close(self) -> None:
        """Sync to disk and close. Closing twice does nothing."""
        with self._lock:
            if self._file is None:
                return
            try:
                os.fsync(self._file)
            except OSError as error:
                raise self._failed(error) from error
            finally:
                os.close(self._file)
                self._file = None

    def __enter__(self) -> EvidenceWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _sound(text: str) -> str:
    """The text without lone surrogates, which output that is no UTF-8 leaves in Python strings."""
    return text.encode("utf-8", "backslashreplace").decode()
