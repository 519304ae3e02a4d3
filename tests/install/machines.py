"""Fresh machines of Debian 12 or 13: a debootstrap root each, with git and make and little else.

A command runs in mount and process namespaces of its own: what it mounted is gone and what it left
running is dead when it ends, however it ends. The network is the host's, because packages must
come from somewhere; where from, and which authorities are trusted, is taken from the host's own
settings of apt and pip.
"""

from __future__ import annotations

import ast
import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SUITES = ("bookworm", "trixie")  # Debian 12 and 13
PACKAGES = ("git", "make", "ca-certificates")
CACHE = Path("/var/tmp/seatrial-install-cache")
REPOSITORY = Path(__file__).resolve().parents[2]

_PASSED_ON = re.compile(r"(PIP_|SSL_|[a-z]+_proxy$|[A-Z]+_PROXY$|REQUESTS_CA_BUNDLE$)")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_TRUST = ("etc/ssl/certs", "usr/share/ca-certificates", "usr/local/share/ca-certificates")


@dataclass(frozen=True)
class Done:
    """A command that ended: its exit code and everything that it wrote."""

    code: int
    output: str


@dataclass(frozen=True)
class Machine:
    """One root folder."""

    root: Path
    shared: tuple[Path, ...]  # folders of the host that are seen at the same place, read-only

    def run(
        self,
        command: str,
        *,
        user: str = "root",
        folder: str = "/",
        timeout: float = 900.0,
        env: Mapping[str, str] | None = None,
    ) -> Done:
        """Run a shell command; it has no terminal and no input, and `timeout` is seconds."""
        with self.started(command, user=user, folder=folder, env=env) as process:
            try:
                output, _ = process.communicate(timeout=timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                output, _ = process.communicate()
                raise AssertionError(f"{command}: no end within {timeout} s:\n{output}") from None
        return Done(process.returncode, output)

    @contextmanager
    def started(
        self, command: str, *, user: str = "root", folder: str = "/", env: Mapping[str, str] | None
    ) -> Iterator[subprocess.Popen[str]]:
        home = "/root" if user == "root" else f"/home/{user}"
        variables = {k: v for k, v in os.environ.items() if _PASSED_ON.match(k)}
        variables |= {"HOME": home, "USER": user, "LOGNAME": user, "PATH": _PATH} | dict(env or {})
        inside = f"cd {shlex.quote(folder)} || exit\n{command}"
        switch = [] if user == "root" else ["setpriv", f"--reuid={user}", f"--regid={user}"]
        switch += [] if user == "root" else ["--init-groups"]
        script = "\n".join((*self._mounts(), 'exec chroot "$ROOT" "$@"'))
        apart = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
        process = subprocess.Popen(
            [*apart, "bash", "-ec", script, "-", *switch, "bash", "-c", inside],
            env=variables | {"ROOT": str(self.root)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def _mounts(self) -> Iterator[str]:
        yield 'mount -t proc proc "$ROOT/proc"'
        yield 'mount --rbind /sys "$ROOT/sys"'
        yield 'mount --rbind /dev "$ROOT/dev"'
        for folder in self.shared:
            quoted = shlex.quote(str(folder))
            yield f'mkdir -p "$ROOT"{quoted}; mount --bind -o ro {quoted} "$ROOT"{quoted}'

    def apt_install(self, *packages: str) -> None:
        done = self.run(
            "apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y"
            f" --no-install-recommends {' '.join(packages)}"
        )
        assert done.code == 0, done.output

    def add_user(self, name: str) -> None:
        done = self.run(f"useradd --create-home --shell /bin/bash {name}")
        assert done.code == 0, done.output

    def clone(self, user: str = "root") -> str:
        """Clone what is committed here, as that user; the folder of the checkout."""
        bundle = self.root / "seatrial.bundle"
        subprocess.run(
            ["git", "-C", str(REPOSITORY), "bundle", "create", "-q", str(bundle), "HEAD"],
            check=True,
        )
        folder = ("/root" if user == "root" else f"/home/{user}") + "/seatrial"
        done = self.run(f"git clone -q /seatrial.bundle {folder}", user=user)
        assert done.code == 0, done.output
        return folder

    def exists(self, path: str) -> bool:
        return os.path.lexists(self.root / path.lstrip("/"))


@contextmanager
def fresh_machine(suite: str = SUITES[0]) -> Iterator[Machine]:
    """A new one from the cached base; removed at the end."""
    base = base_archive(suite)
    root = Path(tempfile.mkdtemp(prefix="seatrial-install-", dir="/var/tmp"))
    try:
        root.chmod(0o755)
        subprocess.run(["tar", "-C", str(root), "--numeric-owner", "-xpf", str(base)], check=True)
        settings = _pip_settings()
        _settle(root, suite, settings)
        yield Machine(root, tuple(_folders(settings)))
    finally:
        # Nothing is mounted here: mounts live and die with the namespace of each command.
        shutil.rmtree(root)


def base_archive(suite: str = SUITES[0]) -> Path:
    """The archive of an untouched machine; made once, kept outside the repository."""
    mirror = _mirror()
    key = hashlib.sha256(" ".join((suite, *PACKAGES, *mirror)).encode()).hexdigest()[:12]
    archive = CACHE / f"{suite}-{key}.tar"
    if archive.exists():
        return archive
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        root, packed = Path(folder, "root"), Path(folder, "base.tar")
        include = f"--include={','.join(PACKAGES)}"
        subprocess.run(
            ["debootstrap", "--variant=minbase", include, suite, str(root), *mirror],
            stdout=subprocess.DEVNULL,
            check=True,
        )
        subprocess.run(
            [
                "tar",
                "-C",
                str(root),
                "--numeric-owner",
                "--one-file-system",
                "-cpf",
                str(packed),
                ".",
            ],
            check=True,
        )
        packed.rename(archive)
    return archive


def _apt_files() -> Iterator[tuple[Path, str]]:
    """This machine's own sources of packages."""
    apt = Path("/etc/apt")
    for path in (apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))):
        if path.suffix in (".list", ".sources") and path.is_file():
            yield path, path.read_text()


def _mirror() -> list[str]:
    """The host's own mirror of Debian, if it has one; debootstrap knows a default."""
    for _, text in _apt_files():
        found = re.search(r"(?m)^(?:URIs:\s*|deb\s+(?:\[.*?\]\s*)?)(\S+/debian/?)(?:\s|$)",
                          text)  # fmt: skip
        if found:
            return [found[1]]
    return []


def _settle(root: Path, suite: str, pip: Mapping[str, str]) -> None:
    """Give the machine the host's ways to packages: apt's sources (those of another release are
    debootstrap's), trust, names, pip's settings."""
    if sources := [path for path, text in _apt_files() if suite in text]:
        (root / "etc/apt/sources.list").unlink(missing_ok=True)
        for path in sources:
            shutil.copy(path, root / path.relative_to("/"))
    for path in Path("/etc/apt/apt.conf.d").glob("*"):
        if "Acquire::" in path.read_text() and not (root / path.relative_to("/")).exists():
            shutil.copy(path, root / path.relative_to("/"))
    for folder in _TRUST:
        if (source := Path("/", folder)).is_dir():
            (root / folder).mkdir(parents=True, exist_ok=True)
            # What it holds are links as often as files, and some stand there already.
            subprocess.run(["cp", "-a", "--remove-destination", f"{source}/.", str(root / folder)],
                           check=True)  # fmt: skip
    for name in ("resolv.conf", "hosts"):
        shutil.copy(Path("/etc", name), root / "etc" / name)
    for file in _files(pip):
        if not (inside := root / file.relative_to("/")).exists():
            inside.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, inside)
    lines = [f"{name.partition('.')[2]} = {value}" for name, value in pip.items()]
    (root / "etc/pip.conf").write_text("\n".join(("[global]", *lines)) + "\n")


def _pip_settings() -> dict[str, str]:
    """What `pip config` says of this host, but for what comes from variables."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    pairs = (line.partition("=") for line in listed.splitlines() if line.startswith("global."))
    return {name: str(ast.literal_eval(value)) for name, _, value in pairs}


def _files(pip: Mapping[str, str]) -> Iterator[Path]:
    """Files of this host that pip's settings name, such as constraints."""
    for word in (word for value in pip.values() for word in value.split()):
        if (file := Path(word)).is_absolute() and file.is_file():
            yield file


def _folders(pip: Mapping[str, str]) -> Iterator[Path]:
    """Folders of this host that pip takes packages from; an index refers to files beside it."""
    words = [word for value in pip.values() for word in value.split()]
    words += os.environ.get("PIP_FIND_LINKS", "").split()
    named = {Path(word.removeprefix("file://")) for word in words}
    seen = {folder.parent if folder.name == "simple" else folder for folder in named}
    for folder in sorted(seen):
        if folder.is_absolute() and folder.is_dir():
            yield folder


def missing_tools(tools: Sequence[str] = ("debootstrap", "unshare", "setpriv")) -> list[str]:
    return [tool for tool in tools if shutil.which(tool) is None]
