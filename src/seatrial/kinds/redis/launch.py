"""Starting Redis natively: a private server with a password of its own."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Mapping

from seatrial.declaration.models import ComponentConfig
from seatrial.kinds.base import Endpoint, Target
from seatrial.kinds.launching import Launch, Plan, Ports, Process, Ready, Site
from seatrial.kinds.placing import put_file
from seatrial.kinds.redis.config import RedisConfig
from seatrial.kinds.redis.server import installed, run_as
from seatrial.waiting import Deadline

_HOST = "127.0.0.1"


class RedisLaunch:
    def allocate(self, config: ComponentConfig, ports: Ports) -> Mapping[str, Endpoint]:
        assert isinstance(config, RedisConfig)
        password = secrets.token_urlsafe(24)
        port = config.port or ports()
        path = f"/{config.database}"
        return {"redis": Endpoint("redis", _HOST, port, path, None, password)}

    async def plan(self, site: Site) -> Plan:
        return await asyncio.to_thread(_plan, site)

    async def after_start(self, target: Target, site: Site, deadline: Deadline) -> None:
        return None


LAUNCH: Launch = RedisLaunch()


def _plan(site: Site) -> Plan:
    server, endpoint = installed(site.config), site.endpoints["redis"]
    user = run_as()
    user.give(site.folder)
    settings = [
        f"bind {_HOST}",
        f"port {endpoint.port}",
        f"requirepass {endpoint.password}",
        f'dir "{site.folder}"',
        "appendonly yes",  # what was written outlives a kill
        'save ""',
        "daemonize no",
    ]
    put_file(site.folder / "redis.conf", "\n".join(settings) + "\n", owner=user.owner)
    process = Process(
        (server.program, str(site.folder / "redis.conf")),
        {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"},
        site.folder,
        user.name,
    )
    return Plan(process, Ready.PROBE)
