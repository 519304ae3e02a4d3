"""The file from which Seatrial starts a project of its own beside the user's.

It is what Compose itself makes of the user's files, with everything taken out that could meet
another run or the user's own project: fixed ports of the host, fixed names of containers, volumes,
networks and images, and the folders of the host that hold a server's data. What is declared
external stays shared; it is neither made nor removed. Images that are built are built anew under
names of our own, or taken as the user's project built them: the very ones, under their own names.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from seatrial.compose.engine import EngineError
from seatrial.declaration.source import Plain

LOOPBACK = "127.0.0.1"

Tree = dict[str, Any]  # as it was read


def project_name(deployment: str) -> str:
    return f"seatrial-{deployment}"


@dataclass(frozen=True)
class Apart:
    """What must be known of a service to keep it apart."""

    reached_at: Collection[int]  # ports of the container that Seatrial itself wants to reach
    data: Collection[str]  # folders of its image that hold data


def resolved(printed: str) -> Tree:
    """What `docker compose config` printed. Raises EngineError."""
    try:
        tree = yaml.safe_load(printed)
    except yaml.YAMLError as error:
        raise EngineError(f"`docker compose config` printed no YAML: {error}") from error
    if not isinstance(tree, dict) or not isinstance(tree.get("services"), dict):
        raise EngineError("`docker compose config` printed no services")
    return tree


def own(
    tree: Tree,
    project: str,
    services: Mapping[str, Apart],
    ports: Callable[[], int],
    built: Mapping[str, str] | None = None,
) -> str:
    """The text for `project` from a `resolved` one.

    `ports` reserves a port of the host. One that the engine chose by itself would be another one
    each time the container is started. `built` are the images to take instead of building any.
    """
    made = {key: value for key, value in tree.items() if key != "name"}
    for section in ("volumes", "networks"):
        made[section] = {name: _unnamed(one) for name, one in (tree.get(section) or {}).items()}
    images = _images(tree["services"], project) if built is None else built
    made["services"] = {
        name: _service(
            one if built is None else _unbuilt(one),
            images.get(name),
            services.get(name, Apart((), ())),
            ports,
        )
        for name, one in tree["services"].items()
    }
    return yaml.safe_dump(made, sort_keys=False)


def built_by(tree: Tree, prefix: str) -> dict[str, str]:
    """By service, the images that the user's own project builds; `prefix` begins the names of those
    that have none in the file."""
    return {
        name: str(one.get("image") or f"{prefix}{name}")
        for name, one in tree["services"].items()
        if one.get("build") is not None
    }


def _unbuilt(one: Tree) -> Tree:
    """Neither built nor pulled: the image is there."""
    if one.get("build") is None:
        return one
    return {key: value for key, value in one.items() if key not in ("build", "pull_policy")}


def _unnamed(one: Plain) -> Plain:
    if not isinstance(one, dict) or one.get("external"):
        return one
    return {key: value for key, value in one.items() if key != "name"}


def _images(services: Mapping[str, Tree], project: str) -> dict[str, str]:
    """The image of each service that is built here, or uses what another one builds."""
    own: dict[str, str] = {}
    built: dict[str, str] = {}  # the user's name for it -> ours
    for name, one in services.items():
        if one.get("build") is not None:
            own[name] = f"{project}-{name}"
            if isinstance(image := one.get("image"), str):
                built[image] = own[name]
    for name, one in services.items():
        image = one.get("image")
        if name not in own and isinstance(image, str) and image in built:
            own[name] = built[image]
    return own


def _service(one: Tree, image: str | None, apart: Apart, ports: Callable[[], int]) -> Tree:
    made = {key: value for key, value in one.items() if key != "container_name"}
    if image is not None:
        made["image"] = image
    if one.get("network_mode") != "host":
        several = _replicas(one) > 1  # they cannot share one
        targets = _targets(one.get("ports"), apart.reached_at)
        made["ports"] = [f"{LOOPBACK}:{'' if several else ports()}:{t}" for t in targets]
    made["volumes"] = [
        volume for volume in _list(one.get("volumes")) if not _holds_data(volume, apart.data)
    ]
    return made


def _replicas(one: Tree) -> int:
    deploy = one.get("deploy")
    wanted = deploy.get("replicas") if isinstance(deploy, dict) else one.get("scale")
    return int(str(wanted)) if str(wanted).isdigit() else 1


def _targets(declared: Plain, reached_at: Collection[int]) -> list[str]:
    """Every port that is published, and those that we need: "8000/tcp"."""
    wanted = {f"{number}/tcp": None for number in reached_at}
    for one in _list(declared):
        if isinstance(one, dict):
            wanted[f"{one.get('target')}/{one.get('protocol') or 'tcp'}"] = None
        else:
            text, _, protocol = str(one).partition("/")
            wanted[f"{text.rpartition(':')[2]}/{protocol or 'tcp'}"] = None
    return list(wanted)


def _holds_data(volume: Plain, folders: Collection[str]) -> bool:
    """Whether it puts a folder of the host where a server's data is: two servers on one data
    folder destroy it."""
    if isinstance(volume, dict):
        bind, target = volume.get("type") == "bind", str(volume.get("target"))
    else:
        source, _, rest = str(volume).partition(":")
        bind, target = source.startswith((".", "/", "~")), rest.partition(":")[0]
    return bind and any(target == f or target.startswith(f"{f}/") for f in folders)


def _list(value: Plain) -> list[Plain]:
    return value if isinstance(value, list) else []
