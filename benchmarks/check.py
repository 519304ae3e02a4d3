"""`seatrial check` of the queue: healthy, and with a broker that accepts and stays silent."""

from __future__ import annotations

import shlex
import socket
import subprocess
from collections.abc import Iterator

from benchmarks.measuring import PYTHON, QUEUE, SEATRIAL, Row, by_turns, median, timed


def measure() -> Iterator[Row]:
    timed(SEATRIAL, "up", QUEUE)
    try:
        timed(SEATRIAL, "check", QUEUE)  # makes the schema snapshot
        healthy, bare = by_turns(
            11, lambda: timed(SEATRIAL, "check", QUEUE), lambda: timed(PYTHON, "-c", "pass")
        )
        yield _row("seatrial check, healthy", healthy, bare, 1.0)
        with socket.create_server(("127.0.0.1", 0), backlog=64) as hole:
            variables = _variables(hole.getsockname()[1])
            command = (SEATRIAL, "check", QUEUE, "--env", "deployed")
            dark, bare = by_turns(
                5,
                lambda: timed(*command, expect=3, **variables),
                lambda: timed(PYTHON, "-c", "pass"),
            )
        yield _row("seatrial check, the broker a black hole", dark, bare, 5.0)
    finally:
        timed(SEATRIAL, "down", QUEUE)


def _row(what: str, ours: tuple[float, ...], bare: tuple[float, ...], limit: float) -> Row:
    ratio = median(ours) / median(bare)
    kept = median(ours) < limit
    return Row(what, "python -c pass", ours, bare, f"< {limit:g} s", kept, f"{ratio:.0f}x")


def _variables(port: int) -> dict[str, str]:
    """Of the environment `deployed`, with the broker's addresses leading into the black hole."""
    command = [str(SEATRIAL), "endpoints", str(QUEUE), "--format", "dotenv"]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    variables = dict(word.split("=", 1) for word in shlex.split(out))
    variables["TEST_RABBITMQ_URL"] = f"amqp://user:password@127.0.0.1:{port}/"
    variables["TEST_RABBITMQ_MGMT_URL"] = f"http://127.0.0.1:{port}"
    return variables
