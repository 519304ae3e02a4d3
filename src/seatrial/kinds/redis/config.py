"""What a declaration may say of a Redis server."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from seatrial.declaration.models import ComponentConfig
from seatrial.kinds.versions import Requirement


class RedisConfig(ComponentConfig):
    """A Redis server and the database in it that the system uses."""

    kind: Literal["redis"] = "redis"
    version: Requirement | None = Field(None, description='versions that will do, such as ">=7"')
    database: int = Field(0, ge=0, le=15, description="the number of the database")
    port: int | None = Field(
        None, ge=1, le=65535, description="a fixed port for a native start; a free one if left out"
    )
    start_timeout: float = Field(60.0, gt=0, le=3600, description="seconds until it must be ready")
