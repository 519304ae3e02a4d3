"""Redis in a container: official images, Valkey, and those built on them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

from seatrial.declaration.models import ComponentConfig
from seatrial.kinds.base import Endpoint
from seatrial.kinds.containers import (
    BY_IMAGE,
    Guess,
    InContainers,
    Service,
    content_of,
    login_of,
    port_of,
    says_something,
)
from seatrial.kinds.redis.config import RedisConfig
from seatrial.kinds.redis.wire import SECURE, UNVERIFIED

_IMAGES = (
    "redis",
    "redis-stack",
    "redis-stack-server",
    "redismod",
    "rejson",
    "valkey",
    "keydb",
    "dragonfly",
    "garnet",
)
_CLIENTS = re.compile(r"\b(redis-cli|valkey-cli|redis-benchmark|redis-sentinel)\b|--sentinel\b")
_SERVER = re.compile(r"\b(redis|valkey|keydb)-server\b(?!.*--sentinel)")
_PASSWORD = ("REDIS_PASSWORD", "VALKEY_PASSWORD")
#: Further options, as images take them.
_OPTIONS = ("REDIS_ARGS", "REDIS_EXTRA_FLAGS", "VALKEY_EXTRA_FLAGS")
_REQUIRED = re.compile(r"--requirepass[= ]+['\"]?([^\s'\"]+)")
_FILE = re.compile(r"(?<!\S)/\S+\.conf(?!\S)")
_SETTING = r"^[ \t]*{}[ \t]+(?:\"([^\"\n]*)\"|'([^'\n]*)'|(\S+))"
_LONGEST_FILE = 1_000_000  # characters; the one that Redis brings along has a tenth
_NUMBER = re.compile(r"\d{1,4}", re.ASCII)
_PORT_TOLD = r"--{}[= ]+(\d{{1,5}})(?!\S)"
_PORT = 6379


class _Containers(InContainers):
    told_by = "ports, command, its file, environment, URLs of other services"

    def recognise(self, service: Service) -> Guess | None:
        if service.image_name in _IMAGES and not service.only_calls(_CLIENTS, _SERVER):
            return Guess(service.made_of, BY_IMAGE)
        return None

    def endpoints(
        self, service: Service, config: ComponentConfig, mentioned: Sequence[Endpoint]
    ) -> Mapping[str, Endpoint]:
        """Its command, the file that it names, or its variables say the password; else the system's
        own URLs, which also say the database where none is declared."""
        assert isinstance(config, RedisConfig)
        user, password = None, None
        if (required := _required(service)) is not None:
            password = service.filled(required)
        elif "redis-server" in service.command:
            password = _told_there(service, "requirepass")
        else:
            told = service.value(*_PASSWORD)
            password = told if says_something(told) else None
        if password is None:
            user, password = login_of(mentioned)
            password = password or next((one.password for one in mentioned if one.password), None)
        scheme, port = _where(service, mentioned)
        path = f"/{_database(config, mentioned)}" + (f"?{UNVERIFIED}" if scheme == SECURE else "")
        return {"redis": Endpoint(scheme, service.name, port, path, user, password)}


def _database(config: RedisConfig, mentioned: Sequence[Endpoint]) -> int:
    if "database" in config.model_fields_set:
        return config.database
    numbers = (one.path.partition("?")[0].strip("/") for one in mentioned)
    return next((int(one) for one in numbers if _NUMBER.fullmatch(one)), config.database)


def _required(service: Service) -> str | None:
    for words in service.commands[:1]:
        if service.command.endswith(" ".join(words)):  # not made of an earlier file
            for option, value in pairwise(words):
                if option == "--requirepass":
                    return value
    found = _REQUIRED.search(_options(service))
    return found[1] if found else None


def _options(service: Service) -> str:
    return " ".join((service.command, *(service.value(one) or "" for one in _OPTIONS)))


def _where(service: Service, mentioned: Sequence[Endpoint]) -> tuple[str, int]:
    """Scheme and port: with TLS where it serves nothing else, or the system's own URLs say so. Its
    certificate is made for the names and the authority of the project, which nobody outside knows.
    """
    plain, secure = _port(service, "port"), _port(service, "tls-port")
    told = next(iter(mentioned), None)
    if told is not None and told.scheme == SECURE:
        return SECURE, secure or told.port or plain or service.usual(_PORT)
    if plain == 0 and secure:
        return SECURE, secure
    return "redis", plain or service.usual(_PORT)


def _port(service: Service, setting: str) -> int | None:
    """None where it is not set, 0 where none is served."""
    told = re.search(_PORT_TOLD.format(setting), _options(service))
    number = told[1] if told else _told_there(service, setting) or ""
    return 0 if number == "0" else port_of(number)


def _told_there(service: Service, setting: str) -> str | None:
    """By the file of settings that its command names, where it is mounted; the last word counts."""
    for path in _FILE.findall(service.command):
        if (file := service.mounted(path)) is not None:
            pattern = re.compile(_SETTING.format(setting), re.MULTILINE | re.IGNORECASE)
            said = pattern.findall(content_of(file, _LONGEST_FILE) or "")
            return next(filter(None, said[-1]), None) if said else None
    return None


CONTAINERS = _Containers()
