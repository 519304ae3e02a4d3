"""Starting a process natively: the user's command, and how it says that it is ready."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from seatrial.declaration.models import ComponentConfig
from seatrial.kinds.base import Endpoint, Target
from seatrial.kinds.launching import Launch, Plan, Ports, Ready, Site
from seatrial.kinds.process.config import ProcessConfig
from seatrial.kinds.programs import process_of
from seatrial.waiting import Deadline


class _ProcessLaunch:
    def allocate(self, config: ComponentConfig, ports: Ports) -> Mapping[str, Endpoint]:
        return {}

    async def plan(self, site: Site) -> Plan:
        config = cast(ProcessConfig, site.config)
        if config.ready == "notify":
            ready = Ready.NOTIFY
        else:
            by_probe = config.ready is None and config.consumes
            ready = Ready.PROBE if by_probe else Ready.STARTED
        return Plan(process_of(site), ready)

    async def after_start(self, target: Target, site: Site, deadline: Deadline) -> None:
        return None


LAUNCH: Launch = _ProcessLaunch()
