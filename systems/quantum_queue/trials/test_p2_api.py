"""The API keeps what its OpenAPI document promises, and lists tasks page by page."""

from __future__ import annotations

import importlib.util
import json
import os
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from time import monotonic
from uuid import uuid4

import pytest
from conftest import BELL

pytestmark = pytest.mark.needs("api", "postgres", "rabbitmq")

HERE = Path(__file__).parent
FUZZ_SECONDS = 60
SEED = 20_261_120
WITHOUT = "pip install schemathesis, to hold the API against its document"


@pytest.fixture
def schemathesis(api_client, ledger, tmp_path):
    """`schemathesis(...)`: run it with all checks against the API; returns what it printed."""
    if importlib.util.find_spec("schemathesis") is None:
        pytest.skip(WITHOUT)
    environ = {
        **os.environ,
        "TRIAL_KEY": ledger.key("schemathesis"),
        "SCHEMATHESIS_HOOKS": "schemathesis_hooks",
        "PYTHONPATH": str(HERE),
        "NO_PROXY": "*",
    }

    def run(*options: str, timeout: float) -> str:
        url = f"{str(api_client.http.base_url).rstrip(chr(47))}/openapi.json"
        command = [sys.executable, "-m", "schemathesis.cli", "run", url, "--checks", "all"]
        command += ["--no-color", "--generation-database", "none", *options]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=timeout, env=environ, cwd=tmp_path
        )
        said = done.stdout + done.stderr
        assert done.returncode == 0, said[-8000:]
        return said

    return run


@pytest.mark.long
@pytest.mark.criterion("AC-12", "AC-07")
def test_a_property_based_tester_finds_nothing(schemathesis, db_client):
    said = schemathesis("--max-examples", "3", "--seed", str(SEED), timeout=60)
    for phase in ("Examples", "Coverage", "Fuzzing", "Stateful"):
        assert f"✅ {phase}" in said, said


@pytest.mark.long
@pytest.mark.criterion("AC-12", "AC-07")
def test_a_property_based_tester_finds_nothing_in_a_minute(schemathesis):
    seed = str(random.randrange(2**32))  # Schemathesis prints it, should it find something
    schemathesis("--max-examples", "100000", "--max-time", "60", "--seed", seed, timeout=180)


def mutated(body: bytes, rng: random.Random) -> bytes:
    """The body with a few bytes changed, lost, doubled or put in."""
    data = bytearray(body)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(data) + 1)
        match rng.randrange(5):
            case 0 if at < len(data):
                data[at] ^= 1 << rng.randrange(8)
            case 1:
                del data[at : at + rng.randint(1, 8)]
            case 2:
                data[at:at] = data[at : at + rng.randint(1, 64)] * rng.randint(1, 3)
            case 3:
                data[at:at] = rng.randbytes(rng.randint(1, 8))
            case _:
                data[at:at] = rng.choice(TOKENS)
    return bytes(data)


TOKENS = (
    b"null", b"true", b"-0", b"1e999", b"9" * 40, b'"', b"\\u0000", b"\\ud800", b"\\", b"\xff",
    b"{", b"}", b"[" * 50, b",", b":", b'"shots":', b'"circuit":', b"\xef\xbb\xbf", b"\x00", b"/*",
)  # fmt: skip
BODIES = (
    b'{"circuit": "OPENQASM 3; qubit q; h q; measure q;", "shots": 10}',
    b'{"shots": 7, "circuit": "qubit[2] q; h q; // \\u03c0 \xcf\x80\\n measure q;"}',
    b'{"circuit": "x"}',
)


@pytest.mark.long
@pytest.mark.criterion("AC-04", "AC-06", "AC-07")
@pytest.mark.needs("worker")
def test_fuzzing_the_body_finds_nothing(api_client, db_client, ledger, eventually):
    """Each body is refused with help or accepted once; what is accepted comes to its end."""
    rng, key, accepted = random.Random(SEED), ledger.key("fuzz"), 0
    headers = {"X-Correlation-ID": key, "Content-Type": "application/json"}
    until = monotonic() + FUZZ_SECONDS
    while monotonic() < until:
        body = mutated(rng.choice(BODIES), rng)
        response = api_client.http.post("/tasks", content=body, headers=headers)
        assert response.headers["X-Correlation-ID"] == key, body
        if response.status_code == 200:
            accepted += 1
            task = json.loads(body)  # what is accepted is JSON for everybody
            assert set(task) <= {"circuit", "shots"}, body
        else:
            assert response.status_code == 400, (body, response.text)
            assert response.headers["Content-Type"] == "application/problem+json", body
            assert len(response.json()["detail"]) > 10, body
    assert accepted > 100
    unfinished = (
        "SELECT count(*) FROM tasks WHERE correlation_id = %s"
        " AND current_status NOT IN ('completed', 'failed')"
    )
    eventually(
        lambda: db_client.sql.value(unfinished, [key]),
        lambda count: count == 0,
        timeout=120,
        what="every task that was accepted is done",
    )
    assert db_client.count_by_correlation(key) == accepted


@pytest.mark.criterion("AC-02")
@pytest.mark.needs("worker")
def test_one_key_sent_many_times_at_once_is_one_task(
    api_client, db_client, cleanup_test_tasks, completed
):
    """By callers who give nothing but their key: each request gets a correlation id of its own."""
    key, at_once = f"at-once-{uuid4()}", 8
    cleanup_test_tasks(key)
    together = Barrier(at_once, timeout=10)

    def post(_):
        together.wait()
        body = {"circuit": BELL, "shots": 64}
        return api_client.http.post("/tasks", json=body, headers={"Idempotency-Key": key})

    with ThreadPoolExecutor(at_once) as pool:
        answers = list(pool.map(post, range(at_once)))
    assert [answer.status_code for answer in answers] == [200] * at_once, answers
    ((task_id, _),) = {(one.json()["task_id"], one.json()["submitted_at"]) for one in answers}
    completed(task_id)
    rows = db_client.sql.query("SELECT task_id FROM tasks WHERE idempotency_key = %s", [key])
    assert [str(row["task_id"]) for row in rows] == [task_id]
    history = [entry["status"] for entry in db_client.get_status_history(task_id)]
    assert history == ["pending", "processing", "completed"]


def pages(http, **query):
    """The tasks on each page, from the newest on."""
    while True:
        response = http.get("/tasks", params=query)
        assert response.status_code == 200, response.text
        page = response.json()
        yield [task["task_id"] for task in page["tasks"]]
        if page["next_cursor"] is None:
            return
        query["cursor"] = page["next_cursor"]


@pytest.mark.criterion("AC-13", "AC-14")
def test_pages_show_each_task_once_also_while_others_are_submitted(api_client):
    older = [api_client.submit_task().task_id for _ in range(5)]
    seen: list[str] = []
    newer: list[str] = []
    for page in pages(api_client.http, limit=2):
        assert len(page) <= 2
        seen += page
        if len(newer) < 3:  # one after each page, before the next one is asked for
            newer.append(api_client.submit_task().task_id)
        if older[0] in seen:
            break
    assert [task for task in seen if task in older] == older[::-1]
    assert len(seen) == len(set(seen))
    assert not set(seen) & set(newer)


@pytest.mark.criterion("AC-13")
@pytest.mark.needs("worker")
def test_a_list_of_one_status_shows_no_other(api_client, finished):
    failed = [api_client.submit_task("nonsense").task_id for _ in range(3)]
    for task_id in failed:
        finished(task_id)
    page = api_client.http.get("/tasks", params={"status": "failed", "limit": 3}).json()
    assert {task["status"] for task in page["tasks"]} == {"failed"}
    assert set(failed) & {task["task_id"] for task in page["tasks"]}
    shown = api_client.http.get("/tasks", params={"status": "completed", "limit": 100}).json()
    assert not set(failed) & {task["task_id"] for task in shown["tasks"]}


@pytest.mark.criterion("AC-13", "AC-07")
@pytest.mark.read_only
@pytest.mark.parametrize(
    "query", ["cursor=x", "cursor=", "limit=0", "limit=101", "status=done", "page=2"]
)
def test_a_list_that_cannot_be_is_400(http, query):
    response = http.get(f"/tasks?{query}")
    assert response.status_code == 400
    assert response.headers["Content-Type"] == "application/problem+json"
    assert query.partition("=")[0] in response.json()["detail"]


@pytest.mark.criterion("AC-07")
@pytest.mark.read_only
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/tasks/", 404),
        ("DELETE", "/tasks", 405),
        ("PUT", "/tasks/0b6f4b1e-6c52-4d6c-8a1e-3f3f5a1e9d70", 405),
        ("POST", "/health", 405),
    ],
)
def test_what_is_not_there_is_a_problem_document_too(http, method, path, status):
    response = http.request(method, path)
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["X-Correlation-ID"]
    assert response.json()["status"] == status
    assert path in response.json()["detail"]
    assert ("Allow" in response.headers) == (status == 405)
