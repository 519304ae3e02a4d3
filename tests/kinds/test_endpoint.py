"""What is read of an endpoint's URL."""

from __future__ import annotations

import pytest

from seatrial.kinds.base import Endpoint, Kind
from seatrial.kinds.registry import KINDS


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://shop:hunter2/Xy9@db.internal/shop",
        "postgresql://shop:hunter2#Xy9@db.internal/shop",
        "postgresql://shop:hunter2?Xy9@db.internal/shop",
        "postgresql://shop:1234/Xy9@db.internal/shop",
        "postgresql://shop:hunter2[Xy9@db.internal/shop",
    ],
)
def test_a_url_that_cannot_be_read_is_not_quoted(url: str) -> None:
    with pytest.raises(ValueError, match="%2F") as caught:
        Endpoint.parse(url)
    assert not any(part in str(caught.value) for part in ("hunter2", "1234", "Xy9"))
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_what_stands_where_it_may_is_read() -> None:
    assert Endpoint.parse("http://host:80/@me").path == "/@me"
    found = Endpoint.parse("postgresql://a%40b:p%2Fw@host:5432/shop")
    assert (found.user, found.password, found.host, found.port) == ("a@b", "p/w", "host", 5432)


_SERVERS = [kind for kind in KINDS.values() if kind.endpoints]


@pytest.mark.parametrize("kind", _SERVERS, ids=lambda kind: kind.name)
@pytest.mark.parametrize(
    "url", ["me:hunter2@host:1/x", "hunter2", "", "mysql://me:hunter2@host/x", "%s://", "//h:1"]
)
def test_what_is_no_url_of_a_kind_is_refused_and_not_quoted(kind: Kind, url: str) -> None:
    scheme = next(iter(kind.schemes))
    with pytest.raises(ValueError, match=f"{scheme}://|%2F") as caught:
        kind.read(url.replace("%s", scheme))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("kind", _SERVERS, ids=lambda kind: kind.name)
def test_a_url_of_a_kind_has_the_port_of_its_scheme_unless_it_names_one(kind: Kind) -> None:
    for scheme, port in kind.schemes.items():
        assert kind.read(f"{scheme}://h").port == port
        assert kind.read(f"{scheme}://h:5").port == 5


@pytest.mark.parametrize(
    ("user", "password"), [("me", "p@ss/w:rd"), ("me", None), (None, "p@ss/w:rd"), (None, None)]
)
def test_its_own_url_says_all_of_it(user: str | None, password: str | None) -> None:
    """Redis asks for a password and for no user."""
    endpoint = Endpoint("redis", "::1", 6379, "/0", user, password)
    assert Endpoint.parse(endpoint.url) == endpoint
    assert "p@ss" not in endpoint.masked
    assert ("***" in endpoint.masked) == (password is not None)
