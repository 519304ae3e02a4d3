"""Definitions that a started broker loads: the declared ones, and those of our own user."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets

from seatrial.errors import DeploymentError
from seatrial.kinds.launching import Site
from seatrial.kinds.rabbitmq.config import RabbitmqConfig
from seatrial.kinds.rabbitmq.installed import Server
from seatrial.kinds.rabbitmq.management import Management
from seatrial.kinds.trouble import Trouble
from seatrial.waiting import Deadline

_ASKING = 5.0  # s


def definitions_for(site: Site, config: RabbitmqConfig, server: Server) -> dict[str, object]:
    """The declared definitions, with our user, its virtual host and its permissions in them."""
    declared = _declared_definitions(site, config)
    endpoint = site.endpoints["amqp"]
    assert endpoint.password is not None
    user = {
        "name": config.user,
        "password_hash": _hashed(endpoint.password),
        "hashing_algorithm": "rabbit_password_hashing_sha256",
        "tags": "administrator",  # trials read the management API
        "limits": {},
    }
    users = [one for one in _entries(declared, "users") if one.get("name") != config.user]
    vhosts = _entries(declared, "vhosts")
    if not any(one.get("name") == config.vhost for one in vhosts):
        vhosts.append({"name": config.vhost})
    permissions = [
        one for one in _entries(declared, "permissions") if one.get("user") != config.user
    ]
    permissions += [
        {"user": config.user, "vhost": one["name"], "configure": ".*", "write": ".*", "read": ".*"}
        for one in vhosts
    ]
    own = {"users": [*users, user], "vhosts": vhosts, "permissions": permissions}
    return {"rabbit_version": server.version, **declared, **own}


def _declared_definitions(site: Site, config: RabbitmqConfig) -> dict[str, object]:
    if config.definitions is None:
        return {}
    file = site.system_folder / config.definitions
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise DeploymentError(
            f"{site.component}: the definitions in {file} cannot be read: {error}",
            hint="rabbitmqctl export_definitions FILE   (writes such a file)",
        ) from error
    if not isinstance(found, dict):
        raise DeploymentError(f"{site.component}: {file} holds no definitions (a JSON object)")
    return found


def _entries(declared: dict[str, object], key: str) -> list[dict[str, object]]:
    found = declared.get(key, [])
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _hashed(password: str) -> str:
    """As RabbitMQ stores it (salted SHA-256), so that the password itself is in no file."""
    salt = secrets.token_bytes(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


async def see_loaded(site: Site, config: RabbitmqConfig, deadline: Deadline) -> None:
    """Hold what the broker has against the file: it drops what it cannot read without a word.

    Raises DeploymentError.
    """
    api = Management(site.endpoints["management"], deadline.within(_ASKING))
    try:
        found = await api.one("definitions")
    except Trouble as trouble:
        raise DeploymentError(
            f"{site.component}: its definitions cannot be read back: {trouble.found}"
        ) from trouble
    declared = _declared_definitions(site, config)
    missing = [
        f"{kind[:-1]} {name}"
        for kind in ("vhosts", "users", "queues", "exchanges", "policies")
        for vhost, name in sorted(_names(declared, kind) - _names(dict(found), kind))
    ]
    if missing:
        raise DeploymentError(
            f"{site.component}: the broker did not take from {config.definitions}: "
            f"{', '.join(missing)}",
            hint="give each queue its vhost, durable, auto_delete and arguments, each exchange "
            "its type too, or write the file with rabbitmqctl export_definitions",
        )


def _names(definitions: dict[str, object], kind: str) -> set[tuple[str, str]]:
    entries = _entries(definitions, kind)
    return {(str(one.get("vhost", "")), str(one.get("name", ""))) for one in entries}
