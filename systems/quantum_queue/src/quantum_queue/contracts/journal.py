"""Structured logs: one JSON object a line on stderr, without secrets."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterable
from contextvars import ContextVar
from datetime import UTC, datetime

correlation_id: ContextVar[str | None] = ContextVar("correlation_id", default=None)
task_id: ContextVar[str | None] = ContextVar("task_id", default=None)
trace_id: ContextVar[str | None] = ContextVar("trace_id", default=None)

_MASK = "***"
_SHORTEST_SECRET = 6
_URL_PASSWORD = re.compile(r"(://[^:/@\s\"']*):[^@\s\"']*@")
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """Formats a record, with the ids of the request or task that it belongs to."""

    def __init__(self, service: str, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        self._service = service
        # The longest first, so that no secret survives as the tail of another.
        # Shorter ones would turn ordinary words into stars; in a URL they are masked as well.
        # As they stand in a line of JSON: with a quotation mark, that is another text.
        written = (json.dumps(secret, ensure_ascii=False)[1:-1] for secret in secrets)
        worth = (secret for secret in written if len(secret) >= _SHORTEST_SECRET)
        self._secrets = sorted(worth, key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON."""
        entry: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
        }
        for variable in (correlation_id, task_id, trace_id):
            if (value := variable.get()) is not None:
                entry[variable.name] = value
        entry |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return self._redact(json.dumps(entry, default=str, ensure_ascii=False))

    def _redact(self, line: str) -> str:
        for secret in self._secrets:
            line = line.replace(secret, _MASK)
        return _URL_PASSWORD.sub(rf"\1:{_MASK}@", line)


def start(service: str, level: str, secrets: Iterable[str] = ()) -> None:
    """Send all logs of this process to stderr as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(service, secrets))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # Connection trouble is reported by our own loops, once for each attempt.
    logging.getLogger("aiormq").setLevel(logging.CRITICAL)
    logging.getLogger("asyncio").setLevel(logging.ERROR)
