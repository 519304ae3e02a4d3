"""A protected environment refuses what destroys or disturbs, before anything of it begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Tiny, seatrial

REFUSED = {
    "restart": ("restart", "web", "--system"),
    "fault of a process": ("fault", "kill", "web", "--for", "1s", "--system"),
    "fault of the network": ("fault", "latency", "web", "web", "--by", "1s", "--system"),
    "drill": ("drill",),
    "sweep": ("sweep", "--yes"),
}
ENVIRONMENTS = """
environments:
  local: {provider: local}
  owned: {provider: local, protected: true}
  production: {provider: remote, protected: true, endpoints: {web: "http://127.0.0.1:1"}}
"""


@pytest.mark.parametrize("environment", ["owned", "production"])
@pytest.mark.parametrize("command", REFUSED)
def test_it_is_refused_and_nothing_was_begun(
    tiny: Tiny, tmp_path: Path, command: str, environment: str
) -> None:
    tiny.declare(more=ENVIRONMENTS)
    home = tmp_path / "home"
    words = (*REFUSED[command], str(tiny.folder), "--env", environment)
    done = seatrial(tiny.alone(home), *words)
    assert done.returncode == 2, done.stderr
    assert f"the environment {environment} is protected" in done.stderr
    assert set(home.rglob("*")) <= {home / "d"}
    assert not (tiny.folder / ".seatrial").exists()
