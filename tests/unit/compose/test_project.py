"""Compose files become services: every way of writing the same thing is read the same."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from seatrial.compose.command import VERSION_1, VERSION_2, Command
from seatrial.compose.files import ComposeFileError, find
from seatrial.compose.project import Project, read_project
from seatrial.kinds.containers import Mount, Port


def project(folder: Path, text: str, **variables: str) -> Project:
    file = folder / "compose.yaml"
    file.write_text(text)
    return read_project(file, variables)


def test_short_and_long_forms_are_the_same(tmp_path: Path) -> None:
    read = project(
        tmp_path,
        """
        services:
          short:
            image: a
            command: [serve, --port, 80]
            environment: ["A=1", "B=x=y", "C"]
            ports: ["127.0.0.1:8080:80", "53:53/udp"]
            volumes: ["./data:/data:ro", "named:/n"]
            depends_on: [other]
            healthcheck: {test: curl -f http://localhost/}
          long:
            image: a
            command: serve --port 80
            environment: {A: 1, B: x=y, C: null}
            ports: [{target: 80, published: "8080", host_ip: 127.0.0.1}]
            volumes:
              - {type: bind, source: ./data, target: /data, read_only: true}
              - {type: volume, source: named, target: /n}
            depends_on: {other: {condition: service_started}}
            healthcheck: {test: [CMD-SHELL, "curl -f http://localhost/"]}
          other: {image: b}
        """,
        C="from the shell",
    )
    for service in (read.services["short"], read.services["long"]):
        assert service.command == "serve --port 80"
        assert service.environment == {"A": "1", "B": "x=y", "C": "from the shell"}
        assert service.ports == (Port(80, 8080, "127.0.0.1"),)
        assert service.mounts == (
            Mount(str(tmp_path / "data"), "/data", bind=True, read_only=True),
            Mount("named", "/n", bind=False),
        )
        assert list(service.needs) == ["other"]
        assert service.health_check == "curl -f http://localhost/"


@pytest.mark.parametrize(
    ("written", "ports"),
    [
        ('["8000"]', [Port(8000, 0)]),
        ("[8000]", [Port(8000, 0)]),
        ('["8000-8001:9000-9001"]', [Port(9000, 8000), Port(9001, 8001)]),
        ('["[::1]:1:2"]', [Port(2, 1, "::1")]),
        ('["1-999999999"]', [Port(number, 0) for number in range(1, 102)]),
        ('["65535", "65536", "0"]', [Port(65535, 0)]),
        ('["65534-70000", "1-x"]', [Port(65534, 0), Port(65535, 0)]),
        (f'["{"9" * 5000}", "{"9" * 5000}:80"]', [Port(80, 0)]),
        (f'["65535-{"9" * 5000}"]', [Port(65535, 0)]),
    ],
)
def test_ports(tmp_path: Path, written: str, ports: list[Port]) -> None:
    read = project(tmp_path, f"services: {{a: {{image: a, ports: {written}}}}}")
    assert list(read.services["a"].ports) == ports


@pytest.mark.parametrize(("told", "replicas"), [("3", 3), ("0", 0), ("x", 1), ("9" * 5000, 1)])
def test_replicas(tmp_path: Path, told: str, replicas: int) -> None:
    read = project(
        tmp_path,
        f'services: {{a: {{scale: "{told}"}}, b: {{deploy: {{replicas: "{told}"}}}}}}',
    )
    assert [one.replicas for one in read.services.values()] == [replicas, replicas]


@pytest.mark.parametrize(
    ("told", "patience"),
    [
        ("1m30s", 90.0),
        ("1.5s", 1.5),
        ("9h", 3600.0),
        ("9" * 400 + "s", 0.0),
        ("0." + "1" * 400 + "s", 0.0),
        ("9" * 900_000, 0.0),
    ],
)
def test_how_long_a_health_check_waits(tmp_path: Path, told: str, patience: float) -> None:
    read = project(tmp_path, f'services: {{a: {{healthcheck: {{timeout: "{told}"}}}}}}')
    assert read.services["a"].health_patience == patience


def test_of_long_commands_the_first_part_is_looked_at(tmp_path: Path) -> None:
    words = "word " * 20_000
    read = project(
        tmp_path,
        f"services: {{a: {{command: {words}, healthcheck: {{test: {words}}}}}}}",
    )
    service = read.services["a"]
    assert service.command == service.health_check == words[:8192]
    assert service.commands == (tuple(words.split()), (words.strip(),)), "all that may be secret"


@pytest.mark.parametrize("build", ["{0}", "{{context: ., dockerfile: {0}}}"])
def test_a_build_of_what_cannot_be_looked_at(tmp_path: Path, build: str) -> None:
    read = project(tmp_path, f"services: {{a: {{build: {build.format('x' * 300)}}}}}")
    assert (read.services["a"].built, read.services["a"].base) == (True, "")


def test_variables_come_from_env_file_and_shell(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=file\nB='$$ lit'\nexport C=\"two words\" # why\n")
    (tmp_path / "web.env").write_text("D=4\nA=overridden\n")
    text = """
        services:
          web:
            image: web:${A}
            env_file: [web.env, {path: not-there.env, required: false}]
            environment: {A: "${A}", B: "${B}", C: "${C}"}
        """
    service = project(tmp_path, text).services["web"]
    assert service.image == "web:file"
    assert service.environment == {"A": "file", "B": "$$ lit", "C": "two words", "D": "4"}
    assert project(tmp_path, text, A="shell").services["web"].image == "web:shell"


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("X=${OF_DOTENV}", "dotenv"),
        ("X=$OF_DOTENV-x", "dotenv-x"),
        ("X=pa$$word", "pa$word"),
        ("X=${NONE-def}", "def"),
        ("X=${OF_DOTENV:+other}", "other"),
        ('X="${OF_DOTENV}"', "dotenv"),
        ("X='${OF_DOTENV}'", "${OF_DOTENV}"),
        ("X=$ABOVE", "above"),
        (r'X="x\$y"', "x$y"),
        (r'X="\$\$ABOVE"', "$$ABOVE"),
        (r'X="x\\$ABOVE"', "x\\above"),
        (r"X=x\$ABOVE", "x\\above"),
        ("X=a='$ABOVE'", "a='above'"),
        ("X: colon", "colon"),
        ("export X=exported # why", "exported"),
        ("X=${}", "${}"),
        ("X=a:b", "a:b"),
        ("X", "shell"),
    ],
)
def test_a_file_of_variables_is_read_as_compose_reads_it(
    tmp_path: Path, line: str, value: str
) -> None:
    (tmp_path / ".env").write_text("OF_DOTENV=dotenv\n")
    (tmp_path / "web.env").write_text(f"ABOVE=above\n{line}\n")
    text = "services: {web: {image: x, env_file: web.env}}"
    shell = {"X": "shell"} if line == "X" else {}
    assert project(tmp_path, text, **shell).services["web"].environment["X"] == value


def test_variables_that_double_each_other_have_an_end(tmp_path: Path) -> None:
    lines = ["V0=0123456789"] + [f"V{at}=$V{at - 1}$V{at - 1}" for at in range(1, 21)]
    (tmp_path / "web.env").write_text("\n".join(lines))
    found = project(tmp_path, "services: {web: {image: x, env_file: web.env}}").services["web"]
    assert len(found.environment["V10"]) == 10 * 2**10
    assert max(map(len, found.environment.values())) < 5_000_000
    lines = [f"BIG={'x' * 500_000}", *(f"V{at}=$BIG" for at in range(30_000))]
    (tmp_path / "web.env").write_text("\n".join(lines))
    with pytest.raises(ComposeFileError, match="far too large"):
        project(tmp_path, "services: {web: {image: x, env_file: web.env}}")


def test_where_a_variable_is_to_be_corrected(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    (folder / "envs").mkdir(parents=True)
    (folder / "envs" / "db.env").write_text("HOST=a\nUSER=b\nBESIDE=c\n")
    (tmp_path / "all.env").write_text("HOST=overridden\nOTHER=d\n")
    text = """
        services:
          web:
            image: x
            env_file: [../all.env, envs/db.env]
            environment: {BESIDE: own, OWN: x}
        """
    read = project(folder, text)
    web = read.services["web"]
    of_service = "of the service web of compose.yaml"
    of_file = "of envs/db.env, an env_file of the service web"
    assert read.told_at("HOST", web) == f"HOST {of_file}"
    assert read.told_at("HOST with USER", web) == f"HOST with USER {of_file}"
    assert read.told_at("OTHER", web) == "OTHER of ../all.env, an env_file of the service web"
    for one in ("BESIDE", "OWN", "NONE", "HOST with OWN, USER", "HOST with OTHER"):
        assert read.told_at(one, web) == f"{one} {of_service}"


def test_in_which_file_it_is_to_be_corrected(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PW=a\nHOST=b\nSHELL=c\nPASSED=d\nDOLLAR=e\n")
    (tmp_path / "common.yml").write_text(
        "services: {base: {image: x, environment: {BASE: 1}},"
        " web: {image: x, environment: {OWN: 0, OVER: 0, BELOW: 0}}}"
    )
    (tmp_path / "more.yml").write_text(
        "services: {more: {image: x, environment: {IN: $PW}},"
        " web: {image: x, environment: {OWN: 0, OVER: 0, INCLUDED: 0}}}"
    )
    (tmp_path / "compose.override.yaml").write_text(
        "services: {web: {environment: [OVER=2, 'MADE=${HOST:-$PW}$PW$$DOLLAR$SHELL', PASSED]}}"
    )
    text = """
        include: [more.yml]
        services:
          web:
            extends: {file: common.yml, service: web}
            environment: {OWN: 1, OVER: 1}
        """
    (tmp_path / "compose.yaml").write_text(text)
    read = read_project(tmp_path / "compose.yaml", {"SHELL": "x"})
    web = read.services["web"]
    for names, place in {
        "OWN": "compose.yaml",
        "OVER": "compose.override.yaml",
        "BELOW": "common.yml",
        "INCLUDED": "more.yml",
        "MADE": "compose.override.yaml (made with HOST, PW of .env)",
        "PASSED": "compose.override.yaml (made with PASSED of .env)",
        "OVER with MADE": "compose.override.yaml (made with HOST, PW of .env)",
        "OVER with OWN, PASSED": "compose.yaml (made with PASSED of .env)",
        "NONE": "compose.yaml",
    }.items():
        assert read.told_at(names, web) == f"{names} of the service web of {place}"
    more = "IN of the service more of more.yml (made with PW of .env)"
    assert read.told_at("IN", read.services["more"]) == more


def test_anchors_overrides_extends_and_includes(tmp_path: Path) -> None:
    (tmp_path / "compose.override.yaml").write_text(
        'services: {web: {ports: !override ["1:1"], environment: [B=3]}}'
    )
    (tmp_path / "base.yaml").write_text("services: {base: {image: base, environment: {A: 1}}}")
    (tmp_path / "more.yaml").write_text("services: {more: {image: more}}")
    read = project(
        tmp_path,
        """
        include: [more.yaml]
        x-all: &all {restart: always, environment: {A: 1, B: 2}}
        services:
          web: {<<: *all, image: web}
          child: {extends: {service: base, file: base.yaml}, environment: {B: 2}}
        """,
    )
    assert set(read.services) == {"web", "child", "more"}
    assert read.services["web"].environment == {"A": "1", "B": "3"}
    assert read.services["web"].restart == "always"
    assert read.services["child"].image == "base"
    assert read.services["child"].environment == {"A": "1", "B": "2"}


@pytest.mark.parametrize(
    ("folder", "text", "variables", "name"),
    [
        ("My.Shop 2", "", {}, "myshop2"),
        ("_x", "", {}, "x"),
        ("a", "name: given\n", {}, "given"),
        ("a", "name: ${N:-other}\n", {}, "other"),
        ("a", "name: given\n", {"COMPOSE_PROJECT_NAME": "shell"}, "shell"),
    ],
)
def test_its_name(
    tmp_path: Path, folder: str, text: str, variables: dict[str, str], name: str
) -> None:
    (tmp_path / folder).mkdir()
    read = project(tmp_path / folder, text + "services: {a: {image: a}}", **variables)
    assert read.name == name


def test_a_secret_is_read_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("s3cret\n")
    read = project(
        tmp_path,
        """
        services:
          db:
            image: postgres
            secrets: [pw]
            environment: {POSTGRES_PASSWORD_FILE: /run/secrets/pw}
        secrets: {pw: {file: ./pw}}
        """,
    )
    assert read.services["db"].value("POSTGRES_PASSWORD") == "s3cret"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("services: [a]", "no mapping `services`"),
        ("services: {}", "no services"),
        ("services: {a: {image: '${X:?it must be set}'}}", "X must be set: it must be set"),
        ("services: {a: &a {image: *a}}", "refers to itself"),
        ("include: [compose.yaml]\nservices: {a: {image: a}}", "without end"),
        ("services: {a: {extends: b}, b: {extends: a}}", "without end"),
        ("services: {a: {image: a, image: b}}", "there twice"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ComposeFileError, match=message.replace("$", r"\$")):
        project(tmp_path, text)


def test_no_password_is_in_what_is_shown(tmp_path: Path) -> None:
    read = project(
        tmp_path, "services: {a: {image: a, environment: {P: hunter22}}}", SECRET="hunter33"
    )
    assert "hunter" not in repr(read)


def test_the_file_that_compose_would_take(tmp_path: Path) -> None:
    assert find(tmp_path, {}) is None
    (tmp_path / "docker-compose.yml").touch()
    assert find(tmp_path, {}) == tmp_path / "docker-compose.yml"
    (tmp_path / "compose.yaml").touch()
    assert find(tmp_path, {}) == tmp_path / "compose.yaml"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("compose.yaml", "docker compose"),
        ("stack.yml", "docker compose -f stack.yml"),
        ("my $(id).yml", "docker compose -f 'my $(id).yml'"),
    ],
)
def test_how_compose_is_called_for_it(tmp_path: Path, name: str, told: str) -> None:
    (tmp_path / name).write_text("services: {a: {image: b}}")
    read = read_project(tmp_path / name, {})
    assert read.compose() == told
    assert shlex.split(told)[2:] == list(read.named)


@pytest.mark.parametrize(
    ("there", "told"), [(VERSION_1, "docker-compose"), (VERSION_2, "docker compose"), (None, "")]
)
def test_it_is_called_as_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: Command | None, told: str
) -> None:
    monkeypatch.setattr("seatrial.compose.project.compose_command", lambda: there)
    (tmp_path / "compose.yaml").write_text("services: {a: {image: b}}")
    read = read_project(tmp_path / "compose.yaml", {})
    assert read.compose() == (told or "docker compose"), "which is to be installed"
    assert read.compose("docker-compose") == "docker-compose"
