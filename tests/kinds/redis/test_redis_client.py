"""The client for trials, on a server that is started natively, over its kill too."""

from __future__ import annotations

import asyncio
import signal

from seatrial.kinds.redis.client import RedisClient
from seatrial.outcome import Health
from tests.kinds.harness import Running, running
from tests.kinds.redis.conftest import Look, make_config


def test_client_and_its_asynchronous_twin(server: Running) -> None:
    client = RedisClient(server.target)
    client.set("greeting", "hello")

    async def there() -> object:
        try:
            return await client.aio.get("greeting")
        finally:
            await client.aio.aclose()

    try:
        assert asyncio.run(there()) == "hello"
    finally:
        client.close()


def test_its_database_is_the_declared_one(server: Running) -> None:
    one = RedisClient(server.target)
    with running(make_config(database=3), component="other") as other:
        client = RedisClient(other.target)
        client.set("where", "three")
        assert client.connection_pool.connection_kwargs["db"] == 3
        client.close()
    assert one.connection_pool.connection_kwargs["db"] == 0
    one.close()


def test_what_was_written_outlives_a_kill(look: Look) -> None:
    with running(make_config(), component="cache") as server:
        client = RedisClient(server.target)
        client.set("kept", "yes")
        server.end(signal.SIGKILL)
        server.start()
        assert look(server.target).health is Health.HEALTHY
        assert client.get("kept") == "yes"
        client.close()
