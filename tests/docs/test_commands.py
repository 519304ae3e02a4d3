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


def _any_key(promise: dict[str, Any]) -> str | None:
    """Of an example that stands for objects with any keys: the word that stands for them."""
    (only,) = promise if len(promise) == 1 else (None,)
    return only if only is not None and _ANY.fullmatch(only) else None


def _may_be_null(key: str, prose: str) -> bool:
    return any(f"`{key}`" in one and " null" in one for one in re.split(r"[.:;]\s", prose))


def broken(promise: Any, found: Any, prose: str, path: str = "") -> list[str]:
    """Where `found` is not as promised; the prose must name keys beyond the example, and nulls."""
    if isinstance(promise, dict):
        if not isinstance(found, dict):
            return [f"{path}: {found!r} is no object"]
        if (only := _any_key(promise)) is not None:
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
    if found is None and promise is not None:
        allowed = _may_be_null(path.rpartition(".")[2], prose)
        return [] if allowed else [f"{path}: null, and nothing says that it may be"]
    kinds = (int, float) if type(promise) in (int, float) else (type(promise),)
    return [] if type(found) in kinds else [f"{path}: {found!r}"]


def shown(promise: Any, found: Any, path: str = "") -> set[str]:
    """The parts of a promise of which `found` has a value; an empty list shows nothing of what
    would be in it."""
    if isinstance(promise, dict) and promise:
        if (only := _any_key(promise)) is not None:
            pairs = [(only, value) for value in found.values()]
        else:
            pairs = [(key, found[key]) for key in promise.keys() & found.keys()]
        return {part for key, one in pairs for part in shown(promise[key], one, f"{path}.{key}")}
    if isinstance(promise, list) and promise:
        return {part for one in found for part in shown(promise[0], one, f"{path}[]")}
    return set() if found is None else {path}


def hold(command: str, *told: Any) -> None:
    """These documents are as promised of the command, and together show all of the promise."""
    promise, prose = _promised(command), SECTIONS[command].text
    assert [broken(promise, one, prose) for one in told] == [[] for _ in told]
    unseen = shown(promise, promise).difference(*(shown(promise, one) for one in told))
    assert unseen == set()


PROMISES = {  # heading -> the commands that were run, and how they ended
    "up": {"up": 0, "status": 0},
    "down": {"down": 0},
    "logs": {"logs": 0},
    "restart": {"restart": 0},
    "check": {"check": 0, "check of what ails": 3},
    "run": {"run": 0, "run of what ails": 3},
    "fault": {"fault": 0},
    "gate": {"gate": 0, "gate of what ails": 3},
    "endpoints": {"endpoints": 0},
    "doctor": {"doctor": 0},
    "provision": {"provision": 0},
    "sweep": {"sweep": 0},
    "bundle": {"bundle": 0, "bundle of what ails": 0},
}


@pytest.mark.parametrize("command", PROMISES)
def test_json_is_as_promised(said: dict[str, Said], command: str) -> None:
    runs = PROMISES[command]
    assert {name: said[name].exit for name in runs} == runs, [said[name].err for name in runs]
    hold(command, *(said[name].json for name in runs))


def test_the_json_of_init(shop: Shop) -> None:
    told = []
    for project in ("dispatch", "bookshop", "gateway"):
        folder = shop.folder.parent / project
        shutil.copytree(PROJECTS / project, folder)
        (folder / ".env").unlink(missing_ok=True)  # of the bookshop's variables
        told.append(shop("init", str(folder), "--json"))
    assert {one.exit for one in told} == {0}, told
    hold("init", *(one.json for one in told))


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
    assert broken(promise, {"a": {"x": [{"b": 2.5}, {"b": 3}]}}, "") == []
    assert broken(promise, {"a": {"x": [{"c": 2}]}}, "") == [
        ".a.x[0].b is missing",
        ".a.x[0].c is not documented",
    ]
    assert broken(promise, {"a": {"x": [{"b": "2"}]}}, "") == [".a.x[0].b: '2'"]
    assert broken(promise, {"a": {"x": [{"b": True}]}}, "") == [".a.x[0].b: True"]


def test_null_would_be_found_where_nothing_says_that_it_may_be() -> None:
    promise = {"a": {"NAME": [{"b": 1}]}}
    null = {"a": {"x": [{"b": None}]}}
    (problem,) = broken(promise, null, "`b` is a number. `c` may be null.")
    assert problem.startswith(".a.x[0].b: null")
    assert broken(promise, null, "`b`, a number, may be null.") == []


def test_what_no_document_shows_would_be_found() -> None:
    promise = {"a": {"NAME": [{"b": 1, "c": "d"}]}, "e": []}
    assert shown(promise, promise) == {".a.NAME[].b", ".a.NAME[].c", ".e"}
    assert shown(promise, {"a": {"x": [], "y": [{"b": 1, "c": None}]}, "e": []}) == {
        ".a.NAME[].b",
        ".e",
    }
    assert shown(promise, {"a": {}, "e": ["f"]}) == {".e"}
    with pytest.raises(AssertionError, match="findings"):
        hold("check", {"ok": True, "duration_ms": 1.0, "components": [], "findings": []})


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
    failure = told.json["failure"]
    assert set(failure) == {"component", "cause", "expected", "found", "fix", "log"}
    assert all(f"`{key}`" in SECTIONS["up"].text for key in failure)
    assert (failure["component"], failure["cause"]) == ("worker", "exited")
    assert broken(_promised("check")["findings"], told.json["findings"], "") == []
    assert told.json["findings"] != []


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
