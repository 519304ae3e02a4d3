"""The kind `redis`: a Redis or Valkey server, and the one database in it that the system uses."""

from __future__ import annotations

from seatrial.kinds.base import Kind
from seatrial.kinds.redis.config import RedisConfig

_HERE = "seatrial.kinds.redis"

KIND = Kind(
    name="redis",
    summary="Redis: one database of a server",
    config=RedisConfig,
    endpoints=("redis",),
    schemes={"redis": 6379, "rediss": 6379},
    place="database",
    default_place="0",
    probe_at=f"{_HERE}.probe:probe",
    launch_at=f"{_HERE}.launch:LAUNCH",
    client_at=f"{_HERE}.client:RedisClient",
    server_at=f"{_HERE}.server:installed",
    containers_at=f"{_HERE}.containers:CONTAINERS",
    packages=("redis-server",),
    also_called=("cache", "valkey"),
)
