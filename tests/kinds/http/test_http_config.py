"""What a declaration may not say of an HTTP service."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from seatrial.kinds.http.config import HttpConfig


@pytest.mark.parametrize(
    ("path", "says"),
    [("health", "begins with"), ("/a b", "begins with"), ("/\u00e9?x=1", r"/%C3%A9\?x=1")],
)
def test_a_path_that_cannot_be_asked_for_is_refused(path: str, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        HttpConfig(health=path)
    assert HttpConfig(health="/%C3%A9?x=1").health == "/%C3%A9?x=1"
