"""What `init` makes of the containers that there are."""

from __future__ import annotations

import asyncio
import http.server
import socketserver
import threading
from pathlib import Path

import pytest
import yaml

from seatrial.compose.draft import Draft, draft
from seatrial.compose.engine import Container
from seatrial.compose.project import read_project
from seatrial.kinds.registry import KINDS

from .test_targets import of

PROJECTS = Path(__file__).parents[2] / "compose" / "projects"

ONCE = 'it: {image: busybox, restart: "no"}'


def drafted(folder: Path, services: str, *found: Container) -> Draft:
    (folder / "compose.yaml").write_text(f"services:\n  {services}\n  other: {{image: busybox}}\n")
    project = read_project(folder / "compose.yaml", {})
    return asyncio.run(draft(project, KINDS, list(found)))


@pytest.mark.parametrize(
    ("service", "code", "kind"),
    [
        (ONCE, 0, "task"),
        (ONCE.replace('"no"', "on-failure"), 0, "task"),
        (ONCE, 1, "process"),
        (ONCE.replace('"no"', "always"), 0, "process"),  # somebody stopped it
        ("it: {image: busybox, command: celery -A app worker}", 0, "process"),  # likewise
    ],
)
def test_what_has_ended_well_ran_once(tmp_path: Path, service: str, code: int, kind: str) -> None:
    ended = of("it", status="exited", exit_code=code)
    (part, _) = drafted(tmp_path, service, ended, of("other")).parts
    assert part.kind == kind
    assert any("whether it is to end" in one for one in part.unknown) == (kind == "task")


@pytest.mark.parametrize(
    ("service", "seconds", "kind"),
    [
        ("it: {image: node, command: yarn build}", 61.0, "process"),
        ("it: {image: node, command: yarn build}", 59.0, "task"),
        ("migrate: {image: node}", 61.0, "process"),
        ("migrate: {image: node}", 59.0, "task"),
    ],
)
def test_what_has_run_for_long_does_not_end(
    tmp_path: Path, service: str, seconds: float, kind: str
) -> None:
    runs = of(service.partition(":")[0], ran_for=seconds)
    (part, _) = drafted(tmp_path, service, runs, of("other")).parts
    assert part.kind == kind
    watches = kind == "task" and "build" in service
    assert any("or watches for changes" in one for one in part.unknown) == watches


def test_a_standby_is_written_as_the_schema_has_it(tmp_path: Path) -> None:
    text = drafted(tmp_path, "db-replica: {image: 'postgres:15'}").text()
    assert yaml.safe_load(text)["components"]["db-replica"] == {"kind": "postgres", "standby": True}


def test_in_a_project_that_was_stopped_everything_has_ended(tmp_path: Path) -> None:
    both = (of(name, status="exited", exit_code=0) for name in ("it", "other"))
    assert [part.kind for part in drafted(tmp_path, ONCE, *both).parts] == ["process", "process"]


@pytest.mark.parametrize(
    ("place", "queue"),
    [
        (PROJECTS / "thumbnails" / "docker-compose.yaml", "thumbnails"),
        (PROJECTS / "dispatch" / "compose.yaml", "orders"),  # its program declares them
    ],
    ids=["defined", "unknown"],
)
def test_the_example_names_a_queue_that_is_defined(place: Path, queue: str) -> None:
    text = asyncio.run(draft(read_project(place, {}), KINDS, [])).text()
    commented = text.partition("# expect:")[2].replace("\n#", "\n")
    (expected,) = yaml.safe_load(commented).values()
    assert expected == {
        "queues": {queue: {"durable": True, "consumers": ">=1", "dead_letter": True}}
    }


@pytest.mark.parametrize("text", ["[", "[]", '{"queues": [{"name": "a", "durable": false}]}'])
def test_what_defines_nothing_is_left_alone(tmp_path: Path, text: str) -> None:
    (tmp_path / "definitions.json").write_text(text)
    volumes = 'volumes: ["./definitions.json:/etc/rabbitmq/definitions.json"]'
    written = drafted(tmp_path, f"it: {{image: rabbitmq, {volumes}}}").text()
    assert "orders" in written


@pytest.mark.parametrize(
    ("image", "urls", "unknown"),
    [
        ("redis", "redis://it/1 redis://it:6379/0 redis://it/1", "others of it are used too, 0"),
        ("postgres", "postgres://u@it/a%20b postgres://u@it/c postgres://u@x/d", "used too, c"),
        ("redis", "redis://it/1 redis://it/1?x=y redis://it", 'used too, 0 (database: "0" says'),
        ("redis", "redis://it/1 redis://it/1?x=y redis://other/2", ""),
        ("rabbitmq", "amqp://it/jobs amqp://it amqp://it/%2F", "too, / (vhost: / says that one)"),
        ("rabbitmq", "amqp://it amqp://it/%2F http://it:15672/api", ""),
        ("postgres", "postgres://u@it/a postgres://u@it", ""),
    ],
)
def test_one_of_several_places_of_a_server(
    tmp_path: Path, image: str, urls: str, unknown: str
) -> None:
    told = {f"U{9 - number}": url for number, url in enumerate(reversed(urls.split()))}
    services = yaml.safe_dump(
        {"it": {"image": image}, "web": {"image": "busybox", "environment": told}},
        default_flow_style=True,
        sort_keys=False,
        width=1000,
    ).strip()[1:-1]
    part = drafted(tmp_path, services.replace("}, web:", "}\n  web:")).parts[0]
    said = "; ".join(part.unknown)
    assert unknown in said
    assert ("is meant" in said) is bool(unknown)


@pytest.mark.parametrize(("image", "asked"), [("rabbitmq:3", True), ("redis:7", False)])
def test_what_may_consume_queues_is_asked_where_there_is_a_broker(
    tmp_path: Path, image: str, asked: bool
) -> None:
    worker = drafted(tmp_path, f"it: {{build: .}}\n  other-one: {{image: '{image}'}}").parts[0]
    said = ("which queues it consumes, if any (consumes: {other-one: QUEUE})",)
    assert worker.unknown == (said if asked else ())


class _Gateway(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/ping" else 404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


class _Greeter(socketserver.BaseRequestHandler):
    """Speaks first, and not HTTP, as MySQL does."""

    def handle(self) -> None:
        self.request.sendall(b"J\x00\x00\x00\n8.0.36\x00")


class _Closed(socketserver.BaseRequestHandler):
    """Hangs up, as the engine does where the program in the container does not listen yet."""


@pytest.mark.parametrize(
    ("handler", "kind", "settings"),
    [(_Gateway, "http", {"health": "/ping"}), (_Greeter, "process", {}), (_Closed, "process", {})],
    ids=["http", "greets", "hangs up"],
)
@pytest.mark.parametrize("runs", [True, False])
def test_what_a_port_speaks_is_seen_while_it_runs(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    handler: type[socketserver.BaseRequestHandler],
    kind: str,
    settings: dict[str, str],
    runs: bool,
) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        published = {7070: ("127.0.0.1", server.server_address[1])}
        status = "running" if runs else "exited"
        (part, _) = drafted(
            tmp_path,
            'it: {image: "python:3.11", command: python gateway.py, ports: [7070]}',
            of("it", published=published, status=status, exit_code=0 if runs else 1),
        ).parts
        server.shutdown()
    assert (part.kind, part.settings) == ((kind, settings) if runs else ("process", {}))
    assert ("it answers HTTP at port 7070" in part.because) is (runs and kind == "http")


def test_names_that_are_words_of_yaml_stay_names(tmp_path: Path) -> None:
    services = "'true': {image: redis}\n  'on': {image: x, depends_on: ['true']}"
    written = yaml.safe_load(drafted(tmp_path, services).text())
    assert set(written["components"]) == {"true", "on", "other"}
    assert written["components"]["on"]["needs"] == ["true"]
