"""The fixture `component`: the typed client of a component, opened on first use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from seatrial.errors import UsageError
from seatrial.kinds.base import Target, load
from seatrial.plugin.recorder import Exchange


class Clients:
    """`component("api")` is the client of the component `api`; `.aio` on it is its async twin."""

    def __init__(
        self,
        targets: dict[str, Target],
        environment: str,
        require: Callable[[str], None],
        seen: Callable[[Exchange], None] | None,
    ) -> None:
        """`require` is told which component is asked for; `seen` of every request, if given."""
        self._targets, self._environment = targets, environment
        self._require, self._seen = require, seen
        self._open: dict[str, Any] = {}

    def __call__(self, name: str) -> Any:
        """Raises UsageError for a component that is not there or has no client. Skips the trial
        where this environment gives it no endpoint."""
        self._require(name)
        target = self._targets[name]
        make = load(target.kind).client
        if make is None:
            raise UsageError(
                f"a {target.kind} has no client, so {name} cannot be talked to",
                hint=f'a trial that only needs it is marked needs("{name}")',
            )
        if not target.endpoints:
            pytest.skip(f"{name} has no endpoint in the environment {self._environment}")
        if name not in self._open:
            self._open[name] = self._opened(make(target))
        return self._open[name]

    def prepare(self) -> None:
        """Import the clients' modules, so that the first trial does not pay for it."""
        for target in self._targets.values():
            if target.endpoints:
                _ = load(target.kind).client

    def _opened(self, client: Any) -> Any:
        subscribe = getattr(client, "on_exchange", None)
        if self._seen is not None and subscribe is not None:
            subscribe(self._seen)
        return client

    def close(self) -> None:
        for client in self._open.values():
            close = getattr(client, "close", None)
            if close is not None:
                close()
        self._open.clear()
