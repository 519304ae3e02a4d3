"""Where one virtual host of a broker is reached, and as whom."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import unquote

from seatrial.kinds.base import Endpoint, Target
from seatrial.kinds.rabbitmq.config import RabbitmqConfig


def vhost_of(endpoint: Endpoint) -> str:
    """The virtual host in an AMQP URL: `/` or nothing is "/", `/%2F` too, `/name` is "name"."""
    return unquote(endpoint.path.partition("?")[0].removeprefix("/")) or "/"


@dataclass(frozen=True)
class Place:
    """Both endpoints of a broker; a remote one may have only one of them."""

    component: str
    vhost: str
    amqp: Endpoint | None
    management: Endpoint | None
    patience: float  # s for one question


def place_of(target: Target) -> Place:
    """The endpoints of a component; a management endpoint without a login has that of AMQP."""
    config = target.config
    assert isinstance(config, RabbitmqConfig)
    amqp = target.endpoint("amqp") if "amqp" in target.endpoints else None
    management = target.endpoint("management") if "management" in target.endpoints else None
    if amqp is not None and amqp.user is None:  # what every AMQP client takes then
        amqp = replace(amqp, user="guest", password="guest")  # noqa: S106
    if management is not None and management.user is None and amqp is not None:
        management = replace(management, user=amqp.user, password=amqp.password)
    vhost = vhost_of(amqp) if amqp is not None else config.vhost
    return Place(target.name, vhost, amqp, management, config.patience)
