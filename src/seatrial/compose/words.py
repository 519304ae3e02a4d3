"""What a compose project says of a component: what became of its containers, what its own health
check finds, where it listens, and by which commands it is seen and mended."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from seatrial.compose import earshot
from seatrial.compose.command import VERSION_1, VERSION_2
from seatrial.compose.engine import Container
from seatrial.compose.mentions import hosts
from seatrial.compose.project import Project
from seatrial.compose.states import (
    all_well,
    broke_down,
    is_ailing,
    is_ended_well,
    is_killed,
    told_of,
)
from seatrial.kinds.base import Commands, Kind, Listening, OwnCheck, Words
from seatrial.kinds.containers import InContainers, Service
from seatrial.outcome import State


def words(
    project: Project,
    service: Service,
    kind: Kind,
    mine: Sequence[Container],
    states: Sequence[State],
    ports: Collection[int],
) -> Words:
    """`states`: of `mine`; `ports`: those that are asked."""
    v1 = any(one.compose_version.startswith("1.") for one in mine)
    compose = project.compose(str(VERSION_1 if v1 else VERSION_2) if mine else "")
    worst = next((one for one, state in zip(mine, states, strict=True) if not state.up), None)
    of_image = not service.health_check
    found = "" if worst is None else told_of(worst, of_image=of_image)
    if not mine:
        found = f"the project {project.name} has no container of the service {service.name}"
    ill = next((one for one in mine if worst is None and is_ailing(one)), None)
    ailing = "" if ill is None else told_of(ill, of_image=of_image)
    lacks = _lacks(project, service, mine) if worst is None else ""
    ended = next((one for one in mine if kind.name != "task" and is_ended_well(one)), None)
    alone = _is_alone(service, project, mine, ports)
    facet = kind.containers
    return Words(
        found=found,
        commands=Commands(
            start=_start(compose, service.name, worst or next(iter(mine), None), lacks=lacks),
            logs=f"{compose} logs {service.name}",
            status=f"{compose} ps {service.name}",
            inside=f"{compose} exec {service.name}",
        ),
        lacks=lacks,
        ended=told_of(ended) if ended is not None else "",
        killed=worst is not None and is_killed(worst),
        remedy=_remedy(worst, project.entry(service)) if worst is not None else "",
        own_check=_own_check(service, facet, mine, ailing=ailing, alone=alone),
        listening=_listening(kind, service, project, mine, ports, alone=alone),
        by_names=facet is not None and facet.answers_by_names(service),
        setting=_setting(project, service, kind),
        images=tuple(dict.fromkeys(one.image for one in mine)),
    )


def _lacks(project: Project, service: Service, mine: Sequence[Container]) -> str:
    if not 0 < len(mine) < service.replicas:
        return ""
    are = "is 1 container" if len(mine) == 1 else f"are {len(mine)} containers"
    file = project.file.name
    return f"there {are} of the service {service.name}, and {file} says {service.replicas}"


def _remedy(one: Container, where: str) -> str:
    """`where`: its entry in the compose file."""
    if is_killed(one):
        return (
            f"raise the limit on memory (mem_limit, deploy.resources.limits.memory) of {where}, "
            "or see what eats it (docker stats)"
        )
    if one.status == "restarting" and one.exit_code == 0:
        policy = f'if it is to end, say `restart: "no"` or on-failure in {where}'
        return f"{policy}; else mend what its log tells"
    return f"correct {where}" if one.status == "created" and one.error else ""


def _start(compose: str, service: str, one: Container | None, *, lacks: str) -> str:
    """The command that makes it run again."""
    if one is None or lacks:
        return f"{compose} up -d {service}"
    if one.status == "running" and one.cut_off:
        return f"docker network connect --alias {service} {one.cut_off} {one.name}"
    if one.status == "running":
        return f"{compose} restart {service}"
    if one.status == "paused":
        return f"{compose} unpause {service}"
    if one.status == "created" or broke_down(one):
        return f"{compose} up -d {service}"  # made anew, where its file was corrected
    return f"{compose} start {service}"


def _setting(project: Project, service: Service, kind: Kind) -> str:
    """What of the compose file makes its endpoints."""
    if kind.containers is None or not kind.endpoints:
        return ""
    return f"{project.entry(service)} ({kind.containers.told_by})"


def _own_check(
    service: Service,
    facet: InContainers | None,
    mine: Sequence[Container],
    *,
    ailing: str,
    alone: bool,
) -> OwnCheck:
    return OwnCheck(
        well="its own health check says healthy" if all_well(mine) else "",
        ailing=ailing,
        path=facet.health_asked(service) if facet is not None else "",
        patience=service.health_patience,
        aside=facet is not None and facet.asks_otherwise(service),
        alone=alone,
    )


def _is_alone(
    service: Service, project: Project, mine: Sequence[Container], ports: Collection[int]
) -> bool:
    """Whether it asks itself at these ports, and nobody else has to."""
    declared = {one.target for one in service.ports}
    return earshot.hears_itself(ports, declared, mine) and not _is_called(service, project)


def _listening(
    kind: Kind,
    service: Service,
    project: Project,
    mine: Sequence[Container],
    ports: Collection[int],
    *,
    alone: bool,
) -> Listening:
    """`ports` are those that are asked; where nothing asks its kind, or it alone asks them and
    nobody waits for it, those that it publishes count."""
    name, declared = service.name, {one.target for one in service.ports}
    hosts_others = any(_uses_network_of(one, service) for one in project.services.values())
    published = ("", "") if hosts_others else earshot.published_unheard(name, declared, mine)
    if not kind.endpoints or (alone and (hosts_others or is_free(service, project))):
        return Listening(*published)
    return Listening(
        *earshot.unheard(name, sorted(ports), mine),
        heard=earshot.hears_others(ports, mine),
        unpublished=published[0],
    )


def _is_called(wanted: Service, project: Project) -> bool:
    """Whether others are told where it is."""
    return any(
        wanted.names & hosts(variable, value)
        for other in project.services.values()
        if other.name != wanted.name
        for variable, value in other.environment.items()
    )


def _uses_network_of(one: Service, other: Service) -> bool:
    return one.network_mode.partition(":")[2] in other.names


def is_free(wanted: Service, project: Project) -> bool:
    """Whether nobody waits for it."""
    return all(wanted.name not in other.needs for other in project.services.values())
