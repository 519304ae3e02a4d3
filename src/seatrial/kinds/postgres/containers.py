"""PostgreSQL in a container: official images and those built on them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from urllib.parse import parse_qs, quote

from seatrial.declaration.models import ComponentConfig
from seatrial.kinds.base import Endpoint, Target
from seatrial.kinds.containers import (
    BY_IMAGE,
    BY_SETTINGS,
    Guess,
    InContainers,
    Service,
    login_of,
    port_of,
)
from seatrial.kinds.postgres.address import DEFAULT_PORT
from seatrial.waiting import Deadline

_IMAGES = (
    "postgres",
    "postgresql",
    "postgresql-repmgr",
    "postgis",
    "pgvector",
    "pgvecto-rs",
    "pgroonga",
    "pgautoupgrade",
    "paradedb",
    "citus",
    "timescaledb",
    "timescaledb-ha",
)
_CLIENTS = re.compile(r"\b(psql|pg_dump|pg_dumpall|pg_restore|pg_basebackup|pgbench)\b")
_SERVER = re.compile(r"docker-entrypoint\.sh\s+(postgres\b|-)|(?<!\S)postgres(\s+-|$)")
_PORT = re.compile(r"(?<!\S)(?:-p\s*|(?:-c\s*|--)port=)(\d{1,5})(?!\S)")
_STANDBY_NAME = re.compile(
    r"(?i)(?:^|[-_])(?:replica|standby|slave|secondary|follower)(?:[-_]?\d+)?(?:$|[-_])"
)
_STANDBY = {"standby": True}
_DATABASE = ("POSTGRES_DB", "POSTGRESQL_DATABASE")
_USER = ("POSTGRES_USER", "POSTGRESQL_USERNAME")
_PASSWORD = ("POSTGRES_PASSWORD", "POSTGRESQL_PASSWORD")


class _Containers(InContainers):
    told_by = "ports, environment, URLs of other services"

    def recognise(self, service: Service) -> Guess | None:
        if service.only_calls(_CLIENTS, _SERVER):
            return None
        settings = _STANDBY if _is_standby(service) else {}
        if service.image_name in _IMAGES:
            return Guess(service.made_of, BY_IMAGE, settings)
        listens = any(port.target == DEFAULT_PORT for port in service.ports)
        if listens and service.value(*_PASSWORD, "POSTGRES_HOST_AUTH_METHOD"):
            return Guess("port 5432 and POSTGRES_PASSWORD", BY_SETTINGS, settings)
        return None

    async def settle(self, guess: Guess, target: Target, deadline: Deadline) -> Guess | None:
        """As what it says that it is."""
        from seatrial.kinds.postgres.probe import is_standby  # only `init` needs it

        standby = await is_standby(target, deadline)
        return guess if standby is None else replace(guess, settings=_STANDBY if standby else {})

    def endpoints(
        self, service: Service, config: ComponentConfig, mentioned: Sequence[Endpoint]
    ) -> Mapping[str, Endpoint]:
        """As the system's own URLs say; else as the image is told to make user and database."""
        user, password = login_of(mentioned)
        if user is None:
            user = service.value(*_USER) or "postgres"
            password = service.value(*_PASSWORD)
        named = next((path for m in mentioned if len(path := m.path.partition("?")[0]) > 1), "")
        owner = service.value(*_USER) or "postgres"
        path = named or "/" + quote(service.value(*_DATABASE) or owner, safe="")
        path += next((f"?sslmode={mode}" for m in mentioned[:1] if (mode := _tls_mode(m))), "")
        return {"sql": Endpoint("postgresql", service.name, _port(service), path, user, password)}


def _tls_mode(told: Endpoint) -> str:
    """With TLS, or without. No more is asked for, whatever a service is told: the certificate is
    made for the names and the authority of the project, which nobody outside knows."""
    (mode,) = parse_qs(told.path.partition("?")[2]).get("sslmode", [""])[-1:]
    if mode.startswith("verify-"):
        return "require"
    return mode if mode in ("require", "disable") else ""


def _is_standby(service: Service) -> bool:
    mode = service.value("POSTGRESQL_REPLICATION_MODE") or ""
    copies = "pg_basebackup" in service.command or mode in ("slave", "replica")
    return copies or _STANDBY_NAME.search(service.name) is not None


def _port(service: Service) -> int:
    """As its command or PGPORT says."""
    told = _PORT.search(service.command)
    number = told[1] if told else service.value("PGPORT") or ""
    return port_of(number) or service.usual(DEFAULT_PORT)


CONTAINERS = _Containers()
