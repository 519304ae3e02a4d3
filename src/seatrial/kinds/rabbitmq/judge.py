"""Makes check results about one virtual host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from seatrial.kinds.base import CheckResult
from seatrial.outcome import Cause, Outcome, Priority


@dataclass(frozen=True)
class Judge:
    """Makes results about one component. `unread`: why the virtual host could not be read."""

    component: str
    vhost: str
    unread: str = ""
    unread_fix: str = ""
    consumers: Mapping[str, str] = field(default_factory=dict)  # queue -> who should consume it

    def result(
        self,
        what: str,
        title: str,
        priority: Priority,
        cause: Cause,
        *,
        met: bool,
        expected: str,
        found: str,
        fix: str = "",
    ) -> CheckResult:
        return CheckResult(
            id=f"{self.component}.{what}",
            component=self.component,
            title=title,
            priority=priority,
            outcome=Outcome.PASSED if met else Outcome.FAILED,
            cause=None if met else cause,
            expected=expected,
            found=found,
            fix="" if met else fix,
        )

    def unseen(
        self, what: str, title: str, priority: Priority, found: str, fix: str
    ) -> CheckResult:
        return CheckResult(
            id=f"{self.component}.{what}",
            component=self.component,
            title=title,
            priority=priority,
            outcome=Outcome.NOT_MEASURED,
            cause=Cause.NOT_MEASURED,
            expected=title,
            found=found,
            fix=fix,
        )

    def redeclare(self, place: str, delete: str) -> str:
        """What to do about something that is not as declared, and cannot be changed in place."""
        return (
            f"delete it ({delete}) and let its owner declare it again, "
            f"or correct expect.{self.component}.{place}"
        )


def same(wanted: object, found: object) -> bool:
    if isinstance(wanted, bool) or isinstance(found, bool):
        return wanted is found
    return wanted == found


def shown(value: object) -> str:
    if value is None:
        return "not set"
    return str(value).lower() if isinstance(value, bool) else str(value)
