"""PostgreSQL with RabbitMQ as testcontainers-python starts them; says `ready`, and ends them."""

from __future__ import annotations

from testcontainers.community.postgres import PostgresContainer
from testcontainers.community.rabbitmq import RabbitMqContainer

with PostgresContainer("postgres:15"), RabbitMqContainer("rabbitmq:3-management"):
    print("ready", flush=True)
