"""The fixtures of this suite, thin over Seatrial's: clients in the words of the task queue."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from checker import FINAL, read, wrong
from seatrial.keeper import processes

BELL = "OPENQASM 3; qubit[2] q; h q[0]; cx q[0], q[1]; measure q;"
QUEUE = "quantum_tasks"
ALL_LINES = 100_000


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long trials are skipped, visibly, unless they are asked for. Crashes come last: they fill
    logs in which others look for what was said at the start."""
    items.sort(key=lambda item: "test_p2_crashes" in item.nodeid)
    if os.environ.get("TEST_LONG"):
        return
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.skip(reason="long: set TEST_LONG=1 to run it"))


@dataclass(frozen=True)
class TrialConfig:
    """Settings from the environment; see README.md."""

    timeout: float  # s: how long a task may take
    poll_interval: float  # s: the longest pause between two looks


@dataclass(frozen=True)
class Submitted:
    key: str  # its idempotency key and correlation id
    task_id: str
    response: httpx.Response


class ApiClient:
    """The HTTP API. Every task is written down in the ledger before it is asked for."""

    def __init__(self, http: Any, ledger: Any, exercises: Callable[[str], None]) -> None:
        self.http = http
        self._ledger = ledger
        self._exercises = exercises

    def submit_task(self, circuit: str = BELL, shots: int = 1024, **more: object) -> Submitted:
        """Submit a circuit; fails the trial unless it is accepted."""
        key, response = self.post({"circuit": circuit, "shots": shots, **more})
        assert response.status_code == 200, response.text
        self._exercises("submission")
        return Submitted(key, response.json()["task_id"], response)

    def post(self, body: object) -> tuple[str, httpx.Response]:
        """POST /tasks with any JSON body, under a key from the ledger."""
        key = self._ledger.key("task")
        return key, self.http.post("/tasks", json=body, headers=self.headers(key))

    def post_raw(self, content: bytes) -> tuple[str, httpx.Response]:
        """POST /tasks with any bytes as the body."""
        key = self._ledger.key("task")
        headers = {**self.headers(key), "Content-Type": "application/json"}
        return key, self.http.post("/tasks", content=content, headers=headers)

    @staticmethod
    def headers(key: str) -> dict[str, str]:
        return {"Idempotency-Key": key, "X-Correlation-ID": key}

    def get_task_status(self, task_id: str) -> dict[str, Any]:
        response = self.http.get(f"/tasks/{task_id}")
        assert response.status_code == 200, response.text
        self._exercises("status tracking")
        task = dict(response.json())
        if task["status"] in FINAL:
            self._exercises("worker processing")
        return task

    def check_health(self) -> httpx.Response:
        return self.http.health()

    def submit_many(self, count: int) -> list[Submitted]:
        """So many submissions at once."""
        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(lambda _: self.submit_task(), range(count)))


class DbClient:
    """The database, read only."""

    def __init__(self, sql: Any) -> None:
        self.sql = sql

    def check_table_exists(self, table: str) -> bool:
        return bool(self.sql.table_exists(table))

    def get_task(self, task_id: str) -> Mapping[str, Any]:
        """The row of a task; fails the trial when there is none."""
        return self.sql.one("SELECT * FROM tasks WHERE task_id = %s", [task_id])

    def get_status_history(self, task_id: str) -> list[Mapping[str, Any]]:
        """In the order in which the rows were written, whatever their times say."""
        sql = "SELECT * FROM status_history WHERE task_id = %s ORDER BY id"
        return list(self.sql.query(sql, [task_id]))

    def count_by_correlation(self, key: str) -> int:
        """Rows of tasks and of messages to be published that came from one request."""
        sql = (
            "SELECT (SELECT count(*) FROM tasks WHERE correlation_id = %(key)s)"
            " + (SELECT count(*) FROM outbox WHERE correlation_id = %(key)s)"
        )
        return int(self.sql.value(sql, {"key": key}))


class QueueClient:
    """The queue, read only."""

    def __init__(self, broker: Any) -> None:
        self.broker = broker

    def get_queue_info(self, queue: str = QUEUE) -> Any:
        return self.broker.queue(queue)

    def check_queue_exists(self, queue: str = QUEUE) -> bool:
        return bool(self.broker.queue_exists(queue))

    def get_consumer_count(self, queue: str = QUEUE) -> int:
        return int(self.broker.consumer_count(queue))


@pytest.fixture(scope="session")
def test_config() -> TrialConfig:
    return TrialConfig(
        timeout=seconds("TEST_TIMEOUT", 30),
        poll_interval=seconds("TEST_POLL_INTERVAL", 0.5),
    )


def seconds(variable: str, default: float) -> float:
    """A length of time from the environment. Raises pytest.UsageError for a value that is none."""
    text = os.environ.get(variable, "")
    try:
        found = float(text or default)
    except ValueError:
        found = 0.0
    if not 0 < found < float("inf"):
        raise pytest.UsageError(f"{variable}={text}: write seconds over 0, such as {default:g}")
    return found


@pytest.fixture
def api_client(component, ledger, record_property) -> ApiClient:
    """Of trials that create tasks: they need the ledger, and so a database to clean up."""
    exercised: set[str] = set()

    def exercises(what: str) -> None:
        if what not in exercised:
            exercised.add(what)
            record_property("exercises", what)

    return ApiClient(component("api"), ledger, exercises)


@pytest.fixture
def http(component) -> Any:
    """The API for trials that create nothing."""
    return component("api")


@pytest.fixture
def db_client(component) -> DbClient:
    return DbClient(component("postgres"))


@pytest.fixture
def queue_client(component) -> QueueClient:
    return QueueClient(component("rabbitmq"))


@pytest.fixture
def cleanup_test_tasks(ledger) -> Any:
    """`cleanup_test_tasks(key)`: remove what was created under an idempotency key of your own.

    Tasks that were submitted through `api_client` are removed without it.
    """
    return ledger.add


@pytest.fixture
def finished(api_client, eventually, test_config) -> Any:
    """`finished(task_id)`: wait until a task is completed or failed, and return it."""

    def wait(task_id: str, timeout: float | None = None) -> dict[str, Any]:
        return eventually(
            lambda: api_client.get_task_status(task_id),
            lambda task: task["status"] in FINAL,
            timeout=timeout or test_config.timeout,
            what=f"task {task_id} is done",
        )

    return wait


@pytest.fixture
def completed(finished) -> Any:
    """`completed(task_id)`: as `finished`, and it must not have failed."""

    def wait(task_id: str, timeout: float | None = None) -> dict[str, Any]:
        task = finished(task_id, timeout)
        assert task["status"] == "completed", task["error_message"]
        return task

    return wait


@pytest.fixture
def processing(api_client, eventually):
    """`processing(task_id)` waits until a worker has the task in hand."""
    return lambda task_id: eventually(
        lambda: api_client.get_task_status(task_id)["status"],
        lambda status: status == "processing",
        what="the task is being processed",
    )


@pytest.fixture
def no_more_than(deployment, fault) -> Any:
    """`with no_more_than(1, "worker"):` the other replicas are stopped in the block."""

    @contextmanager
    def reduced(count: int, component: str):
        there = len(deployment.statuses()[component].replicas)
        with ExitStack() as others:
            for replica in range(count, there):
                others.enter_context(fault.stopped(component, replica=replica))
            yield

    return reduced


@pytest.fixture
def frozen_simulators(deployment, api_client, completed) -> Any:
    """`with frozen_simulators() as pids:` what is being simulated stands still in the block."""

    @contextmanager
    def freeze():
        workers = deployment.statuses()["worker"].pids
        # One that is only starting, because the trial before killed it, would never take a task.
        for submitted in api_client.submit_many(len(workers)):
            completed(submitted.task_id)
        pids = [pid for worker in workers for pid in processes.descendants(worker)]
        assert len(pids) >= len(workers), "a worker has no simulator process"
        processes.send(pids, signal.SIGSTOP)
        try:
            yield pids
        finally:
            processes.send(pids, signal.SIGCONT)

    return freeze


@pytest.fixture
def place(component):
    return component("rabbitmq").aio.place


@pytest.fixture
def all_is_well(db_client, place, eventually):
    """`all_is_well(submitted, ...)`: nothing is wrong with any, in any store."""

    def check(*submitted):
        def look():
            found = []
            for one in submitted:
                found += wrong({one.task_id: 1024}, read(db_client.sql.query, place, one.key))
            return found

        eventually(look, lambda found: found == [], timeout=60, what="nothing is wrong")

    return check


@pytest.fixture
def log_of(deployment):
    """`log_of(component)`: the entries of its log. What is no entry is left out: a traceback, and
    the first line where the log is too long to be read whole."""

    def entries(component):
        for line in deployment.logs(component, ALL_LINES):
            with suppress(ValueError):
                yield json.loads(line[line.index("{") :])

    return lambda component: list(entries(component))
