"""Whether this machine has a RabbitMQ that will do (facet `server`)."""

from __future__ import annotations

from seatrial.declaration.models import ComponentConfig
from seatrial.kinds.base import Installed
from seatrial.kinds.rabbitmq.config import RabbitmqConfig
from seatrial.kinds.rabbitmq.installed import find_server, run_as


def installed(config: ComponentConfig | None) -> Installed:
    """The broker that a native start would use. Raises ServerMissing."""
    wanted = config.version if isinstance(config, RabbitmqConfig) else None
    server = find_server(wanted)
    program = server.home / "sbin" / "rabbitmq-server"
    return Installed(str(program), server.version, run_as().name)
