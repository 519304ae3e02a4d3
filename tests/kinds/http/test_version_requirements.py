"""Version requirements."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from seatrial.kinds.versions import Requirement, satisfies


@pytest.mark.parametrize(
    ("found", "wanted", "met"),
    [
        ("15.18 (Debian 15.18-0+deb12u1)", ">=15", True),
        ("14.9", ">=15", False),
        ("3.10.8", ">=3.10", True),
        ("3.9.1", ">=3.10", False),
        ("3.10", ">=3.10.0", True),
        ("4.0", ">=3.10,<4", False),
        ("15.3", "15", True),
        ("150.3", "15", False),
        ("15.30", "15.3", False),
        ("v1.2.0-rc1", "==1.2", True),
        ("1.2", "!=1.2", False),
        ("1.2", "> 1.1", True),
        ("main", ">=1", None),
        ("", ">=1", None),
    ],
)
def test_satisfies(found, wanted, met):
    assert satisfies(found, wanted) is met


@pytest.mark.parametrize("wrong", ["", "new", ">=", ">=1,", "~1.2", ">=1.x"])
def test_what_is_no_requirement_is_refused(wrong):
    with pytest.raises(ValidationError, match="version requirement"):
        TypeAdapter(Requirement).validate_python(wrong)
