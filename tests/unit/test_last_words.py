"""The line of a log that says why something ended."""

from __future__ import annotations

import pytest

from seatrial.last_words import and_last_words, last_words

TRACE = ("up", "KeyError: 'QUEUE'", "    raise Error at main.py:7", "Node.js v20", "")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ((), ""),
        (("", "  "), ""),
        (TRACE, "KeyError: 'QUEUE'"),
        (("FATAL: old", "ready", "FATAL: new", "bye"), "FATAL: new"),
        (("404, NOT_FOUND - no queue", "bye"), "404, NOT_FOUND - no queue"),
        (("up", "  bye ", ""), "bye"),
        (("terrors", "bye"), "bye"),
        (
            ('Undefined: relation "a" does not exist', "LINE 1: UPDATE a", "^"),
            'Undefined: relation "a" does not exist',
        ),
        (("up", "bye", "  ^^^"), "bye"),
        (("PANIC: no space left", "LOG: aborting startup after a failure"), "PANIC: no space left"),
        (("FATAL: " + "x" * 500,), "..." + "x" * 400),  # its end: of a secret too
    ],
)
def test_the_last_that_tells_of_trouble_else_the_last(said: tuple[str, ...], told: str) -> None:
    assert last_words(said) == told
    assert and_last_words(said) == (f"; its log: {told}" if told else "")
