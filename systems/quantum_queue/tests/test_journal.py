from __future__ import annotations

import json
import logging
import sys
from typing import Any

from quantum_queue.contracts import journal


def written(message: str, secrets: tuple[str, ...] = (), **extra: object) -> dict[str, Any]:
    record = logging.getLogger("x").makeRecord("x", 30, "f", 1, message, (), None, extra=extra)
    line = journal.JsonFormatter("api", secrets).format(record)
    assert "\n" not in line
    found: dict[str, Any] = json.loads(line)
    return found


def test_a_line_is_one_json_object() -> None:
    entry = written("two\nlines", attempt=2)
    assert (entry["message"], entry["level"], entry["service"]) == ("two\nlines", "warning", "api")
    assert entry["attempt"] == 2


def test_the_ids_of_the_moment_are_added() -> None:
    token = journal.correlation_id.set("c-1")
    try:
        assert written("x")["correlation_id"] == "c-1"
    finally:
        journal.correlation_id.reset(token)
    assert "correlation_id" not in written("x")


def test_secrets_are_masked_by_value_and_in_urls() -> None:
    entry = written("cannot use hunter22 at amqp://u:pw@h/", ("hunter22", "pw"))
    assert entry["message"] == "cannot use *** at amqp://u:***@h/"


def test_a_secret_with_a_quotation_mark_is_masked_too() -> None:
    assert written('it is hunter"22', ('hunter"22',))["message"] == "it is ***"


def test_short_secrets_do_not_turn_words_into_stars() -> None:
    assert written("the queue", ("e",))["message"] == "the queue"


def test_exceptions_are_kept_and_masked() -> None:
    try:
        raise ValueError("password hunter22")
    except ValueError:
        record = logging.getLogger("x").makeRecord("x", 40, "f", 1, "m", (), sys.exc_info())
    line = journal.JsonFormatter("api", ("hunter22",)).format(record)
    assert "ValueError: password ***" in json.loads(line)["exception"]
