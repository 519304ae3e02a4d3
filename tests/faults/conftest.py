"""The tiny system of real processes that the plugin's tests use, and the way between its parts."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from seatrial.environment.deployment import Deployment
from tests.plugin.conftest import home as home
from tests.plugin.conftest import up as up
from tests.plugin.conftest import warm as warm
from tests.plugin.conftest import yard as yard


@pytest.fixture
def asked(up: Deployment) -> Callable[[], str]:
    """What the worker would get of `web`: "200", or the error's name."""
    return lambda: ask(up)


def ask(deployment: Deployment, timeout: float = 0.5) -> str:
    (pid,) = deployment.statuses()["worker"].pids
    environ = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    (url,) = (one[4:].decode() for one in environ if one.startswith(b"WEB="))
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:  # noqa: S310
            return str(answer.status)
    except OSError as error:
        return type(getattr(error, "reason", error)).__name__
