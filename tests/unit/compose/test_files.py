"""Files that include and extend each other: whose folder their paths are relative to, and whose
variables they have. What is no file, and what is too much, is refused."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

import pytest

from seatrial.compose import files
from seatrial.compose.files import ComposeFileError
from seatrial.compose.ignore import unignored
from seatrial.compose.project import Project, read_project
from seatrial.compose.secrets import secrets_of
from seatrial.declaration.load import load
from seatrial.kinds.registry import KINDS

INNER = """
services:
  db:
    image: postgres:15
    environment: {POSTGRES_PASSWORD: "${PGP}", USED: null}
    env_file: db.env
    secrets: [root]
    build: ./image
    volumes: ["./conf:/conf:ro", {type: bind, source: ./more, target: /more}, "named:/n"]
secrets: {root: {file: ./root.txt}, told: {environment: TOLD}}
"""


def written(folder: Path, texts: Mapping[str, str]) -> Path:
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder / "compose.yaml"


def project(folder: Path, texts: Mapping[str, str], **variables: str) -> Project:
    return read_project(written(folder, texts), variables)


def sources(read: Project, service: str) -> list[str]:
    return [mount.source for mount in read.services[service].mounts]


def test_paths_of_an_included_file_are_relative_to_its_folder(tmp_path: Path) -> None:
    (tmp_path / "infra" / "image").mkdir(parents=True)
    read = project(
        tmp_path,
        {
            "compose.yaml": "include: [infra/compose.yaml]\nservices: {web: {image: w}}",
            "infra/compose.yaml": INNER,
            "infra/db.env": "OF=the inner one",
            "db.env": "OF=the outer one",
        },
    )
    infra = tmp_path / "infra"
    assert sources(read, "db") == [str(infra / "conf"), str(infra / "more"), "named"]
    assert read.services["db"].environment["OF"] == "the inner one"
    assert read.services["db"].secrets == {"/run/secrets/root": infra / "root.txt"}
    assert read.services["db"].context == infra / "image"
    assert [mount.bind for mount in read.services["db"].mounts] == [True, True, False]


def test_a_secret_of_an_included_file_is_known(tmp_path: Path) -> None:
    written(
        tmp_path,
        {
            "compose.yaml": "include: [infra/compose.yaml]",
            "infra/compose.yaml": INNER,
            "infra/.env": "PGP=a-password\nTOLD=told-by-a-variable",
            "infra/root.txt": "of-the-root\n",
            "seatrial.yaml": "system: x\ncompose: compose.yaml\ncomponents: {db: {kind: process}}",
        },
    )
    found = secrets_of(load(tmp_path, KINDS, variables={}))
    assert {"of-the-root", "a-password", "told-by-a-variable"} <= set(found)


@pytest.mark.parametrize(
    ("entry", "password"),
    [
        ("infra/compose.yaml", "of its .env"),
        ("{path: infra/compose.yaml, env_file: dev.env}", "of dev.env"),
        ("{path: infra/compose.yaml, env_file: [dev.env, last.env]}", "of last.env"),
        ("{path: infra/compose.yaml, project_directory: other}", "of other/.env"),
        ("{path: infra/compose.yaml, env_file: /dev/null}", ""),
    ],
)
def test_the_variables_of_an_included_file(tmp_path: Path, entry: str, password: str) -> None:
    texts = {
        "compose.yaml": f"include: [{entry}]",
        "infra/compose.yaml": INNER,
        "infra/.env": "PGP=of its .env\nUSED=1",
        "other/.env": "PGP=of other/.env",
        "dev.env": "PGP=of dev.env",
        "last.env": "PGP=of last.env",
    }
    read = project(tmp_path, texts)
    assert read.services["db"].environment["POSTGRES_PASSWORD"] == password
    assert read.unset == (() if password else ("PGP",))
    inherited = project(tmp_path, texts, PGP="of the shell")
    assert inherited.services["db"].environment["POSTGRES_PASSWORD"] == "of the shell"


def test_a_variable_without_a_value_is_that_of_the_included_file(tmp_path: Path) -> None:
    texts = {
        "compose.yaml": "include: [infra/compose.yaml]\nservices: {a: {environment: [USED]}}",
        "infra/compose.yaml": INNER,
        "infra/.env": "USED=inside",
    }
    read = project(tmp_path, texts)
    assert read.services["db"].environment["USED"] == "inside"
    assert "USED" not in read.services["a"].environment


def test_a_project_directory_and_several_paths(tmp_path: Path) -> None:
    read = project(
        tmp_path,
        {
            "compose.yaml": "include: [{path: [infra/compose.yaml, over/more.yaml], "
            "project_directory: base}]",
            "infra/compose.yaml": INNER + "name: inner",
            "over/more.yaml": "services: {db: {image: over, volumes: ['./x:/x']}}",
        },
    )
    assert sources(read, "db")[-1] == str(tmp_path / "base" / "x")
    assert sources(read, "db")[0] == str(tmp_path / "base" / "conf")
    assert (read.services["db"].image, read.name) == ("over", tmp_path.name.replace(".", ""))


def test_paths_of_an_extended_file_are_relative_to_its_folder(tmp_path: Path) -> None:
    read = project(
        tmp_path,
        {
            "compose.yaml": """
                services:
                  a: {extends: {file: up/base.yaml, service: base}, volumes: ["./mine:/mine"]}
                  b: {extends: {file: up/base.yaml, service: other}}
            """,
            "up/base.yaml": """
                include: [not-there.yaml]
                services:
                  base: {image: i, volumes: ["./conf:/conf"], env_file: base.env}
                  other: {extends: {file: ../down/third.yaml, service: third}}
            """,
            "up/base.env": "OF=up",
            "down/third.yaml": "services: {third: {image: i, volumes: ['./c:/c', '~/h:/h']}}",
        },
    )
    assert sources(read, "a") == [str(tmp_path / "up" / "conf"), str(tmp_path / "mine")]
    assert read.services["a"].environment == {"OF": "up"}
    assert sources(read, "b") == [str(tmp_path / "down" / "c"), str(Path.home() / "h")]


def test_what_is_extended_often_is_read_and_made_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep, wide = 8, 6
    texts = {}
    for level in range(deep + 1):
        name = "compose.yaml" if level == 0 else f"f{level}.yaml"
        how = f"extends: {{file: f{level + 1}.yaml, service: s0}}" if level < deep else "image: x"
        texts[name] = "services:\n" + "".join(f"  s{at}: {{{how}}}\n" for at in range(wide))
    reads, makes = Counter[str](), Counter[str]()
    read_file, merged_service = files.read_file, files.merged_service

    def reading(file, *rest, **named):  # type: ignore[no-untyped-def]
        reads[file.name] += 1
        return read_file(file, *rest, **named)

    def making(base, over):  # type: ignore[no-untyped-def]
        makes["all"] += 1
        return merged_service(base, over)

    monkeypatch.setattr(files, "read_file", reading)
    monkeypatch.setattr(files, "merged_service", making)
    read = project(tmp_path, texts)
    assert set(reads.values()) == {1}
    assert makes["all"] < deep + wide
    assert read.services["s5"].image == "x"


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"compose.yaml": ""}, "compose.yaml: the file is empty"),
        ({"compose.yaml": "# nothing yet\n"}, "compose.yaml: the file is empty"),
        ({"compose.yaml": "services:\n"}, "compose.yaml: it has no services"),
        ({"compose.yaml": "- a\n"}, "it has no mapping `services`"),
        (
            {"compose.yaml": "services: {a: {extends: {file: no.yaml, service: x}}}"},
            r"no.yaml: there is no such file\n  to do: .*compose.yaml: services.a.extends names it",
        ),
        ({"compose.yaml": "include: [no.yaml]"}, "no.yaml: there is no such file\n  to do: .*comp"),
        ({"compose.yaml": "services: {a: {extends: b}}"}, "there is no service b, which a extends"),
        (
            {"compose.yaml": "services: {a: {image: 'x${Y'}}"},
            r"services.a.image: \${ is never closed\n  to do: write its }",
        ),
        (
            {"compose.yaml": "services: {a: {image: '${Y:?why}'}}"},
            r"services.a.image: Y must be set: why\n  to do: set it in the shell or in .env",
        ),
        (
            {
                "compose.yaml": "services:\n"
                + "".join(f"  s{n}: {{image: x}}\n" for n in range(501))
            },
            "501 services are more than the 500",
        ),
        (
            {
                "compose.yaml": f"include: [{', '.join(['more.yaml'] * 200)}]",
                "more.yaml": "services: {a: {image: x}}",
            },
            "more than 200 files",
        ),
    ],
)
def test_what_is_wrong_is_told_with_what_to_do(
    tmp_path: Path, texts: Mapping[str, str], message: str
) -> None:
    with pytest.raises(ComposeFileError, match=f"(?s){message}"):
        project(tmp_path, texts)


def test_a_form_that_is_not_known_does_not_show_its_default(tmp_path: Path) -> None:
    with pytest.raises(ComposeFileError) as caught:
        project(tmp_path, {"compose.yaml": "services: {a: {image: '${PW=hunter2}'}}"})
    assert "hunter2" not in str(caught.value)


@contextmanager
def pipe(file: Path, text: str) -> Iterator[None]:
    """A pipe that has something for whoever reads it, so that nobody waits for ever."""
    os.mkfifo(file)

    def write() -> None:
        with suppress(BrokenPipeError):
            file.write_text(text)

    writing = Thread(target=write, daemon=True)
    writing.start()
    try:
        yield
    finally:
        while writing.is_alive():
            os.close(os.open(file, os.O_RDONLY | os.O_NONBLOCK))
            writing.join(0.01)


@pytest.mark.parametrize("name", [".env", "a.env"])
def test_a_pipe_is_refused_rather_than_waited_for(tmp_path: Path, name: str) -> None:
    file = written(tmp_path, {"compose.yaml": "services: {a: {image: x, env_file: a.env}}"})
    refused = pytest.raises(ComposeFileError, match=f"{name} is no regular file")
    with pipe(tmp_path / name, "A=1"), refused:
        read_project(file, {})


def test_a_pipe_for_a_dockerignore_tells_nothing(tmp_path: Path) -> None:
    read = project(tmp_path, {"compose.yaml": "services: {a: {build: .}}"})
    with pipe(tmp_path / ".dockerignore", "reports"):
        assert [one.missing for one in unignored(read, ["reports"])] == [("reports",)]


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        (f"include: [{'x' * 300}]", ""),
        (f"services: {{a: {{extends: {{file: {'x' * 300}, service: a}}}}}}", ""),
        ("services: {a: {image: x}}", f"compose.yaml:{'x' * 300}"),
    ],
)
def test_a_file_that_cannot_be_looked_at(tmp_path: Path, text: str, chosen: str) -> None:
    with pytest.raises(ComposeFileError, match=r"x{300}.*cannot be read: File name too long"):
        project(tmp_path, {"compose.yaml": text}, COMPOSE_FILE=chosen)


def test_an_override_may_be_empty(tmp_path: Path) -> None:
    texts = {"compose.yaml": "services: {a: {image: x}}", "compose.override.yaml": "# later\n"}
    assert set(project(tmp_path, texts).services) == {"a"}


def test_a_folder_named_env_is_none(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    assert set(project(tmp_path, {"compose.yaml": "services: {a: {image: x}}"}).services) == {"a"}
