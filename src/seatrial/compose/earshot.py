"""What runs and yet hears nobody: a container in which nothing listens where others look for it.

The kernel that runs it knows. Where that is another machine's, or a virtual one's, nothing is said.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from seatrial.compose.engine import Container, far_host
from seatrial.listeners import Listener, all_listeners, datagram_ports

_PROCESSES = Path("/proc")
_NAME_SERVER = "127.0.0.11"  # the engine's own, in each container
_LONG = 3600.0  # s for which it is told how long a program has run
_STARTS = 30.0  # s in which a program may not listen yet
FOR_DEBUGGERS = {2345, 5005, 5678, 9229}  # of Go, Java, Python and Node: used now and then
_TOLD = 3  # other places that are named


def with_listeners(found: Sequence[Container]) -> list[Container]:
    if far_host() is not None:
        return list(found)
    by_id = {one.id: one for one in found}
    return [
        replace(
            one,
            listens=_listens(one),
            datagrams=_datagrams(one),
            stranded=_stranded(one, by_id.get(one.host)),
        )
        for one in found
    ]


def _stranded(one: Container, host: Container | None) -> str:
    """The service whose network it had, where that was started again since, and so has another."""
    if host is None or not (_is_ours(one) and _is_ours(host)):
        return ""
    try:
        both = [os.stat(_PROCESSES / str(each.pid) / "ns" / "net").st_ino for each in (one, host)]
    except OSError:
        return ""
    return host.service if both[0] != both[1] else ""


def _listens(one: Container) -> tuple[Listener, ...] | None:
    if one.on_host or not _is_ours(one):
        return None
    tables = _PROCESSES / str(one.pid) / "net"
    there = tuple(each for each in all_listeners(tables) if each.address != _NAME_SERVER)
    return there if (tables / "tcp").exists() else None  # else it has ended meanwhile


def _datagrams(one: Container) -> frozenset[int]:
    known = not one.on_host and _is_ours(one)
    return frozenset(datagram_ports(_PROCESSES / str(one.pid) / "net")) if known else frozenset()


def _is_ours(one: Container) -> bool:
    """Whether this kernel runs it: another one may have given the same number."""
    if one.status != "running" or not one.pid:
        return False
    try:
        return one.id in (_PROCESSES / str(one.pid) / "cgroup").read_text()
    except OSError:
        return False


def is_mute(one: Container) -> bool:
    """Nothing in it listens at all, though it should: why, may be in its log."""
    wanted = one.published or one.exposed
    return one.listens == () and bool(wanted) and one.health != "starting"


def unheard(service: str, ports: Iterable[int], some: Sequence[Container]) -> tuple[str, str]:
    """Why nobody is heard at one of these ports of a service's containers, and what is to be done
    where that is certain; both "" where somebody is, or it is not known."""
    for one in some:
        for port in ports if one.listens is not None else ():
            said = _unheard(service, port, one)
            if said is not None:
                return said
    return "", ""


def published_unheard(
    service: str, declared: Collection[int], some: Sequence[Container]
) -> tuple[str, str]:
    """Likewise of what nothing asks, a worker say: it listens, but at none of the ports that it
    publishes. Where it listens at one of them, the others may be for debugging. What uses the
    network of another container has that one's ports. `declared` are those that its file names:
    Seatrial publishes more of a project of its own."""
    for one in (each for each in some if not each.host):
        published = (one.published.keys() & declared) - FOR_DEBUGGERS
        there = [each for each in one.listens or () if each.port in published]
        if one.listens and published and all(each.for_itself for each in there):
            port = min(each.port for each in there) if there else min(published)
            return _unheard(service, port, one) or ("", "")
    return "", ""


def hears_others(ports: Iterable[int], some: Sequence[Container]) -> bool:
    """Whether it is known of each that it listens there for others."""
    wanted = set(ports)
    return bool(wanted and some) and all(
        wanted <= {each.port for each in one.listens or () if not each.for_itself} for one in some
    )


def hears_itself(
    ports: Iterable[int], declared: Collection[int], some: Sequence[Container]
) -> bool:
    """Whether each has a health check of its own and hears only itself at all of these ports, of
    which neither its file nor its image names any: it asks itself there, and nobody else has to."""
    wanted = set(ports) - set(declared)
    if len(wanted) < len(set(ports)):
        return False
    return bool(wanted and some) and all(
        one.health != ""
        and not wanted & (set(one.exposed) - (one.published.keys() - declared))
        and wanted <= {each.port for each in one.listens or () if each.for_itself}
        and not any(each.port in wanted and not each.for_itself for each in one.listens or ())
        for one in some
    )


def _unheard(service: str, port: int, one: Container) -> tuple[str, str] | None:
    there = one.listens or ()
    here = [each for each in there if each.port == port]
    if any(not each.for_itself for each in here):
        return None
    if here:
        return (
            f"in its container it listens at {here[0]} only, where nobody outside reaches it",
            f"let {service} listen at 0.0.0.0 in its container, not at {here[0].address} (by its "
            "option for the host or address)",
        )
    words = f"in its container nothing listens at {port}"
    others = list(dict.fromkeys(str(each) for each in sorted(there, key=str)))[:_TOLD]
    if others:
        young = "look again in a moment; if it stays so, " if one.ran_for < _STARTS else ""
        return (
            f"{words}, but at {' and '.join(others)}",
            f"{young}let {service} listen at {port} in its container, or correct its ports or its "
            "health check",
        )
    log = f"; its log: {one.last_words}" if one.last_words else ""
    if one.ran_for < _STARTS:
        return (
            f"{words} yet, {one.ran_for:.0f} s after it was started{log}",
            f"look again in a moment; if it stays so, see why in the log of {service}",
        )
    since = f", {one.ran_for:.0f} s after it was started" if one.ran_for < _LONG else ""
    return words + since + log, ""
