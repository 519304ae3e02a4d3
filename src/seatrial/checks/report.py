"""What one pass of checks found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from seatrial.evidence.records import ComponentHealth, Expectation, FindingBody
from seatrial.outcome import ExitCode, Outcome, Priority, exit_code_of

#: Outcomes that leave open whether the expectation holds.
_OPEN = (Outcome.NOT_MEASURED, Outcome.SKIPPED)


@dataclass(frozen=True)
class CheckReport:
    """Components and expectations in the order of the declaration, findings most urgent first."""

    duration_ms: float
    components: tuple[ComponentHealth, ...]
    expectations: tuple[Expectation, ...]
    findings: tuple[FindingBody, ...]

    def with_fixes(self, told: Callable[[str], str]) -> CheckReport:
        """The same in which each fix is what `told` makes of it."""
        return replace(
            self,
            findings=tuple(f.model_copy(update={"fix": told(f.fix)}) for f in self.findings),
            expectations=tuple(
                e.model_copy(update={"fix": told(e.fix)}) for e in self.expectations
            ),
        )

    @property
    def ok(self) -> bool:
        """No finding at p1, and nothing at p1 that was not measured."""
        return self.exit_code is ExitCode.GO

    @property
    def exit_code(self) -> ExitCode:
        outcomes = {e.outcome for e in self.expectations if e.priority is Priority.P1}
        exits = {exit_code_of(f.cause) for f in self.findings if f.priority is Priority.P1}
        if Outcome.ERRORED in outcomes:
            return ExitCode.CRASHED
        for code in (ExitCode.DOWN, ExitCode.FAILED):
            if code in exits:
                return code
        if exits or outcomes & set(_OPEN):
            return ExitCode.INCONCLUSIVE
        return ExitCode.GO
