"""A support bundle: what somebody else needs to see of a run and of a deployment, and no secrets.

It is a `.tar.gz` of bounded size, written to disk and sent nowhere. Every text in it is redacted on
its way in, whether or not it was when it was written. What could not be collected is in its
manifest, with the reason: a bundle is asked for when something is broken already.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import io
import json
import os
import platform
import stat
import tarfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pydantic import JsonValue

from seatrial import __version__
from seatrial.checks.records import records_of
from seatrial.checks.run import run_checks
from seatrial.declaration.models import System
from seatrial.environment import deployment as environment
from seatrial.environment.capability import Capability
from seatrial.environment.deployment import Deployment, logs_left
from seatrial.environment.view import view
from seatrial.errors import SeatrialError
from seatrial.evidence.redaction import MASK, Redactor, redactor_of
from seatrial.kinds.registry import KINDS
from seatrial.provision.doctor import diagnose, in_json
from seatrial.provision.servers import of_all, of_system
from seatrial.secrecy import names_secret

LARGEST_FILE = 4 * 1024 * 1024  # bytes of each that are kept: its end
LARGEST = 48 * 1024 * 1024  # of all of them together
MOST_FILES = 500
_BEFORE = 16 * 1024  # bytes before what is kept, redacted with it: a secret may begin in there
_LOG_LINES = 5_000
_CHECK_SECONDS = 20.0
_PACKAGES = ("click", "httpx", "pamqp", "psycopg", "pydantic", "pytest", "redis")

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Part:
    """A file in the bundle; `cut`: only its end is there."""

    name: str
    bytes: int
    cut: bool


@dataclass(frozen=True)
class Missing:
    """What is not in it, and why."""

    name: str
    why: str


@dataclass(frozen=True)
class Bundle:
    file: Path
    parts: tuple[Part, ...]
    missing: tuple[Missing, ...]


@dataclass
class _Box:
    """The archive while it is filled; nothing gets in but through `text` or `json`."""

    tar: tarfile.TarFile
    root: str
    redactor: Redactor
    parts: list[Part] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)

    def text(self, name: str, text: str, cut: bool = False) -> None:
        self._add(name, self.redactor.redact(text), cut)

    def json(self, name: str, value: JsonValue) -> None:
        """Redacted as a tree: redacted as a text it might be no JSON any more."""
        masked = self.redactor.redact_json(_without_numbers(value))
        self._add(name, json.dumps(masked, indent=2) + "\n")

    def _add(self, name: str, redacted: str, cut: bool = False) -> None:
        octets = redacted.encode(errors="backslashreplace")
        if len(octets) > LARGEST_FILE:
            octets, cut = octets[-LARGEST_FILE:], True
        if sum(part.bytes for part in self.parts) + len(octets) > LARGEST:
            self.missing.append(Missing(name, f"more than {LARGEST} bytes would be in it"))
        elif len(self.parts) >= MOST_FILES:
            self.missing.append(Missing(name, f"more than {MOST_FILES} files would be in it"))
        else:
            self._put(name, octets)
            self.parts.append(Part(name, len(octets), cut))

    def file(self, name: str, path: Path) -> None:
        """A regular file; a link could lead to anything."""
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with open(descriptor, "rb") as found:
                status = os.fstat(descriptor)
                if not stat.S_ISREG(status.st_mode):
                    self.missing.append(Missing(name, "it is no regular file"))
                    return
                behind = max(0, status.st_size - LARGEST_FILE - _BEFORE)
                found.seek(behind)
                octets = found.read(LARGEST_FILE + _BEFORE)
        except OSError as error:
            self.missing.append(Missing(name, error.strerror or str(error)))
            return
        self.text(name, octets.decode(errors="backslashreplace"), cut=behind > 0)

    def trying(self, name: str, collect: Callable[[], None]) -> None:
        """Whatever hinders one part must not hinder the others."""
        try:
            collect()
        except SeatrialError as error:
            self.missing.append(Missing(name, self.redactor.redact(error.message)))
        except Exception as error:
            said = self.redactor.redact(f"{type(error).__name__}: {error}")
            self.missing.append(Missing(name, said))

    def _put(self, name: str, octets: bytes) -> None:
        info = tarfile.TarInfo(f"{self.root}/{name}")
        info.size, info.mode, info.mtime = len(octets), 0o600, int(time.time())
        self.tar.addfile(info, io.BytesIO(octets))

    def close(self) -> None:
        document = {
            "holds": [asdict(part) for part in self.parts],
            "missing": [asdict(one) for one in self.missing],
        }
        self._put(MANIFEST, (json.dumps(document, indent=2) + "\n").encode())


def _without_numbers(value: JsonValue, key: str = "") -> JsonValue:
    """A number under a name that tells of a secret is one too; strings are the redactor's."""
    if isinstance(value, dict):
        return {name: _without_numbers(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [_without_numbers(item, key) for item in value]
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return MASK if number and names_secret(key) else value


def bundle(
    file: Path | None, system: System | None, name: str = "", run: Path | None = None
) -> Bundle:
    """Collect and write it; nothing is changed by that. `system`: its declaration, and its
    deployment of this name if one is up; `run`: the folder of one. `file`: default beside us."""
    called = f"seatrial-{system.name if system else 'bundle'}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    file = file or Path(f"{called}.tar.gz")
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    redactor = redactor_of(system) if system else Redactor()
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as out, tarfile.open(fileobj=out, mode="w:gz") as tar:
            box = _Box(tar, called, redactor)
            _fill(box, system, name, run)
            box.close()
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)
    return Bundle(file, tuple(box.parts), tuple(box.missing))


def _fill(box: _Box, system: System | None, name: str, run: Path | None) -> None:
    if system is not None:  # first, so that its secrets are known when anything else is redacted
        box.trying("deployment", lambda: _deployment(box, system, name))
        box.trying("check.jsonl", lambda: _check(box, system, name))
        box.trying("declaration.json", lambda: _declaration(box, system))
    if run is not None:
        _run(box, run)
    box.trying("doctor.json", lambda: _doctor(box, system))
    box.trying("versions.json", lambda: box.json("versions.json", _versions()))


def _run(box: _Box, run: Path) -> None:
    """All that is in its folder; a folder that cannot be read is named as a file would be."""

    def name(path: Path) -> str:
        return f"run/{path.relative_to(run)}"

    def unread(error: OSError) -> None:
        box.missing.append(Missing(name(Path(error.filename)), error.strerror or str(error)))

    found: list[Path] = []
    for folder, below, files in os.walk(run, onerror=unread):
        inside = Path(folder)
        found += (inside / one for one in files)
        found += (inside / one for one in below if (inside / one).is_symlink())
    for path in sorted(found):
        box.file(name(path), path)


def _declaration(box: _Box, system: System) -> None:
    components: dict[str, JsonValue] = {
        n: c.config.model_dump(mode="json") for n, c in system.components.items()
    }
    resolved: JsonValue = {
        "system": system.name,
        "environment": system.environment,
        "provider": system.config.provider,
        "protected": system.config.protected,
        "digest": system.digest,
        "components": components,
    }
    box.json("declaration.json", resolved)


def _deployment(box: _Box, system: System, name: str) -> None:
    deployment = environment.attach(system, name)
    if deployment is None:
        box.missing.append(Missing("deployment", f"nothing is up in {system.environment}"))
        for component in system.components:
            tail = logs_left(system, name, component, _LOG_LINES)
            if tail is not None:  # of a start that failed
                box.text(f"deployment/logs/{component}.log", "\n".join(tail))
        return
    with deployment:
        box.redactor.add(deployment.secrets())
        box.json("deployment/states.json", _states(deployment))
        lines = [event.model_dump_json() for event in deployment.timeline()]
        box.text("deployment/timeline.jsonl", "\n".join(lines))
        if Capability.LOGS in deployment.capabilities:
            for component in system.components:
                log = deployment.logs(component, _LOG_LINES)
                box.text(f"deployment/logs/{component}.log", "\n".join(log))
        box.file("deployment/keeper.log", deployment.place.keeper_log)


def _states(deployment: Deployment) -> JsonValue:
    return {
        name: {
            "kind": one.kind,
            "state": one.state.value,
            "replicas": [state.value for state in one.replicas],
            "detail": one.detail,
            "endpoints": {n: [e.masked for e in es] for n, es in one.endpoints.items()},
        }
        for name, one in deployment.statuses().items()
    }


def _check(box: _Box, system: System, name: str) -> None:
    with view(system, name) as seen:
        box.redactor = seen.redactor  # it knows the secrets of every endpoint
        look = run_checks(system, seen.targets, seen.context, _CHECK_SECONDS)
        report = asyncio.run(look)
    box.text("check.jsonl", "\n".join(one.model_dump_json() for one in records_of(report)))


def _doctor(box: _Box, system: System | None) -> None:
    servers = of_system(system, KINDS) if system else of_all(KINDS.values())
    box.json("doctor.json", in_json(diagnose(servers)))


def _versions() -> JsonValue:
    return {
        "seatrial": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": dict(_packages(_PACKAGES)),
    }


def _packages(names: Sequence[str]) -> Iterator[tuple[str, JsonValue]]:
    for name in names:
        try:
            yield name, importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            yield name, None
