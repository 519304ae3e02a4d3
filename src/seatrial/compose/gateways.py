"""What gateways, and those that collect metrics, are told of other services: in their settings, and
in what services announce of themselves in labels."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from seatrial.compose.project import Project
from seatrial.compose.settings import settings_of
from seatrial.kinds.base import Endpoint
from seatrial.kinds.containers import Service

_COMMENT = re.compile(r"(?:^|(?<=[\s;]))#.*")
#: Before those that are called; what else stands in a file may be for browsers, or be compared.
_CALLS = re.compile(
    r"\b\w+_pass\s|(?<![\w-])server(?:-template)?\s|\bset\s+\$\w+\s"  # nginx, HAProxy
    r"|^\s*(?:default|[\"'~]\S*)\s+(?=\S+;\s*$)"  # a line of a `map` of nginx
    r"|\b(?:reverse_proxy|forward_auth|php_fastcgi|to)\s"  # Caddy
    r"|\b(?:ProxyPass(?:Match)?|BalancerMember)\s"  # httpd
    r"|\b(?:url|address|targets|replacement)\b"  # Traefik, Prometheus
    r"|^\s*-\s(?=\s*[\"']?[\w.-]+:\d)"  # one of a list
)
_ENDS = re.compile(r"[;\]]")
_FAR = 512  # characters behind it in which they stand
_SPARE = re.compile(r"(?<=\s)(?:down|backup|disabled)(?=\s|$)")
#: What is read only where something is so, in templates and HAProxy's own files.
_PERHAPS = re.compile(
    r"(?ms)^[ \t]*\.if\b.*?^[ \t]*\.endif\b|\{\{-?\s*(?:if|with|range)\b.*?\{\{-?\s*end\b"
)
_VARIABLE = re.compile(r"\$\{(\w+)\}|\{\$(\w+)(?::[^}]{0,256})?\}")  # nginx' templates, Caddy's
_UPSTREAM = re.compile(r"(?m)^\s*upstream\s+([\w.-]+)")
_WITHOUT_PORT = re.compile(r"\bhttp://([A-Za-z][\w.-]*)(?=[/\"'\s]|$)")
_ALONE = re.compile(r"(?:server|reverse_proxy|to)\s+([A-Za-z][\w.-]*)\s*")
_USUAL = 80
_AT_PORT = re.compile(
    r"(?:://(?:[^\s/@]{1,256}@)?|(?<![\w./:@$}-]))"
    r"([A-Za-z][\w.-]*|127(?:\.\d+){3}):(\d{1,5})(?![\w.:@-])"
)
_TRAEFIK = re.compile(r"(?i)traefik\.(?:http|tcp)\.services\.[^.]+\.loadbalancer\.server\.port")


@dataclass(frozen=True)
class Told:
    """Where a service is told of another one, in words, and what."""

    where: str
    url: Endpoint
    for_many: bool = False  # by a file that others may be handed, too
    then: str = ""  # what is to be done once it is corrected, behind a comma


def passed_on(project: Project, service: Service) -> Iterator[Told]:
    """Whom its settings say that it calls: names with ports, in URLs or without."""
    called, settings = project.called, settings_of(service)
    own = {name for one in settings for name in _UPSTREAM.findall(one.text)}
    for one in settings:
        shown = os.path.relpath(one.file, project.folder)
        for number, url, variables in _told_in(one.text, service.environment):
            if url.port or (url.host not in own and url.host.lower() in called):
                told = replace(url, port=url.port or _USUAL)
                made = f", made with its {', '.join(variables)}" if variables else ""
                has = f"(which {service.name} has at {one.target}{made})"
                then = f"build {service.name} anew" if one.built_in else f"restart {service.name}"
                yield Told(f"{shown}:{number} {has}", told, then=f", then {then}")


def announced(project: Project, service: Service) -> Iterator[Told]:
    """At which port gateways that ask the engine, of another project perhaps, are to call it."""
    off = service.labels.get("traefik.enable", "").lower() == "false"
    itself = service.image_name == "traefik"  # its own labels have dummies
    for label in sorted(service.labels) if not (off or itself) else ():
        if _TRAEFIK.fullmatch(label):
            where = f"{label} (a label of {project.entry(service)})"
            yield from _told_of(service, where, service.labels[label])
    environment = service.environment
    if {"VIRTUAL_HOST", "VIRTUAL_PORT"} <= environment.keys():
        where = project.told_at("VIRTUAL_PORT", service)
        yield from _told_of(service, where, environment["VIRTUAL_PORT"])


def _told_of(service: Service, where: str, port: str) -> Iterator[Told]:
    if port.isdecimal():
        yield Told(where, Endpoint("http", service.name, int(port)))


def _told_in(
    text: str, environment: Mapping[str, str]
) -> Iterator[tuple[int, Endpoint, tuple[str, ...]]]:
    """With the numbers of the lines, and the variables that are filled in there."""
    certain = _PERHAPS.sub(lambda block: "\n" * block[0].count("\n"), text)
    for number, whole in enumerate(certain.splitlines(), 1):
        variables: list[str] = []

        def filled(found: re.Match[str], told: list[str] = variables) -> str:
            name = found[1] or found[2]
            told += [name] if name in environment else []
            return environment.get(name, found[0])

        line = _VARIABLE.sub(filled, _COMMENT.sub("", whole))
        for name, port in dict.fromkeys(_called_on(line)):
            yield number, Endpoint("tcp", name, int(port or "0")), tuple(variables)


def _called_on(line: str) -> Iterator[tuple[str, str]]:
    """Names with ports, "" where there is none."""
    for one in _CALLS.finditer(line):
        said = _ENDS.split(line[one.end() : one.end() + _FAR], maxsplit=1)[0]
        if not _SPARE.search(said):
            yield from _AT_PORT.findall(said)
            yield from ((name, "") for name in _WITHOUT_PORT.findall(said))
            if (alone := _ALONE.fullmatch(f"{one[0]}{said}")) is not None:
                yield alone[1], ""
