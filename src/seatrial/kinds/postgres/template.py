"""Initialised data folders: made once per server version and names, kept, and copied."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from seatrial.errors import DeploymentError
from seatrial.kinds.installed import RunAs
from seatrial.kinds.placing import put_file
from seatrial.kinds.postgres.binaries import Server, own_name
from seatrial.secrecy import ending
from seatrial.waiting import Deadline, NotReached, eventually

#: The superuser, for Seatrial alone; it can log in only over the private Unix socket.
KEEPER = "seatrial_keeper"
SETTINGS = "seatrial.conf"  # included by postgresql.conf, written for each deployment

_LAYOUT = 1  # raised when what a template holds changes
_INITDB = (
    *("-U", KEEPER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"),
    *("--no-instructions", "--no-sync"),  # synced once, after everything is in it
)
_COPY = ("cp", "--reflink=auto", "-a")
_TIMEOUT = 120.0  # s
_SHOWN = 800  # characters at the end of what a server said


@dataclass(frozen=True)
class Template:
    """What a data folder is to hold: the server's version, a role, and a database of its own."""

    server: Server
    user: str
    database: str

    @property
    def sql(self) -> str:
        """One statement a line, as single-user mode reads them."""
        user, database = quoted(self.user), quoted(self.database)
        lines = [f"CREATE ROLE {user} LOGIN;"]
        if self.database != "postgres":
            lines.append(f"CREATE DATABASE {database} OWNER {user};")
        else:
            lines.append(f"ALTER DATABASE {database} OWNER TO {user};")
        return "\n".join(lines) + "\n"

    def digest(self, user: RunAs) -> str:
        parts = (str(_LAYOUT), str(self.server.folder), self.server.version, *_INITDB)
        whole = "\0".join((*parts, self.sql, str(user.uid), own_name() or ""))
        return hashlib.sha256(whole.encode()).hexdigest()[:16]


def quoted(name: str) -> str:
    """An SQL identifier."""
    if "\0" in name or "\n" in name:
        raise DeploymentError(f"{name!r} cannot be a name in PostgreSQL")
    return '"' + name.replace('"', '""') + '"'


def copy_template(
    template: Template, cache: Path, folder: Path, user: RunAs, deadline: Deadline | None = None
) -> None:
    """Make `folder` a data folder of this template. Blocking: some 0.1 s, with initdb 1 to 2 s.

    `folder` comes into being complete or not at all. Raises DeploymentError, also when it is not
    done at the deadline (default: two minutes).
    """
    until = deadline or Deadline.after(_TIMEOUT)
    cache.mkdir(parents=True, exist_ok=True)
    source = _ready_template(template, cache, user, until)
    with contextlib.suppress(OSError):  # there is none, or it lies in another file system
        os.rename(_spare(source), folder)
        return
    staging = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(staging, ignore_errors=True)
    _run([*_COPY, str(source), str(staging)], None, "copying the template", until=until)
    os.rename(staging, folder)


def spare_copy(template: Template, cache: Path, user: RunAs) -> list[str] | None:
    """A command that makes a copy for the next start, which then only renames it; None where
    there is one. More than a thousand files take time that a start would have to wait for.

    One runs at a time; another gives up at once. It may be killed at any moment: what it left, the
    next one removes.
    """
    source = cache / f"postgres-{template.digest(user)}"
    spare = _spare(source)
    if spare.exists():
        return None
    there, making = (shlex.quote(f"{spare}{end}") for end in ("", f".tmp-{secrets.token_hex(4)}"))
    copy = f"{shlex.join([*_COPY, str(source)])} {making}"
    make = f"{copy} && sync -f {making} && mv -T {making} {there}"
    script = f"rm -rf {there}.tmp-*; {make} || rm -rf {making}"
    return ["flock", "--nonblock", str(_lock(source)), "sh", "-c", script]


def _lock(template: Path) -> Path:
    return template.with_name(f"{template.name}.lock")


def _spare(template: Path) -> Path:
    return template.with_name(f"{template.name}.spare")


def _ready_template(template: Template, cache: Path, user: RunAs, until: Deadline) -> Path:
    digest = template.digest(user)
    final = cache / f"postgres-{digest}"
    if final.is_dir():
        return final
    with _locked(_lock(final), until):
        if not final.is_dir():  # else another keeper made it meanwhile
            for left in cache.glob(f"postgres-{digest}.tmp-*"):  # of one that was killed
                shutil.rmtree(left, ignore_errors=True)
            _make(template, final, user, until)
    return final


@contextmanager
def _locked(path: Path, until: Deadline) -> Iterator[None]:
    with open(path, "w") as lock:  # the lock ends with this process, however it ends

        def take() -> bool:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

        try:
            eventually(take, timeout=until.remaining(), longest_pause=0.1, what=f"lock {path}")
        except NotReached as error:
            raise DeploymentError(
                f"PostgreSQL: another process still makes the template of {path}",
                hint="wait for it, or end it",
            ) from error
        yield


def _make(template: Template, final: Path, user: RunAs, until: Deadline) -> None:
    """Make it under another name and rename it: half of one is never found under `final`."""
    making = final.with_name(f"{final.name}.tmp-{secrets.token_hex(4)}")
    making.mkdir(mode=0o700)
    user.give(making)
    try:
        _run([template.server.initdb, "-D", str(making), *_INITDB], user, "initdb", until=until)
        run_single(template.server, making, template.sql, user, until)
        _configure(making, user)
        _run(["sync", "-f", str(making)], None, "writing it to disk", until=until)
        os.rename(making, final)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise


def _configure(folder: Path, user: RunAs) -> None:
    """Who may log in is the same for every deployment; settings differ and are included."""
    name = own_name()
    # Peer asks the kernel who is at the other end. A user without a name cannot be asked for; the
    # socket's folder is closed to everybody else then too.
    local = "peer map=keeper" if name is not None else "trust"
    _write(
        folder / "pg_hba.conf",
        f"local all {KEEPER} {local}\n"
        f"host  all {KEEPER} all reject\n"
        "host  all all 127.0.0.1/32 scram-sha-256\n"
        "host  replication all 127.0.0.1/32 scram-sha-256\n",
        user,
    )
    if name is not None:
        _write(folder / "pg_ident.conf", f'keeper "{name}" {KEEPER}\n', user)
    with open(folder / "postgresql.conf", "a") as settings:
        settings.write(f"include_if_exists '{SETTINGS}'\n")


def _write(path: Path, text: str, user: RunAs) -> None:
    put_file(path, text, owner=user.owner)


def write_settings(folder: Path, settings: dict[str, str], user: RunAs) -> None:
    lines = [
        f"{name} = '{value.replace(chr(92), chr(92) * 2).replace(chr(39), chr(39) * 2)}'\n"
        for name, value in settings.items()
    ]
    _write(folder / SETTINGS, "".join(lines), user)


def run_single(
    server: Server, folder: Path, sql: str, user: RunAs, until: Deadline | None = None
) -> None:
    """Run statements, one a line, on a data folder that no server runs on."""
    argv = [server.postgres, "--single", "-D", str(folder), "postgres"]
    said = _run(argv, user, "single-user mode", sql.rstrip("\n") + "\n", until=until)
    if "ERROR:" in said or "FATAL:" in said:
        raise DeploymentError(
            f"PostgreSQL refused role or database: {ending(said.strip(), _SHOWN)}"
        )


def _run(
    argv: list[str],
    user: RunAs | None,
    what: str,
    text: str = "",
    *,
    until: Deadline | None = None,
) -> str:
    switch = user is not None and user.name is not None
    try:
        done = subprocess.run(
            argv,
            input=text,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=until.remaining() if until else _TIMEOUT,
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
            cwd="/",  # the server's user may not see the current folder
            user=user.uid if user and switch else None,
            group=user.gid if user and switch else None,
            extra_groups=[] if switch else None,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DeploymentError(f"PostgreSQL: {what} failed: {error}") from error
    if done.returncode != 0:
        who = f" (as user {user.name})" if user and switch else ""
        raise DeploymentError(
            f"PostgreSQL: {what} failed{who}: {ending(done.stdout.strip(), _SHOWN)}",
            hint="every folder above the cache must let that user pass (mode 711)"
            if "ermission denied" in done.stdout
            else None,
        )
    return done.stdout
