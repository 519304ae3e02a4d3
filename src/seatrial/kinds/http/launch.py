"""Starting an HTTP service natively: a port of its own, and the user's command."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from seatrial.declaration.models import ComponentConfig
from seatrial.kinds.base import Endpoint, Target
from seatrial.kinds.http.config import HttpConfig
from seatrial.kinds.launching import Launch, Plan, Ports, Ready, Site
from seatrial.kinds.programs import process_of
from seatrial.waiting import Deadline


class _HttpLaunch:
    """The service learns its port from a reference to itself, such as `PORT: "{api.port}"`."""

    def allocate(self, config: ComponentConfig, ports: Ports) -> Mapping[str, Endpoint]:
        fixed = cast(HttpConfig, config).port
        return {"http": Endpoint("http", "127.0.0.1", fixed if fixed is not None else ports())}

    async def plan(self, site: Site) -> Plan:
        ready = cast(HttpConfig, site.config).ready
        return Plan(process_of(site), Ready.NOTIFY if ready == "notify" else Ready.PROBE)

    async def after_start(self, target: Target, site: Site, deadline: Deadline) -> None:
        return None


LAUNCH: Launch = _HttpLaunch()
