"""Fixtures of the tests that need no server."""

from __future__ import annotations

import socket

import pytest

from quantum_queue.contracts.settings import Settings


@pytest.fixture
def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def settings(closed_port: int) -> Settings:
    """Settings whose database and broker are away: connections are refused at once."""
    return Settings(
        database_url=f"postgresql://user:correct-horse@127.0.0.1:{closed_port}/db",
        rabbitmq_url=f"amqp://user:battery-staple@127.0.0.1:{closed_port}/",
    )
