"""HTTP services in containers: told by a health check, a command or a port."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace

from seatrial.declaration.models import ComponentConfig
from seatrial.kinds.base import Endpoint, Target
from seatrial.kinds.connecting import open_streams
from seatrial.kinds.containers import BY_ELIMINATION, BY_SETTINGS, Guess, InContainers, Service
from seatrial.kinds.http.config import HttpConfig
from seatrial.kinds.http.wire import get
from seatrial.kinds.resolving import Unresolved
from seatrial.kinds.trouble import Trouble
from seatrial.waiting import Deadline

_PATH = r"(?P<path>/[^\s'\"|;&)#?`<>}\\]*(?:\?[^\s'\"|;)#`<>}\\]*)?)?"
#: `cut`: behind a colon stands what only a program makes a port of.
_PORT_AND_PATH = r"(?P<cut>:(?!\d|\$\w|\$\{))?(:(?P<port>\d{1,5}|\$\w+|\$\{[^}]*\}))?" + _PATH
_URL = re.compile(
    r"(?<!\w=)(?P<scheme>https?)://(localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\]|\$\{?HOSTNAME\}?)"
    + _PORT_AND_PATH
)
#: As curl and wget take it, too.
_BARE = re.compile(
    r"\b(?:curl|wget)\b.*?\s['\"]?(?P<scheme>)(?:localhost|127\.0\.0\.1|0\.0\.0\.0)"
    + _PORT_AND_PATH
    + r"(?=['\"\s|;&)#`<>}\\]|$)",
    re.DOTALL,
)
_BY_HAND = re.compile(
    r"(?P<scheme>)/dev/tcp/[\w.]+/(?P<cut>)(?P<port>\d{1,5}).*?\b(?:GET|HEAD)\s+(?P<path>/[^\s'\"]*)",
    re.DOTALL,
)
_SERVERS = re.compile(
    r"\b(uvicorn|gunicorn|hypercorn|daphne|granian|waitress-serve|runserver|flask run|fastapi run"
    r"|http\.server|puma|rails s|rails server|next start|vite|node|npm|yarn|pnpm)\b"
)
#: Headers, logins, methods and names that curl, wget and the like are told to ask with; and where
#: another status than 2xx is meant to come.
_OTHERWISE = re.compile(
    r"(?<!\S)(-[HuXdI]|-[a-zA-Z]*[HuXdI](?=\s)|--(header|user|request|data|resolve|connect-to|cert"
    r"|post-data|user-agent|http-user|method|head|oauth2-bearer)\b)|headers\s*=|http_code|\|\s*grep\b"
)
_GATEWAYS = ("nginx", "nginx-proxy", "openresty", "caddy", "httpd", "traefik", "haproxy", "envoy")
_IMAGES = (*_GATEWAYS, "adminer", "whoami", "httpbin")
_OPTION = re.compile(r"(?:--port[= ]|-p |--bind[= ]\S*?:|-b \S*?:|http\.server |:)(\d{2,5})\b")
_HEALTH = (
    *("/health", "/healthz", "/api/health", "/health/ready", "/readyz", "/status", "/ping"),
    "/actuator/health",  # of Spring
)
_PATIENCE = 2.0  # s for one answer
#: Ports of what one builds oneself; and those behind which ready-made images have hardly anything
#: but HTTP, as a look at some hundred public compose files shows.
_USUAL = {80, 3000, 4000, 5000, 5173, 9000, 9090, *range(8000, 9000)}
#: There for people to work in, who start what listens.
_IDLES = re.compile(r"\b(?:sleep (?:inf|infinity|\d{4,})|tail -f /dev/null)(?!\S)")
_OF_FPM = 9000  # of PHP, which speaks FastCGI to a gateway
_OF_WEB = {80, 3000, 8000, 8080, 9090}


class _Containers(InContainers):
    told_by = "healthcheck, ports, command"

    def recognise(self, service: Service) -> Guess | None:
        asked = _asked(service)
        if asked is not None and _port(service) is not None:
            path = asked["path"] or "/"
            settings = {"health": path} if path != "/" else {}
            return Guess(f"its health check asks {path}", BY_SETTINGS + 1, settings)
        if not service.ports or _IDLES.search(service.command):
            return None
        if (server := _SERVERS.search(service.command)) is not None:
            return Guess(f"its command: {server[0]}", BY_SETTINGS, unknown=(_NO_HEALTH,))
        if service.image_name in _IMAGES:
            return Guess(service.made_of, BY_SETTINGS, unknown=(_NO_HEALTH,))
        port = _port(service)
        published = any(one.target == port and one.published is not None for one in service.ports)
        if port in (_USUAL if service.built else _OF_WEB) and (published or port != _OF_FPM):
            whose = "built here" if service.built else f"image {service.image}"
            return Guess(f"{whose}, port {port}", BY_ELIMINATION + 1, unknown=(_NO_HEALTH,))
        return None

    def endpoints(
        self, service: Service, config: ComponentConfig, mentioned: Sequence[Endpoint]
    ) -> Mapping[str, Endpoint]:
        port = _port(service)
        if port is None:
            return {}
        # Its certificate, if any, is made for the names that it has in the project.
        return {"http": Endpoint(_scheme(service, port), service.name, port, verified=False)}

    def asks_otherwise(self, service: Service) -> bool:
        return _OTHERWISE.search(service.health_check) is not None

    def health_asked(self, service: Service) -> str:
        asked = _asked(service)
        return (asked["path"] or "/") if asked is not None else ""

    def answers_by_names(self, service: Service) -> bool:
        return service.image_name in _GATEWAYS

    def as_asked(self, service: Service, config: ComponentConfig) -> ComponentConfig:
        """Without the health path that its health check asks of another port, which it alone
        reaches."""
        asked = _asked(service)
        if asked is None or not isinstance(config, HttpConfig) or config.version is not None:
            return config
        if config.health != asked["path"]:
            return config
        elsewhere = _number(service, asked) not in (None, _port(service))
        return config.model_copy(update={"health": None}) if elsewhere else config

    async def meet(self, service: Service, target: Target, deadline: Deadline) -> Guess | None:
        if not await _status(target.endpoint(), "/", deadline.within(_PATIENCE)):
            return None
        because = f"it answers HTTP at port {_port(service)}"
        return await self.settle(
            Guess(because, BY_SETTINGS, unknown=(_NO_HEALTH,)), target, deadline
        )

    async def settle(self, guess: Guess, target: Target, deadline: Deadline) -> Guess | None:
        """A health path that answers well, where none was known, or its health check asks it of
        another port; None for what speaks no HTTP, or to nobody but its own health check."""
        said = target.provider
        if said.own_check.alone and not said.listening.unheard:
            return None
        endpoint = target.endpoint()
        if (asked := guess.settings.get("health")) is not None:
            if await _status(endpoint, asked, deadline.within(_PATIENCE)) != 404:
                return guess
            settings = {name: v for name, v in guess.settings.items() if name != "health"}
            guess = replace(guess, settings=settings, unknown=(*guess.unknown, _NO_HEALTH))
        listens = said.listening.heard and not said.by_names
        if await _speaks_otherwise(endpoint, deadline.within(_PATIENCE), listens=listens):
            return None
        path = await _health_path(endpoint, deadline)
        if path is None:
            return guess
        because = f"{guess.because}; GET {path} answers 200"
        return Guess(because, guess.strength, {**guess.settings, "health": path})


_NO_HEALTH = "its health path: any answer below 500 to GET / counts as healthy (health: /PATH)"


async def _speaks_otherwise(
    endpoint: Endpoint, deadline: Deadline, *, listens: bool = False
) -> bool:
    """Whether something answers that is no HTTP. A hang-up tells nothing, unless the program in the
    container `listens`: before, a port that the engine publishes takes connections and ends them.
    """
    if endpoint.scheme != "http":
        return False
    try:
        async with asyncio.timeout(deadline.remaining()):
            reader, writer = await open_streams(endpoint.host, endpoint.port)
            try:
                writer.write(b"GET / HTTP/1.0\r\n\r\n")
                said = await reader.read(5)
            finally:
                writer.transport.abort()
    except ConnectionError:
        return listens
    except (OSError, Unresolved):  # a time-out is an OSError
        return False
    return listens if said == b"" else not b"HTTP/".startswith(said)


async def _health_path(endpoint: Endpoint, deadline: Deadline) -> str | None:
    """The first usual health path that answers 200, unless every path does."""
    nowhere = f"/{secrets.token_hex(8)}"
    statuses = await asyncio.gather(
        *(_status(endpoint, path, deadline.within(_PATIENCE)) for path in (nowhere, *_HEALTH))
    )
    if statuses[0] == 200:
        return None
    return next((p for p, status in zip(_HEALTH, statuses[1:], strict=True) if status == 200), None)


async def _status(endpoint: Endpoint, path: str, deadline: Deadline) -> int:
    try:
        return (await get(endpoint, path, deadline)).status
    except Trouble:
        return 0


def _scheme(service: Service, port: int) -> str:
    asked = _asked(service)
    if asked is not None and port == _number(service, asked):
        return asked["scheme"] or "http"
    return "https" if port in (443, 8443) else "http"


def _asked(service: Service) -> re.Match[str] | None:
    """What its health check asks of it, where it does by a port."""
    check = service.health_check
    if "--unix-socket" in check:
        return None
    if "/dev/tcp/" in check:  # by hand; a URL in it is that of a header
        return _BY_HAND.search(check)
    asked = list(_URL.finditer(check))
    heard = (one for one in asked if _number(service, one) in service.heard)
    return next(heard, asked[0] if asked else _BARE.search(check))


def _number(service: Service, asked: re.Match[str]) -> int | None:
    """The port that it asks; None for a variable of the container that is not known."""
    if asked["cut"]:
        return None
    if not asked["port"]:
        usual = {"http": 80, "https": 443}[asked["scheme"] or "http"]
        elsewhere = not asked["path"] and service.heard and usual not in service.heard
        return None if elsewhere else usual  # `API=http://localhost; curl $API:8000/up`
    told = service.filled(asked["port"]) or ""
    return int(told) if told.isdecimal() else None


def _port(service: Service) -> int | None:
    """The container's port: where its health check asks, unless nobody else is heard there, and at
    another port of it everybody is; else one of its ports, the one that its command names first;
    else what its command or PORT says."""
    targets = [port.target for port in service.ports]
    asked = _asked(service)
    if asked is not None and (number := _number(service, asked)) is not None:
        others = [each for each in targets if each in service.heard]
        if number in targets or number in service.heard or not others:
            return number
        targets = others
    told = [int(number) for number in _OPTION.findall(service.command)]
    if service.environment.get("PORT", "").isdecimal():
        told.append(int(service.environment["PORT"]))
    if targets:
        return next((one for one in told if one in targets), targets[0])
    told += service.heard if len(service.heard) == 1 else ()
    return told[0] if told else None


CONTAINERS = _Containers()
