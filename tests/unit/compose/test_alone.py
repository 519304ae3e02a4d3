"""What only its own health check reaches, and nobody else has to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from seatrial.compose.project import read_project
from seatrial.compose.targets import targets
from seatrial.declaration.load import load
from seatrial.declaration.models import ComponentConfig
from seatrial.kinds.containers import Port, Service
from seatrial.kinds.http.config import HttpConfig
from seatrial.kinds.redis.config import RedisConfig
from seatrial.kinds.registry import KINDS
from seatrial.listeners import Listener

from .test_targets import of

ASKED = Service(
    "web",
    ports=(Port(80, 8080),),
    health_check="CMD curl -f http://localhost:9000/live",
    command="python web.py",
)


@pytest.mark.parametrize(
    ("heard", "inner", "port"),
    [
        ((), (), 9000),  # nobody knows where it listens
        ((80, 9000), (), 9000),
        ((80,), (9000,), 80),
        ((), (9000,), 9000),
        ((81,), (9000,), 9000),
    ],
)
def test_what_its_health_check_alone_reaches_is_not_asked_where_others_are_heard(
    heard: tuple[int, ...], inner: tuple[int, ...], port: int
) -> None:
    runs = replace(ASKED, heard=frozenset(heard), inner=frozenset(inner))
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
    runs = replace(ASKED, heard=frozenset((80,)), inner=frozenset((9000,)))
    facet = KINDS["http"].containers
    assert facet is not None
    assert facet.as_asked(runs, config) is config


def test_a_published_port_is_asked_though_only_its_health_check_reaches_it() -> None:
    runs = replace(ASKED, ports=(Port(9000, 1), Port(80, 2)), inner=frozenset((9000,)))
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
    assert words.alone is alone
    assert bool(words.unheard) is unheard
