"""What to do about a component that is not well although what it depends on is.

"The API says that its database is disconnected, yet the database answers us" means a setting of the
API: the references tell which variable leads to that component.
"""

from __future__ import annotations

from seatrial.checks.follows import Graph
from seatrial.checks.look import Seen
from seatrial.outcome import Cause, Health


def advise(one: Seen, graph: Graph) -> tuple[str, str]:
    """Found and fix of a component's own fault, with its own settings pointed at."""
    found, fix = one.probe.found, one.probe.fix
    settings = {
        name: where
        for name in graph.direct(one.component.name)
        if graph.seen[name].probe.health is Health.HEALTHY and (where := _settings(one, name))
    }
    if one.probe.cause is Cause.NO_CONSUMER:
        return found, "; ".join([fix, *(_compare(one, *item) for item in settings.items())])
    accused = [name for name in graph.accused(one.component.name) if name in settings]
    if one.probe.cause is not Cause.UNHEALTHY or not accused:
        return found, fix
    are = "are" if len(accused) > 1 else "is"
    names = " and ".join(accused)
    variables = [_compare(one, name, settings[name]) for name in accused]
    return (
        f"{found}; yet {names} {are} healthy as Seatrial sees it",
        "; ".join([*variables, fix]),
    )


def _settings(one: Seen, other: str) -> list[str]:
    """Where it refers to the other component: "DATABASE_URL", or "run.2"."""
    places = [r.where.removeprefix("env.") for r in one.component.references if r.owner == other]
    return list(dict.fromkeys(places))


def _compare(one: Seen, other: str, where: list[str]) -> str:
    return f"compare {' and '.join(where)} of {one.component.name} with the endpoint of {other}"
