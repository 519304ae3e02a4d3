"""Sets a broker up for a test, through its management API; the code under test only reads."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from seatrial.kinds.base import Endpoint


@dataclass
class Admin:
    endpoint: Endpoint
    vhost: str
    users: list[str] = field(default_factory=list)

    def call(self, method: str, path: str, body: object | None = None) -> Any:
        login = f"{self.endpoint.user}:{self.endpoint.password}".encode()
        request = urllib.request.Request(  # noqa: S310 (an http URL of our own)
            f"{self.endpoint.without_login.url}/api/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Content-Type": "application/json",
                "Authorization": f"Basic {base64.b64encode(login).decode()}",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.read().decode()}") from error

    def put(self, path: str, body: object) -> None:
        self.call("PUT", path, body)

    def delete(self, path: str) -> None:
        self.call("DELETE", path)

    def permit(self, user: str, pattern: str = ".*") -> None:
        rights = {"configure": pattern, "write": pattern, "read": pattern}
        self.put(f"permissions/{self.vhost}/{user}", rights)

    def user(self, name: str, tags: str = "") -> None:
        self.users.append(name)
        self.put(f"users/{name}", {"password": "a-made-up-password", "tags": tags})

    def forget(self) -> None:
        """Remove the virtual host, and the users that were made here."""
        self.delete(f"vhosts/{self.vhost}")
        for name in self.users:
            self.delete(f"users/{name}")

    def queue(
        self,
        name: str,
        *,
        durable: bool = True,
        auto_delete: bool = False,
        arguments: dict[str, object] | None = None,
    ) -> None:
        body = {"durable": durable, "auto_delete": auto_delete, "arguments": arguments or {}}
        self.put(f"queues/{self.vhost}/{quote(name, safe='')}", body)

    def exchange(
        self,
        name: str,
        kind: str = "direct",
        *,
        durable: bool = True,
        arguments: dict[str, object] | None = None,
    ) -> None:
        body = {"type": kind, "durable": durable, "arguments": arguments or {}}
        self.put(f"exchanges/{self.vhost}/{name}", body)

    def bind(
        self,
        exchange: str,
        destination: str,
        key: str = "",
        *,
        arguments: dict[str, object] | None = None,
        to: str = "q",
    ) -> None:
        body = {"routing_key": key, "arguments": arguments or {}}
        self.call("POST", f"bindings/{self.vhost}/e/{exchange}/{to}/{destination}", body)

    def policy(
        self,
        name: str,
        pattern: str,
        definition: dict[str, object],
        *,
        priority: int = 0,
        apply_to: str = "queues",
        operator: bool = False,
    ) -> None:
        kind = "operator-policies" if operator else "policies"
        body = {"pattern": pattern, "definition": definition, "priority": priority}
        self.put(f"{kind}/{self.vhost}/{name}", {**body, "apply-to": apply_to})

    def publish(self, queue: str, text: str, **properties: object) -> None:
        body = {
            "properties": {"delivery_mode": 2, **properties},
            "routing_key": queue,
            "payload": text,
            "payload_encoding": "string",
        }
        self.call("POST", f"exchanges/{self.vhost}/amq.default/publish", body)
