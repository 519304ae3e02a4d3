"""What a trial talks to Redis with: the usual driver, with short time limits."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import redis
import redis.asyncio

from seatrial.kinds.base import Target
from seatrial.kinds.redis.config import RedisConfig
from seatrial.kinds.redis.wire import SECURE, database_of, verified

_SECONDS = 5.0  # for a connection, and for an answer


class RedisClient(redis.Redis):
    """redis.Redis on the component's database; answers are text. Its async twin is at `.aio`."""

    def __init__(self, target: Target) -> None:
        endpoint, config = target.endpoint(), target.config
        assert isinstance(config, RedisConfig)
        self._settings: dict[str, Any] = {
            "host": endpoint.host,
            "port": endpoint.port,
            "db": database_of(endpoint, config.database),
            "username": endpoint.user,
            "password": endpoint.password,
            "ssl": endpoint.scheme == SECURE,
            "ssl_cert_reqs": "required" if verified(endpoint) else "none",
            "ssl_check_hostname": verified(endpoint),
            "decode_responses": True,
            "socket_timeout": _SECONDS,
            "socket_connect_timeout": _SECONDS,
        }
        super().__init__(**self._settings)

    def __repr__(self) -> str:
        return f"<RedisClient {self._settings['host']}:{self._settings['port']}>"

    @cached_property
    def aio(self) -> redis.asyncio.Redis:
        """Close it with `await aio.aclose()`."""
        return redis.asyncio.Redis(**self._settings)
