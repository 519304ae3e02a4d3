"""RabbitMQ in a container: official images and those built on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from seatrial.declaration.models import ComponentConfig
from seatrial.kinds.base import Endpoint
from seatrial.kinds.containers import BY_IMAGE, BY_SETTINGS, Guess, InContainers, Service, login_of

_AMQP, _MANAGEMENT = 5672, 15672
_USER = ("RABBITMQ_DEFAULT_USER", "RABBITMQ_USERNAME")
_PASSWORD = ("RABBITMQ_DEFAULT_PASS", "RABBITMQ_PASSWORD")


class _Containers(InContainers):
    data: tuple[str, ...] = ("/var/lib/rabbitmq", "/bitnami/rabbitmq")

    def recognise(self, service: Service) -> Guess | None:
        guess = None
        if "rabbitmq" in service.image_name:
            guess = Guess(f"image {service.image}", BY_IMAGE)
        elif any(p.target == _AMQP for p in service.ports) and service.value(*_USER):
            guess = Guess("port 5672 and RABBITMQ_DEFAULT_USER", BY_SETTINGS)
        if guess is None or _has_management(service):
            return guess
        unknown = "its queues: without the management plugin only those that you declare are seen"
        return Guess(guess.because, guess.strength, unknown=(unknown,))

    def endpoints(
        self, service: Service, config: ComponentConfig, mentioned: Sequence[Endpoint]
    ) -> Mapping[str, Endpoint]:
        """As the image is told to make its user; else as the system's own URLs say."""
        user, password = service.value(*_USER), service.value(*_PASSWORD)
        if user is None:
            user, password = login_of(mentioned)
        if user is None:
            user, password = "guest", "guest"
        named = next((path for m in mentioned if len(path := m.path.partition("?")[0]) > 1), "")
        vhost = service.value("RABBITMQ_DEFAULT_VHOST", "RABBITMQ_VHOST")
        path = named or ("/" + quote(vhost, safe="") if vhost and vhost != "/" else "")
        found = {"amqp": Endpoint("amqp", service.name, _AMQP, path, user, password)}
        if _has_management(service):
            login = (user, password)
            found["management"] = Endpoint("http", service.name, _MANAGEMENT, "", *login)
        return found


def _has_management(service: Service) -> bool:
    """By the image's tag, a port, a file of plugins, or a maker whose images have it on."""
    return (
        "management" in service.tag
        or any(port.target == _MANAGEMENT for port in service.ports)
        or any("enabled_plugins" in mount.target for mount in service.mounts)
        or service.image.startswith("bitnami/")
    )


CONTAINERS = _Containers()
