"""What gateways, and those that collect metrics, are told of other services: in settings that they
have mounted or built in, and in what services announce of themselves in labels.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import lru_cache
from itertools import islice
from pathlib import Path

from seatrial.compose.project import Project
from seatrial.kinds.base import Endpoint
from seatrial.kinds.containers import Mount, Service, content_of

#: Where a container has settings, the file that is read first, and what the images of nginx have
#: that one include.
_SETTINGS = re.compile(
    r"/(?:etc/|usr/local/(?:etc/)?|opt/bitnami/)?"
    r"(?:nginx|openresty|caddy|haproxy|traefik|prometheus|apache2|httpd)[/.].*"
)
_FIRST = re.compile(
    r".*/(?:nginx\.conf|Caddyfile|haproxy\.cfg|httpd\.conf|apache2\.conf"
    r"|prometheus\.ya?ml|traefik\.(?:ya?ml|toml))"
)
_INCLUDED = re.compile(r".*/(?:(?:conf\.d|server_blocks)/[^/]+\.conf|sites-enabled/[^/]+)")
_TEMPLATE = re.compile(r"(.*)/templates/([^/]+)\.template")
_IN_FOLDER = re.compile(r"(?:directory[=:]\s*|-f\s+)[\"']?(/[\w./-]+)")
_WORD = re.compile(r"[\s'\";=,()\[\]{}]+")
_LONGEST = 65_536  # characters of one
_MOST = 50  # files of one mount
_COMMENT = re.compile(r"(?:^|(?<=[\s;]))#.*")
#: Before those that are called; what else stands in a file may be for browsers, or be compared.
_CALLED = re.compile(
    r"\b\w+_pass\s|\bserver(?:-template)?\s|\bset\s+\$\w+\s"  # nginx, HAProxy
    r"|^\s*(?:default|[\"'~]\S*)\s+(?=\S+;\s*$)"  # a line of a `map` of nginx
    r"|\b(?:reverse_proxy|forward_auth|php_fastcgi|to)\s"  # Caddy
    r"|\b(?:ProxyPass(?:Match)?|BalancerMember)\s"  # httpd
    r"|\b(?:url|address|targets|replacement)\b|^\s*-\s"  # Traefik, Prometheus
)
_SPARE = re.compile(r"\b(?:down|backup)\b")
_VARIABLE = re.compile(r"\$\{(\w+)\}|\{\$(\w+)(?::[^}]*)?\}")  # nginx' templates, Caddy's
#: A name without one is often that of an `upstream` of the file's own.
_AT_PORT = re.compile(
    r"(?:://|(?<![\w./:@$}-]))([A-Za-z][\w.-]*|127(?:\.\d+){3}):(\d{1,5})(?![\w.:@-])"
)
_TRAEFIK = re.compile(r"(?i)traefik\.(?:http|tcp)\.services\.[^.]+\.loadbalancer\.server\.port")


@dataclass(frozen=True)
class Told:
    """Where a service is told of another one, in words, and what."""

    where: str
    url: Endpoint
    for_many: bool = False  # by a file that others may be handed, too


def passed_on(project: Project, service: Service) -> Iterator[Told]:
    """Whom its settings say that it calls: names with ports, in URLs or without."""
    settings = {target: (one, _content(one)) for target, one in _settings_of(service).items()}
    texts = {target: text for target, (_, text) in settings.items()}
    for target in sorted(_read(texts, service.command)):
        file, text = settings[target]
        shown = os.path.relpath(file, project.folder)
        for number, url in _told_in(text, service.environment):
            yield Told(f"{shown}:{number} (which {service.name} has at {target})", url)


def announced(project: Project, service: Service) -> Iterator[Told]:
    """At which port gateways that ask the engine are to call it."""
    gateways = {one.image_name for one in project.services.values()}
    asked = "traefik" in gateways and service.image_name != "traefik"  # its own labels have dummies
    if asked and service.labels.get("traefik.enable", "").lower() != "false":
        for label, value in sorted(service.labels.items()):
            if _TRAEFIK.fullmatch(label) and value.isdecimal():
                where = f"{label} (a label of {project.entry(service)})"
                yield Told(where, Endpoint("http", service.name, int(value)))
    port = service.environment.get("VIRTUAL_PORT", "")
    if "nginx-proxy" in gateways and "VIRTUAL_HOST" in service.environment and port.isdecimal():
        where = project.told_at("VIRTUAL_PORT", service)
        yield Told(where, Endpoint("http", service.name, int(port)))


def _settings_of(service: Service) -> dict[str, Path]:
    """By where the container has them. What is copied or mounted later, or deeper, hides what was
    there before."""
    found: dict[str, Path] = {}
    for mount in service.built_in:
        found |= _files(mount)
    for mount in sorted(service.mounts, key=lambda one: one.target.rstrip("/").count("/")):
        if mount.bind:
            at = mount.target.rstrip("/")
            found = {k: v for k, v in found.items() if k != at and not k.startswith(f"{at}/")}
            found |= _files(mount)
    return found


def _files(mount: Mount) -> dict[str, Path]:
    every = islice(_each(Path(mount.source), mount.target), _MOST)
    return {target: file for file, target in every if _SETTINGS.fullmatch(target)}


def _each(source: Path, target: str) -> Iterator[tuple[Path, str]]:
    """With where the container has them."""
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


def _read(texts: Mapping[str, str], command: str) -> set[str]:
    """Those of these files that are used: those that the command names, else those that are read
    first, else those that are always included; and what they include."""
    first = {one for one in texts if _FIRST.fullmatch(one)}
    usual = {one for one in texts if _INCLUDED.fullmatch(_made_of(one))}
    todo = {one for one in texts if _names(command, _made_of(one))} or first or usual
    found: set[str] = set()
    while todo:
        found |= todo
        told = [texts[one] for one in todo]
        rest = texts.keys() - found
        todo = {one for one in rest if any(_names(text, _made_of(one)) for text in told)}
    return found


def _made_of(target: str) -> str:
    """What nginx' image makes of a template, else the file itself."""
    return _TEMPLATE.sub(r"\1/conf.d/\2", target)


def _names(text: str, target: str) -> bool:
    folder = target.rpartition("/")[0]
    if any(folder == one.rstrip("/") for one in _IN_FOLDER.findall(text)):
        return True
    return any(fnmatch(target, one if one[0] == "/" else f"*/{one}") for one in _words(text))


@lru_cache(maxsize=256)
def _words(text: str) -> tuple[str, ...]:
    """In which files may be named."""
    return tuple(dict.fromkeys(one for one in _WORD.split(text) if "/" in one or "." in one))


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
        said = (line[one.end() :].partition(";")[0] for one in _CALLED.finditer(line))
        found = [each for one in said if not _SPARE.search(one) for each in _AT_PORT.findall(one)]
        for name, port in dict.fromkeys(found):
            yield number, Endpoint("tcp", name, int(port))
