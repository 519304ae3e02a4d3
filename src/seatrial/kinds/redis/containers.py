"""Redis in a container: official images, Valkey, and those built on them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

from seatrial.declaration.models import ComponentConfig
from seatrial.kinds.base import Endpoint
from seatrial.kinds.containers import BY_IMAGE, Guess, InContainers, Service, login_of
from seatrial.kinds.redis.config import RedisConfig

_IMAGES = ("redis", "valkey", "redis-stack", "redis-stack-server", "keydb")
_PASSWORD = ("REDIS_PASSWORD", "VALKEY_PASSWORD")
_REQUIRED = re.compile(r"--requirepass[= ]+['\"]?([^\s'\"]+)")
_NUMBER = re.compile(r"\d{1,4}", re.ASCII)
_PORT = 6379


class _Containers(InContainers):
    data = ("/data", "/bitnami/redis")
    told_by = "ports, command, environment, URLs of other services"

    def recognise(self, service: Service) -> Guess | None:
        if service.image_name in _IMAGES:
            return Guess(f"image {service.image}", BY_IMAGE)
        return None

    def endpoints(
        self, service: Service, config: ComponentConfig, mentioned: Sequence[Endpoint]
    ) -> Mapping[str, Endpoint]:
        """Its command or its variables say the password; else the system's own URLs, which also
        say the database where none is declared."""
        assert isinstance(config, RedisConfig)
        user, password = None, None
        if (required := _required(service)) is not None:
            password = service.filled(required)
        else:
            password = service.value(*_PASSWORD) if "redis-server" not in service.command else None
        if password is None:
            user, password = login_of(mentioned)
            password = password or next((one.password for one in mentioned if one.password), None)
        path = f"/{_database(config, mentioned)}"
        return {"redis": Endpoint("redis", service.name, _PORT, path, user, password)}


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
    found = _REQUIRED.search(service.command)
    return found[1] if found else None


CONTAINERS = _Containers()
