"""Whether services reach each other at all."""

from __future__ import annotations

import re

from seatrial.compose.project import Project
from seatrial.kinds.containers import Service

#: What a container calls itself.
ITSELF = re.compile(r"(?i)localhost|127(\.\d+){3}|::1|0\.0\.0\.0")


def are_apart(one: Service, other: Service) -> bool:
    """Each is on networks of the project's own, and on none together."""
    if one.name == other.name or one.knows_others or other.knows_others:
        return False
    if one.joined and other.joined:
        return one.joined.isdisjoint(other.joined)
    known = not (one.joined or other.joined)  # of both from the same
    return known and one.networks.isdisjoint(other.networks)


def no_way(project: Project, service: Service, host: str, other: Service) -> tuple[str, str]:
    """That they are, and what is to be done, in words."""
    return (
        f"{service.name} and {other.name} share no network: {host} has no address there",
        f"let both be on one network (networks of {project.file.name})",
    )
