"""Circuits through the real parts: right counts, clear refusals, and neighbours that live on."""

from __future__ import annotations

from math import cos, pi, sin
from pathlib import Path

import pytest

pytestmark = pytest.mark.needs("api", "postgres", "rabbitmq", "worker")

CIRCUITS = Path(__file__).parents[1] / "circuits"
SHOTS = 4096

# What theory says, as in tests/theory.py, for one circuit of each sort.
EXPECTED = {
    "ghz_wide": {"0" * 24: 1 / 2, "1" * 24: 1 / 2},
    "bernstein_vazirani": {"1011": 1.0},
    "phase_estimation_between": {
        f"{k:04b}": (sin(pi * 16 * (0.3 - k / 16)) / (16 * sin(pi * (0.3 - k / 16)))) ** 2
        for k in range(16)
    },
    "teleportation": {
        f"{out}{bits:02b}": (sin(0.6) ** 2 if out else cos(0.6) ** 2) / 4
        for out in (0, 1)
        for bits in range(4)
    },
    "four_tosses": {"0": 15 / 16, "1": 1 / 16},
    "repeat_until_zero": {"00": 1.0},
    "gate_with_parameters": {
        "0": 1 - (sin(0.8) * sin(1.0)) ** 2,
        "1": (sin(0.8) * sin(1.0)) ** 2,
    },
}

REFUSED = {
    "unknown gate": ("qubit q;\nfoo q;\nmeasure q;", "line 2, column 1: gate 'foo' is not defined"),
    "subroutine": (
        "qubit q;\n  def f(qubit a) { x a; }\nmeasure q;",
        "line 2, column 3: subroutines (def) are not supported; define a gate",
    ),
    "box": ("qubit q;\nbox { x q; }\nmeasure q;", "line 2, column 1: box is not supported"),
}

ATTACKS = {
    "2 MB of gates": ("qubit q; " + "x q;" * 500_000 + "measure q;", "words and signs"),
    "2 MB of brackets": ("qubit q; rx(" + "(" * 2_000_000, "brackets within each other"),
    "10,000 qubits": ("qubit[10000] q; h q; measure q;", "needs 10000 qubits or more"),
    "a billion rounds": ("qubit q; for int i in [1:1000000000] { x q; } measure q;", "steps"),
    "gates without number": (
        "gate g0 a { x a; } "
        + " ".join(f"gate g{n + 1} a {{ g{n} a; g{n} a; }}" for n in range(60))
        + " qubit q; g60 q; measure q;",
        "steps",
    ),
}
ENDLESS = "qubit q; bit c; while (!c) { x q; } measure q;"


def states(task):
    return [entry["status"] for entry in task["status_history"]]


@pytest.mark.criterion("AC-76", "AC-71")
@pytest.mark.parametrize("name", EXPECTED)
def test_a_circuit_gives_what_theory_says(api_client, completed, name):
    text = (CIRCUITS / f"{name}.qasm").read_text(encoding="utf-8")
    counts = completed(api_client.submit_task(text, SHOTS).task_id)["result"]
    assert sum(counts.values()) == SHOTS
    expected = EXPECTED[name]
    assert set(counts) <= {outcome for outcome, p in expected.items() if p > 1e-12}
    for outcome, p in expected.items():
        # Six standard deviations are never missed; where p is small, a few counts more.
        allowed = 6 * (SHOTS * p * (1 - p)) ** 0.5 + 3
        assert abs(counts.get(outcome, 0) - SHOTS * p) <= allowed, (outcome, counts)


@pytest.mark.criterion("AC-72")
def test_the_version_and_the_library_may_be_left_out(api_client, completed):
    versions = ("", "OPENQASM 3;", "OPENQASM 3.0;")
    texts = [
        f"{version}\n{library}\nqubit[2] q; x q[0]; cx q[0], q[1]; measure q;"
        for version in versions
        for library in ("", 'include "stdgates.inc";')
    ]
    submitted = [api_client.submit_task(text, 16) for text in texts]
    for text, one in zip(texts, submitted, strict=True):
        assert completed(one.task_id)["result"] == {"11": 16}, text


@pytest.mark.criterion("AC-73", "AC-78", "AC-42")
@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_run_fails_at_once_with_what_and_where(api_client, finished, name):
    text, reason = REFUSED[name]
    task = finished(api_client.submit_task(text).task_id)
    assert states(task) == ["pending", "processing", "failed"]
    assert task["error_message"].startswith(reason)


@pytest.mark.long
@pytest.mark.criterion("AC-74", "AC-77", "AC-42")
def test_attacks_are_answered_and_their_neighbours_complete(
    api_client, deployment, completed, finished
):
    before = deployment.statuses()["worker"].pids
    attacks = {}
    neighbours = []
    for name, (text, _) in ATTACKS.items():
        attacks[name] = api_client.submit_task(text).task_id
        neighbours.append(api_client.submit_task().task_id)
    for name, task_id in attacks.items():
        task = finished(task_id)
        assert states(task) == ["pending", "processing", "failed"], name
        assert ATTACKS[name][1] in task["error_message"]
    for task_id in neighbours:
        assert states(completed(task_id)) == ["pending", "processing", "completed"]
    assert deployment.statuses()["worker"].pids == before


@pytest.mark.long
@pytest.mark.criterion("AC-43", "AC-75", "AC-77")
def test_an_endless_circuit_is_stopped_and_the_next_ones_run(
    api_client, deployment, completed, finished
):
    before = deployment.statuses()["worker"].pids
    endless = api_client.submit_task(ENDLESS).task_id
    neighbours = [api_client.submit_task().task_id for _ in range(3)]
    task = finished(endless, timeout=60)
    assert states(task) == ["pending", "processing", "failed"]
    assert "ran longer than the" in task["error_message"]
    for task_id in neighbours:
        assert states(completed(task_id)) == ["pending", "processing", "completed"]
    assert deployment.statuses()["worker"].pids == before
