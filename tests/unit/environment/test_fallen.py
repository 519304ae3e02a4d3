"""What `up` says of a component that was ready, and is up no more once all are."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from seatrial.cli.not_up import fallen
from seatrial.declaration.load import load
from seatrial.environment.deployment import Deployment
from seatrial.errors import KeeperError
from seatrial.evidence.redaction import Redactor
from seatrial.keeper.protocol import ComponentStatus
from seatrial.kinds.registry import KINDS
from seatrial.outcome import Cause, State

DECLARED = """
system: shop
components: {web: {kind: process, run: [x]}, worker: {kind: process, run: [x]}}
"""


class There:
    """As much of a deployment as is asked."""

    redactor = Redactor(["not-for-all"])

    def logs(self, component: str, lines: int) -> tuple[str, ...]:
        return (f"{component} has no use for not-for-all",)


class Mute(There):
    """Its engine is gone, say."""

    def logs(self, component: str, lines: int) -> tuple[str, ...]:
        raise KeeperError("the log cannot be read")


@pytest.mark.parametrize(
    ("known", "cause", "found"),
    [
        ({"detail": "it was killed", "causes": (None, Cause.UNHEALTHY)}, "unhealthy", "it was kil"),
        ({}, "exited", "it is exited soon after"),
    ],
)
def test_the_first_that_is_down_is_told(
    tmp_path: Path, known: dict[str, object], cause: str, found: str
) -> None:
    (tmp_path / "seatrial.yaml").write_text(DECLARED)
    system = load(tmp_path, KINDS, variables={})
    down = {"replicas": (), "endpoints": {}, "by_fault": False, "detail": ""} | known
    statuses = {
        name: ComponentStatus.model_validate(
            {"name": name, "kind": "process", "state": state, "started_in_ms": None, **down}
        )
        for name, state in (("web", State.READY), ("worker", State.EXITED))
    }
    assert fallen(system, cast(Deployment, Mute()), statuses).failure.log == ()
    failure = fallen(system, cast(Deployment, There()), statuses).failure
    assert (failure.component, failure.cause) == ("worker", cause)
    assert failure.found.startswith(found)
    assert failure.log == ("worker has no use for ***",)
