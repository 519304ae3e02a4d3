"""What is told of a system that did not come up, before all of it is ended."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress

import click
from pydantic import JsonValue

from seatrial.checks.run import CheckReport, diagnose
from seatrial.cli.check import check_json, print_check
from seatrial.cli.output import deployment_json, print_json
from seatrial.declaration.models import System
from seatrial.environment.commands import instead_of_restart, whole
from seatrial.environment.deployment import Deployment
from seatrial.environment.errors import EnvironmentFailedError
from seatrial.errors import SeatrialError
from seatrial.keeper.log import LOG_TAIL
from seatrial.keeper.protocol import ComponentStatus, Failure
from seatrial.outcome import Cause


def end_and_tell(
    declared: System,
    name: str,
    deployment: Deployment,
    error: EnvironmentFailedError,
    *,
    as_json: bool,
) -> int:
    """Look at everything, for what failed first need not be what is wrong; then end it. Returns the
    exit code."""
    report = asyncio.run(diagnose(declared, deployment.context(), error.failure))
    report, failed = _to_be_ended(declared, name, report, error.failure)
    if as_json:
        print_json(_failed_json(deployment, failed, report))
    elif report.findings or error.failure.component:  # else nothing of it has been started
        print_check(report, deployment.redactor, err=True)
    deployment.down()
    told = not as_json and any(one.found == error.failure.found for one in report.findings)
    click.echo(f"seatrial: {failed.briefly if told else failed}", err=True)
    return failed.exit_code


def fallen(
    declared: System, deployment: Deployment, statuses: Mapping[str, ComponentStatus]
) -> EnvironmentFailedError:
    """Of the first that was ready and is not up any more, though nobody asked for that."""
    name, status = next((n, status) for n, status in statuses.items() if not status.state.up)
    log: tuple[str, ...] = ()
    with suppress(SeatrialError):  # what is known is told though nobody tells the log
        log = tuple(deployment.redactor.redact_lines(deployment.logs(name, LOG_TAIL)))
    failure = Failure(
        component=name,
        cause=next(filter(None, status.causes), Cause.EXITED),
        expected=f"{name} stays up once it is ready",
        found=status.detail or f"it is {status.state} soon after",
        fix=f"seatrial logs {name}   (why did it end?)",
        log=log,
    )
    return EnvironmentFailedError(declared, failure)


def _to_be_ended(
    declared: System, name: str, report: CheckReport, failure: Failure
) -> tuple[CheckReport, EnvironmentFailedError]:
    """Both with what is to be done when nothing of it runs any more."""

    def told(fix: str) -> str:
        return instead_of_restart(whole(fix, declared, name), whole("seatrial up", declared, name))

    failure = failure.model_copy(update={"fix": told(failure.fix)})
    return report.with_fixes(told), EnvironmentFailedError(declared, failure)


def _failed_json(
    deployment: Deployment, error: EnvironmentFailedError, report: CheckReport
) -> dict[str, JsonValue]:
    return {
        **deployment_json(deployment, deployment.statuses()),
        "ready": False,
        "failure": error.failure.model_dump(mode="json"),
        "findings": deployment.redactor.redact_json(check_json(report)["findings"]),
    }
