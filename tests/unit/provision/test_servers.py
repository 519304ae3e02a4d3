"""Which servers are needed, found and missing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seatrial.declaration.models import ComponentConfig
from seatrial.errors import DeploymentError, ServerMissing
from seatrial.kinds.base import Installed
from seatrial.kinds.registry import KINDS
from seatrial.provision.servers import missing_packages, of_all

FOUND = "tests.unit.provision.test_servers:found"
MISSING = "tests.unit.provision.test_servers:absent"
REFUSING = "tests.unit.provision.test_servers:refusing"


def found(config: ComponentConfig | None, /) -> Installed:
    return Installed("/bin/thing", "1.2")


def absent(config: ComponentConfig | None, /) -> Installed:
    raise ServerMissing("Thing", ["thing-server"])


def refusing(config: ComponentConfig | None, /) -> Installed:
    raise DeploymentError("there is no user to run it as")


def test_every_kind_with_packages_can_say_whether_its_server_is_here() -> None:
    with_packages = {name for name, kind in KINDS.items() if kind.packages}
    assert with_packages == {name for name, kind in KINDS.items() if kind.server_at}
    assert {"postgres", "rabbitmq"} <= with_packages


def test_the_servers_of_this_machine_are_found() -> None:
    by_kind = {server.kind: server for server in of_all(KINDS.values())}
    for kind in ("postgres", "rabbitmq"):
        server = by_kind[kind]
        assert server.found is not None, server.problem
        assert server.found.version
        assert server.found.version[0].isdigit()
        assert server.found.program.startswith("/")


@pytest.mark.parametrize(
    ("facet", "packages"), [(FOUND, ()), (MISSING, ("thing-server",)), (REFUSING, ())]
)
def test_only_what_is_not_installed_is_to_be_installed(
    facet: str, packages: tuple[str, ...]
) -> None:
    kind = replace(KINDS["postgres"], server_at=facet)
    (server,) = of_all([kind])
    assert missing_packages([server, server]) == packages
    assert (server.found is None) == (facet != FOUND)


def test_kinds_without_a_server_need_nothing() -> None:
    assert of_all([KINDS["http"], KINDS["process"], KINDS["task"]]) == []
