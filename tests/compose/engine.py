"""A container engine for tests: one of their own where it can be started, else the machine's.

One of their own is Debian's dockerd, as root, with a data folder, a socket and images of its own:
no registry need be in reach, because the images are stand-ins made of Debian's packages (`images/`)
under the official tags. Compose is version 2, Debian 13's where the machine has only version 1;
with SEATRIAL_TEST_ENGINE=newer dockerd is Debian 13's, too. On the machine's own engine nothing
stands in: there the official images are pulled. The data folder is kept between runs, so images are
built once.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from seatrial.waiting import eventually
from tests.install.machines import base_archive, fresh_machine

CACHE = Path("/var/tmp/seatrial-engine-cache")
IMAGES = Path(__file__).parent / "images"
BASE = "debian:bookworm-slim"
COMPOSE_1, COMPOSE_2 = ("docker-compose",), ("docker", "compose")
STAND_INS = {
    "postgres": "postgres:15",
    "rabbitmq": "rabbitmq:3-management",
    "redis": "redis:7",
    "python": "python:3.11-slim",
    "nginx": "nginx:1.25",
}
_DIGEST = "seatrial.stand-in"


@dataclass(frozen=True)
class Engine:
    host: str | None  # for DOCKER_HOST; None: the machine's own
    compose_command: tuple[str, ...]
    stands_in: bool
    config: Path | None = None  # for DOCKER_CONFIG: where Compose 2 is that the machine has not

    @property
    def variables(self) -> dict[str, str]:
        """By which docker and Compose find it."""
        found = {"DOCKER_HOST": self.host, "DOCKER_CONFIG": self.config}
        return {name: str(value) for name, value in found.items() if value is not None}

    @property
    def env(self) -> dict[str, str]:
        found = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
        return found | self.variables

    def with_compose_1(self) -> Engine:
        return replace(self, compose_command=COMPOSE_1, config=None)

    def docker(self, *words: str, check: bool = True) -> str:
        return self._run("docker", *words, check=check)

    def compose(self, folder: Path, *words: str, check: bool = True) -> str:
        return self._run(*self.compose_command, *words, check=check, cwd=folder)

    def _run(self, *argv: str, check: bool, cwd: Path | None = None) -> str:
        done = subprocess.run(
            argv,
            cwd=cwd,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=550,
            check=False,
        )
        assert done.returncode == 0 or not check, f"{' '.join(argv)}:\n{done.stdout}"
        return done.stdout

    def everything(self) -> Mapping[str, list[str]]:
        """What there is by now, by sort: to see that nothing stays behind."""
        return {
            "containers": sorted(self.docker("ps", "-a", "--format", "{{.Names}}").split()),
            "networks": sorted(self.docker("network", "ls", "--format", "{{.Name}}").split()),
            "volumes": sorted(self.docker("volume", "ls", "-q").split()),
            "images": sorted(
                self.docker(
                    "image", "ls", "-a", "--format", "{{.Repository}}:{{.Tag}}={{.ID}}"
                ).split()
            ),
        }

    def remove_everything(self) -> None:
        """Only of an engine of our own: what tests left that were killed."""
        for listing, removing in (
            (("ps", "-aq"), ("rm", "-fv")),
            (("network", "ls", "-q", "--filter", "type=custom"), ("network", "rm")),
            (("volume", "ls", "-q"), ("volume", "rm", "-f")),
            (("image", "ls", "-q", "--filter", "reference=seatrial-*"), ("image", "rm", "-f")),
            (("image", "ls", "-q", "--filter", "dangling=true"), ("image", "rm", "-f")),
        ):
            if found := self.docker(*listing).split():
                self.docker(*removing, *found)


def has(command: tuple[str, ...], env: Mapping[str, str] = os.environ) -> bool:
    """Whether this Compose can be called."""
    if shutil.which(command[0]) is None:
        return False
    argv = (*command, "version")
    return subprocess.run(argv, env=env, capture_output=True, check=False).returncode == 0


def _of_machine() -> tuple[str, ...] | None:
    return next((command for command in (COMPOSE_2, COMPOSE_1) if has(command)), None)


def _can_start_one() -> bool:
    return os.geteuid() == 0 and all(map(shutil.which, ("dockerd", "debootstrap")))


def why_not() -> str | None:
    """Why there can be no engine here; None where there can."""
    if shutil.which("docker") is None:
        return "docker is not installed (Debian: docker.io)"
    if _can_start_one():
        return None
    if _of_machine() is None:
        return "neither docker compose nor docker-compose is installed (Debian: docker-compose)"
    asked = subprocess.run(("docker", "info"), capture_output=True, timeout=30, check=False)
    if asked.returncode == 0:
        return None
    return "no engine answers (docker info); root can start one with dockerd and debootstrap"


@contextmanager
def running_engine() -> Iterator[Engine]:
    if not _can_start_one():
        command = _of_machine()
        assert command is not None
        yield Engine(None, command, stands_in=False)
        return
    CACHE.mkdir(mode=0o700, exist_ok=True)
    newer = os.environ.get("SEATRIAL_TEST_ENGINE") == "newer"
    with open(CACHE / "lock", "w") as lock, _own_daemon(lock.fileno(), newer=newer) as host:
        config = None if has(COMPOSE_2) else _compose_2()
        engine = Engine(host, COMPOSE_2, stands_in=True, config=config)
        if os.environ.get("SEATRIAL_TEST_COMPOSE") == "1":
            engine = engine.with_compose_1()
        engine.remove_everything()
        _build_images(engine)
        yield engine
        engine.remove_everything()


def _compose_2() -> Path:
    """A folder for DOCKER_CONFIG with Debian 13's Compose 2, which runs on Debian 12 too. Without a
    plugin of the machine's own, all else finds Compose 1."""
    plugin = "cli-plugins/docker-compose"
    return _of_debian_13("compose-2", "docker-compose", {plugin: f"usr/libexec/docker/{plugin}"})


def _newer_engine() -> Path:
    """A folder with Debian 13's engine but for runc, which wants its C library: the machine's
    does."""
    inside = ("usr/sbin/dockerd", "usr/bin/containerd", "usr/bin/containerd-shim-runc-v2")
    files = {Path(one).name: one for one in (*inside, "usr/sbin/docker-proxy")}
    return _of_debian_13("engine-newer", "docker.io", files)


def _of_debian_13(name: str, package: str, files: Mapping[str, str]) -> Path:
    """A folder with these files of one of its packages, fetched once."""
    folder = CACHE / name
    if not all((folder / file).exists() for file in files):
        with fresh_machine("trixie") as machine:
            machine.apt_install(package)
            for file, inside in files.items():
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                new = shutil.copy(machine.root / inside, CACHE / "new")
                os.replace(new, folder / file)
    return folder


@contextmanager
def _own_daemon(lock: int, *, newer: bool) -> Iterator[str]:
    """dockerd in the foreground, ended with its containers; one at a time on a machine."""

    def locked() -> bool:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    eventually(locked, timeout=500, longest_pause=0.5, what="no other test uses the engine")
    folder = Path(tempfile.mkdtemp(prefix="st-engine-", dir="/var/tmp"))
    host = f"unix://{folder}/docker.sock"
    data = CACHE / ("data-newer" if newer else "data")
    argv = (
        *("dockerd", "--data-root", str(data), "--exec-root", str(folder / "exec")),
        *("--pidfile", str(folder / "pid"), "--host", host),
    )
    env = dict(os.environ)
    if newer:
        env["PATH"] = f"{_newer_engine()}{os.pathsep}{env['PATH']}"
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            argv, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        eventually(
            lambda: (
                subprocess.run(
                    ("docker", "-H", host, "version"), capture_output=True, check=False
                ).returncode
            ),
            lambda code: code == 0,
            timeout=60,
            watch=lambda: log.read_text() if process.poll() is not None else None,
            what="dockerd answers",
        )
        yield host
    finally:
        process.terminate()
        process.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


def _build_images(engine: Engine) -> None:
    """Those whose recipe has changed since they were built."""
    if not engine.docker("image", "ls", "-q", BASE).strip():
        engine.docker("import", str(base_archive()), BASE)
    for folder, tag in STAND_INS.items():
        digest = _digest(IMAGES / folder)
        form = f'{{{{index .Config.Labels "{_DIGEST}"}}}}'
        label = engine.docker("image", "inspect", "-f", form, tag, check=False)
        if label.strip() != digest:
            build = ("build", "-q", "-t", tag, "--label", f"{_DIGEST}={digest}")
            engine.docker(*build, str(IMAGES / folder))


def _digest(folder: Path) -> str:
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()[:16]
