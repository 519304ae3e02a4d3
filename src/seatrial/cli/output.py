"""What commands print: results on standard output, progress on standard error."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from time import monotonic

import click
from pydantic import JsonValue

from seatrial.environment.deployment import Deployment
from seatrial.keeper.protocol import ComponentStatus, Event
from seatrial.outcome import State

_COLOURS = {
    State.READY: "green",
    State.DONE: "green",
    State.FAILED: "red",
    State.EXITED: "red",
    State.UNREACHABLE: "red",
    State.PAUSED: "yellow",
    State.STOPPED: "yellow",
}


def colour(text: str, name: str | None, *, err: bool = False) -> str:
    """`text` in a colour, where a terminal shows it and NO_COLOR is not set."""
    stream = sys.stderr if err else sys.stdout
    if name is None or "NO_COLOR" in os.environ or not stream.isatty():
        return text
    return click.style(text, fg=name)


def print_json(document: JsonValue) -> None:
    click.echo(json.dumps(document, indent=2))


class Progress:
    """One plain line on standard error for each state change of a component, and for what keeps it
    from being ready."""

    def __init__(self) -> None:
        self._started = monotonic()

    def __call__(self, event: Event) -> None:
        if event.state is State.WAITING and not event.detail:
            return
        name = event.component if event.replica is None else f"{event.component}[{event.replica}]"
        state = colour(f"{event.state.value:<8}", _COLOURS.get(event.state), err=True)
        line = f"{monotonic() - self._started:6.2f} s  {name:<16} {state} {event.detail}"
        click.echo(line.rstrip(), err=True)


def component_json(status: ComponentStatus) -> dict[str, JsonValue]:
    """A component as `up` and `status` print it; passwords are masked."""
    endpoints: dict[str, JsonValue] = {n: es[0].masked for n, es in status.endpoints.items()}
    document: dict[str, JsonValue] = {
        "kind": status.kind,
        "state": status.state.value,
        "endpoints": endpoints,
        "started_in_ms": None if status.started_in_ms is None else round(status.started_in_ms, 1),
    }
    if len(status.replicas) > 1:
        document["replicas"] = [state.value for state in status.replicas]
    if status.detail:
        document["detail"] = status.detail
    return document


def deployment_json(
    deployment: Deployment, statuses: Mapping[str, ComponentStatus]
) -> dict[str, JsonValue]:
    """What `up --json` and `status --json` promise."""
    apart = deployment.apart
    return {
        "system": deployment.system.name,
        "environment": deployment.system.environment,
        "ready": all(status.state.up for status in statuses.values()),
        "components": {name: component_json(status) for name, status in statuses.items()},
        **({"own_project": list(apart)} if apart else {}),
    }


def tell_changes(deployment: Deployment) -> None:
    """Say on standard error that what runs is not what is declared by now, if it is so."""
    if not deployment.changes:
        return
    click.echo("The declaration has changed since; this is what runs (-), not this (+):", err=True)
    for line in deployment.changes:
        click.echo(f"    {line}", err=True)
    click.echo("To have it as it is declared: seatrial down, then up again.", err=True)


def print_components(statuses: Mapping[str, ComponentStatus]) -> None:
    """A table of components for people."""
    width = max(map(len, statuses), default=0)
    for name, status in statuses.items():
        state = colour(f"{status.state.value:<11}", _COLOURS.get(status.state))
        where = "  ".join(endpoints[0].masked for endpoints in status.endpoints.values())
        up = [s for s in status.replicas if s.up]
        share = f"{len(up)}/{len(status.replicas)}  " if len(status.replicas) > 1 else ""
        line = f"  {name:<{width}}  {status.kind:<9} {state} {share}{where}"
        click.echo(line.rstrip())
        if status.detail:
            click.echo(f"  {'':<{width}}  {status.detail}")
