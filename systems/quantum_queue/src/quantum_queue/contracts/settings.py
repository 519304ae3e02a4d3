"""The settings of both services, read once from the environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn
from urllib.parse import quote

from quantum_queue.contracts.environment import (
    Problem,
    Reader,
    SettingsError,
    password_of,
    secrets_of_headers,
)

WRONG_SETTINGS = 2
"""Exit status of a process whose environment is not usable."""

DATABASE_EXAMPLE = "postgresql://user:password@localhost:5432/quantum_db"
BROKER_EXAMPLE = "amqp://user:password@localhost:5672/"

_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_OPTIONAL = (
    "QUEUE_NAME",
    "MAX_QUBITS",
    "TASK_DEADLINE_SECONDS",
    "RETRY_BACKOFF_SECONDS",
    "HEARTBEAT_SECONDS",
    "SIMULATORS",
    "SIMULATOR_MEMORY_MB",
    "LOG_LEVEL",
    "METRICS_PORT",
    "DRAIN_SECONDS",
)


@dataclass(frozen=True)
class Settings:
    """Everything that can be configured; the defaults suit one small machine."""

    database_url: str
    rabbitmq_url: str
    host: str = "127.0.0.1"
    port: int = 8001
    queue_name: str = "quantum_tasks"
    max_qubits: int = 24
    task_deadline_seconds: float = 20.0
    retry_backoff_seconds: float = 0.5
    heartbeat_seconds: int = 5
    simulators: int = 1
    simulator_memory_mb: int = 1536
    log_level: str = "INFO"
    metrics_port: int | None = None
    drain_seconds: float = 0.0
    collector_secrets: frozenset[str] = field(default=frozenset(), repr=False)
    """What OTEL_EXPORTER_OTLP_HEADERS and its like hold; the SDK reads them for itself."""
    warnings: tuple[str, ...] = ()

    @property
    def secrets(self) -> tuple[str, ...]:
        """Return what must never be written to a log, plain and percent-encoded."""
        found = {password_of(self.database_url), password_of(self.rabbitmq_url)}
        plain = {secret for secret in found if secret} | self.collector_secrets
        return tuple(sorted(plain | {quote(secret, safe="") for secret in plain}))


def read_database_url(environ: Mapping[str, str]) -> str:
    """Return DATABASE_URL, or raise SettingsError: all that a migration needs."""
    reader = Reader(environ)
    url = _database_url(reader)
    if reader.problems:
        raise SettingsError(reader.problems)
    return url


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Return the settings in `environ`, or raise SettingsError with all that is wrong."""
    reader = Reader(environ)
    settings = Settings(
        database_url=_database_url(reader),
        rabbitmq_url=reader.url("RABBITMQ_URL", ("amqp", "amqps"), BROKER_EXAMPLE, path=False),
        host=reader.word("HOST", "127.0.0.1", r"[0-9A-Za-z.:_%-]+", "a host name or address"),
        port=reader.integer("PORT", 8001, 0, 65535),
        queue_name=reader.word(
            "QUEUE_NAME", "quantum_tasks", r"[A-Za-z0-9_.:-]{1,200}", "letters, digits, _ . : -"
        ),
        max_qubits=reader.integer("MAX_QUBITS", 24, 1, 60),
        task_deadline_seconds=reader.seconds("TASK_DEADLINE_SECONDS", 20.0, 0.1, 86400.0),
        retry_backoff_seconds=reader.seconds("RETRY_BACKOFF_SECONDS", 0.5, 0.0, 3600.0),
        heartbeat_seconds=reader.integer("HEARTBEAT_SECONDS", 5, 2, 600),
        simulators=reader.integer("SIMULATORS", 1, 1, 64),
        simulator_memory_mb=reader.integer("SIMULATOR_MEMORY_MB", 1536, 64, 1_000_000),
        log_level=reader.choice("LOG_LEVEL", "INFO", _LEVELS),
        metrics_port=reader.optional_integer("METRICS_PORT", 0, 65535),
        drain_seconds=reader.seconds("DRAIN_SECONDS", 0.0, 0.0, 300.0),
        collector_secrets=secrets_of_headers(environ),
        warnings=tuple(_suspicious_names(reader)),
    )
    if reader.problems:
        raise SettingsError(reader.problems)
    return settings


def settings_or_exit(service: str) -> Settings:
    """Return the settings of this process, or end it with one line for each flaw."""
    try:
        return read_settings(os.environ)
    except SettingsError as error:
        exit_with(service, error.problems)


def exit_with(service: str, problems: list[Problem]) -> NoReturn:
    """Write the problems to stderr and exit with the status for wrong settings."""
    for problem in problems:
        print(f"{service}: cannot start: {problem}", file=sys.stderr, flush=True)
    raise SystemExit(WRONG_SETTINGS)


def _database_url(reader: Reader) -> str:
    schemes = ("postgresql", "postgres")
    return reader.url("DATABASE_URL", schemes, DATABASE_EXAMPLE, path=True)


def _suspicious_names(reader: Reader) -> list[str]:
    """Find optional variables that look misspelt: they would be ignored in silence."""
    found = []
    for name in _OPTIONAL:
        other = None if name in reader.environ else reader.near_miss(name)
        if other is not None and other not in _OPTIONAL:
            found.append(f"{other} is set but unknown; did you mean {name}?")
    return found
