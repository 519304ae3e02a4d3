"""A simulator process, as the worker sees it: kept warm, killed when it must be, begun again."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress

from quantum_queue.contracts.environment import is_headers
from quantum_queue.contracts.settings import Settings
from quantum_queue.worker import frames
from quantum_queue.worker.frames import Answer, Order

START_SECONDS = 60.0
_END_SECONDS = 1.0
_SECRET_VARIABLES = ("DATABASE_URL", "RABBITMQ_URL", "NOTIFY_SOCKET")
_log = logging.getLogger(__name__)


class SimulatorDied(Exception):
    """The process ended in the middle: killed from outside, out of memory, or crashed."""


class DeadlineExceeded(Exception):
    """The circuit took longer than a task may take."""


class Simulator:
    """One process, one circuit at a time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._process: Process | None = None
        self._starting = asyncio.Lock()

    @property
    def is_running(self) -> bool:
        """Tell whether there is a process, as far as is known."""
        return self._process is not None and self._process.returncode is None

    async def ensure(self) -> None:
        """Make sure that a process is there and has everything loaded."""
        async with self._starting:
            if self.is_running:
                return
            process = await self._spawn()
            try:
                async with asyncio.timeout(START_SECONDS):
                    await _read(process)
            except BaseException as error:
                await _kill(process)
                if isinstance(error, asyncio.IncompleteReadError | TimeoutError):
                    raise SimulatorDied(f"it did not start: {_ending(process)}") from error
                raise
            self._process = process
            _log.info("simulator ready", extra={"simulator_pid": process.pid})

    async def run(self, order: Order) -> Answer:
        """Return the answer; the process does not survive a deadline, a crash or a cancellation."""
        process = self._process
        if process is None:
            raise SimulatorDied("it is not running")
        try:
            async with asyncio.timeout(self._settings.task_deadline_seconds):
                assert process.stdin is not None
                process.stdin.write(frames.encode(order))
                await process.stdin.drain()
                answer = await _read(process)
        except TimeoutError:
            await self.stop()
            raise DeadlineExceeded from None
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            # Its pipes are closed: it is about to end by itself, and its own status says why.
            with suppress(TimeoutError):
                async with asyncio.timeout(_END_SECONDS):
                    await process.wait()
            await self.stop()
            raise SimulatorDied(_ending(process)) from error
        except BaseException:
            await self.stop()
            raise
        if answer.is_last:
            _log.info("simulator replaced", extra={"reason": "it has grown too large"})
            await self.stop()
        return answer

    async def stop(self) -> None:
        """Kill the process: there is nothing in it that must be saved."""
        process, self._process = self._process, None
        if process is not None:
            await _kill(process)

    async def _spawn(self) -> Process:
        environment = {
            name: value
            for name, value in os.environ.items()
            if name not in _SECRET_VARIABLES and not is_headers(name)
        }
        # Idle threads that spin cost more than most circuits on a busy machine.
        environment.setdefault("OMP_WAIT_POLICY", "passive")
        environment.setdefault("OPENBLAS_NUM_THREADS", "1")
        arguments = {
            "--parent": os.getpid(),
            "--max-qubits": self._settings.max_qubits,
            "--memory-mb": self._settings.simulator_memory_mb,
        }
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "quantum_queue.worker.child",
            *(str(part) for pair in arguments.items() for part in pair),
            stdin=PIPE,
            stdout=PIPE,
            env=environment,
        )


async def _read(process: Process) -> Answer:
    assert process.stdout is not None
    header = await process.stdout.readexactly(frames.HEADER_BYTES)
    size = int.from_bytes(header, "big")
    if size > frames.LARGEST_FRAME:
        raise SimulatorDied(f"its answer has {size} bytes, more than any that makes sense")
    return frames.decode_answer(await process.stdout.readexactly(size))


async def _kill(process: Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
    # Wait for its end even when we are cancelled: a zombie would still look alive.
    await asyncio.shield(asyncio.ensure_future(process.wait()))


def _ending(process: Process) -> str:
    """Say how the process ended."""
    code = process.returncode
    if code is None:
        return "it did not end"
    if code >= 0:
        return f"exit status {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
