"""What is read of an endpoint's URL."""

from __future__ import annotations

import pytest

from seatrial.kinds.base import Endpoint


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
