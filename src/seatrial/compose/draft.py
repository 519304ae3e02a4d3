"""A first seatrial.yaml for a compose project, and what was guessed and what could not be known."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from seatrial.compose.addresses import places
from seatrial.compose.engine import Container
from seatrial.compose.mentions import mentions
from seatrial.compose.project import Project
from seatrial.compose.recognise import Recognised, recognise
from seatrial.compose.states import LONG
from seatrial.compose.targets import running, target_of
from seatrial.declaration.load import NAME
from seatrial.declaration.models import Component, Location
from seatrial.kinds.base import Kind, Target
from seatrial.kinds.containers import Service
from seatrial.waiting import Deadline

_PLAIN = re.compile(r"[A-Za-z/_][A-Za-z0-9/_.-]*")
_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}


@dataclass(frozen=True)
class Part:
    """One component as it will be declared."""

    name: str
    service: str
    kind: str
    settings: Mapping[str, str | bool]
    needs: tuple[str, ...]  # components
    because: str
    unknown: tuple[str, ...]
    example: str = ""  # of what may be expected of it


@dataclass(frozen=True)
class Draft:
    system: str
    compose: str  # name of the file
    parts: tuple[Part, ...]
    left_out: Mapping[str, str]  # service -> why

    def text(self) -> str:
        """The seatrial.yaml."""
        lines = [
            f"# Written by `seatrial init` from {self.compose}, which stays the one truth about",
            "# images, ports and environment. Every key: seatrial schema",
            f"system: {self.system}",
            f"compose: {_quoted(self.compose)}",
            "components:",
            *self._components(),
        ]
        if examples := [f"#   {part.name}: {part.example}" for part in self.parts if part.example]:
            lines += [
                "",
                "# What must hold; correct it, and take the # away:",
                "# expect:",
                *examples,
            ]
        return "\n".join(lines) + "\n"

    def _components(self) -> Iterator[str]:
        width = max(len(_quoted(part.name)) for part in self.parts) + 1
        for part in self.parts:
            keys = [f"kind: {part.kind}"]
            if part.service != part.name:
                keys.append(f"service: {_quoted(part.service)}")
            keys += [f"{key}: {_written(value)}" for key, value in part.settings.items()]
            if part.needs:
                keys.append(f"needs: [{', '.join(map(_quoted, part.needs))}]")
            for unknown in part.unknown:
                yield f"  # not known of {part.name}: {unknown}"
            yield f"  {_quoted(part.name) + ':':<{width}} {{{', '.join(keys)}}}"

    def trial(self) -> str:
        """A first trial: that something answers, else that something is ready."""
        web = next((part for part in self.parts if part.kind == "http"), None)
        return _answers(web) if web is not None else _is_ready(self.parts[0].name)


_ABOUT = '"""A first trial: pytest runs it. p1, in the file\'s name: it gates a release."""'


def _answers(web: Part) -> str:
    path, name = web.settings.get("health", "/"), _variable(web.name)
    limit = "== 200" if "health" in web.settings else "< 500"
    return f'''{_ABOUT}


def test_{name}_answers(component, eventually):
    {name} = component("{web.name}")
    eventually(
        lambda: {name}.get("{path}").status_code,
        lambda status: status {limit},
        timeout=10,
        what="{web.name} answers",
    )
'''


def _is_ready(name: str) -> str:
    return f'''{_ABOUT}


def test_{_variable(name)}_is_ready(deployment, eventually):
    eventually(
        lambda: str(deployment.statuses()["{name}"].state),
        lambda state: state == "ready",
        timeout=10,
        what="{name} is ready",
    )
'''


def _variable(name: str) -> str:
    return re.sub(r"\W", "_", name.lower())


def _written(value: str | bool) -> str:
    return _quoted(value) if isinstance(value, str) else str(value).lower()


def _quoted(value: str) -> str:
    plain = _PLAIN.fullmatch(value) and value.lower() not in _WORDS
    return value if plain else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


async def draft(
    project: Project, kinds: Mapping[str, Kind], containers: list[Container], seconds: float = 8.0
) -> Draft:
    """What can be said of a project; `containers` are those that there are now, if any."""
    project = _as_seen(project, containers)
    found = recognise(project, kinds)
    running = {one.service for one in containers if one.status == "running"}
    deadline = Deadline.after(seconds)
    names = _names(found)
    settled = {
        name: await _settled(one, project, containers, kinds, deadline) if name in running else one
        for name, one in found.items()
    }
    return Draft(
        system=_system(project),
        compose=project.file.name,
        parts=tuple(
            _part(one, names, (*_consumed(one, settled, names), *_one_of(one, project)))
            for one in settled.values()
        ),
        left_out={one.name: one.left_out for one in project.services.values() if one.left_out},
    )


def _as_seen(project: Project, containers: list[Container]) -> Project:
    """With what containers that have ended, or have run for long, tell of their services. Of a
    project that was stopped they tell nothing: there everything has ended."""
    if not any(one.status == "running" for one in containers):
        return project
    not_well = {one.service for one in containers if one.status != "exited" or one.exit_code != 0}
    ended = {one.service for one in containers} - not_well
    last = {one.service for one in containers if one.status == "running" and one.ran_for > LONG}
    services = {
        name: replace(one, ended_well=name in ended, lasts=name in last)
        for name, one in project.services.items()
    }
    return replace(project, services=services)


async def _settled(
    one: Recognised,
    project: Project,
    containers: list[Container],
    kinds: Mapping[str, Kind],
    deadline: Deadline,
) -> Recognised:
    """A guess after a look at the running service."""
    facet = one.kind.containers
    assert facet is not None
    if not one.kind.endpoints:
        return await _met(one, project, containers, kinds, deadline)
    target = _target(one.service, one.kind, project, containers)
    if not target.endpoints:
        return one
    guess = await facet.settle(one.guess, target, deadline)
    if guess is not None:
        return replace(one, guess=guess)
    process = kinds["process"]
    assert process.containers is not None
    instead = process.containers.recognise(one.service)
    return replace(one, kind=process, guess=instead or one.guess)


async def _met(
    one: Recognised,
    project: Project,
    containers: list[Container],
    kinds: Mapping[str, Kind],
    deadline: Deadline,
) -> Recognised:
    """Of a service with ports, what it proves to be."""
    for kind in kinds.values() if one.service.ports else ():
        target = _target(one.service, kind, project, containers)
        if kind.containers is None or not target.endpoints:
            continue
        if (guess := await kind.containers.meet(one.service, target, deadline)) is not None:
            return replace(one, kind=kind, guess=guess)
    return one


def _target(service: Service, kind: Kind, project: Project, containers: list[Container]) -> Target:
    component = Component(
        name=service.name,
        kind=kind.name,
        config=kind.config.model_validate({"kind": kind.name}),
        expect=None,
        references=(),
        location=Location(project.file, 1, 1),
    )
    return target_of(component, project, running(project, containers), containers, {})


def _system(project: Project) -> str:
    name = re.sub(r"[^A-Za-z0-9_-]", "-", project.name)
    return (name if NAME.fullmatch(name) else f"system-{name}")[:63]


def _names(found: Mapping[str, Recognised]) -> dict[str, str]:
    """Service -> a component's name: the same where its letters allow that."""
    names: dict[str, str] = {}
    for service in found:
        name = re.sub(r"[^A-Za-z0-9_-]", "-", service)
        name = (name if NAME.fullmatch(name) else f"s-{name}")[:60]
        while name in names.values():
            name += "-"
        names[service] = name
    return names


def _consumed(
    one: Recognised, all_: Mapping[str, Recognised], names: Mapping[str, str]
) -> Iterator[str]:
    """That it may consume queues, where there is a broker."""
    broker = next((name for name, other in all_.items() if other.kind.has_queues), None)
    if one.guess.may_consume and broker is not None:
        yield f"which queues it consumes, if any (consumes: {{{names[broker]}: QUEUE}})"


def _one_of(one: Recognised, project: Project) -> tuple[str, ...]:
    """That a component is one place of a server, where the system uses several."""
    key, used = one.kind.place, places(mentions(project, one.service, one.kind), one.kind)
    if len(used) < 2:
        return ()
    return (
        f"whether {used[0]} is the {key} that is meant: others of it are used too, "
        f"{' and '.join(used[1:])} ({key}: {_quoted(used[1])} says that one)",
    )


def _part(one: Recognised, names: Mapping[str, str], more: tuple[str, ...]) -> Part:
    return Part(
        name=names[one.service.name],
        service=one.service.name,
        kind=one.kind.name,
        settings=one.guess.settings,
        needs=tuple(names[need] for need in one.needs if need in names),
        because=one.guess.because,
        unknown=one.guess.unknown + more,
        example=one.guess.example,
    )
