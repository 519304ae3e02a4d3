"""Why an environment did not come up."""

from __future__ import annotations

from seatrial.declaration.models import System
from seatrial.errors import DeploymentError
from seatrial.keeper.protocol import Failure


class EnvironmentFailedError(DeploymentError):
    """A component did not become ready; `failure` names it, with cause and last log lines."""

    def __init__(self, system: System, failure: Failure) -> None:
        self.failure = failure
        log = "".join(f"\n    | {line}" for line in failure.log)
        who = f": {failure.component}" if failure.component else ""
        why = f" ({failure.cause})" if failure.cause else ""
        head = f"{system.name} did not come up in {system.environment}{who}{why}"
        #: Where a report has told the rest of it.
        self.briefly = f"{head}{log}"
        super().__init__(
            f"{head}\n  expected: {failure.expected}\n  found: {failure.found}{log}",
            hint=failure.fix,
        )
