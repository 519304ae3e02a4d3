"""What the classic builder made, by what it said."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from seatrial.compose.builder import Made, made, remove_made

BASE, CACHED, FIRST, SECOND, NEXT = (f"{digit}" * 12 for digit in "abcde")
STEP, OTHER = "1" * 12, "2" * 12

FALSE = "The command '/bin/sh -c false' returned a non-zero code: 1"

SAID = f"""\
Building web
Sending build context to Docker daemon  10.24kB\r\r
Step 1/5 : FROM python:3.11-slim
 ---> {BASE}
Step 2/5 : WORKDIR /code
 ---> Using cache
 ---> {CACHED}
Step 3/5 : RUN echo hello
 ---> Running in {STEP}
hello
Removing intermediate container {STEP}
 ---> {FIRST}
Step 4/5 : COPY manage.py .
 ---> {SECOND}
"""


def test_what_it_found_is_not_its_own() -> None:
    found = made(SAID.splitlines())
    assert found == Made((STEP,), (FIRST, SECOND))


@pytest.mark.parametrize(
    ("more", "tip", "silent"),
    [
        ("", None, False),
        ("Step 5/5 : COPY big .\n", SECOND, True),
        (f"Step 5/5 : RUN sleep 9\n ---> Running in {OTHER}\n", SECOND, False),
        (f"Step 5/5 : RUN sleep 9\n ---> Running in {OTHER}\nso far\n", SECOND, False),
        (f"Step 5/5 : RUN true\n ---> {NEXT}\nSuccessfully built {NEXT}\n", None, False),
        ("Step 1/2 : FROM scratch\n", None, False),  # of another service, being pulled
        ("Step 1/2 : FROM scratch\n ---> \nStep 2/2 : COPY big .\n", None, True),
        (f"Step 1/2 : from slim\n ---> {BASE}\nStep 2/2 : COPY big .\n", BASE, True),
        ("Step 5/5 : COPY not-there .\nCOPY failed: no such file\n", None, False),
        (f"Step 5/5 : RUN false\n ---> Running in {OTHER}\n{FALSE}\n", None, False),
        ("Building two\nStep 1/3 : ARG TAG\nStep 2/3 : COPY big .\n", None, True),
    ],
)
def test_where_it_was_cut_off(more: str, tip: str | None, silent: bool) -> None:
    found = made((SAID + more).splitlines())
    assert (found.tip, found.silent) == (tip, silent)
    assert {BASE, CACHED}.isdisjoint(found.images)


def test_what_steps_print_is_no_image() -> None:
    said = f"{SAID}Step 5/5 : RUN cat notes\nsee ---> {NEXT}\n ---> {NEXT} is it\n"
    assert made(said.splitlines()).images == (FIRST, SECOND)


@dataclass
class Engine:
    """As far as the builder's leftovers go: images with their parents, their names, and when."""

    images: dict[str, str]  # on which it was built
    names: set[str] = field(default_factory=set)
    containers: list[str] = field(default_factory=list)
    created: str = field(
        default_factory=lambda: time.strftime("%Y-%m-%dT%H:%M:%S.5Z", time.gmtime())
    )
    late: dict[str, str] = field(default_factory=dict)  # there when it is asked for the second time
    asked: int = 0
    runs_on: int = 0  # how often it is asked in vain to remove a container
    removed: list[str] = field(default_factory=list)

    def __call__(self, *words: str) -> str:
        match words:
            case ("ps", "-aq", *filters):
                wanted = [one.removeprefix("--filter=id=") for one in filters]
                return "\n".join(one for one in self.containers if one in wanted)
            case ("rm", "-v", *some):
                self.runs_on -= 1
                if self.runs_on < 0:
                    self.containers = [one for one in self.containers if one not in some]
            case ("image", "ls", *_, since):
                tip = since.removeprefix("--filter=since=")
                self.asked += 1
                if self.asked == 2:
                    self.images |= self.late
                leaves = [n for n in self.images if n not in self.images.values()]
                return "\n".join(leaf for leaf in leaves if leaf != tip and leaf not in self.names)
            case ("image", "inspect", "-f", form, *some) if "Parent" in form:
                above = {n: f"sha256:{one}" if (one := self.images[n]) else "" for n in some}
                return "\n".join(f"{n} {above[n]} {self.created}" for n in some)
            case ("image", "inspect", "-f", _, *some):
                return "\n".join(n for n in some if n in self.images and n not in self.names)
            case ("image", "rm", "--no-prune", *some):
                for one in some:
                    if one in self.images.values():
                        continue  # it has children
                    if one in self.late.values():
                        self.late = dict.fromkeys(self.late, "")  # it will have no parent
                    self.removed.append(one)
                    del self.images[one]
            case _:
                raise AssertionError(words)
        return ""


MADE = {CACHED: BASE, FIRST: CACHED, SECOND: FIRST}


def removed(tmp_path: Path, engine: Engine, more: str = "") -> list[str]:
    log = tmp_path / "compose.log"
    log.write_text(SAID + more)
    remove_made(log, engine)
    return engine.removed


def test_what_it_made_goes_from_the_last_to_the_first(tmp_path: Path) -> None:
    assert removed(tmp_path, Engine(dict(MADE))) == [SECOND, FIRST]


def test_all_of_it_where_the_next_one_is_built_on_nothing(tmp_path: Path) -> None:
    scratch = "Step 1/2 : FROM scratch\n ---> \nStep 2/2 : COPY big .\n"
    assert removed(tmp_path, Engine(dict(MADE)), scratch) == [SECOND, FIRST]


def test_a_line_that_is_drawn_over_is_none_of_the_builders(tmp_path: Path) -> None:
    engine = Engine(dict(MADE), containers=[OTHER])
    removed(
        tmp_path,
        engine,
        f"Step 5/5 : RUN x\n ---> Running in {STEP}\n1%\r ---> Running in {OTHER}\n",
    )
    assert engine.containers == [OTHER]


def test_what_has_a_name_by_now_stays(tmp_path: Path) -> None:
    assert removed(tmp_path, Engine(dict(MADE), {SECOND})) == []


def test_the_container_of_a_step_that_failed(tmp_path: Path) -> None:
    engine = Engine(dict(MADE), containers=[STEP, OTHER])
    removed(tmp_path, engine)
    assert engine.containers == [OTHER]


def test_a_container_that_runs_on_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not killed: a step may say the id of anybody's."""
    monkeypatch.setattr("seatrial.compose.builder._SECONDS", 0.0)
    monkeypatch.setattr("seatrial.compose.builder._PAUSE", 0.01)
    engine = Engine({**MADE}, containers=[STEP], runs_on=5)
    assert removed(tmp_path, engine, f"Step 5/5 : RUN x\n ---> Running in {STEP}\n") == [
        SECOND,
        FIRST,
    ]
    assert engine.containers == []
    monkeypatch.setattr("seatrial.compose.builder._RUNS_ON", 0.0)
    engine = Engine({**MADE}, containers=[STEP], runs_on=10**9)
    removed(tmp_path, engine, f"Step 5/5 : RUN x\n ---> Running in {STEP}\n")
    assert engine.containers == [STEP]


COPYING = "Step 5/5 : COPY big .\n"


def test_the_image_at_which_it_was_cut_off(tmp_path: Path) -> None:
    engine = Engine({**MADE, NEXT: SECOND})
    assert removed(tmp_path, engine, COPYING) == [NEXT, SECOND, FIRST]


def test_it_comes_a_moment_later(tmp_path: Path) -> None:
    engine = Engine({**MADE}, late={NEXT: SECOND})
    assert removed(tmp_path, engine, COPYING) == [NEXT, SECOND, FIRST]


def test_it_never_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seatrial.compose.builder._SECONDS", 0.0)
    assert removed(tmp_path, Engine({**MADE, OTHER: ""}), COPYING) == [SECOND, FIRST]


@pytest.mark.parametrize(
    "engine",
    [
        Engine({**MADE, NEXT: CACHED}),  # another's, of what both found
        Engine({**MADE, NEXT: SECOND}, created="2001-01-01T00:00:00Z"),  # it was there before
        Engine({**MADE, NEXT: SECOND}, created="2040-01-01T00:00:00Z"),  # long after
    ],
)
def test_what_others_built_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: Engine
) -> None:
    monkeypatch.setattr("seatrial.compose.builder._SECONDS", 0.0)
    assert NEXT not in removed(tmp_path, engine, COPYING)


def test_nobody_built_by_it(tmp_path: Path) -> None:
    def docker(*words: str) -> str:
        raise AssertionError(words)

    remove_made(tmp_path / "compose.log", docker)
    (tmp_path / "compose.log").write_text("#1 [web internal] load build definition\n#1 DONE 0.0s\n")
    remove_made(tmp_path / "compose.log", docker)
