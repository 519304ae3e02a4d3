"""What gateways, and those that collect metrics, are told of other services: in settings that they
have mounted or built in, and in what services announce of themselves in labels.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path

from seatrial.compose.project import Project
from seatrial.kinds.base import Endpoint
from seatrial.kinds.containers import Mount, Service, content_of

#: Where a container has them. Beside them are web pages, of which nobody knows who reads them.
_SETTINGS = re.compile(
    r"/(?:etc/|usr/local/(?:etc/)?|opt/bitnami/)?"
    r"(?:nginx|openresty|caddy|haproxy|traefik|prometheus|envoy|apache2|httpd)[/.].*"
)
_FILE = re.compile(r"(?i).*\.(conf|cfg|ya?ml|toml|template|caddy)|caddyfile|default")
_NOT_READ = re.compile(r"(?i)available|disabled|example|sample|backup|\.d\.ts|/html/|/www/")
_LONGEST = 65_536  # characters of one
_MOST = 50  # files of one mount
_COMMENT = re.compile(r"(?:^|(?<=[\s;]))#.*")
#: Lines that say what others are told, and what is not used as long as all is well.
_FOR_OTHERS = re.compile(
    r"(?i)header|return|rewrite|redir|server_?name|origin|access-control|\b(?:down|backup)\b"
)
_VARIABLE = re.compile(r"\$\{(\w+)\}|\{\$(\w+)(?::[^}]*)?\}")  # nginx' templates, Caddy's
#: A name without one is often that of an `upstream` of the file's own.
_AT_PORT = re.compile(r"(?:://|(?<![\w./:@$}-]))([A-Za-z][\w.-]*):(\d{1,5})(?![\w.:@-])")
_TRAEFIK = re.compile(r"(?i)traefik\.(?:http|tcp)\.services\.[^.]+\.loadbalancer\.server\.port")


@dataclass(frozen=True)
class Told:
    """Where a service is told of another one, in words, and what."""

    where: str
    url: Endpoint


def passed_on(project: Project, service: Service) -> Iterator[Told]:
    """Whom its settings say that it calls: names with ports, in URLs or without."""
    for mount in (*service.mounts, *service.built_in):
        if mount.bind:
            for file, target in _files(mount):
                shown = os.path.relpath(file, project.folder)
                for number, url in _told_in(_content(file), service.environment):
                    yield Told(f"{shown}:{number} (which {service.name} has at {target})", url)


def announced(project: Project, service: Service) -> Iterator[Told]:
    """At which port gateways that ask the engine are to call it."""
    gateways = {one.image_name for one in project.services.values()}
    if "traefik" in gateways and service.labels.get("traefik.enable", "").lower() != "false":
        for label, value in sorted(service.labels.items()):
            if _TRAEFIK.fullmatch(label) and value.isdecimal():
                where = f"{label} (a label of {project.entry(service)})"
                yield Told(where, Endpoint("http", service.name, int(value)))
    port = service.environment.get("VIRTUAL_PORT", "")
    if "nginx-proxy" in gateways and "VIRTUAL_HOST" in service.environment and port.isdecimal():
        where = project.told_at("VIRTUAL_PORT", service)
        yield Told(where, Endpoint("http", service.name, int(port)))


def _files(mount: Mount) -> Iterator[tuple[Path, str]]:
    """With where the container has them."""
    for file, target in islice(_each(Path(mount.source), mount.target), _MOST):
        settings = _SETTINGS.fullmatch(target) and _FILE.fullmatch(target.rpartition("/")[2])
        if settings and not _NOT_READ.search(target):
            yield file, target


def _each(source: Path, target: str) -> Iterator[tuple[Path, str]]:
    if "*" in source.name:  # as COPY takes it
        folder = target.rpartition("/")[0]
        yield from (
            (one, f"{folder}/{one.name}") for one in sorted(source.parent.glob(source.name))
        )
    elif not source.is_dir():
        yield source, target
    elif _SETTINGS.fullmatch(f"{target}/"):
        for at, folders, names in os.walk(source):
            folders.sort()
            for file in (Path(at, name) for name in sorted(names)):
                yield file, f"{target.rstrip('/')}/{file.relative_to(source)}"


def _content(file: Path) -> str:
    """What it says now; read again only where it has changed."""
    with suppress(OSError):
        known = file.stat()
        return _as_of(file, known.st_mtime_ns, known.st_size)
    return ""


@lru_cache(maxsize=256)
def _as_of(file: Path, changed: int, size: int) -> str:
    return content_of(file, _LONGEST) or ""


def _told_in(text: str, environment: Mapping[str, str]) -> Iterator[tuple[int, Endpoint]]:
    """With the numbers of the lines."""

    def filled(variable: re.Match[str]) -> str:
        return environment.get(variable[1] or variable[2], variable[0])

    for number, whole in enumerate(text.splitlines(), 1):
        line = _VARIABLE.sub(filled, _COMMENT.sub("", whole))
        if not _FOR_OTHERS.search(line):
            for name, port in dict.fromkeys(_AT_PORT.findall(line)):
                yield number, Endpoint("tcp", name, int(port))
