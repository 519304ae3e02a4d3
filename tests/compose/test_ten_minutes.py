"""The first ten minutes, step by step, on four projects of other people that run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from seatrial.waiting import eventually
from tests.compose.conftest import Copy, Project
from tests.compose.engine import Engine

pytestmark = pytest.mark.engine


@dataclass(frozen=True)
class Case:
    name: str
    server: str  # that is stopped
    blocks: tuple[str, ...]  # components that follow from it
    findings: tuple[str, ...] = ()  # while all is up


CASES = (
    Case("bookshop", "db", ("web",)),
    Case("thumbnails", "rabbit", ("worker", "feeder")),
    Case("gateway", "store", ("places",)),
    Case("dispatch", "mq", ("api", "worker"), ("mq.queue.orders.dead_letter",)),
)


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    assert isinstance(request.param, Case)
    return request.param


@pytest.fixture
def project(case: Case, copy: Copy, engine: Engine) -> Iterator[Project]:
    """It runs, as its user started it."""
    one = copy(case.name, engine)
    if engine.compose_command == ("docker-compose",):
        _without_name(one.folder)
    try:
        up = one.shell(f"{' '.join(engine.compose_command)} up -d --build")
        assert up.code == 0, up.err
        yield one
    finally:
        one.shell(f"{' '.join(engine.compose_command)} down -v --remove-orphans --rmi local -t 1")


def _without_name(folder: Path) -> None:
    """Version 1 of Compose refuses a file with a `name`: those of its users have none."""
    for file in folder.glob("*compose.y*ml"):
        file.write_text(re.sub(r"\Aname: .*\n", "", file.read_text()))


def settled(project: Project) -> dict[str, object]:
    """The check, once everything that was just started is up."""

    def check() -> dict[str, object]:
        found = json.loads(project.seatrial("check", "--json").out)
        assert isinstance(found, dict)
        return found

    def all_up(found: dict[str, object]) -> bool:
        components = found.get("components")
        return isinstance(components, list) and all(
            one["status"] == "healthy" for one in components
        )

    return eventually(check, all_up, timeout=120, longest_pause=1.0)


def footprint(engine: Engine, project: Project) -> object:
    """All that a check could leave behind in the project: containers, and what servers hold."""
    listed = engine.docker(
        *("ps", "-aq", "--no-trunc", "--filter"),
        f"label=com.docker.compose.project.working_dir={project.folder}",
    ).split()
    found: list[object] = []
    for number in sorted(listed):
        inspected = json.loads(engine.docker("inspect", number))[0]
        mounts = sorted(mount["Destination"] for mount in inspected["Mounts"])
        found.append((inspected["Name"], inspected["State"]["StartedAt"], mounts))
        if "rabbitmq" in inspected["Config"]["Image"]:
            found.append(engine.docker("exec", number, *_QUEUES, check=False))
        if "postgres" in inspected["Config"]["Image"]:
            user = dict(pair.split("=", 1) for pair in inspected["Config"]["Env"])
            who = user.get("POSTGRES_USER", "postgres")
            found.append(engine.docker("exec", number, "psql", "-U", who, "-d", who, "-Atc",
                                       _CATALOGUE, check=False))  # fmt: skip
    return found


_QUEUES = ("rabbitmqctl", "-q", "list_queues", "-p", "/", "name", "messages_persistent")
_CATALOGUE = "SELECT datname FROM pg_database UNION ALL SELECT relname FROM pg_class ORDER BY 1"


def test_the_first_ten_minutes(case: Case, project: Project, engine: Engine) -> None:
    # 2. init beside a running project: some 25 lines, and it looked at what runs.
    begun = project.seatrial("init", "--json")
    assert begun.code == 0, begun.err
    assert begun.json["running"] is True
    assert len((project.folder / "seatrial.yaml").read_text().splitlines()) <= 25

    # 3. check: nothing written, no false alarm, the real flaw found.
    settled(project)
    before = footprint(engine, project)
    checked = project.seatrial("check", "--json")
    assert checked.code == 0, checked.out + checked.err
    assert tuple(one["id"] for one in checked.json["findings"]) == case.findings
    assert footprint(engine, project) == before

    # 4. Their server is stopped: one root cause, what it blocks, and the command that mends it.
    stopped = project.shell(f"{' '.join(engine.compose_command)} stop -t 2 {case.server}")
    assert stopped.code == 0, stopped.err
    one = eventually(
        lambda: project.seatrial("check", "--json"),
        lambda ended: set(case.blocks) <= set(ended.json["findings"][0]["blocks"]),
        timeout=60,
        longest_pause=1.0,
    )
    assert one.code == 3
    findings = [f for f in one.json["findings"] if f["priority"] == "p1"]
    assert [f["id"] for f in findings] == [f"{case.server}.stopped"]
    fix = findings[0]["fix"]
    assert fix == f"{' '.join(engine.compose_command)} start {case.server}"
    mended = project.shell(fix)
    assert mended.code == 0, mended.err
    settled(project)

    # 5. The trial that init wrote passes; broken, it shows the history of values.
    passed = project.pytest("trials")
    assert passed.code == 0, passed.out + passed.err
    trial = project.folder / "trials" / "test_p1_first.py"
    whole = trial.read_text()
    broken = whole.replace("timeout=10", "timeout=1").replace('"ready"', '"never"')
    trial.write_text(broken.replace("status == 200", "status == 299").replace("< 500", "> 599"))
    failed = project.pytest("trials")
    assert failed.code == 1
    assert "the values seen" in failed.out
    trial.write_text(whole)

    # 6. run: a verdict, and reports; on the project that runs, which stays.
    names = set(engine.everything()["containers"])
    ran = project.seatrial("run", "--json", "--report-dir", "reports")
    assert set(engine.everything()["containers"]) == names
    assert (ran.json["verdict"], ran.code) == ("go", 0), ran.out + ran.err
    assert "looking at" in ran.err.splitlines()[0]
    assert Path(project.folder, "reports", "report.html").is_file()
    (log,) = project.folder.glob(f".seatrial/runs/*/logs/{case.server}.log")
    assert (
        log.read_text().splitlines()[0] in project.seatrial("logs", case.server, "-n", "5000").out
    )


def test_a_container_that_circles_is_told_with_its_log(copy: Copy, engine: Engine) -> None:
    project = copy("dispatch", engine)
    file = project.folder / "compose.yaml"
    file.write_text(file.read_text().replace("python worker.py", "python no_such.py"))
    try:
        project.shell(f"{' '.join(engine.compose_command)} up -d --build")
        project.seatrial("init")
        ended = eventually(
            lambda: project.seatrial("check", "--json"),
            lambda one: [f["id"] for f in one.json["findings"]][:1] == ["worker.exited"],
            timeout=90,
            longest_pause=1.0,
        )
        finding = ended.json["findings"][0]
        assert "is restarted" in finding["found"]
        assert "; its log: " in finding["found"]
        assert "no_such.py" in finding["found"]
        said = project.shell(finding["fix"].partition("its last words: ")[2])
        assert "no_such.py" in said.out
        shown = project.seatrial("logs", "worker", "-n", "3")
        assert "no_such.py" in shown.out, shown.err
        assert "the project that you started" in shown.err
        project.shell(f"{' '.join(engine.compose_command)} stop -t 1")
        assert "no_such.py" in project.seatrial("logs", "worker").out
        project.shell(f"{' '.join(engine.compose_command)} start")
        state = project.seatrial("status")
        assert state.code == 3
        assert "the compose project that you started" in state.err
        assert " ps, " in state.err
    finally:
        project.shell(f"{' '.join(engine.compose_command)} down -v --rmi local -t 1")
