"""A container engine for tests: one of their own where it can be started, else the machine's.

One of their own is Debian's dockerd, as root, with a data folder, a socket and images of its own:
no registry need be in reach, because the images are stand-ins made of Debian's packages (`images/`)
under the official tags. On the machine's own engine nothing stands in: there the official images
are pulled. The data folder is kept between runs, so images are built once.
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
from dataclasses import dataclass
from pathlib import Path

from seatrial.waiting import eventually
from tests.install.machines import base_archive

CACHE = Path("/var/tmp/seatrial-engine-cache")
IMAGES = Path(__file__).parent / "images"
BASE = "debian:bookworm-slim"
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

    @property
    def env(self) -> dict[str, str]:
        found = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
        return found if self.host is None else {**found, "DOCKER_HOST": self.host}

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
                self.docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}").split()
            ),
        }

    def remove_everything(self) -> None:
        """Only of an engine of our own: what tests left that were killed."""
        for listing, removing in (
            (("ps", "-aq"), ("rm", "-fv")),
            (("network", "ls", "-q", "--filter", "type=custom"), ("network", "rm")),
            (("volume", "ls", "-q"), ("volume", "rm", "-f")),
        ):
            if found := self.docker(*listing).split():
                self.docker(*removing, *found)


def compose_command(env: Mapping[str, str]) -> tuple[str, ...] | None:
    wanted = env.get("SEATRIAL_TEST_COMPOSE")  # "docker-compose": the old one, where both are
    for words in (("docker", "compose"), ("docker-compose",)):
        if wanted and wanted != " ".join(words):
            continue
        if shutil.which(words[0]) and subprocess.run(
            (*words, "version"), capture_output=True, check=False
        ).returncode == 0:  # fmt: skip
            return words
    return None


def why_not() -> str | None:
    """Why there can be no engine here; None where there can."""
    if shutil.which("docker") is None:
        return "docker is not installed (Debian: docker.io)"
    if compose_command(os.environ) is None:
        return "neither docker compose nor docker-compose is installed (Debian: docker-compose)"
    if os.geteuid() == 0 and shutil.which("dockerd") and shutil.which("debootstrap"):
        return None
    asked = subprocess.run(("docker", "info"), capture_output=True, timeout=30, check=False)
    if asked.returncode == 0:
        return None
    return "no engine answers (docker info); root can start one with dockerd and debootstrap"


@contextmanager
def running_engine() -> Iterator[Engine]:
    command = compose_command(os.environ)
    assert command is not None
    if os.geteuid() != 0 or not shutil.which("dockerd") or not shutil.which("debootstrap"):
        yield Engine(None, command, stands_in=False)
        return
    CACHE.mkdir(mode=0o700, exist_ok=True)
    with open(CACHE / "lock", "w") as lock, _own_daemon(lock.fileno()) as host:
        engine = Engine(host, command, stands_in=True)
        engine.remove_everything()
        _build_images(engine)
        yield engine
        engine.remove_everything()


@contextmanager
def _own_daemon(lock: int) -> Iterator[str]:
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
    argv = (
        *("dockerd", "--data-root", str(CACHE / "data"), "--exec-root", str(folder / "exec")),
        *("--pidfile", str(folder / "pid"), "--host", host),
    )
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
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
