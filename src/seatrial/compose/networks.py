"""How the services of a project of Seatrial's own meet each other, and nobody else.

Networks are new ones, without the addresses of the user's; names by which services reach each other
stay. What shares the host's network, or that of a container of somebody else, cannot be kept apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from seatrial.compose.merging import Tree, by_name
from seatrial.declaration.source import Plain
from seatrial.errors import UsageError

Tell = Callable[[str], None]

_SERVICE, _CONTAINER = "service:", "container:"
_MTU = "com.docker.network.driver.mtu"
_ADDRESSES = ("ipv4_address", "ipv6_address", "link_local_ips", "mac_address", "interface_name")


def refuse_shared(modes: Mapping[str, str], containers: Mapping[str, str]) -> None:
    """By service, `network_mode`; by name of a container, its service. Raises UsageError for a
    service that would reach the user's own project, or take its ports."""
    for name, mode in modes.items():
        whose = "the host's network"
        if mode.startswith(_CONTAINER) and mode.removeprefix(_CONTAINER) not in containers:
            whose = f"the network of the container {mode.removeprefix(_CONTAINER)}"
        elif mode != "host":
            continue
        raise UsageError(
            f"the service {name} has `network_mode: {mode}`: on {whose}, a second one beside yours "
            "would take the same ports and reach your servers, so Seatrial starts none",
            hint=f"give {name} networks and ports, or a profile; or start the project yourself "
            "(docker compose up -d): seatrial check and seatrial run look at it",
        )


def named_containers(services: Mapping[str, Tree]) -> dict[str, str]:
    """By the fixed names of containers, their services."""
    return {str(one["container_name"]): n for n, one in services.items() if "container_name" in one}


def network(name: str, one: Plain, tell: Tell) -> Plain:
    """A new one: inside of the engine, at addresses that it chooses."""
    declared = one if isinstance(one, dict) else {}
    if declared.get("external"):
        tell(f"the network {name} is a new one: yours is external")
        return {}
    options = declared.get("driver_opts")
    made: Tree = {}
    if declared.get("internal"):
        made["internal"] = True
    if isinstance(options, dict) and _MTU in options:
        made["driver_opts"] = {_MTU: options[_MTU]}
    return made


def joined(name: str, one: Tree, containers: Mapping[str, str], tell: Tell) -> Tree:
    """The service's keys that say where it is reached, and whom it shares a network with."""
    left_out = ("container_name", "mac_address", "external_links", "networks", "network_mode")
    made = {key: value for key, value in one.items() if key not in left_out}
    for key in ("network_mode", "ipc", "pid"):
        if (mode := _inside(one.get(key), containers)) is not None:
            made[key] = mode
        elif one.get(key) is not None:
            made.pop(key, None)
            tell(f"{name} is without `{key}: {one[key]}`, which leads out of its project")
    if one.get("external_links"):
        tell(f"{name} is without `external_links`, which lead out of its project")
    if "network_mode" not in made:
        made["networks"] = _links(name, one, tell)
    return made


def _inside(mode: Plain, containers: Mapping[str, str]) -> str | None:
    """The mode of a namespace, such that it stays in the project; None where it does not."""
    text = str(mode or "")
    if text.startswith(_CONTAINER) and text.removeprefix(_CONTAINER) in containers:
        return _SERVICE + containers[text.removeprefix(_CONTAINER)]
    known = ("none", "bridge", "private", "shareable")
    return text if text in known or text.startswith(_SERVICE) else None


def _links(name: str, one: Tree, tell: Tell) -> Tree:
    """Its networks; by the fixed name of its container others may reach it, too."""
    made: Tree = {}
    for network, how in (by_name(one.get("networks"), "") or {"default": None}).items():
        declared = how if isinstance(how, dict) else {}
        for key in _ADDRESSES:
            if key in declared:
                tell(f"{name} is not at {key} {declared[key]} of the network {network}")
        link = {key: value for key, value in declared.items() if key not in _ADDRESSES}
        if one.get("container_name"):
            aliases = link.get("aliases")
            known = aliases if isinstance(aliases, list) else []
            link["aliases"] = [*known, *([a] if (a := one["container_name"]) not in known else [])]
        made[network] = link or None
    return made


def network_of(name: str, services: Mapping[str, Tree], containers: Mapping[str, str]) -> str:
    """The service whose network one uses: its own, mostly."""
    seen = {name}
    while True:
        mode = _inside(services[name].get("network_mode"), containers) or ""
        other = mode.removeprefix(_SERVICE)
        if not mode.startswith(_SERVICE) or other not in services or other in seen:
            return name
        seen.add(other)
        name = other
