"""What a Dockerfile builds upon."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from seatrial.compose.dockerfile import stage_of
from seatrial.compose.project import read_project
from seatrial.compose.recognise import recognise
from seatrial.kinds.registry import KINDS


@pytest.mark.parametrize(
    ("text", "target", "base"),
    [
        ("FROM redis:7\nCOPY a.conf /etc/\n", "", "redis:7"),
        ("# FROM nginx\nfrom --platform=linux/amd64 redis:7 as it\n", "", "redis:7"),
        ('FROM redis:7\nCMD ["redis-server", "/etc/a.conf"]\n', "", "redis:7"),
        ("FROM redis:7\nCMD python3 exporter.py\n", "", ""),
        ("FROM redis:7\nENTRYPOINT /own.sh\n", "", ""),
        ("FROM redis:7\nRUN echo \\\nCMD no.sh\n", "", "redis:7"),
        ("FROM node AS b\nCMD node x\nFROM nginx:1\nCOPY --from=b /a /b", "", "nginx:1"),
        ("FROM node:20 AS a\nFROM nginx AS b\n", "A", "node:20"),
        ("FROM postgres:15 AS a\nFROM a AS b\nFROM B\n", "", "postgres:15"),
        ("FROM postgres:15 AS a\nENTRYPOINT x\nFROM a\n", "", ""),
        ("FROM a AS b\nFROM b AS a\n", "", "a"),
        ("FROM redis AS redis\n", "", "redis"),
        ("FROM redis:7 AS a\nFROM nginx AS redis\nFROM a\n", "", "redis:7"),
        ("FROM\tredis\n", "", "redis"),
        ("FROM redis \\\n  # why\n\n  AS it\n", "IT", "redis"),
        ("FROM redis\nRUN <<EOF\nFROM x\nENTRYPOINT x\nEOF\n", "", "redis"),
        ("FROM redis\nCOPY <<-'A' <<B /x/\nA\n\tCMD x\n\tB\nRUN x\n", "", "redis"),
        ("FROM redis\nRUN cat <<EOF\n\\\nEOF\nENTRYPOINT x", "", ""),
        ("FROM redis\nRUN sh <<< x; echo $((1<<n))\nENTRYPOINT x", "", ""),
        ("FROM redis\nRUN <<EOF\n", "", "redis"),
        ("FROM redis\nENTRYPOINT x \\\n", "", ""),
        ("ARG X=redis\nFROM ${X}\n", "", ""),
        ("FROM redis:7\n", "none", ""),
        ("FROM\n", "", ""),
        ("", "", ""),
    ],
)
def test_the_base(tmp_path: Path, text: str, target: str, base: str) -> None:
    file = tmp_path / "Dockerfile"
    file.write_text(text)
    assert stage_of(file, target).base == base


def test_none(tmp_path: Path) -> None:
    assert stage_of(tmp_path / "Dockerfile").base == ""
    os.mkfifo(tmp_path / "Dockerfile")
    assert stage_of(tmp_path / "Dockerfile").base == "", "nobody writes there"


@pytest.mark.parametrize(
    ("service", "kind", "because"),
    [
        ("{build: .}", "redis", "built from redis:7"),
        ("{build: {context: ., dockerfile: web}, ports: [80]}", "http", "built from nginx:1"),
        (
            "{build: {context: ., dockerfile: web, target: pg}}",
            "postgres",
            "built from postgres",
        ),
        ("{build: ., command: redis-cli monitor}", "process", "built here, no ports"),
        ("{build: ., entrypoint: /own.sh}", "process", "built here, no ports"),
        (
            '{build: {context: ., dockerfile_inline: "FROM python"}}',
            "process",
            "built here, no ports",
        ),
        (
            '{build: {dockerfile_inline: "FROM postgres:15"}}',
            "postgres",
            "built from postgres:15",
        ),
        ("{image: redis}", "redis", "image redis"),
    ],
)
def test_what_is_built_upon_a_server_is_one(
    tmp_path: Path, service: str, kind: str, because: str
) -> None:
    (tmp_path / "Dockerfile").write_text("FROM redis:7\n")
    (tmp_path / "web").write_text("FROM postgres AS pg\nFROM nginx:1\n")
    (tmp_path / "compose.yaml").write_text(f"services: {{it: {service}}}")
    found = recognise(read_project(tmp_path / "compose.yaml", {}), KINDS)["it"]
    assert (found.kind.name, found.guess.because) == (kind, because)
