"""Commands as documented: options, summaries, exit codes, and the JSON that is promised."""

from __future__ import annotations

import json
import re
import shutil
from importlib import import_module
from typing import Any

import click
import pytest

from seatrial.cli import COMMANDS
from seatrial.outcome import ExitCode, State, Verdict
from tests.docs.conftest import Said, Shop
from tests.docs.documents import ROOT, blocks, sections

DOCUMENT = ROOT / "docs" / "commands.md"
PROJECTS = ROOT / "tests" / "compose" / "projects"
SECTIONS = sections(DOCUMENT)
_ANY = re.compile(r"[A-Z]+")  # NAME and ENDPOINT stand for any key


def _promised(command: str) -> Any:
    """The JSON example under a command's heading."""
    place = DOCUMENT.read_text().splitlines()
    start = place.index(f"## {command}")
    later = [n for n, line in enumerate(place) if line.startswith("## ") and n > start]
    end = later[0] if later else len(place)
    (example,) = (b for b in blocks(DOCUMENT, "json") if start < b.line <= end)
    return json.loads(example.text)


def broken(promise: Any, found: Any, prose: str, path: str = "") -> list[str]:
    """Where `found` is not as promised; keys beyond the example must be named in the prose."""
    if isinstance(promise, dict):
        if not isinstance(found, dict):
            return [f"{path}: {found!r} is no object"]
        (only,) = promise if len(promise) == 1 else (None,)
        if only is not None and _ANY.fullmatch(only):
            pairs = [(promise[only], value, key) for key, value in found.items()]
            return [
                p for one, value, key in pairs for p in broken(one, value, prose, f"{path}.{key}")
            ]
        wrong = [f"{path}.{key} is missing" for key in promise if key not in found]
        extra = [key for key in found if key not in promise and f"`{key}`" not in prose]
        wrong += [f"{path}.{key} is not documented" for key in extra]
        for key in promise.keys() & found.keys():
            wrong += broken(promise[key], found[key], prose, f"{path}.{key}")
        return wrong
    if isinstance(promise, list):
        if not isinstance(found, list):
            return [f"{path}: {found!r} is no list"]
        return [
            problem
            for number, one in enumerate(found)
            for problem in (broken(promise[0], one, prose, f"{path}[{number}]") if promise else [])
        ]
    kinds = (int, float) if type(promise) in (int, float) else (type(promise),)
    return [] if found is None or isinstance(found, kinds) else [f"{path}: {found!r}"]


PROMISES = {  # heading -> the command that was run
    "up": "up",
    "down": "down",
    "logs": "logs",
    "restart": "restart",
    "check": "check",
    "run": "run",
    "fault": "fault",
    "gate": "gate",
    "endpoints": "endpoints",
    "doctor": "doctor",
    "provision": "provision",
    "sweep": "sweep",
    "bundle": "bundle",
}


@pytest.mark.parametrize("command", PROMISES)
def test_json_is_as_promised(said: dict[str, Said], command: str) -> None:
    told = said[command]
    assert told.exit == 0, told.err
    assert broken(_promised(command), told.json, SECTIONS[command].text) == []


def test_the_json_of_init(shop: Shop) -> None:
    folder = shop.folder.parent / "dispatch"
    shutil.copytree(PROJECTS / "dispatch", folder)
    told = shop("init", str(folder), "--json")
    assert told.exit == 0, told.err
    assert broken(_promised("init"), told.json, SECTIONS["init"].text) == []


def test_the_json_of_status_is_that_of_up(said: dict[str, Said]) -> None:
    assert broken(_promised("up"), said["status"].json, SECTIONS["up"].text) == []


def test_status_shows_what_is_used(said: dict[str, Said]) -> None:
    told = dict(said["usage"].json)
    usage = told.pop("usage")
    assert broken(_promised("up"), told, SECTIONS["up"].text) == []
    assert set(usage) == set(told["components"])
    assert usage["api"]["processes"] >= 1
    assert usage["api"]["memory_bytes"] > 1_000_000
    assert all(set(one) == {"cpu_s", "memory_bytes", "processes"} for one in usage.values())
    (line,) = (one for one in said["usage in words"].out.splitlines() if "api uses" in one)
    assert line.endswith("in 1 process" if usage["api"]["processes"] == 1 else "processes")


def test_a_broken_promise_would_be_found() -> None:
    promise = {"a": {"NAME": [{"b": 1}]}}
    assert broken(promise, {"a": {"x": [{"b": 2.5}, {"b": None}]}}, "") == []
    assert broken(promise, {"a": {"x": [{"c": 2}]}}, "") == [
        ".a.x[0].b is missing",
        ".a.x[0].c is not documented",
    ]
    assert broken(promise, {"a": {"x": [{"b": "2"}]}}, "") == [".a.x[0].b: '2'"]


def test_the_json_of_a_component_that_fails_to_start(shop: Shop) -> None:
    text = (shop.folder / "seatrial.yaml").read_text()
    folder = shop.folder.parent / "broken"
    folder.mkdir()
    lines = "{kind: process, run: [python, -c, 'raise SystemExit(3)'], ready: notify}"
    (folder / "seatrial.yaml").write_text(
        text.split("components:")[0] + f"components:\n  worker: {lines}\n"
    )
    told = shop("up", str(folder), "--json")
    assert told.exit == 3
    assert broken(_promised("up"), told.json, SECTIONS["up"].text) == []
    assert told.json["failure"]["cause"] == "exited"
    assert all(f"`{key}`" in SECTIONS["up"].text for key in told.json["failure"])


def test_dotenv_is_for_the_remote_environment(said: dict[str, Said]) -> None:
    lines = dict(line.split("=", 1) for line in said["dotenv"].out.splitlines())
    assert set(lines) == {"SHOP_URL", "SHOP_DATABASE_URL"}
    assert said["endpoints"].json["db"]["sql"] in lines["SHOP_DATABASE_URL"]


def test_passwords_are_masked_but_by_endpoints(said: dict[str, Said]) -> None:
    url = said["endpoints"].json["db"]["sql"]
    password = re.fullmatch(r"postgresql://shop:([^@]+)@.*", url)
    assert password is not None
    assert len(password[1]) >= 24
    telling = [name for name, told in said.items() if password[1] in told.out + told.err]
    assert telling == ["endpoints", "dotenv"]


def test_exit_codes_and_their_verdicts() -> None:
    (table,) = SECTIONS["Exit codes"].tables
    assert sorted(int(row[0]) for row in table) == sorted(int(code) for code in ExitCode)
    verdicts = {row[1].strip("`") for row in table}
    assert verdicts == {verdict.value for verdict in Verdict} | {"none"}


def test_the_states_of_a_component_are_listed() -> None:
    assert [state for state in State if f"`{state}`" not in SECTIONS["up"].text] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_a_section_begins_with_the_summary_and_names_every_option(name: str) -> None:
    section = SECTIONS[name]
    prose = " ".join(section.text.split())
    assert prose.startswith(COMMANDS[name].split(";")[0].rstrip("."))
    shared = "\n".join(one.text for title, one in SECTIONS.items() if title == "Commands")
    command = import_module(f"seatrial.cli.{name}").command
    options = [one for one in command.params if isinstance(one, click.Option)]
    missing = [
        one.opts[0]
        for one in options
        if not any(re.search(rf"`{opt}[` ]", section.text + shared) for opt in one.opts)
    ]
    assert missing == []
