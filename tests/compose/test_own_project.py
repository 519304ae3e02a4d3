"""`seatrial up --env compose`: a project of its own, beside the user's, and nothing left of it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from seatrial.keeper.processes import DEPLOYMENT, marked
from seatrial.waiting import eventually
from tests.compose.conftest import Copy, Project
from tests.compose.engine import COMPOSE_2, Engine

pytestmark = pytest.mark.engine

TRIALS = """
import httpx


def status(web):
    try:
        return web.get("/").status_code
    except httpx.HTTPError as error:
        return type(error).__name__


def mended(component, eventually):
    eventually(lambda: status(component("web")), lambda found: found == 200, timeout=20)


def test_stop(component, fault, eventually):
    with fault.stopped("redis"):
        assert status(component("web")) == 500
    mended(component, eventually)


def test_kill(component, fault, eventually):
    db = component("db")
    books = db.value("SELECT count(*) FROM books")
    with fault.killed("db"):
        assert status(component("web")) == 500
    mended(component, eventually)
    assert db.value("SELECT count(*) FROM books") == books  # at the same address, with its data


def test_pause(component, fault, eventually):
    with fault.paused("redis"):
        assert status(component("web")) == 500
    mended(component, eventually)


def test_disconnect(component, deployment, fault, eventually):
    with fault.disconnected("db"):
        assert str(deployment.statuses()["db"].state) == "unreachable"
        assert status(component("web")) in (500, "ReadTimeout")
    mended(component, eventually)  # by its name, as before
    assert component("db").value("SELECT 1") == 1  # and at its port of this host


def test_disconnect_what_it_serves(component, fault, eventually):
    with fault.disconnected("web"):
        assert status(component("web")) != 200
    mended(component, eventually)


def test_usage(component, deployment, fault, eventually):
    redis, db = component("redis"), component("db")
    idle, busy = deployment.usage("redis"), deployment.usage("db")
    assert idle.processes >= 1
    assert busy.processes > 1  # PostgreSQL has several

    def compute():
        db.value("SELECT count(*) FROM generate_series(1, 2000000)")
        return deployment.usage("db").cpu_s

    eventually(compute, lambda now: now >= busy.cpu_s + 2, timeout=60)
    assert deployment.usage("redis").cpu_s < idle.cpu_s + 2

    redis.set("held", "x" * (64 << 20))
    held = deployment.usage("redis").memory_bytes - idle.memory_bytes
    redis.delete("held")
    assert 64 << 20 <= held < 200 << 20
    with fault.stopped("redis"):
        assert deployment.usage("redis").processes == 0


def test_redis(component):
    assert component("redis").ping()
"""


@pytest.fixture
def bookshop(copy: Copy, either: Engine) -> Iterator[Project]:
    """Declared, and not running; whatever a test leaves is taken down."""
    project = copy("bookshop", either)
    assert project.seatrial("init").code == 0
    yield project
    project.seatrial("down")
    project.seatrial("down", "--name", "second")


def test_up_faults_and_down(bookshop: Project, engine: Engine, either: Engine) -> None:
    before = engine.everything()
    up = bookshop.seatrial("up", "--env", "compose", "--json")
    assert up.code == 0, up.out + up.err
    labels = engine.docker("ps", "--format", '{{.Label "com.docker.compose.version"}}')
    (version,) = set(labels.split())
    assert version.startswith("2." if either.compose_command == COMPOSE_2 else "1.")
    assert {one["state"] for one in up.json["components"].values()} == {"ready"}
    assert "pa$$ word/4 books" not in up.out + up.err

    # Attached to a second time; checked; the same trials, with faults.
    assert bookshop.seatrial("up").out.splitlines()[0] == "bookshop was up already in compose:"
    checked = bookshop.seatrial("check", "--json")
    assert (checked.code, checked.json["findings"]) == (0, []), checked.err
    assert "looking at the project that Seatrial started" in checked.err
    (bookshop.folder / "trials" / "test_p1_faults.py").write_text(TRIALS)
    trials = bookshop.pytest("trials")
    assert trials.code == 0, trials.out
    for by_hand in (("pause", "redis"), ("disconnect", "db")):
        told = bookshop.seatrial("fault", *by_hand, "--for", "200ms")
        assert told.code == 0, told.err
    log = bookshop.seatrial("logs", "web", "-n", "5")
    assert "GET /" in log.out

    # No port, name or volume is one that the user's own project would take.
    published = engine.docker("ps", "--format", "{{.Ports}}")
    assert "0.0.0.0" not in published
    assert all("seatrial-" in one for one in engine.everything()["containers"])

    assert bookshop.seatrial("down").code == 0
    assert engine.everything() == before


def test_two_do_not_meet_and_the_users_own_stays(
    bookshop: Project, engine: Engine, either: Engine
) -> None:
    compose = " ".join(either.compose_command)
    assert bookshop.shell(f"{compose} up -d --build").code == 0
    try:
        theirs = engine.everything()
        for name in ("", "second"):
            up = bookshop.seatrial("up", "--name", name, "--json")
            assert up.code == 0, up.err
        urls = [
            bookshop.seatrial("status", "--name", name, "--json").json["components"]["web"]
            for name in ("", "second")
        ]
        assert urls[0]["endpoints"] != urls[1]["endpoints"]
        for name in ("", "second"):
            assert bookshop.seatrial("down", "--name", name).code == 0
        assert engine.everything() == theirs
    finally:
        bookshop.shell(f"{compose} down -v --rmi local -t 1")


def test_what_cannot_start_is_told_early_with_its_last_words(
    bookshop: Project, engine: Engine
) -> None:
    before = engine.everything()
    file = bookshop.folder / "manage.py"
    file.write_text("import sys\nprint('the dog ate it', flush=True)\nsys.exit(3)\n")
    compose = bookshop.folder / "docker-compose.yml"
    bad = 'restart: "no"\n    hostname: "shop${MISSING_ONE}"'
    compose.write_text(compose.read_text().replace("restart: on-failure", bad))
    up = bookshop.seatrial("up", "--json")
    assert up.code == 3
    failure = up.json["failure"]
    assert failure["component"] in ("web", "mails")
    assert failure["cause"] == "exited"
    assert "exit code 3" in failure["found"]
    assert failure["log"] == ["the dog ate it"] * len(failure["log"])
    assert failure["log"]
    assert "$MISSING_ONE of docker-compose.yml is not set, so empty" in failure["fix"]
    assert engine.everything() == before


def test_what_its_health_check_keeps_from_being_ready_is_told_so(bookshop: Project) -> None:
    declared, compose = bookshop.folder / "seatrial.yaml", bookshop.folder / "docker-compose.yml"
    patient = declared.read_text()
    declared.write_text(patient.replace("{kind: process", "{kind: process, start_timeout: 6", 1))
    assert declared.read_text() != patient
    ill = "  mails:\n    healthcheck: {test: 'echo no mail; false', interval: 1s, retries: 1}\n"
    compose.write_text(compose.read_text().replace("  mails:\n", ill))
    up = bookshop.seatrial("up", "--json")
    assert up.code == 3
    assert "its health check says unhealthy: no mail" in up.json["failure"]["found"]


def test_what_others_wait_for_in_vain_is_told(bookshop: Project, engine: Engine) -> None:
    """Of whichever Compose, with what its health check asks."""
    before = engine.everything()
    compose = bookshop.folder / "docker-compose.yml"
    asks = "echo no books; false && redis-cli -a s3same ping"
    ill = f"  redis:\n    healthcheck: {{test: '{asks}', interval: 1s, retries: 1}}\n"
    text = compose.read_text().replace("  redis:\n", ill, 1)
    waits = "depends_on: {redis: {condition: service_healthy}}\n"
    compose.write_text(text.replace("depends_on:\n      - redis\n", waits, 1))
    up = bookshop.seatrial("up", "--json")
    assert up.code == 3
    failure = up.json["failure"]
    assert (failure["component"], failure["cause"]) == ("redis", "unhealthy")
    assert "finds it well, for mails to start" in failure["expected"]
    assert "its health check says unhealthy: no books" in failure["found"]
    assert failure["fix"].endswith(f": {asks.replace('s3same', '***')}")
    assert "s3same" not in up.out + up.err
    assert any("Ready to accept connections" in line for line in failure["log"])
    assert engine.everything() == before


def test_nobody_waits_in_silence(bookshop: Project) -> None:
    dockerfile, compose = bookshop.folder / "Dockerfile", bookshop.folder / "docker-compose.yml"
    slow = f"RUN sleep 5 && echo {uuid4()}\n"
    dockerfile.write_text(dockerfile.read_text() + slow)
    healthy = "  mails:\n    healthcheck: {test: 'true', interval: 15s}\n"
    compose.write_text(compose.read_text().replace("  mails:\n", healthy))
    up = bookshop.seatrial("up")
    assert up.code == 0, up.err
    assert re.search(r" s  (web|mails) +waiting  its image is being built\n", up.err), up.err
    says = r" s  mails +starting its container \S+ runs, but its health check says starting\n"
    assert re.search(says, up.err), up.err
    assert len(up.err.splitlines()) < 20, up.err


#: Two stages of several images each: the engine's classic builder shows all of them.
STAGES = """\
FROM python:3.11-slim AS stage
RUN echo one > /one
FROM python:3.11-slim
COPY --from=stage /one /one
WORKDIR /code
RUN echo two > /two
"""


def test_an_image_that_cannot_be_built(bookshop: Project, engine: Engine) -> None:
    before = engine.everything()
    (bookshop.folder / "Dockerfile").write_text(f"{STAGES}RUN echo no luck && false\n")
    up = bookshop.seatrial("up", "--json")
    assert up.code == 3
    assert "no luck" in "\n".join(up.json["failure"]["log"])
    assert engine.everything() == before


def test_what_was_built_goes_and_what_was_there_stays(bookshop: Project, engine: Engine) -> None:
    """Of images without a name, too: of an earlier stage, and of the user's own cache."""
    dockerfile = bookshop.folder / "Dockerfile"
    program = dockerfile.read_text().partition("\n")[2]
    dockerfile.write_text(f"FROM redis:7 AS other\nRUN echo three > /three\n{STAGES}{program}")
    own = bookshop.folder / "own"
    own.mkdir()
    (own / "Dockerfile").write_text(STAGES)
    users = engine.docker("build", "-q", str(own)).split()[-1]
    try:
        before = engine.everything()
        assert bookshop.seatrial("up").code == 0
        assert engine.everything() != before
        assert bookshop.seatrial("down").code == 0
        assert engine.everything() == before
    finally:
        engine.docker("image", "rm", users, check=False)


def test_a_private_one_ends_with_its_run(bookshop: Project, engine: Engine) -> None:
    before = engine.everything()
    ran = bookshop.seatrial("run", "--json", "--report-dir", "reports")
    assert (ran.code, ran.json["verdict"]) == (0, "go"), ran.out + ran.err
    assert engine.everything() == before
    text = "".join(
        file.read_text(errors="replace")
        for file in Path(bookshop.folder, ".seatrial").rglob("*")
        if file.is_file()
    )
    assert "GET /" in text  # the containers' logs are in the evidence
    assert "pa$$ word/4 books" not in text


def test_what_was_built_is_what_is_judged(
    bookshop: Project, engine: Engine, either: Engine
) -> None:
    compose = " ".join(either.compose_command)
    assert bookshop.shell(f"{compose} build").code == 0
    try:
        ci = replace(bookshop, env={**bookshop.env, "SEATRIAL_BUILD": "0"})
        ran = ci.seatrial("run", "--json", "--report-dir", "reports")
        assert (ran.code, ran.json["verdict"]) == (0, "go"), ran.out + ran.err
        report = json.loads((bookshop.folder / "reports" / "report.json").read_text())
        images = report["environment"]["images"]
        assert set(images) == set(report["environment"]["endpoints"])
        for (image,) in images.values():
            inspected = engine.docker("image", "inspect", "-f", "{{.Id}}", image["reference"])
            assert image["id"] == inspected.strip(), image["reference"]
        assert images["web"][0]["reference"] in ("bookshop-web", "bookshop_web")
    finally:
        bookshop.shell(f"{compose} down -v --rmi local -t 1")


# -- whoever is killed ---------------------------------------------------------------------------


def _state(project: Project) -> dict[str, object]:
    base = Path(project.env["SEATRIAL_HOME"], "d")
    (file,) = base.glob("*/state.json")
    found = json.loads(file.read_text())
    assert isinstance(found, dict)
    return found


@contextmanager
def _client(project: Project) -> Iterator[None]:
    """One that starts it, and is killed at the end."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "seatrial", "up"],
        cwd=project.folder,
        env=dict(project.env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _kill(state: dict[str, object], who: str) -> None:
    """The keeper, or it and its guardian: so that the guardian cannot see it."""
    if who == "both":
        os.kill(int(str(state["guardian"])), signal.SIGSTOP)
    os.kill(int(str(state["keeper"])), signal.SIGKILL)
    if who == "both":
        os.kill(int(str(state["guardian"])), signal.SIGKILL)


def _nothing_left(engine: Engine, before: object) -> None:
    what = f"all is as before: {before}"
    eventually(engine.everything, lambda now: now == before, timeout=60, what=what)


def test_a_client_that_is_killed_before_it_is_ready(bookshop: Project, engine: Engine) -> None:
    before = engine.everything()
    with _client(bookshop):
        eventually(lambda: engine.everything() != before, timeout=60, longest_pause=0.2)
    _nothing_left(engine, before)


@pytest.mark.parametrize("who", ["keeper", "both"])
def test_a_keeper_that_is_killed(bookshop: Project, engine: Engine, who: str) -> None:
    before = engine.everything()
    up = bookshop.seatrial("up")
    assert up.code == 0, up.err
    state = _state(bookshop)
    folder = Path(str(state["socket"])).parent
    _kill(state, who)
    if who == "both":
        assert engine.everything() != before  # nobody is left to do it
        assert bookshop.seatrial("down").code == 0
    _nothing_left(engine, before)
    assert not (folder / "compose.yaml").exists()  # it holds passwords


@pytest.mark.parametrize("who", ["client", "keeper", "both"])
def test_a_build_that_is_cut_off(bookshop: Project, engine: Engine, who: str) -> None:
    before = engine.everything()
    (bookshop.folder / "Dockerfile").write_text(f"{STAGES}RUN sleep 600\n")
    base = Path(bookshop.env["SEATRIAL_HOME"], "d")  # it holds the logs of others, too

    def said() -> str:
        logs = [one.parent / "logs" / "compose.log" for one in base.glob("*/state.json")]
        return "".join(one.read_text() for one in logs if one.exists())

    with _client(bookshop):
        eventually(said, lambda text: "RUN sleep 600" in text, timeout=60)
        state = _state(bookshop)
        assert _called(state), "Compose builds"
        if who != "client":
            _kill(state, who)
    if who == "both":
        assert _called(state), "nobody is left to end it"
        assert bookshop.seatrial("down").code == 0
    _nothing_left(engine, before)
    eventually(lambda: _called(state), lambda left: left == [], timeout=10)


def _called(state: dict[str, object]) -> list[int]:
    """What of the programs that its keeper called runs: Compose, and what that calls."""
    return marked(DEPLOYMENT, Path(str(state["socket"])).parent.name)
