"""What gateways, and those that collect metrics, are told of other services: in their settings, and
in what services announce of themselves in labels."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice

from seatrial.compose.apart import ITSELF
from seatrial.compose.project import Project
from seatrial.compose.settings import settings_of
from seatrial.kinds.base import Endpoint
from seatrial.kinds.containers import Service, port_of

_COMMENT = re.compile(r"(?:^|(?<=[\s;]))#.*")
#: Before those that are called; what else stands in a file may be for browsers, or be compared.
_CALLS = re.compile(
    r"\b\w+_pass\s|(?<![\w-])server(?:-template)?\s"  # nginx, HAProxy
    r"|\b(?:reverse_proxy|forward_auth|php_fastcgi|to)\s"  # Caddy
    r"|\b(?:ProxyPass(?:Match)?|BalancerMember)\s"  # httpd
    r"|\b(?:url|address|targets|replacement)\b"  # Traefik, Prometheus
    r"|^\s*-\s(?=\s*[\"']?[\w.-]+:\d)"  # one of a list
)
#: Variables of nginx, and lines of its maps: they may be called, or be for browsers.
_SETS = re.compile(r"\bset\s+\$\w+\s|^\s*(?:default|[\"'~]\S*)\s+(?=\S+;\s*$)")
_FOR_BROWSERS = re.compile(r"(?i)origin|cors|allow|policy|csp|-src\b")
_MOST = 20  # of these on one line
_ENDS = re.compile(r"[;\]]")
_FAR = 512  # characters behind it in which they stand
_SPARE = re.compile(r"(?<=\s)(?:down|backup|disabled)(?=\s|$)")
#: Around what is read only where something is so, in templates, HAProxy's files and httpd's.
_OPENS = re.compile(r"^\s*\.if|\{\{-?\s*(?:if|with|range)\b|<If\w+")
_CLOSES = re.compile(r"^\s*\.endif|\{\{-?\s*end\b|</If\w+")
_VARIABLE = re.compile(r"\$\{(\w+)\}|\{\$(\w+)(?::[^}]{0,256})?\}")  # nginx' templates, Caddy's
_UPSTREAM = re.compile(r"\bupstream\s+[\"']?([\w.-]+)")
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
    for_many: bool = False  # others may be told so, or call it: those who reach it
    then: str = ""  # what is to be done once it is corrected, behind a comma


def passed_on(project: Project, service: Service) -> Iterator[Told]:
    """Whom its settings say that it calls: names with ports, in URLs or without."""
    called, settings = project.called, settings_of(service)
    own = {name for one in settings for name in _UPSTREAM.findall(one.text)}
    for one in settings:
        shown = os.path.relpath(one.file, project.folder)
        by_another = "__param_target" in one.text  # as the blackbox exporter does it
        for number, url, variables in _told_in(one.text, service.environment):
            if url.port or (url.host not in own and url.host.lower() in called):
                told = replace(url, port=url.port or _USUAL)
                made = f", made with its {', '.join(variables)}" if variables else ""
                has = f"(which {service.name} has at {one.target}{made})"
                then = f"build {service.name} anew" if one.built_in else f"restart {service.name}"
                yield Told(f"{shown}:{number} {has}", told, by_another, f", then {then}")


def announced(project: Project, service: Service) -> Iterator[Told]:
    """At which port gateways that ask the engine, of another project perhaps, are to call it."""
    off = service.labels.get("traefik.enable", "").lower() == "false"
    itself = service.image_name == "traefik"  # its own labels have dummies
    for label in sorted(service.labels) if not (off or itself) else ():
        if _TRAEFIK.fullmatch(label):
            where = f"{label} (a label of {project.entry(service)})"
            yield from _told_of(service, where, service.labels[label])
    environment = service.environment
    own = "VIRTUAL_PORT" not in service.env_files  # which others may be handed, too
    if own and {"VIRTUAL_HOST", "VIRTUAL_PORT"} <= environment.keys():
        where = project.told_at("VIRTUAL_PORT", service)
        yield from _told_of(service, where, environment["VIRTUAL_PORT"])


def _told_of(service: Service, where: str, port: str) -> Iterator[Told]:
    if (number := port_of(port)) is not None:
        yield Told(where, Endpoint("http", service.name, number))


def _told_in(
    text: str, environment: Mapping[str, str]
) -> Iterator[tuple[int, Endpoint, tuple[str, ...]]]:
    """With the numbers of the lines, and the variables that are filled in there."""
    for number, whole in _certain(text):
        variables: list[str] = []

        def filled(found: re.Match[str], told: list[str] = variables) -> str:
            name = found[1] or found[2]
            told += [name] if name in environment else []
            return environment.get(name, found[0])

        line = _VARIABLE.sub(filled, _COMMENT.sub("", whole))
        for name, port in dict.fromkeys(_called_on(line)):
            yield number, Endpoint("tcp", name, int(port or "0")), tuple(variables)


def _certain(text: str) -> Iterator[tuple[int, str]]:
    """The lines that are read in any case, with their numbers."""
    depth = 0
    for number, line in enumerate(text.splitlines(), 1):
        opened = len(_OPENS.findall(line))
        if depth == 0 and not opened:
            yield number, line
        depth = max(0, depth + opened - len(_CLOSES.findall(line)))


def _called_on(line: str) -> Iterator[tuple[str, str]]:
    """Names with ports, "" where there is none."""
    for one in islice(_CALLS.finditer(line), _MOST):
        said = _ENDS.split(line[one.end() : one.end() + _FAR], maxsplit=1)[0]
        if not _SPARE.search(said):
            yield from _AT_PORT.findall(said)
            yield from ((name, "") for name in _WITHOUT_PORT.findall(said))
            if (alone := _ALONE.fullmatch(f"{one[0]}{said}")) is not None:
                yield alone[1], ""
    if (set_ := _SETS.search(line)) is not None and not _FOR_BROWSERS.search(line):
        said = _ENDS.split(line[set_.end() : set_.end() + _FAR], maxsplit=1)[0]
        yield from (one for one in _AT_PORT.findall(said) if not ITSELF.fullmatch(one[0]))
