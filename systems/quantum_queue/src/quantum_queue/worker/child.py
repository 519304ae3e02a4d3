"""The simulator process: reads orders, runs circuits, writes answers, one at a time.

It is a process of its own so that a circuit can neither block the broker's heartbeats nor take
the worker with it: it has a limit of memory, and its parent kills it at the deadline.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import resource
import signal
import sys
from pathlib import Path
from typing import BinaryIO

import msgspec

from quantum_queue.worker import frames

_SET_DEATH_SIGNAL = 1
_MEBIBYTE = 1024 * 1024
_KEPT = 0.2  # of its memory, that a process may still hold when a circuit is done
_NICE = 5  # on a busy machine, whatever answers people goes before what computes


def tie_to_parent(parent: int) -> None:
    """Die when the parent dies, whatever kills it; its orderly stop is told by our stdin."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    libc = ctypes.CDLL(None, use_errno=True)
    if hasattr(libc, "prctl"):
        libc.prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(0)


def private_output() -> BinaryIO:
    """Keep the pipe for answers to ourselves: what libraries print goes to stderr."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def limit_memory(megabytes: int) -> None:
    """Allow so much more data than what is loaded by now.

    RLIMIT_DATA counts what can be written; RLIMIT_AS would also count what threads reserve.
    """
    limit = data_in_use() + megabytes * _MEBIBYTE
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def data_in_use() -> int:
    """Return the bytes that count towards RLIMIT_DATA."""
    try:
        with Path("/proc/self/status").open(encoding="ascii") as status:
            for line in status:
                if line.startswith("VmData:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 512 * _MEBIBYTE


def read_frame(orders: BinaryIO) -> bytes | None:
    """Return the next order, or None when the parent has closed the pipe."""
    header = orders.read(frames.HEADER_BYTES)
    if len(header) < frames.HEADER_BYTES:
        return None
    return orders.read(int.from_bytes(header, "big"))


def main() -> None:
    """Load everything, say so, and serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--max-qubits", type=int, required=True)
    parser.add_argument("--memory-mb", type=int, required=True)
    options = parser.parse_args()
    tie_to_parent(options.parent)
    os.nice(_NICE)
    answers = private_output()
    from quantum_queue.worker.runner import Runner

    runner = Runner(options.max_qubits, options.memory_mb)
    runner.warm_up()
    limit_memory(options.memory_mb)
    largest = data_in_use() + int(options.memory_mb * _MEBIBYTE * _KEPT)
    answers.write(frames.encode(frames.READY))
    answers.flush()
    while (body := read_frame(sys.stdin.buffer)) is not None:
        answer = runner.run(frames.decode_order(body))
        # What a large circuit leaves behind would be missing to the ones after it.
        answer = msgspec.structs.replace(answer, is_last=data_in_use() > largest)
        answers.write(frames.encode(answer))
        answers.flush()


if __name__ == "__main__":
    main()
