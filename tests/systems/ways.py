"""Ways to change the queue's deployment, each undone again; and how to look at it then."""

from __future__ import annotations

import os
import re
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import yaml

from seatrial.declaration.load import load
from seatrial.environment.deployment import require_running
from seatrial.kinds.registry import KINDS

from .conftest import Called, Change, Queue, declare


@dataclass(frozen=True)
class Running:
    """The queue that is up, and where it is."""

    queue: Queue
    sql: str
    management: str
    health: str
    variables: Mapping[str, str]  # which its environment `deployed` reads

    @classmethod
    def of(cls, up: Queue) -> Running:
        found = up.seatrial("endpoints").document
        dotenv = up.seatrial("endpoints", "--format", "dotenv").out
        lines = (one.partition("=") for one in dotenv.splitlines())
        return cls(
            up,
            found["postgres"]["sql"],
            found["rabbitmq"]["management"],
            f"{found['api']['http']}/health",
            {name: value.strip("'") for name, _, value in lines},
        )

    def check(self) -> Called:
        return self.queue.seatrial("check", "--json")


Check = Callable[[], Called]
Way = Callable[[Running], AbstractContextManager[Check]]


def sql(do: str, undo: str) -> Way:
    """Run statements on the database, and others afterwards."""

    @contextmanager
    def way(running: Running) -> Iterator[Check]:
        with psycopg.connect(running.sql, autocommit=True) as connection:
            connection.execute(do)
            try:
                yield running.check
            finally:
                connection.execute(undo)

    return way


def alter(what: str, do: str, undo: str) -> Way:
    return sql(f"ALTER {what} {do}", f"ALTER {what} {undo}")


def without_index(name: str, columns: str) -> Way:
    return sql(f"DROP INDEX {name}", f"CREATE INDEX {name} ON tasks ({columns})")


def put(path: str, body: dict[str, object]) -> Way:
    """PUT something into the broker's management API, and DELETE it afterwards."""

    @contextmanager
    def way(running: Running) -> Iterator[Check]:
        with httpx.Client(base_url=running.management) as api:
            api.put(f"/api/{path}", json=body).raise_for_status()
            try:
                yield running.check
            finally:
                api.delete(f"/api/{path}").raise_for_status()

    return way


def policy(pattern: str, sort: str = "policies", **definition: object) -> Way:
    body = {"pattern": pattern, "definition": definition, "apply-to": "queues"}
    return put(f"{sort}/%2F/one", body)


def without(sort: str, name: str, *keys: str) -> Way:
    """DELETE a queue or an exchange of the dead letters, and declare it again afterwards."""

    @contextmanager
    def way(running: Running) -> Iterator[Check]:
        with httpx.Client(base_url=running.management) as api:
            before = api.get(f"/api/{sort}/%2F/{name}").raise_for_status().json()
            api.delete(f"/api/{sort}/%2F/{name}").raise_for_status()
            try:
                yield running.check
            finally:
                body = {key: before[key] for key in (*keys, "durable", "auto_delete", "arguments")}
                api.put(f"/api/{sort}/%2F/{name}", json=body).raise_for_status()
                bind(api)

    return way


BINDING = "/api/bindings/%2F/e/quantum_tasks.dlx/q/quantum_tasks.dead"


def bind(api: httpx.Client) -> None:
    api.post(BINDING, json={"routing_key": "quantum_tasks.dead"}).raise_for_status()


@contextmanager
def unbound(running: Running) -> Iterator[Check]:
    with httpx.Client(base_url=running.management) as api:
        api.delete(f"{BINDING}/quantum_tasks.dead").raise_for_status()
        try:
            yield running.check
        finally:
            bind(api)


@contextmanager
def bound_twice(running: Running) -> Iterator[Check]:
    with httpx.Client(base_url=running.management) as api:
        api.post(BINDING, json={"routing_key": "another"}).raise_for_status()
        try:
            yield running.check
        finally:
            api.delete(f"{BINDING}/another").raise_for_status()


@contextmanager
def without_rights(running: Running) -> Iterator[Check]:
    rights = "/api/permissions/%2F/quantum_user"
    with httpx.Client(base_url=running.management) as api:
        before = api.get(rights).json()
        patterns = {name: before[name] for name in ("configure", "write", "read")}
        try:
            api.put(rights, json=dict.fromkeys(patterns, "^$")).raise_for_status()
            yield running.check
        finally:
            api.put(rights, json=patterns).raise_for_status()


@contextmanager
def connections(running: Running) -> Iterator[Check]:
    with ExitStack() as others:
        for _ in range(20):
            others.enter_context(psycopg.connect(running.sql, application_name="another"))
        yield running.check


@contextmanager
def frozen(running: Running) -> Iterator[Check]:
    """One of two workers."""
    queue = running.queue
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEATRIAL_HOME", queue.env["SEATRIAL_HOME"])
        system = load(queue.folder, KINDS, environment=None, variables=queue.env)
        with require_running(system) as deployment:
            worker = deployment.statuses()["worker"].pids[1]
    assert worker is not None
    os.kill(worker, signal.SIGSTOP)
    try:
        yield running.check
    finally:
        os.kill(worker, signal.SIGCONT)


def deployed(variable: str = "", old: str = "", new: str = "") -> Way:
    """Seen as a deployment far away, with something else in one of the variables that say where."""

    @contextmanager
    def way(running: Running) -> Iterator[Check]:
        env = dict(running.variables)
        if variable:
            env[variable] = re.sub(old, new, env[variable])
            assert env[variable] != running.variables[variable]
        yield lambda: running.queue.seatrial("check", "--env", "deployed", "--json", env=env)

    return way


def declared(change: Change) -> Way:
    """One more deployment, of a declaration that was changed."""

    @contextmanager
    def way(running: Running) -> Iterator[Check]:
        with tempfile.TemporaryDirectory() as folder:
            queue = declare(Path(folder), Path(running.queue.env["SEATRIAL_HOME"]), change)
            came_up = queue.seatrial("up", "--json")
            assert came_up.code == 0, came_up.err
            try:
                yield lambda: queue.seatrial("check", "--json")
            finally:
                assert queue.seatrial("down").code == 0

    return way


def replicas(declaration: dict[str, Any]) -> None:
    declaration["components"]["api"]["replicas"] = 2
    declaration["components"]["worker"]["replicas"] = 3


def without_proxies(declaration: dict[str, Any]) -> None:
    declaration["environments"]["local"]["proxies"] = False


def other_names(declaration: dict[str, Any]) -> None:
    """Of the components, the database, its user, and the virtual host."""
    components, expect = declaration["components"], declaration["expect"]
    new = {"postgres": "store", "rabbitmq": "messages", "worker": "runner", "api": "front"}
    text = yaml.safe_dump(components)
    for old, name in new.items():
        text = text.replace(f"{{{old}.", f"{{{name}.").replace("quantum_db", "tasks_db")
    components.clear()
    components.update({new.get(n, n): one for n, one in yaml.safe_load(text).items()})
    components["store"]["user"] = "owner of tasks"
    components["messages"]["vhost"] = "of/tasks"
    for one in components.values():
        one["needs"] = [new.get(needed, needed) for needed in one.get("needs", [])]
    components["runner"]["consumes"] = {"messages": "quantum_tasks"}
    for old, name in new.items():
        if old in expect:
            expect[name] = expect.pop(old)
    expect["messages"]["queues"]["quantum_tasks"]["consumer"] = "runner"
    expect["store"]["privileges"]["owner of tasks"] = expect["store"]["privileges"].pop(
        "quantum_user"
    )
    del declaration["clean_up"], declaration["environments"]["deployed"]
