"""The kind `rabbitmq`: one virtual host of a RabbitMQ broker, with its management API."""

from __future__ import annotations

from seatrial.kinds.base import Kind
from seatrial.kinds.rabbitmq.config import RabbitmqCleanUp, RabbitmqConfig, RabbitmqExpect

_HERE = "seatrial.kinds.rabbitmq"

KIND = Kind(
    name="rabbitmq",
    summary="RabbitMQ: one virtual host of a broker",
    config=RabbitmqConfig,
    endpoints=("amqp", "management"),
    expect=RabbitmqExpect,
    schemes={"amqp": 5672, "amqps": 5671, "http": 15672, "https": 15671},
    probe_at=f"{_HERE}.probe:probe",
    expectations_at=f"{_HERE}.expect:check",
    launch_at=f"{_HERE}.launch:LAUNCH",
    client_at=f"{_HERE}.client:RabbitmqClient",
    meters_at=f"{_HERE}.meters:read",
    clean_up=RabbitmqCleanUp,
    clean_up_at=f"{_HERE}.clean_up:CLEAN_UP",
    consumers_at=f"{_HERE}.counting:count",
    drills_at=f"{_HERE}.drills:drills",
    place="vhost",
    default_place="/",
    logs_in=True,
    server_at=f"{_HERE}.server:installed",
    containers_at=f"{_HERE}.containers:CONTAINERS",
    packages=("rabbitmq-server",),
    also_called=("queue", "broker", "amqp", "mq", "message_broker", "message_queue"),
)
