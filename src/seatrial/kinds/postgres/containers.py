"""PostgreSQL in a container: official images and those built on them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qs, quote

from seatrial.declaration.models import ComponentConfig
from seatrial.kinds.base import Endpoint
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
_DATABASE = ("POSTGRES_DB", "POSTGRESQL_DATABASE")
_USER = ("POSTGRES_USER", "POSTGRESQL_USERNAME")
_PASSWORD = ("POSTGRES_PASSWORD", "POSTGRESQL_PASSWORD")


class _Containers(InContainers):
    told_by = "ports, environment, URLs of other services"

    def recognise(self, service: Service) -> Guess | None:
        if service.only_calls(_CLIENTS, _SERVER):
            return None
        if service.image_name in _IMAGES:
            return Guess(service.made_of, BY_IMAGE)
        listens = any(port.target == DEFAULT_PORT for port in service.ports)
        if listens and service.value(*_PASSWORD, "POSTGRES_HOST_AUTH_METHOD"):
            return Guess("port 5432 and POSTGRES_PASSWORD", BY_SETTINGS)
        return None

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
        path += "?sslmode=require" if any(map(_says_tls, mentioned[:1])) else ""
        return {"sql": Endpoint("postgresql", service.name, _port(service), path, user, password)}


def _says_tls(told: Endpoint) -> bool:
    """No more is asked for, whatever a service is told: the certificate is made for the names and
    the authority of the project, which nobody outside knows."""
    modes = parse_qs(told.path.partition("?")[2]).get("sslmode", [])
    return any(mode == "require" or mode.startswith("verify-") for mode in modes)


def _port(service: Service) -> int:
    """As its command or PGPORT says."""
    told = _PORT.search(service.command)
    number = told[1] if told else service.value("PGPORT") or ""
    return port_of(number) or service.usual(DEFAULT_PORT)


CONTAINERS = _Containers()
