"""A private PostgreSQL instance: own data folder, own port, loopback only.

Nobody can log in before `after_start` has set the password, so readiness cannot be probed for. The
server says it itself (NOTIFY) where it was built to, as Debian's is; elsewhere the password is set
before the start, in single-user mode, and the probe tells.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from seatrial.declaration.models import ComponentConfig
from seatrial.errors import DeploymentError
from seatrial.kinds.base import Endpoint, Target
from seatrial.kinds.installed import RunAs
from seatrial.kinds.launching import Plan, Ports, Process, Ready, Site
from seatrial.kinds.postgres.binaries import Server, find_server, run_as
from seatrial.kinds.postgres.config import PostgresConfig
from seatrial.kinds.postgres.scram import verifier
from seatrial.kinds.postgres.template import (
    KEEPER,
    Template,
    copy_template,
    quoted,
    run_single,
    spare_copy,
    write_settings,
)
from seatrial.kinds.postgres.wire import Login, ServerRefused, Session
from seatrial.waiting import Deadline

_HOST = "127.0.0.1"
_LONGEST_SOCKET = 107  # bytes that a Unix socket's path may have

#: Settings of every private instance; `options` of the declaration come after them. fsync stays
#: on: a trial may kill the server and look for what it had committed.
_SETTINGS = {
    "shared_buffers": "32MB",
    "password_encryption": "scram-sha-256",
    # Its files lie in the data folder and go with it; POSIX shared memory would outlive kill -9.
    "dynamic_shared_memory_type": "mmap",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "log_line_prefix": "%m [%p] %q%u@%d ",
}


def data_folder(site: Site) -> Path:
    return site.folder / "data"


def socket_folder(site: Site) -> Path:
    return site.sockets / "pg"


class PostgresLaunch:
    def allocate(self, config: ComponentConfig, ports: Ports) -> Mapping[str, Endpoint]:
        assert isinstance(config, PostgresConfig)
        return {
            "sql": Endpoint(
                scheme="postgresql",
                host=_HOST,
                port=config.port or ports(),
                path=f"/{quote(config.database, safe='')}",
                user=config.user,
                password=secrets.token_urlsafe(24),
            )
        }

    async def plan(self, site: Site) -> Plan:
        """Once per start; a data folder that is there already is kept."""
        return await asyncio.to_thread(_plan, site)

    async def after_start(self, target: Target, site: Site, deadline: Deadline) -> None:
        """Set the password, as the keeper's own superuser over the private socket."""
        port = site.endpoints["sql"].port
        path = str(socket_folder(site) / f".s.PGSQL.{port}")
        try:
            async with asyncio.timeout(deadline.remaining()):
                session = await Session.unix(path, Login(KEEPER, "postgres"))
                try:
                    await session.query(_password_sql(site.endpoints["sql"]))
                finally:
                    session.close()
        except (OSError, EOFError, ServerRefused) as error:
            what = str(error) or f"no answer on {path}"
            raise DeploymentError(
                f"{site.component}: the password could not be set: {what}",
                hint=f"seatrial logs {site.component}",
            ) from error


LAUNCH = PostgresLaunch()


def _plan(site: Site) -> Plan:
    config = site.config
    assert isinstance(config, PostgresConfig)
    server, user = find_server(config.version), run_as()
    data, sockets, endpoint = data_folder(site), socket_folder(site), site.endpoints["sql"]
    path = sockets / f".s.PGSQL.{endpoint.port}"
    if len(str(path).encode()) > _LONGEST_SOCKET:
        raise DeploymentError(f"{site.component}: the socket's path is too long: {path}")
    user.give(site.folder)
    sockets.mkdir(mode=0o700, parents=True, exist_ok=True)
    user.give(sockets)
    template = Template(server, config.user, config.database)
    if not data.is_dir():
        copy_template(template, site.cache, data, user)
    elif (found := (data / "PG_VERSION").read_text().strip()) != str(server.major):
        raise DeploymentError(
            f"{site.component}: its data folder was made by PostgreSQL {found}, "
            f"and {server.version} is to run on it",
            hint="seatrial down, then seatrial up",
        )
    write_settings(data, _settings(config, endpoint, sockets), user)
    notifies = server.notifies
    if not notifies:
        run_single(server, data, _password_sql(endpoint), user)
    return Plan(
        _process(server, data, user),
        Ready.NOTIFY if notifies else Ready.PROBE,
        spare=_spare(spare_copy(template, site.cache, user)),
    )


def _spare(argv: list[str] | None) -> Process | None:
    return Process(tuple(argv), {"PATH": os.environ.get("PATH", os.defpath)}) if argv else None


def _process(server: Server, data: Path, user: RunAs) -> Process:
    return Process(
        argv=(server.postgres, "-D", str(data)),
        env={"LC_ALL": "C.UTF-8"},
        cwd=data,
        user=user.name,
        stop_signal=signal.SIGINT,  # ends sessions, writes a checkpoint; SIGTERM waits for clients
        discard_signal=signal.SIGQUIT,  # at once, and its shared memory goes with it
    )


def _settings(config: PostgresConfig, endpoint: Endpoint, sockets: Path) -> dict[str, str]:
    options = {name: _text(value) for name, value in config.options.items()}
    private = {
        "listen_addresses": _HOST,
        "port": str(endpoint.port),
        "unix_socket_directories": f'"{sockets}"',
        "unix_socket_permissions": "0700",
    }
    return {**_SETTINGS, **options, **private}


def _text(value: bool | int | float | str) -> str:
    return ("on" if value else "off") if isinstance(value, bool) else str(value)


def _password_sql(endpoint: Endpoint) -> str:
    assert endpoint.user is not None
    assert endpoint.password is not None
    return f"ALTER ROLE {quoted(endpoint.user)} PASSWORD '{verifier(endpoint.password)}';"
