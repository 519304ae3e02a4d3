"""Redacting a log, beside replacing each secret in it as it is, by `str.replace`, and no more."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from time import perf_counter

from benchmarks.measuring import Row, by_turns, median
from seatrial.evidence.redaction import Redactor

_LINES = 20_000
_ROUNDS = 5
_GOAL = 100  # times as long
_SHAPES = (
    '127.0.0.1 - - "GET /tasks/{number:x}?limit=5 HTTP/1.1" 200 -',
    "INFO worker task {number:x} done in 0.{number} s key=orders retries: 0",
    '{{"level":"info","path":"/tasks/{number:x}","token":"{secret}","took_ms":12.4}}',
    "postgresql://app:{secret}@127.0.0.1:5432/shop connected",
)


def measure() -> Iterator[Row]:
    chance = random.Random(4711)  # noqa: S311  (the same text each time)
    secrets = [f"{chance.getrandbits(128):032x}"[:24] for _ in range(8)]
    lines = (
        chance.choice(_SHAPES).format(number=chance.getrandbits(64), secret=chance.choice(secrets))
        for _ in range(_LINES)
    )
    text, redactor = "\n".join(lines), Redactor(secrets)

    def replaced() -> str:
        said = text
        for secret in secrets:
            said = said.replace(secret, "***")
        return said

    ours, bare = by_turns(_ROUNDS, _timed(lambda: redactor.redact(text)), _timed(replaced))
    times = median(ours) / median(bare)
    yield Row(
        f"redacting {len(text) / 1e6:.1f} MB of a log with 8 secrets",
        "str.replace",
        ours,
        bare,
        f"at most {_GOAL}x",
        times < _GOAL,
        f"{times:.0f}x, {len(text) / 1e6 / median(ours):.1f} MB/s",
    )


def _timed(work: Callable[[], str]) -> Callable[[], float]:
    def once() -> float:
        began = perf_counter()
        assert "***" in work()
        return perf_counter() - began

    return once
