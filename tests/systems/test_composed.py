"""The queue's compose file: every part has limits, and what stays up says whether it is well."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import yaml

from .conftest import QUEUE, Queue

SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((QUEUE / "compose.yaml").read_text())[
    "services"
]
#: A worker answers nobody: that its container runs is what can be seen of it.
LOOKED_AT = sorted(set(SERVICES) - {"migrate", "worker"})


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_memory_and_processors_have_limits(name: str) -> None:
    assert SERVICES[name]["mem_limit"]
    # A whole one at most: an engine refuses more processors than its machine has.
    assert 0 < SERVICES[name]["cpus"] <= 1


@pytest.mark.parametrize("name", LOOKED_AT)
def test_what_stays_up_is_looked_at(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] == "CMD"
    assert {"interval", "retries"} <= set(check)
    for needed in SERVICES[name].get("depends_on", {}).values():
        assert needed["condition"] in ("service_healthy", "service_completed_successfully")


def test_the_check_of_the_api_tells_up_from_down(up: Queue) -> None:
    port = SERVICES["api"]["environment"]["PORT"]
    _, python, *rest, code = SERVICES["api"]["healthcheck"]["test"]
    assert (python, rest) == ("python", ["-c"])
    assert code.count(f":{port}/") == 1
    url = up.seatrial("endpoints").document["api"]["http"]
    there = code.replace(f":{port}/", f":{url.rpartition(':')[2].strip('/')}/")

    def look(what: str) -> int:
        command = [sys.executable, "-c", what]
        return subprocess.run(command, capture_output=True, timeout=30, check=False).returncode

    assert look(there) == 0
    assert look(code.replace(f":{port}/", ":1/")) != 0
