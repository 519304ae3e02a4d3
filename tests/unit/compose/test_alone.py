"""What only its own health check reaches, and nobody else has to."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from seatrial.checks.look import _whole
from seatrial.compose.project import read_project
from seatrial.compose.targets import targets
from seatrial.declaration.load import load
from seatrial.declaration.models import ComponentConfig
from seatrial.kinds.base import Listening, ProbeResult, Target, Words
from seatrial.kinds.containers import Port, Service
from seatrial.kinds.http.config import HttpConfig
from seatrial.kinds.redis.config import RedisConfig
from seatrial.kinds.registry import KINDS
from seatrial.listeners import Listener
from seatrial.outcome import Cause, Connection, Health

from .test_targets import of

ASKED = Service(
    "web",
    ports=(Port(80, 8080),),
    health_check="CMD curl -f http://localhost:9000/live",
    command="python web.py",
)


@pytest.mark.parametrize(
    ("heard", "port"),
    [
        ((), 9000),  # nobody knows where it listens, or it hears nobody
        ((80, 9000), 9000),
        ((80,), 80),
        ((81,), 9000),
    ],
)
def test_what_its_health_check_alone_reaches_is_not_asked_where_others_are_heard(
    heard: tuple[int, ...], port: int
) -> None:
    runs = replace(ASKED, heard=frozenset(heard))
    facet = KINDS["http"].containers
    assert facet is not None
    assert facet.endpoints(runs, HttpConfig(), ())["http"].port == port
    asks = facet.as_asked(runs, HttpConfig(health="/live"))
    assert asks == HttpConfig(health="/live" if port == 9000 else None)


@pytest.mark.parametrize(
    "config",
    [HttpConfig(health="/up"), HttpConfig(health="/live", version=">=1"), RedisConfig()],
    ids=["another path", "with a version", "another kind"],
)
def test_what_else_is_declared_stays(config: ComponentConfig) -> None:
    runs = replace(ASKED, heard=frozenset((80,)))
    facet = KINDS["http"].containers
    assert facet is not None
    assert facet.as_asked(runs, config) is config


def test_a_published_port_is_asked_though_only_its_health_check_reaches_it() -> None:
    runs = replace(ASKED, ports=(Port(9000, 1), Port(80, 2)))
    facet = KINDS["http"].containers
    assert facet is not None
    runs = replace(runs, heard=frozenset((80,)))
    assert facet.endpoints(runs, HttpConfig(), ())["http"].port == 9000


@pytest.mark.parametrize(
    ("others", "alone", "unheard"),
    [
        ("", True, False),
        (", environment: {THERE: 'http://web:9000'}", False, True),
        (", depends_on: [web]", True, True),
        (", environment: {WEB_HOST: web}", False, True),
    ],
    ids=["nobody", "told where it is", "waited for", "told its host"],
)
def test_what_nobody_else_has_to_reach(
    tmp_path: Path, others: str, alone: bool, unheard: bool
) -> None:
    check = "healthcheck: {test: curl -f http://localhost:9000/live}"
    services = f"{{web: {{image: x, {check}}}, other: {{image: y{others}}}}}"
    (tmp_path / "compose.yaml").write_text(f"services: {services}")
    declared = "system: s\ncompose: compose.yaml\ncomponents: {web: {kind: http, health: /live}}"
    (tmp_path / "seatrial.yaml").write_text(declared)
    system = load(tmp_path, KINDS, variables={})
    project = read_project(tmp_path / "compose.yaml", {})
    inside = (Listener("127.0.0.1", 9000, "1"),)
    told = dict(project.services["other"].environment)
    runs = [
        of("web", listens=inside, health="healthy", exposed=(), environment={}),
        of("other", exposed=(), environment=told),
    ]
    words = targets(system, project, runs)["web"].provider
    assert words.own_check.alone is alone
    assert bool(words.listening.unheard) is unheard


def _words(tmp_path: Path, web: str, more: str, **runs: object) -> Words:
    (tmp_path / "compose.yaml").write_text(f"services: {{web: {web}{more}}}")
    declared = "system: s\ncompose: compose.yaml\ncomponents: {web: {kind: http}}"
    (tmp_path / "seatrial.yaml").write_text(declared)
    system = load(tmp_path, KINDS, variables={})
    project = read_project(tmp_path / "compose.yaml", {})
    one = of("web", exposed=(), environment={}, **runs)
    return targets(system, project, [one])["web"].provider


def test_a_published_port_at_which_it_does_not_listen(tmp_path: Path) -> None:
    check = "healthcheck: {test: curl http://localhost:8000}"
    web, published = f"{{image: x, ports: ['80:8001'], {check}}}", {8001: ("0.0.0.0", 80)}
    right, dead = ((Listener("0.0.0.0", port, "1"),) for port in (8001, 8000))
    words = _words(tmp_path, web, "", published=published, listens=dead)
    assert "nothing listens at 8001, but at 0.0.0.0:8000" in words.listening.unpublished
    assert words.listening.unheard == ""
    words = _words(tmp_path, web, "", published=published, listens=right)
    assert words.listening.unpublished == ""
    guest = ", guest: {image: y, network_mode: 'service:web'}"
    words = _words(tmp_path, web, guest, published=published, listens=dead)
    assert words.listening.unpublished == ""


def test_what_is_well_and_deaf_at_what_it_publishes_is_a_warning() -> None:
    words = Words(
        setting="the service web", listening=Listening(unpublished="nothing listens at 8001")
    )
    target = Target("web", "http", HttpConfig(), {"http": ()}, provider=words)
    well = ProbeResult(Health.HEALTHY, Connection.CONNECTED, 1.0)
    found = _whole(well, target)
    assert (found.health, found.cause) == (Health.HEALTHY, Cause.UNHEALTHY)
    assert found.found == "nothing listens at 8001"
    assert found.fix == "correct the ports of the service web"
    assert _whole(well, replace(target, provider=Words())) is well


@pytest.mark.parametrize(
    ("check", "aside"),
    [
        ("[CMD, curl, -f, -H, 'Host: shop', 'http://localhost/up']", True),
        ("curl -fsSH 'X: 1' http://localhost/up", True),
        ("wget --header='X: 1' http://localhost/up", True),
        ("curl --user me:X http://localhost/up", True),
        ("curl -X POST http://localhost/up", True),
        ("curl -fI http://localhost/up", True),
        ("curl -fd '{}' http://localhost/rpc", True),
        ("curl -s -o /dev/null -w %{http_code} http://localhost/ | grep -q 503", True),
        ("curl -f http://localhost/up", False),
        ("curl -fsS -o /dev/null http://localhost/up", False),
        ("wget -qO- http://localhost/Headers", False),
    ],
)
def test_a_health_check_that_asks_otherwise(tmp_path: Path, check: str, aside: bool) -> None:
    web = f"{{image: x, healthcheck: {{test: {json.dumps(check) if check[0] != '[' else check}}}}}"
    assert _words(tmp_path, web, "").own_check.aside is aside


@pytest.mark.parametrize(("heard", "port"), [((8080,), 8080), ((8443, 8080), 8443), ((), 8443)])
def test_of_several_urls_the_one_that_is_heard_counts(heard: tuple[int, ...], port: int) -> None:
    check = "curl -kfs https://localhost:8443/health || curl -fs http://localhost:8080/health"
    facet = KINDS["http"].containers
    assert facet is not None
    runs = Service("web", health_check=check, heard=frozenset(heard))
    found = facet.endpoints(runs, HttpConfig(), ())["http"]
    assert (found.port, found.scheme) == (port, "https" if port == 8443 else "http")


def test_where_nothing_names_a_port(tmp_path: Path) -> None:
    facet = KINDS["http"].containers
    assert facet is not None

    def port(**told: object) -> int | None:
        made = facet.endpoints(Service("web", **told), HttpConfig(), ())  # type: ignore[arg-type]
        return made["http"].port if made else None

    assert port() is None
    assert port(command="python3 -m http.server 7000") == 7000
    assert port(heard=frozenset((7000,))) == 7000
    assert port(heard=frozenset((7000, 8000))) is None


@pytest.mark.parametrize(
    "check",
    [
        "node -e \"get('http://localhost:'+process.env.PORT+'/health')\"",
        "python -c \"urlopen('http://localhost:%s/health' % port)\"",
        "python -c \"urlopen(f'http://localhost:{port}/health')\"",
        "curl -f http://localhost:$(cat /etc/port)/health",
        "sh -c 'API=http://localhost; curl -f $API:3000/health'",
    ],
)
def test_what_makes_its_port_by_itself(check: str) -> None:
    facet = KINDS["http"].containers
    assert facet is not None
    runs = Service("web", health_check=check, ports=(Port(3000, 1),), heard=frozenset((3000,)))
    assert facet.endpoints(runs, HttpConfig(), ())["http"].port == 3000
    unpublished = replace(runs, ports=(), environment={"PORT": "3000"})
    assert facet.endpoints(unpublished, HttpConfig(), ())["http"].port == 3000
    if "API=" not in check:  # there only what runs tells that it is not 80
        unseen = replace(unpublished, heard=frozenset())
        assert facet.endpoints(unseen, HttpConfig(), ())["http"].port == 3000


@pytest.mark.parametrize("number", ["9" * 5000, "70000", "0"], ids=["endless", "too high", "zero"])
def test_a_number_that_is_no_port_says_nothing(number: str) -> None:
    facet = KINDS["http"].containers
    assert facet is not None
    for told in (
        Service("web", environment={"PORT": number}),
        Service("web", command=f"serve --port {number[:5]}"),
        Service("web", health_check="curl http://localhost:$PORT/up", environment={"PORT": number}),
        Service("web", health_check=f"curl http://localhost:{number[:5]}/up"),
    ):
        assert facet.endpoints(told, HttpConfig(), ()) == {}
        runs = replace(told, heard=frozenset((3000,)))
        assert facet.endpoints(runs, HttpConfig(), ())["http"].port == 3000


@pytest.mark.parametrize("repeated", ["curl ", "/dev/tcp/a/1 ", "--bind="])
def test_what_is_long_is_read_in_good_time(repeated: str) -> None:
    facet = KINDS["http"].containers
    assert facet is not None
    long = repeated * (60_000 // len(repeated))
    began = time.perf_counter()
    assert facet.recognise(Service("web", health_check=long, command=long)) is None
    assert facet.endpoints(Service("web", health_check=long, command=long), HttpConfig(), ()) == {}
    assert time.perf_counter() - began < 0.5  # a hundredth; where it grows as a square, seconds


def test_that_a_guest_may_listen_for_its_host(tmp_path: Path) -> None:
    """It has been stopped, say, and is told of itself."""
    check = "healthcheck: {test: curl http://localhost:9000}"
    web, guest = (
        f"{{image: x, ports: ['80:80'], {check}}}",
        ", guest: {image: y, network_mode: 'service:web'}",
    )
    inside = (Listener("127.0.0.1", 9000, "1"),)
    runs = {"published": {80: ("0.0.0.0", 80)}, "listens": inside, "health": "healthy"}
    assert _words(tmp_path, web, "", **runs).listening.unheard != ""
    words = _words(tmp_path, web, guest, **runs)
    assert words.own_check.alone
    assert words.listening == Listening()


@pytest.mark.parametrize(
    ("timeout", "seconds"),
    [("timeout: 15s", 15.0), ("timeout: 1m30s", 90.0), ("timeout: 500ms", 0.5), ("retries: 1", 0)],
)
def test_how_long_its_health_check_waits(tmp_path: Path, timeout: str, seconds: float) -> None:
    web = f"{{image: x, healthcheck: {{test: curl http://localhost:9000, {timeout}}}}}"
    assert _words(tmp_path, web, "").own_check.patience == seconds


def test_a_gateway_may_answer_by_names(tmp_path: Path) -> None:
    for image, by_names in (("nginx:1", True), ("me/web", False)):
        assert _words(tmp_path, f"{{image: '{image}', ports: [80]}}", "").by_names is by_names
