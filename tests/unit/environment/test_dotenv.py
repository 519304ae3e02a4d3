"""The variables of a remote environment, filled from a deployment that runs here."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

import pytest

from seatrial.declaration.models import ComponentConfig, EnvironmentConfig, System
from seatrial.environment.dotenv import dotenv
from seatrial.errors import UsageError
from seatrial.kinds.base import Endpoint, Target

ONE = Endpoint.parse("http://127.0.0.1:1001")
TWO = Endpoint.parse("http://127.0.0.1:1002")
BROKER = Endpoint.parse("amqp://me:it's%20secret@127.0.0.1:1003/v")


def system(variables: Mapping[str, Mapping[str, Mapping[str, Mapping[str, str]]]]) -> System:
    return System(
        name="s",
        folder=Path(),
        file=Path("seatrial.yaml"),
        components={},
        environment="local",
        environments={name: EnvironmentConfig(provider="remote") for name in variables},
        python=None,
        variables=variables,
    )


def target(name: str, *endpoints: Endpoint) -> Target:
    return Target(name, "http", ComponentConfig(kind="http"), {"e": endpoints})


def filled(
    fields: Mapping[str, str], *endpoints: Endpoint, remote: str | None = None
) -> dict[str, str]:
    lines = dotenv(system({"far": {"c": {"e": fields}}}), {"c": target("c", *endpoints)}, remote)
    return dict(word.split("=", 1) for line in lines for word in shlex.split(line))


def test_a_url_holds_the_login_unless_it_has_variables_of_its_own() -> None:
    assert filled({"url": "U"}, BROKER) == {"U": BROKER.url}
    assert filled({"url": "U", "user": "N", "password": "P"}, BROKER) == {
        "U": "amqp://127.0.0.1:1003/v",
        "N": "me",
        "P": "it's secret",
    }


def test_replicas_have_variables_of_their_own() -> None:
    assert filled({"url": "A", "url.1": "B"}, ONE, TWO) == {"A": ONE.url, "B": TWO.url}
    assert filled({"url": "A", "url.1": "B"}, ONE) == {"A": ONE.url, "B": ONE.url}


def test_which_remote_environment_is_meant_must_be_clear() -> None:
    two = system({"far": {}, "farther": {}})
    with pytest.raises(UsageError, match="which one") as error:
        dotenv(two, {}, None)
    assert "far, farther" in (error.value.hint or "")
    assert dotenv(two, {}, "far") == []
    with pytest.raises(UsageError, match="'nowhere'"):
        dotenv(two, {}, "nowhere")
