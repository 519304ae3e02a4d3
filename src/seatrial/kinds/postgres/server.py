"""Whether this machine has a PostgreSQL server that will do (facet `server`)."""

from __future__ import annotations

from seatrial.declaration.models import ComponentConfig
from seatrial.kinds.base import Installed
from seatrial.kinds.postgres.binaries import find_server, run_as
from seatrial.kinds.postgres.config import PostgresConfig


def installed(config: ComponentConfig | None) -> Installed:
    """The server that a native start would use. Raises ServerMissing."""
    wanted = config.version if isinstance(config, PostgresConfig) else None
    server = find_server(wanted)
    user = run_as()
    return Installed(server.postgres, server.version, user.name)
