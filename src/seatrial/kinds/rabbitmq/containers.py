"""RabbitMQ in a container: official images and those built on them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote, unquote

from pydantic import BaseModel, ValidationError

from seatrial.declaration.models import ComponentConfig
from seatrial.kinds.base import Endpoint, Target
from seatrial.kinds.containers import BY_IMAGE, BY_SETTINGS, Guess, InContainers, Service, login_of
from seatrial.kinds.rabbitmq.place import place_of
from seatrial.kinds.trouble import Trouble
from seatrial.waiting import Deadline

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_AROUND = re.compile("exporter|operator|client|consumer|publisher|worker")  # of a broker elsewhere
_AMQP, _AMQPS, _MANAGEMENT = 5672, 5671, 15672
_CLIENTS = re.compile(r"\brabbitmq(ctl|admin|-diagnostics)\b")
_SERVER = re.compile(r"\brabbitmq-server\b|docker-entrypoint")
_USER = ("RABBITMQ_DEFAULT_USER", "RABBITMQ_USERNAME")
_PASSWORD = ("RABBITMQ_DEFAULT_PASS", "RABBITMQ_PASSWORD")
_DEAD_LETTERS = "x-dead-letter-exchange"


class _Containers(InContainers):
    told_by = "ports, environment, URLs of other services"

    def recognise(self, service: Service) -> Guess | None:
        guess = None
        calls = service.only_calls(_CLIENTS, _SERVER)
        if "rabbitmq" in service.image_name and not (calls or _AROUND.search(service.image_name)):
            guess = Guess(service.made_of, BY_IMAGE)
        elif any(p.target == _AMQP for p in service.ports) and service.value(*_USER):
            guess = Guess("port 5672 and RABBITMQ_DEFAULT_USER", BY_SETTINGS)
        if guess is None:
            return None
        unseen = "its queues: without the management plugin only those that you declare are seen"
        unknown = () if _has_management(service) else (unseen,)
        return Guess(
            guess.because, guess.strength, unknown=unknown, example=_example(_defined(service))
        )

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
        made = "/" + quote(vhost, safe="") if vhost and vhost != "/" else ""
        same = made and unquote(named).strip("/") == unquote(made).strip("/")  # but for a slash
        path = made if same else named or made
        scheme, port = _where(service, mentioned)
        there = Endpoint(scheme, service.name, port, path, user, password, verified=False)
        found = {"amqp": there}
        if _has_management(service):
            login = (user, password)
            found["management"] = Endpoint("http", service.name, _MANAGEMENT, "", *login)
        return found

    async def settle(self, guess: Guess, target: Target, deadline: Deadline) -> Guess | None:
        """With a queue that is there as the example, where the broker tells of its queues."""
        from seatrial.kinds.rabbitmq.management import Management  # only `init` needs them
        from seatrial.kinds.rabbitmq.reading import read_vhost

        place = place_of(target)
        if place.management is None:
            return guess
        api = Management(place.management, deadline.within(place.patience))
        try:
            queues = (await read_vhost(api, place.vhost)).queues.values()
        except Trouble:
            return guess
        there = {
            one.name: one.text(_DEAD_LETTERS) is not None
            for one in queues
            if one.durable and not one.name.startswith("amq.")
        }
        return replace(guess, example=_example(there)) if there else guess


def _where(service: Service, mentioned: Sequence[Endpoint]) -> tuple[str, int]:
    """With TLS where the system's own URLs ask for nothing else, or it listens only so. Its
    certificate is made for the names and the authority of the project, which nobody outside knows.
    """
    told = [one for one in mentioned if one.scheme.startswith("amqp")]
    if told and all(one.scheme == "amqps" for one in told):
        return "amqps", told[0].port or _AMQPS
    only = _AMQPS in service.heard and _AMQP not in service.heard
    return ("amqps", _AMQPS) if only else ("amqp", _AMQP)


def _example(queues: Mapping[str, bool]) -> str:
    """Of the first queue whose dead letters go somewhere, else of the first."""
    queues = queues or {"orders": True}
    name = next((name for name, dead_letter in queues.items() if dead_letter), next(iter(queues)))
    shown = name if _PLAIN.fullmatch(name) else json.dumps(name)
    dead_letter = ", dead_letter: true" if queues[name] else ""
    return f'{{queues: {{{shown}: {{durable: true, consumers: ">=1"{dead_letter}}}}}}}'


def _defined(service: Service) -> dict[str, bool]:
    """The durable queues of files of definitions, each with whether dead letters go anywhere."""
    found: dict[str, bool] = {}
    for mount in service.mounts:
        if mount.bind and mount.source.endswith(".json") and os.path.isfile(mount.source):
            for one in _read(Path(mount.source)).queues:
                if one.durable:
                    found[one.name] = _DEAD_LETTERS in one.arguments
    return found


class _Queue(BaseModel):
    name: str
    durable: bool = True
    arguments: Mapping[str, object] = {}


class _Definitions(BaseModel):
    queues: tuple[_Queue, ...] = ()


def _read(file: Path) -> _Definitions:
    """Nothing where it holds something else: RabbitMQ will say so."""
    try:
        return _Definitions.model_validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return _Definitions()


def _has_management(service: Service) -> bool:
    """By the image's tag, a port, a file of plugins, or a maker whose images have it on."""
    return (
        "management" in service.tag
        or any(port.target == _MANAGEMENT for port in service.ports)
        or any("enabled_plugins" in mount.target for mount in service.mounts)
        or service.image.startswith("bitnami/")
    )


CONTAINERS = _Containers()
