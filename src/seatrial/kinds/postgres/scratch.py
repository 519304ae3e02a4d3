"""A private PostgreSQL for a few seconds, to run migrations on an empty database.

It and the migrations die with this process, also when that is killed. Their folder is in the
cache; what a killed process left there is removed by the next.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from seatrial.declaration.models import ProgramConfig
from seatrial.errors import DeploymentError
from seatrial.kinds.base import Context, Endpoint
from seatrial.kinds.installed import RunAs
from seatrial.kinds.launching import Site
from seatrial.kinds.postgres.binaries import Server, run_as
from seatrial.kinds.postgres.config import MigrationsExpect
from seatrial.kinds.postgres.scram import verifier
from seatrial.kinds.postgres.template import (
    KEEPER,
    Template,
    copy_template,
    quoted,
    write_settings,
)
from seatrial.kinds.postgres.wire import Login, ServerRefused, Session
from seatrial.kinds.programs import process_of
from seatrial.secrecy import ending
from seatrial.waiting import Deadline, backoff

#: Nobody will miss its data.
_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "16MB",
    "max_connections": "30",
    "dynamic_shared_memory_type": "mmap",
    "timezone": "UTC",
    "lc_messages": "C",
    "autovacuum": "off",
}
_TRIES = 3  # with a port that another program may have taken meanwhile
_STOP = 5.0  # s
_SHOWN = 1000  # characters at the end of a failed command's output


@dataclass(frozen=True)
class Scratch:
    endpoint: Endpoint


class MigrationsFailed(DeploymentError):
    """The declared command did not migrate an empty database."""


@asynccontextmanager
async def scratch_server(
    server: Server, user: str, database: str, cache: Path, deadline: Deadline
) -> AsyncIterator[Scratch]:
    """A running server with this role and database. Raises DeploymentError."""
    who = run_as()
    await asyncio.to_thread(_sweep, cache)
    folder = cache / f"scratch-{os.getpid()}-{secrets.token_hex(4)}"
    folder.mkdir(mode=0o711, parents=True)
    try:
        template = Template(server, user, database)
        data, sockets = folder / "data", folder / "s"
        sockets.mkdir(mode=0o700)
        for path in (folder, sockets):
            who.give(path)
        await asyncio.to_thread(copy_template, template, cache, data, who, deadline)
        async with _started(server, who, data, sockets, (user, database), deadline) as endpoint:
            yield Scratch(endpoint)
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, True)


@asynccontextmanager
async def _started(
    server: Server,
    who: RunAs,
    data: Path,
    sockets: Path,
    login: tuple[str, str],
    deadline: Deadline,
) -> AsyncIterator[Endpoint]:
    log = data.parent / "log"
    user, database = login
    for attempt in range(_TRIES):
        with socket.socket() as held:
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            held.bind(("127.0.0.1", 0))  # not listening: the server may bind it too
            port = held.getsockname()[1]
            password = secrets.token_urlsafe(24)
            endpoint = Endpoint("postgresql", "127.0.0.1", port, f"/{database}", user, password)
            private = {
                "listen_addresses": "127.0.0.1",
                "port": str(port),
                "unix_socket_directories": f'"{sockets}"',
            }
            write_settings(data, _SETTINGS | private, who)
            process = await _spawn(server, who, data, log)
            try:
                ready = await _ready(process, sockets / f".s.PGSQL.{port}", endpoint, deadline)
                if ready:
                    yield endpoint
                    return
            finally:
                await _end(process)
        said = log.read_text(errors="replace")
        if "could not bind" not in said or attempt == _TRIES - 1:
            raise DeploymentError(f"the scratch PostgreSQL did not start: {ending(said, _SHOWN)}")


async def _spawn(server: Server, who: RunAs, data: Path, log: Path) -> asyncio.subprocess.Process:
    # SIGQUIT rather than SIGKILL: it ends as surely, and takes its shared memory with it.
    argv = _dying_with_us("QUIT", who)
    switch = who.name is not None and not argv  # setpriv has to be root still
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        return await asyncio.create_subprocess_exec(
            *argv,
            server.postgres,
            "-D",
            str(data),
            env={"LC_ALL": "C.UTF-8", "PATH": os.environ.get("PATH", os.defpath)},
            cwd="/",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            user=who.uid if switch else None,
            group=who.gid if switch else None,
            extra_groups=[] if switch else None,
        )
    finally:
        os.close(output)


def _dying_with_us(name: str, who: RunAs | None = None) -> list[str]:
    """A command in front of another that ends it when this process ends; [] where there is none.

    The change of user comes with it, since changing it afterwards would undo the effect.
    """
    if (setpriv := shutil.which("setpriv")) is None:
        return []
    change: list[str] = []
    if who is not None and who.name is not None:
        change = [f"--reuid={who.uid}", f"--regid={who.gid}", "--clear-groups"]
    return [setpriv, *change, "--pdeathsig", name, "--"]


async def _ready(
    process: asyncio.subprocess.Process, path: Path, endpoint: Endpoint, deadline: Deadline
) -> bool:
    """Wait until it takes connections and set the password; False if it ended before."""
    assert endpoint.user is not None
    assert endpoint.password is not None
    secret = verifier(endpoint.password)
    for pause in backoff(first=0.01, longest=0.1):
        if process.returncode is not None:
            return False
        try:
            async with asyncio.timeout(deadline.remaining()):
                session = await Session.unix(str(path), Login(KEEPER, "postgres"))
                try:
                    await session.query(f"ALTER ROLE {quoted(endpoint.user)} PASSWORD '{secret}'")
                finally:
                    session.close()
            return True
        except (OSError, EOFError, ServerRefused) as error:
            if deadline.passed:
                raise TimeoutError("the scratch PostgreSQL did not start in time") from error
        await asyncio.sleep(min(pause, deadline.remaining()))
    raise AssertionError("unreachable")


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    for how in (signal.SIGQUIT, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(how)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STOP):
                await process.wait()
                return


async def migrate(
    target: str, how: MigrationsExpect, endpoint: Endpoint, context: Context, deadline: Deadline
) -> None:
    """Run the declared command with this database's URL. Raises MigrationsFailed, TimeoutError."""
    site = Site(
        component=f"{target}.migrations",
        replica=0,
        config=ProgramConfig.model_validate({"kind": "task", "run": how.command}),
        endpoints={},
        folder=context.cache,
        sockets=context.cache,
        cache=context.cache,
        system_folder=context.system_folder,
        ports=lambda: 0,
        argv=how.command,
        env={**how.env, how.url: endpoint.url},
        python=context.python,
    )
    program = process_of(site)
    process = await asyncio.create_subprocess_exec(
        *_dying_with_us("KILL"),
        *program.argv,
        env=dict(program.env),
        cwd=program.cwd,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(deadline.remaining()):
            output, _ = await process.communicate()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    if process.returncode != 0:
        said = output.decode(errors="replace").replace(endpoint.password or "\0", "***").strip()
        last = ending(said, _SHOWN) or "it said nothing"
        raise MigrationsFailed(f"the migrations ended with {process.returncode}: {last}")


def _sweep(cache: Path) -> None:
    """Remove the folders of processes that are gone, and with them what ran in there."""
    for folder in cache.glob("scratch-*-*"):
        pid = folder.name.split("-")[1]
        if pid.isdecimal() and not Path(f"/proc/{pid}").exists():
            shutil.rmtree(folder, ignore_errors=True)
