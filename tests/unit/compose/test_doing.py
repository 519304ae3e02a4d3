"""What `docker compose up` is said to be busy with, from what Compose 1 and 2 printed."""

from __future__ import annotations

import asyncio

import pytest

from seatrial.compose.doing import BUILT, PULLED, doing
from seatrial.keeper import telling
from seatrial.keeper.telling import SILENT, Telling
from seatrial.kinds.containers import Service

SERVICES = {
    "db": Service("db", image="postgres:15"),
    "web": Service("web", built=True),
    "mails": Service("mails", built=True),
}
COMPOSE_2 = """
 db Pulling
 db Pulled
 cache Pulling
#0 building with "default" instance using docker driver

#1 [mails internal] load build definition from Dockerfile
#1 transferring dockerfile: 187B 0.0s done
#1 DONE 0.1s

#7 [web builder 1/4] FROM docker.io/library/python:3.11-slim
#10 3.399 Building wheels
 Network seatrial-4256029e6b8f_default  Creating
 Container seatrial-4256029e6b8f-db-1  Creating
"""
COMPOSE_1 = """
Creating network "seatrial-5eafaa90032f_default" with the default driver
Pulling db (postgres:15)...
15: Pulling from library/postgres
Building mails
Sending build context to Docker daemon  10.75kB
Step 1/5 : FROM python:3.11-slim
 ---> 6e3b14459b18
Building web
Step 1/5 : FROM python:3.11-slim
"""


@pytest.mark.parametrize(
    ("said", "until", "busy"),
    [
        (COMPOSE_2, "Pulling", {"db": PULLED}),
        (COMPOSE_2, "default", {}),  # of two that are built, one cannot know
        (COMPOSE_2, "187B", {"mails": BUILT}),
        (COMPOSE_2, "slim", {"mails": BUILT, "web": BUILT}),
        (COMPOSE_2, "", {"mails": BUILT, "web": BUILT}),
        (COMPOSE_1, "library", {"db": PULLED}),
        (COMPOSE_1, "6e3b", {"db": PULLED, "mails": BUILT}),
        (COMPOSE_1, "", {"db": PULLED, "web": BUILT}),
    ],
)
def test_what_it_does(said: str, until: str, busy: dict[str, str]) -> None:
    lines = said.splitlines()
    end = next((n for n, line in enumerate(lines, 1) if until and until in line), len(lines))
    assert doing(lines[:end], SERVICES) == busy


def test_the_only_one_that_is_built_needs_no_name() -> None:
    alone = {"db": SERVICES["db"], "web": SERVICES["web"]}
    assert doing(["#1 [internal] load build definition from Dockerfile"], alone) == {"web": BUILT}
    assert doing(["#7 [builder 1/4] FROM python"], alone) == {"web": BUILT}


def test_it_is_told_ever_more_seldom_and_only_what_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    now, told = 100.0, []
    monkeypatch.setattr(telling, "monotonic", lambda: now)

    async def add(name: str, why: str) -> None:
        told.append((now - 100, name, why))

    async def start() -> list[float]:
        nonlocal now
        one, due = Telling(add), []
        while now < 100 + 8 * SILENT:
            now += SILENT / 2
            if one.due:
                due.append((now - 100) / SILENT)
                await one.tell(
                    {"web": BUILT if now < 100 + 4 * SILENT else "it says 503", "db": ""}
                )
        return due

    assert asyncio.run(start()) == [1, 2, 4, 8]
    assert told == [(SILENT, "web", BUILT), (4 * SILENT, "web", "it says 503")]
