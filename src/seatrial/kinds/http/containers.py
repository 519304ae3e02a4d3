"""HTTP services in containers: told by a health check, a command or a port."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from seatrial.declaration.models import ComponentConfig
from seatrial.kinds.base import Endpoint, Target
from seatrial.kinds.connecting import open_streams
from seatrial.kinds.containers import (
    BY_ELIMINATION,
    BY_SETTINGS,
    Guess,
    InContainers,
    Service,
    port_of,
)
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
#: As these take it, too: behind the first of them.
_CLIENT = re.compile(r"\b(?:curl|wget)\b")
_BARE = re.compile(
    r"(?<!--noproxy)\s['\"]?(?:localhost|127\.0\.0\.1|0\.0\.0\.0)"
    + _PORT_AND_PATH
    + r"(?=['\"\s|;&)#`<>}\\]|$)"
)
#: By hand, in the shell: a page that is asked for behind the first connection.
_CONNECTION = re.compile(r"/dev/tcp/[\w.]+/(\d{1,5})")
_PAGE = re.compile(r"\b(?:GET|HEAD)\s+(/[^\s'\"]*)")
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
#: The colon is that of `--bind 0.0.0.0:8000` and the like.
_OPTION = re.compile(r"(?:--port[= ]|-p |http\.server |:)(\d{2,5})\b")
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
_OF_TLS = (443, 8443)


@dataclass(frozen=True)
class _Asked:
    """What its health check asks of it."""

    port: int | None  # None where only what runs knows it
    path: str  # as it is written: "" where it names none, which asks for /
    secure: bool = False


class _Containers(InContainers):
    told_by = "healthcheck, ports, command"

    def recognise(self, service: Service) -> Guess | None:
        asked = _asked(service)
        port = _port(service, asked)
        if asked is not None and port is not None:
            path = asked.path or "/"
            settings = {"health": path} if path != "/" else {}
            return Guess(f"its health check asks {path}", BY_SETTINGS + 1, settings)
        if not service.ports or _IDLES.search(service.command):
            return None
        if (server := _SERVERS.search(service.command)) is not None:
            return Guess(f"its command: {server[0]}", BY_SETTINGS, unknown=(_NO_HEALTH,))
        if service.image_name in _IMAGES:
            return Guess(service.made_of, BY_SETTINGS, unknown=(_NO_HEALTH,))
        published = any(one.target == port and one.published is not None for one in service.ports)
        if port in (_USUAL if service.built else _OF_WEB) and (published or port != _OF_FPM):
            whose = "built here" if service.built else f"image {service.image}"
            return Guess(f"{whose}, port {port}", BY_ELIMINATION + 1, unknown=(_NO_HEALTH,))
        return None

    def endpoints(
        self, service: Service, config: ComponentConfig, mentioned: Sequence[Endpoint]
    ) -> Mapping[str, Endpoint]:
        asked = _asked(service)
        port = _port(service, asked)
        if port is None:
            return {}
        secure = asked.secure if asked is not None and asked.port == port else port in _OF_TLS
        # Its certificate, if any, is made for the names that it has in the project.
        return {"http": Endpoint("https" if secure else "http", service.name, port, verified=False)}

    def asks_otherwise(self, service: Service) -> bool:
        return _OTHERWISE.search(service.health_check) is not None

    def health_asked(self, service: Service) -> str:
        asked = _asked(service)
        return (asked.path or "/") if asked is not None else ""

    def answers_by_names(self, service: Service) -> bool:
        return service.image_name in _GATEWAYS

    def as_asked(self, service: Service, config: ComponentConfig) -> ComponentConfig:
        """Without the health path that its health check asks of another port, which it alone
        reaches."""
        asked = _asked(service)
        if asked is None or not isinstance(config, HttpConfig) or config.version is not None:
            return config
        if config.health != (asked.path or None):
            return config
        elsewhere = asked.port not in (None, _port(service, asked))
        return config.model_copy(update={"health": None}) if elsewhere else config

    async def meet(self, service: Service, target: Target, deadline: Deadline) -> Guess | None:
        if not await _status(target.endpoint(), "/", deadline.within(_PATIENCE)):
            return None
        because = f"it answers HTTP at port {_port(service, _asked(service))}"
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
        if isinstance(asked := guess.settings.get("health"), str):
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


async def _speaks_otherwise(endpoint: Endpoint, deadline: Deadline, *, listens: bool) -> bool:
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


def _asked(service: Service) -> _Asked | None:
    """None where it asks no page of it by a port."""
    check = service.health_check
    if "--unix-socket" in check:
        return None
    if "/dev/tcp/" in check:  # by hand; a URL in it is that of a header
        return _asked_by_hand(check)
    asked = [_asked_by(url, service, url["scheme"] == "https") for url in _URL.finditer(check)]
    if not asked:
        client = _CLIENT.search(check)
        bare = _BARE.search(check, client.end()) if client is not None else None
        return _asked_by(bare, service) if bare is not None else None
    return next((one for one in asked if one.port in service.heard), asked[0])


def _asked_by_hand(check: str) -> _Asked | None:
    connection = _CONNECTION.search(check)
    page = _PAGE.search(check, connection.end()) if connection is not None else None
    if connection is None or page is None:
        return None
    return _Asked(port_of(connection[1]), page[1])


def _asked_by(url: re.Match[str], service: Service, secure: bool = False) -> _Asked:
    path, usual = url["path"] or "", 443 if secure else 80
    port: int | None = usual
    if url["cut"]:
        port = None
    elif url["port"]:
        port = port_of(service.filled(url["port"]) or "")
    # The beginning of one, where the rest stands elsewhere: `API=http://localhost; curl $API:81/up`
    elif not path and service.heard and usual not in service.heard:
        port = None
    return _Asked(port, path, secure)


def _port(service: Service, asked: _Asked | None) -> int | None:
    """The container's port: where its health check asks, unless nobody else is heard there, and at
    another port of it everybody is; else one of its ports, the one that its command names first;
    else what its command or PORT says."""
    targets = [port.target for port in service.ports]
    if asked is not None and asked.port is not None:
        others = [each for each in targets if each in service.heard]
        if asked.port in targets or asked.port in service.heard or not others:
            return asked.port
        targets = others
    texts = [*_OPTION.findall(service.command), service.environment.get("PORT", "")]
    told = [port for text in texts if (port := port_of(text)) is not None]
    if targets:
        return next((one for one in told if one in targets), targets[0])
    told += service.heard if len(service.heard) == 1 else ()
    return told[0] if told else None


CONTAINERS = _Containers()
