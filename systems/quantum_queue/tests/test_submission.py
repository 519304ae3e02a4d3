from __future__ import annotations

import json

import pytest

from quantum_queue.api.problems import Problem
from quantum_queue.api.submission import parse
from quantum_queue.contracts.openapi import document

BELL = "OPENQASM 3; qubit[2] q; h q[0]; cx q[0], q[1]; measure q;"

REFUSED: list[tuple[bytes, str]] = [
    (b"", "not valid JSON"),
    (b"{", "not valid JSON"),
    (b'{"circuit": "a"} x', "not valid JSON"),
    (b'{"circuit": "\xff"}', "UTF-8"),
    (b'{"circuit": "\xed\xa0\x80"}', "UTF-8"),
    (b"null", "not a task"),
    (b"[]", "not a task"),
    (b"[" * 100_000, "not a task"),
    (b'{"circuit": ' + b"[" * 100_000, "not a task"),
    (b"{}", "circuit"),
    (b'{"circuit": 1}', "circuit"),
    (b'{"circuit": null}', "circuit"),
    (b'{"circuit": ""}', "empty"),
    (b'{"circuit": " \\n\\t\\u3000"}', "empty"),
    (b'{"circuit": "a\\u0000"}', "NUL"),
    (b'{"circuit": "\\ud800"}', "JSON"),
    (b'{"circuit": "\\udc00a"}', "JSON"),
    (b'{"circuit": "a", "shots": true}', "shots"),
    (b'{"circuit": "a", "shots": 1.5}', "shots"),
    (b'{"circuit": "a", "shots": 1e400}', "shots"),
    (b'{"circuit": "a", "shots": "1"}', "shots"),
    (b'{"circuit": "a", "shots": null}', "shots"),
    (b'{"circuit": "a", "shots": 0}', "shots"),
    (b'{"circuit": "a", "shots": -1}', "shots"),
    (b'{"circuit": "a", "shots": 100001}', "shots"),
    (b'{"circuit": "a", "shots": ' + b"9" * 5000 + b"}", "shots"),
    (b'{"circuit": "a", "shot": 5}', "shot"),
]


@pytest.mark.parametrize(("body", "word"), REFUSED, ids=lambda value: str(value)[:40])
def test_an_invalid_body_is_refused_with_a_reason(body: bytes, word: str) -> None:
    with pytest.raises(Problem) as caught:
        parse(body)
    assert caught.value.status == 400
    assert word in caught.value.detail


def test_shots_have_a_default() -> None:
    assert parse(json.dumps({"circuit": BELL}).encode()).shots == 1024


@pytest.mark.parametrize("shots", [1, 100_000])
def test_the_bounds_are_included(shots: int) -> None:
    assert parse(json.dumps({"circuit": BELL, "shots": shots}).encode()).shots == shots


@pytest.mark.parametrize("shots", ["1000.0", "1e3", "10E2"])
def test_a_whole_number_is_one_however_json_writes_it(shots: str) -> None:
    task = parse(f'{{"circuit": "a", "shots": {shots}}}'.encode())
    assert (task.shots, type(task.shots)) == (1000, int)


def test_text_of_any_language_is_kept() -> None:
    assert parse('{"circuit": "// π \\ud83d\\ude00"}'.encode()).circuit == "// π 😀"


def test_the_document_promises_the_same_bounds() -> None:
    shots = document()["components"]["schemas"]["Submission"]["properties"]["shots"]
    assert (shots["minimum"], shots["maximum"], shots["default"]) == (1, 100_000, 1024)
