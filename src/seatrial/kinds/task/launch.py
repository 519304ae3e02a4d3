"""Running a task natively: ready is when it has ended well."""

from __future__ import annotations

from collections.abc import Mapping

from seatrial.declaration.models import ComponentConfig
from seatrial.kinds.base import Endpoint, Target
from seatrial.kinds.launching import Launch, Plan, Ports, Ready, Site
from seatrial.kinds.programs import process_of
from seatrial.waiting import Deadline


class _TaskLaunch:
    def allocate(self, config: ComponentConfig, ports: Ports) -> Mapping[str, Endpoint]:
        return {}

    async def plan(self, site: Site) -> Plan:
        return Plan(process_of(site), Ready.EXIT)

    async def after_start(self, target: Target, site: Site, deadline: Deadline) -> None:
        return None


LAUNCH: Launch = _TaskLaunch()
