"""What runs write is left out of what images are built from, or `init` says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from seatrial.cli.init import command
from seatrial.compose.ignore import Unignored, leaves_out, unignored
from seatrial.compose.project import read_project

BOTH = (".seatrial", "reports")


@pytest.mark.parametrize(
    ("lines", "place", "out"),
    [
        ([".seatrial"], ".seatrial", True),
        (["/.seatrial/"], ".seatrial", True),
        (["# .seatrial", "", "seatrial", ".seatria"], ".seatrial", False),
        ([".seatrial"], "shop/.seatrial", False),  # only at the top, unlike git
        (["**/.seatrial"], ".seatrial", True),
        (["**/.seatrial"], "a/b/.seatrial", True),
        (["shop"], "shop/.seatrial", True),
        (["sh?p/*"], "shop/.seatrial", True),
        (["*"], "shop/.seatrial", True),
        (["*", "!src"], ".seatrial", True),
        (["*", "!.seatrial"], ".seatrial", False),
        (["!.seatrial", ".*"], ".seatrial", True),
        (["[.x]seatrial"], ".seatrial", True),
        (["[^.]seatrial"], ".seatrial", False),
        (["\\.seatrial"], ".seatrial", True),
        (["a+b(", "xseatrial", "["], ".seatrial", False),
        (["./reports/**"], "reports/x", True),
        (["reports/**"], "reports", True),
        (["reports/*"], "reports", True),
        (["."], "reports", False),
    ],
)
def test_as_docker_reads_it(lines: list[str], place: str, out: bool) -> None:
    assert leaves_out(lines, place) is out


def found(file: Path, **services: object) -> list[Unignored]:
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({"services": services}))
    return unignored(read_project(file, {}), BOTH)


@pytest.mark.parametrize("build", [".", {"context": "./"}, {"context": "${HERE:-.}"}])
def test_what_is_built_from_the_folder(tmp_path: Path, build: object) -> None:
    file = tmp_path / "compose.yaml"
    services = {"web": {"build": build}, "worker": {"build": build}, "db": {"image": "x"}}
    ignore = tmp_path / ".dockerignore"
    assert found(file, **services) == [Unignored(ignore, BOTH, ("web", "worker"))]
    ignore.write_text("reports\n")
    assert found(file, **services) == [Unignored(ignore, (".seatrial",), ("web", "worker"))]
    ignore.write_text("reports\n.seatrial\n")
    assert found(file, **services) == []


def test_from_one_above_it_or_from_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    file = tmp_path / "deploy" / "compose.yaml"
    above = Unignored(tmp_path / ".dockerignore", ("deploy/.seatrial", "deploy/reports"), ("web",))
    assert found(file, web={"build": ".."}, app={"build": {"context": "../app"}}) == [above]
    assert found(file, web={"build": "https://example.test/it.git"}) == []
    assert found(file, web={"build": {"dockerfile_inline": "FROM x"}}) == []


def test_one_that_is_extended_is_built_where_its_file_is(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    base = {"services": {"app": {"build": {"context": "."}}}}
    (tmp_path / "base" / "app.yaml").write_text(json.dumps(base))
    web = {"extends": {"file": "base/app.yaml", "service": "app"}}
    assert found(tmp_path / "compose.yaml", web=web) == []


def test_a_file_for_its_dockerfile_alone_wins(tmp_path: Path) -> None:
    (tmp_path / ".dockerignore").write_text(".seatrial\nreports\n")
    own = tmp_path / "docker" / "web.dockerignore"
    own.parent.mkdir()
    web = {"build": {"context": ".", "dockerfile": "docker/web"}}
    assert found(tmp_path / "compose.yaml", web=web) == []
    own.write_text("*.pyc\n")
    assert found(tmp_path / "compose.yaml", web=web) == [Unignored(own, BOTH, ("web",))]


def test_init_says_so_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    found(tmp_path / "compose.yaml", web={"build": ".", "ports": ["8000:8000"]})

    def said() -> list[str]:
        told = CliRunner().invoke(command, [str(tmp_path), "--force"], standalone_mode=False)
        return [line for line in told.output.splitlines() if "dockerignore" in line]

    assert said() == [
        ".dockerignore: put .seatrial and reports there; else every run changes what web is built "
        "from"
    ]
    assert not (tmp_path / ".dockerignore").exists()
    told = CliRunner().invoke(command, [str(tmp_path), "--force", "--json"], standalone_mode=False)
    ignore = tmp_path / ".dockerignore"
    assert json.loads(told.output)["dockerignore"] == {str(ignore): list(BOTH)}
    ignore.write_text(".seatrial\nreports\n")
    assert said() == []
