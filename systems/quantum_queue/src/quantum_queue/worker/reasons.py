"""Why a circuit cannot run, in words for its author, and where in the text."""

from __future__ import annotations

import re

from openqasm3.parser import QASM3ParsingError

_LEXER_POSITION = re.compile(r"L(?P<line>\d+):C(?P<column>\d+): (?P<text>.*)", re.DOTALL)
_IMPORTER_POSITION = re.compile(r"(?P<line>\d+),(?P<column>\d+): (?P<text>.*)", re.DOTALL)
_LONGEST_TOKEN = 40
_LONGEST_REASON = 500


class CircuitError(Exception):
    """A circuit that can never run; the text is for its author."""

    def __init__(self, reason: str) -> None:
        super().__init__(shortened(reason))


def at(line: int, column: int, text: str) -> str:
    """Put a position before a reason; lines and columns count from 1, as editors do."""
    return f"line {line}, column {column}: {text}"


def shortened(reason: str) -> str:
    """Return the reason, without the middle of one that nobody would read (a name of 2 MB)."""
    if len(reason) <= _LONGEST_REASON:
        return reason
    half = _LONGEST_REASON // 2
    return f"{reason[:half]} ... {reason[-half:]}"


def placed(message: str) -> str:
    """Put the position in a message of the importer into words."""
    return _placed(_IMPORTER_POSITION, message)


def where_parsing_stopped(error: QASM3ParsingError) -> str:
    """Say what the parser did not expect, and where."""
    if str(error):
        return _placed(_LEXER_POSITION, str(error))
    # The parser stops without a message; the token it stopped at is deep inside the cause.
    cause: BaseException | None = error.__cause__
    while cause is not None:
        nested = next((part for part in cause.args if isinstance(part, BaseException)), None)
        token = getattr(cause, "offendingToken", None)
        if token is not None:
            found = "end of the text" if token.type == -1 else f"'{token.text[:_LONGEST_TOKEN]}'"
            return at(token.line, token.column + 1, f"unexpected {found}")
        cause = nested
    return "the text is not OpenQASM 3"


def _placed(pattern: re.Pattern[str], message: str) -> str:
    match = pattern.fullmatch(message)
    if match is None:
        return message
    return at(int(match["line"]), int(match["column"]) + 1, match["text"].rstrip("."))
