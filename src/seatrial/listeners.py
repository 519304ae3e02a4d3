"""Where programs listen, as the kernel's tables say: a connection would disturb them."""

from __future__ import annotations

import contextlib
import ipaddress
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_TABLES = ("tcp", "tcp6")
_DATAGRAM_TABLES = ("udp", "udp6")
_LISTEN = "0A"  # the state, as these tables have it


@dataclass(frozen=True)
class Listener:
    address: str
    port: int
    inode: str  # of its socket

    def __str__(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{host}:{self.port}"

    def takes(self, host: str, port: int) -> bool:
        """Whether it takes connections to this address."""
        return self.port == port and self.address in (host, "0.0.0.0", "::")  # noqa: S104

    @property
    def for_itself(self) -> bool:
        """Whether only what shares its network reaches it."""
        return ipaddress.ip_address(self.address).is_loopback


def all_listeners(tables: Path = Path("/proc/net")) -> Iterator[Listener]:
    """Of everything that shares a network: this machine's, or that of a process (/proc/PID/net)."""
    for name in _TABLES:
        with contextlib.suppress(OSError):
            for line in (tables / name).read_text().splitlines()[1:]:
                fields = line.split(None, 10)
                if fields[3] == _LISTEN:
                    address, _, port = fields[1].rpartition(":")
                    yield Listener(_address(address), int(port, 16), fields[9])


def datagram_ports(tables: Path) -> Iterator[int]:
    """At which anything takes what is sent by UDP, or waits for an answer to what it sent."""
    for name in _DATAGRAM_TABLES:
        with contextlib.suppress(OSError):
            for line in (tables / name).read_text().splitlines()[1:]:
                yield int(line.split(None, 2)[1].rpartition(":")[2], 16)


def _address(text: str) -> str:
    """ "0100007F" is 127.0.0.1: words of four bytes, each as the machine has a number."""
    words = [int(text[at : at + 8], 16) for at in range(0, len(text), 8)]
    packed = b"".join(word.to_bytes(4, sys.byteorder) for word in words)
    found = ipaddress.ip_address(packed)
    return str(getattr(found, "ipv4_mapped", None) or found)  # as dual-stack sockets have it
