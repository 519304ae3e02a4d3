"""What an endpoint's URL says: host, port, login, TLS."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote

from seatrial.kinds.base import Target
from seatrial.kinds.postgres.config import PostgresConfig
from seatrial.kinds.postgres.wire import Login, SslMode, Tls

DEFAULT_PORT = 5432


@dataclass(frozen=True)
class Place:
    """Where a PostgreSQL is, and who logs in there."""

    host: str
    port: int
    login: Login
    tls: Tls
    parameters: tuple[tuple[str, str], ...] = ()  # of the URL, as libpq understands them

    @property
    def shown(self) -> str:
        return f"{self.host}:{self.port}"


def config_of(target: Target) -> PostgresConfig:
    if not isinstance(target.config, PostgresConfig):
        raise TypeError(f"{target.name} is a {target.kind}, not a PostgreSQL")
    return target.config


def place_of(target: Target) -> Place:
    """Raises ValueError for a parameter of the URL that has no meaning."""
    config, endpoint = config_of(target), target.endpoint()
    path, _, query = endpoint.path.partition("?")
    parameters = dict(parse_qsl(query, keep_blank_values=True))
    tls = Tls(
        mode=SslMode(parameters.get("sslmode", SslMode.PREFER)),
        root_certificate=parameters.get("sslrootcert"),
        certificate=parameters.get("sslcert"),
        key=parameters.get("sslkey"),
    )
    login = Login(
        user=endpoint.user or config.user,
        database=unquote(path.removeprefix("/")) or config.database,
        password=endpoint.password,
    )
    host, port = endpoint.host or "localhost", endpoint.port or DEFAULT_PORT
    return Place(host, port, login, tls, tuple(parameters.items()))
