"""Drills that any system gets from its graph: its parts, and the references between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from difflib import SequenceMatcher
from functools import partial

from seatrial.declaration import references
from seatrial.declaration.models import Component, ProgramConfig, Reference, System
from seatrial.kinds.base import Kind, load
from seatrial.kinds.drill import Drill, Stage
from seatrial.outcome import Cause

_WRONG = "seatrial-drill-no-such"  # database, virtual host, password

_ENDED = frozenset({Cause.EXITED})
#: A program with a wrong setting ends, or never becomes ready, or says itself that it is not well.
_MISLED = frozenset({Cause.EXITED, Cause.UNHEALTHY, Cause.NO_CONSUMER})
_GONE = frozenset({Cause.STOPPED, Cause.REFUSED})
_HANGS = frozenset({Cause.STOPPED, Cause.TIMEOUT})
_LATE = frozenset({Cause.SLOW, Cause.TIMEOUT, Cause.UNHEALTHY})

_CRASH = ("python", "-c", "raise SystemExit('it crashes at once, on purpose')")


def drills(system: System) -> Sequence[Drill]:
    """All that apply to what is declared, in the order of the declaration."""
    return tuple(_drills(system))


def _drills(system: System) -> Iterator[Drill]:
    for component in system.components.values():
        name = component.name
        program = isinstance(component.config, ProgramConfig)
        stays = component.kind != "task"
        if stays:
            yield Drill(
                f"{name}.away",
                f"{name} is gone",
                {name: _GONE},
                partial(_stopped, (name,)),
            )
            yield Drill(
                f"{name}.hangs", f"{name} hangs", {name: _HANGS}, partial(_paused, name, None)
            )
        if program:
            yield from _of_program(system, component, stays)
        if (facet := load(component.kind).drills) is not None:
            yield from facet(component)
    half = tuple(n for n, c in system.components.items() if c.kind != "task")[1::2]
    if half:
        yield Drill(
            "half-away",
            f"half of the system does not run: {', '.join(half)}",
            dict.fromkeys(half, _GONE),
            partial(_stopped, half),
        )


def _of_program(system: System, component: Component, stays: bool) -> Iterator[Drill]:
    name, config = component.name, component.config
    assert isinstance(config, ProgramConfig)
    if config.run is None:
        return
    ended = {name: _ENDED}
    title = f"{name} crashes at once"
    yield Drill(f"{name}.crash", title, ended, lambda stage: stage.altered(name, run=_CRASH))
    if stays:
        title = f"{name} starts, and ends later on its own"
        yield Drill(f"{name}.exits", title, ended, lambda stage: stage.killed_from_outside(name))
    if config.replicas > 1:
        title = f"half of the replicas of {name} stand still"
        last = config.replicas - 1
        yield Drill(f"{name}.half-frozen", title, {name: _HANGS}, partial(_paused, name, last))
    for variable, reference in _variables(component).items():
        kind = load(system.components[reference.owner].kind)
        yield from _of_variable(name, config.env[variable], variable, reference, kind)
        if load(component.kind).endpoints:  # it answers, and so can answer late
            yield Drill(
                f"{name}.{reference.owner}.slow",
                f"what {name} hears from {reference.owner} comes seconds late",
                {name: _LATE},
                partial(_late, name, reference.owner),
            )


def _variables(component: Component) -> Mapping[str, Reference]:
    """For each server that it is told the URL of, the first variable that tells it."""
    found: dict[str, tuple[str, Reference]] = {}
    for reference in component.references:
        variable = reference.where.removeprefix("env.")
        of_other = reference.owner != component.name and reference.where.startswith("env.")
        if of_other and reference.field == "url":
            found.setdefault(reference.owner, (variable, reference))
    return dict(found.values())


def _of_variable(
    name: str, value: str, variable: str, reference: Reference, kind: Kind
) -> Iterator[Drill]:

    def drill(what: str, title: str, **change: object) -> Drill:
        def broken(stage: Stage) -> AbstractContextManager[None]:
            return stage.altered(name, **change)  # type: ignore[arg-type]

        return Drill(f"{name}.{variable}.{what}", title, {name: _MISLED}, broken)

    yield drill("missing", f"{name} has no {variable}", unset=(variable,))
    misspelt = _misspelt(variable)
    yield drill(
        "misspelt",
        f"{name} has {misspelt} for {variable}",
        unset=(variable,),
        env={misspelt: value},
    )
    yield drill("malformed", f"{variable} of {name} is no URL", env={variable: "not a url"})
    for what, user, password, path in _WRONG_PARTS:
        if not kind.logs_in:
            continue
        if what == "place":
            what = kind.place
        broken = partial(_wrong_url, name, variable, value, reference, (user, password, path))
        title = f"{variable} of {name} has a wrong {what}"
        yield Drill(f"{name}.{variable}.wrong-{what}", title, {name: _MISLED}, broken)


#: What is wrong, and the parts of the URL: references, or the wrong text itself.
_WRONG_PARTS = (
    ("password", "{user}", _WRONG, "{path}"),
    ("place", "{user}", "{password}", f"/{_WRONG}"),
)


def _wrong_url(
    name: str,
    variable: str,
    value: str,
    reference: Reference,
    parts: tuple[str, str, str],
    stage: Stage,
) -> AbstractContextManager[None]:
    """The URL with one part wrong; the keeper fills in the others, as the program sees them."""
    endpoint = f"{reference.owner}.{reference.endpoint}"
    user, password, path = (part.replace("{", f"{{{endpoint}.") for part in parts)
    scheme = stage.target(reference.owner).endpoint(reference.endpoint).scheme
    at = f"{{{endpoint}.host}}:{{{endpoint}.port}}"
    url = f"{scheme}://{user}:{password}@{at}{path}"
    written = next(
        f.text for f in references.find(value) if (f.owner, f.field) == (reference.owner, "url")
    )
    return stage.altered(name, env={variable: value.replace(written, url)})


def _misspelt(variable: str) -> str:
    """With two letters in another order, as it happens."""
    for at in range(len(variable) - 2, 0, -1):
        other = variable[:at] + variable[at + 1] + variable[at] + variable[at + 2 :]
        if other != variable and SequenceMatcher(None, other, variable).ratio() > 0.5:
            return other
    return variable + "S"


@contextmanager
def _stopped(names: Sequence[str], stage: Stage) -> Iterator[None]:
    with ExitStack() as all_of_them:
        for name in reversed(names):  # so that what others need is started before them
            all_of_them.enter_context(stage.stopped(name))
        yield


def _paused(name: str, replica: int | None, stage: Stage) -> AbstractContextManager[None]:
    return stage.paused(name, replica)


def _late(name: str, owner: str, stage: Stage) -> AbstractContextManager[None]:
    return stage.late(name, owner, 5.0)
