"""The queue's compose file: every part has limits, and what stays up says whether it is well."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
import yaml

from .conftest import QUEUE, Queue

SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((QUEUE / "compose.yaml").read_text())[
    "services"
]
STAYS = sorted(set(SERVICES) - {"migrate"})


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_memory_and_processors_have_limits(name: str) -> None:
    assert SERVICES[name]["mem_limit"]
    # A whole one at most: an engine refuses more processors than its machine has.
    assert 0 < SERVICES[name]["cpus"] <= 1


@pytest.mark.parametrize("name", STAYS)
def test_what_stays_up_is_looked_at(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] == "CMD"
    assert {"interval", "retries"} <= set(check)
    for needed in SERVICES[name].get("depends_on", {}).values():
        assert needed["condition"] in ("service_healthy", "service_completed_successfully")


@pytest.mark.parametrize(("name", "variable"), [("api", "PORT"), ("worker", "METRICS_PORT")])
def test_the_check_of_a_service_tells_up_from_down(name: str, variable: str, up: Queue) -> None:
    port = SERVICES[name]["environment"][variable]
    _, python, *rest, code = SERVICES[name]["healthcheck"]["test"]
    assert (python, rest) == ("python", ["-c"])
    assert code.count(f":{port}/") == 1
    there = code.replace(f":{port}/", f":{listening(up)[name]}/")

    def look(what: str) -> int:
        command = [sys.executable, "-c", what]
        return subprocess.run(command, capture_output=True, timeout=30, check=False).returncode

    assert look(there) == 0
    assert look(code.replace(f":{port}/", ":1/")) != 0


def listening(queue: Queue) -> dict[str, int]:
    """Where the API answers, and a worker's metrics."""
    said = queue.seatrial("logs", "worker").out.splitlines()
    served = [json.loads(line[line.index("{") :]) for line in said if "metrics served" in line]
    url = queue.seatrial("endpoints").document["api"]["http"]
    return {"api": int(url.rpartition(":")[2].strip("/")), "worker": served[-1]["address"][1]}
