"""What is refused before anything starts: exit 2, what it is, where it stands, and what to do."""

from __future__ import annotations

import pytest

from .conftest import Tiny, seatrial

_FAR = """environments:
  local: {provider: local}
  far:
    provider: remote
    endpoints:
      web: "${FAR_URL}"
"""


@pytest.mark.parametrize("command", ["up", "run", "check", "endpoints"])
@pytest.mark.parametrize(
    "url", ["https://me:hunter2/Xy9@host:8000", "me:hunter2@host", "ftp://me:hunter2@host"]
)
def test_an_address_that_cannot_be_read_is_a_mistake_of_the_declaration(
    tiny: Tiny, command: str, url: str
) -> None:
    tiny.declare(more=_FAR)
    refused = seatrial(tiny, command, str(tiny.folder), "--env", "far", FAR_URL=url)
    told = refused.stdout + refused.stderr
    assert refused.returncode == 2, told
    assert f"{tiny.folder}/seatrial.yaml:10: environments.far.endpoints.web:" in told
    assert "correct FAR_URL" in told
    assert not any(part in told for part in ("hunter2", "Xy9"))
