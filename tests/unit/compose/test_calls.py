"""What services are told of each other in URLs that are no server's of a kind."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from seatrial.compose.project import read_project
from seatrial.compose.targets import targets
from seatrial.declaration.load import load
from seatrial.kinds.base import Astray
from seatrial.kinds.registry import KINDS
from seatrial.listeners import Listener
from seatrial.outcome import Cause

from .test_targets import of

DECLARED = """
system: shop
compose: compose.yaml
components:
  web: {kind: process}
  clickhouse: {kind: http}
  store: {kind: http}
  db: {kind: postgres}
"""
LISTENS = (Listener("0.0.0.0", 8123, ""), Listener("127.0.0.1", 9009, ""))
STORE = (Listener("::", 9000, ""),)


def told(
    folder: Path,
    environment: dict[str, str],
    web: Mapping[str, object] = MappingProxyType({}),
    store: Mapping[str, object] = MappingProxyType({}),
    **runs: object,
) -> list[Astray]:
    """`store`, `runs`: changes of the containers of store and of clickhouse, which listens at
    8123."""
    services = {
        "web": {"image": "x", "environment": environment, **web},
        "clickhouse": {"image": "x", "ports": ["18123:8123"]},
        "store": {"image": "x", "networks": {"default": {"aliases": ["minio"]}}},
        "store2": {"image": "x"},
        "db": {"image": "postgres:15"},
        "off": {"image": "x", "profiles": ["more"]},
    }
    networks = {"shared": {"external": True}}
    (folder / "compose.yaml").write_text(json.dumps({"services": services, "networks": networks}))
    (folder / "seatrial.yaml").write_text(DECLARED)
    project = read_project(folder / "compose.yaml", {})
    up = {"ran_for": 61.0, "exposed": (), "networks": {}}
    containers = [
        of("web", environment=environment, listens=STORE, **up),
        of("db", **({"listens": STORE} | up)),
        of("clickhouse", **({"listens": LISTENS} | up | runs)),
        of("store", **({"listens": STORE} | up | dict(store))),
    ]
    return list(targets(load(folder, KINDS, variables={}), project, containers)["web"].astray)


@pytest.mark.parametrize(
    ("value", "cause", "found", "fix"),
    [
        (
            "http://clickhause:8123",
            Cause.DNS,
            "there is no service clickhause",
            "did you mean clickhouse?",
        ),
        (
            "http://clickhouse:8124/ping",
            Cause.REFUSED,
            "clickhouse listens at 8123 in its container, not at 8124",
            "the port is 8123",
        ),
        (
            "http://clickhouse:18123",
            Cause.REFUSED,
            "clickhouse listens at 8123 in its container, not at 18123, which is its port on the "
            "host",
            "the port is 8123",
        ),
        (
            "postgres://u:p@store/x",  # a pooler, say
            Cause.REFUSED,
            "store listens at 9000 in its container, not at 5432",
            "the port is 9000",
        ),
        (
            "http://minio:9003",
            Cause.REFUSED,
            "minio listens at 9000 in its container, not at 9003",
            "the port is 9000",
        ),
    ],
)
def test_what_leads_nowhere_is_a_warning(
    tmp_path: Path, value: str, cause: Cause, found: str, fix: str
) -> None:
    (one,) = told(tmp_path, {"CALLED": value})
    assert (one.cause, one.found, one.spare) == (cause, found, True)
    assert one.fix == f"correct CALLED of the service web of compose.yaml: {fix}"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CALLED", "http://clickhouse:8123"),
        ("CALLED", "http://clickhouse"),
        ("CALLED", "http://nowhere:1"),  # may be elsewhere, or not be there on purpose
        ("CALLED", "http://localhost:8124"),
        ("CALLED", "http://clickhause.example:8123"),
        ("CALLED", "http://store3:9000"),  # one of a row
        ("CALLED", "http://clickhouse-b:8123"),
        ("CALLED", "http://sture:9000"),
        ("CALLED", "http://of:1"),
        ("CALLED", "http://off:1"),
        ("CALLED", "postgres://u:p@db:1/x"),  # told as that of a server
        ("CALLED", "http://clickhouse.x:8123"),
        ("CALLED", "http://store2:1"),  # nobody knows where it listens
        ("CALLED", "http://web:1"),
        ("CALLED", "redis://clickhause:6379"),  # told as that of a server
        ("CORS_ORIGINS", "http://clickhouse:3000"),
        ("PUBLIC_URL", "http://clickhause:8123"),
        ("TEST_URL", "http://clickhouse:8124"),
    ],
)
def test_what_leads_somewhere_or_may_be_meant_so(tmp_path: Path, variable: str, value: str) -> None:
    assert [one for one in told(tmp_path, {variable: value}) if one.spare] == []


@pytest.mark.parametrize(
    ("runs", "known"),
    [
        ({"ran_for": 59.0}, False),
        ({"datagrams": frozenset({8124})}, False),
        ({"datagrams": frozenset({8125})}, True),
        ({"listens": (Listener("::", 5005, ""),)}, False),  # for its debugger, as yet
        ({"listens": (Listener("::", 5005, ""), *LISTENS)}, True),
        ({"ran_for": 1.0, "health": "healthy"}, True),
        ({"health": "starting"}, False),
        ({"listens": (), "datagrams": frozenset({53})}, False),
        ({"listens": None}, False),
        ({"on_host": True}, False),
        ({"status": "paused"}, False),
    ],
)
def test_it_is_believed_once_it_listens(
    tmp_path: Path, runs: dict[str, object], known: bool
) -> None:
    assert len(told(tmp_path, {"CALLED": "http://clickhouse:8124"}, **runs)) == known


def test_who_may_know_others_may_mean_them(tmp_path: Path) -> None:
    called = {"CALLED": "http://clickhause:8123"}
    assert told(tmp_path, called, {"networks": ["shared"]}) == []


def test_of_several_at_once_one_is_told(tmp_path: Path) -> None:
    more = (Listener("0.0.0.0", 8124, ""), Listener("0.0.0.0", 8123, ""))
    (one,) = told(tmp_path, {"CALLED": "http://clickhouse:1"}, listens=more)
    assert "listens at 8123 and 8124 in" in one.found
    assert one.fix.endswith("the port is one of these: 8123, 8124")


TWO = """
services:
  web: {image: x, networks: [one], environment: {CALLED: "http://app:%s"}}
  first: {image: x, networks: {one: {aliases: [app]}}}
  second: {image: x, networks: {two: {aliases: [app]}}}
  both: {image: x, networks: [one, two], environment: {CALLED: "http://app:%s"}}
networks: {one: , two: }
"""


def test_a_name_that_two_have(tmp_path: Path) -> None:
    """Each on a network of its own."""
    components = "components: {web: {kind: process}, both: {kind: process}}"
    (tmp_path / "seatrial.yaml").write_text(f"system: s\ncompose: compose.yaml\n{components}")

    def found(port: int, *, second: bool = True) -> list[str]:
        (tmp_path / "compose.yaml").write_text(TWO % (port, port))
        project = read_project(tmp_path / "compose.yaml", {})
        containers = [
            of(
                name,
                ran_for=61.0,
                exposed=(),
                networks={},
                listens=(Listener("0.0.0.0", at, ""),),
                environment=dict(project.services[name].environment),
            )
            for name, at in (("web", 1), ("both", 1), ("first", 3000), ("second", 8000))
            if second or name != "second"
        ]
        told = targets(load(tmp_path, KINDS, variables={}), project, containers)
        return [name for name in ("web", "both") if told[name].astray]

    assert found(3000) == []
    assert found(8000) == ["web"]
    assert found(9000) == ["web", "both"]
    assert found(9000, second=False) == ["web"], "nobody knows where the other listens"


@pytest.mark.parametrize(
    ("web", "told_so"),
    [
        ({"networks": ["front"]}, True),
        ({"networks": ["front", "default"]}, False),
        ({"network_mode": "host"}, False),
        ({"networks": ["front"], "extra_hosts": ["store:10.0.0.1"]}, False),
    ],
)
def test_who_has_no_address_there(tmp_path: Path, web: dict[str, object], told_so: bool) -> None:
    found = told(tmp_path, {"CALLED": "http://store:9000"}, web)
    assert [(one.cause, one.found, one.spare) for one in found] == [
        (Cause.DNS, "web and store share no network: store has no address there", True)
    ] * told_so
    (tmp_path / "all.env").write_text("CALLED=http://store:9000")
    shared = {**web, "env_file": "all.env", "environment": {}}
    assert told(tmp_path, {"CALLED": "http://store:9000"}, shared) == []


@pytest.mark.parametrize(
    ("listens", "port", "found", "fix"),
    [
        (LISTENS[1:], 9009, "store listens at 9009 for itself only, in its", "listen at 0.0.0.0"),
        (LISTENS, 9009, "store listens at 9009 for itself only, in its", "let store listen at 0."),
        ((), 9000, "nothing listens in the container of store", "log of store; or correct CALLED"),
    ],
)
def test_where_nobody_else_is_heard(
    tmp_path: Path, listens: tuple[Listener, ...], port: int, found: str, fix: str
) -> None:
    called = {"CALLED": f"http://store:{port}"}
    (one,) = told(tmp_path, called, store={"listens": listens})
    assert (one.cause, one.spare) == (Cause.REFUSED, True)
    assert one.found.startswith(found)
    assert fix in one.fix


@pytest.mark.parametrize("listens", [(), LISTENS[1:], (Listener("127.0.0.1", 8123, ""),)])
def test_who_is_told_to_hear_nobody_is_not_told_to_callers(
    tmp_path: Path, listens: tuple[Listener, ...]
) -> None:
    """It is a finding of its own."""
    assert told(tmp_path, {"CALLED": "http://clickhouse:8123"}, listens=listens) == []


@pytest.mark.parametrize(
    ("host", "near"), [("sotre", "store"), ("clickhuose", "clickhouse"), ("wbe", ""), ("rotes", "")]
)
def test_letters_that_changed_places(tmp_path: Path, host: str, near: str) -> None:
    found = told(tmp_path, {"CALLED": f"http://{host}:9000"})
    assert [one.fix.endswith(f"did you mean {near}?") for one in found] == [True] * bool(near)


def test_who_is_told_an_address_itself(tmp_path: Path) -> None:
    for web in (
        {"extra_hosts": ["store:10.0.0.1"]},
        {"extra_hosts": ["STORE=10.0.0.1"]},
        {"extra_hosts": {"store": "10.0.0.1"}},
        {"network_mode": "host"},
    ):
        assert told(tmp_path, {"CALLED": "http://store:9003"}, web) == []
    assert told(tmp_path, {"CALLED": "http://store:9003"}, {"extra_hosts": ["a:10.0.0.1"]}) != []


def test_who_asks_a_debugger_is_told_nothing(tmp_path: Path) -> None:
    listens = (Listener("::", 9229, ""), *LISTENS)
    assert told(tmp_path, {"CALLED": "http://clickhouse:9229"}, listens=listens) == []
    (one,) = told(tmp_path, {"CALLED": "http://clickhouse:1"}, listens=listens)
    assert one.fix.endswith("the port is 8123")
