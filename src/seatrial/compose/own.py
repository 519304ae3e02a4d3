"""The file from which Seatrial starts a project of its own beside the user's.

It is what Compose itself makes of the user's files, with everything taken out that could meet
another run or the user's own project: fixed ports of the host, fixed names of containers, volumes,
networks and images, data (see `mounts`) and networks that lead elsewhere (see `networks`). Images
that are built are built anew under names of our own, or taken as the user's project built them: the
very ones, under their own names.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from seatrial.compose.copies import Copy
from seatrial.compose.engine import EngineError
from seatrial.compose.mounts import inherited, mounted
from seatrial.compose.networks import joined, named_containers, network, network_of, refuse_shared
from seatrial.declaration.source import Plain

LOOPBACK = "127.0.0.1"

Tree = dict[str, Any]  # as it was read


def project_name(deployment: str) -> str:
    return f"seatrial-{deployment}"


@dataclass(frozen=True)
class Own:
    text: str  # of the file
    apart: tuple[str, ...]  # what is not as the user has it, one a line


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
    folder: str,
    reached_at: Mapping[str, Collection[int]],
    ports: Callable[[], int],
    copy: Copy,
    built: Mapping[str, str] | None = None,
) -> Own:
    """The file for `project` from a `resolved` one that lies in `folder`.

    `reached_at` are the ports of services that Seatrial itself wants to reach; `ports` reserves one
    of the host. One that the engine chose by itself would be another one each time the container is
    started. `copy` makes copies of the user's files. `built` are the images to take instead of
    building any. Raises UsageError for a project that cannot be kept apart.
    """
    services, apart = tree["services"], list[str]()
    containers = named_containers(services)
    refuse_shared({n: str(one.get("network_mode")) for n, one in services.items()}, containers)
    mounts = mounted(tree, folder, apart.append, copy)
    made = {key: value for key, value in tree.items() if key != "name"}
    made["volumes"] = mounts.volumes
    made["networks"] = {
        name: network(name, one, apart.append) for name, one in (tree.get("networks") or {}).items()
    }
    images = _images(services, project) if built is None else built
    targets = _targets_of(services, containers, reached_at)
    made["services"] = {
        name: {
            **joined(name, _to_be_built(one, built), containers, apart.append),
            **inherited(name, one, containers, apart.append),
            **({"image": images[name]} if name in images else {}),
            "ports": _published(targets[name], one, ports),
            "volumes": mounts.services[name],
        }
        for name, one in services.items()
    }
    return Own(yaml.safe_dump(made, sort_keys=False), tuple(dict.fromkeys(apart)))


def built_by(tree: Tree, prefix: str) -> dict[str, str]:
    """By service, the images that the user's own project builds; `prefix` begins the names of those
    that have none in the file."""
    return {
        name: str(one.get("image") or f"{prefix}{name}")
        for name, one in tree["services"].items()
        if one.get("build") is not None
    }


def _to_be_built(one: Tree, built: Mapping[str, str] | None) -> Tree:
    """Under no more names, and without a cache elsewhere being written; neither built nor pulled
    where the image is there."""
    if one.get("build") is None:
        return one
    if built is None and isinstance(one["build"], dict):
        build = {k: v for k, v in one["build"].items() if k not in ("tags", "cache_to")}
        return {**one, "build": build}
    if built is None:
        return one
    return {key: value for key, value in one.items() if key not in ("build", "pull_policy")}


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


def _targets_of(
    services: Mapping[str, Tree],
    containers: Mapping[str, str],
    reached_at: Mapping[str, Collection[int]],
) -> dict[str, list[str]]:
    """By service, the ports to publish: those of what uses another's network are published there,
    where the engine takes them."""
    found: dict[str, dict[str, None]] = {name: {} for name in services}
    for name, one in services.items():
        wanted = _targets(one.get("ports"), reached_at.get(name, ()))
        found[network_of(name, services, containers)] |= dict.fromkeys(wanted)
    return {name: list(targets) for name, targets in found.items()}


def _published(targets: Collection[str], one: Tree, ports: Callable[[], int]) -> list[str]:
    several = _replicas(one) > 1  # they cannot share one
    return [f"{LOOPBACK}:{'' if several else ports()}:{target}" for target in targets]


def _replicas(one: Tree) -> int:
    deploy = one.get("deploy")
    wanted = deploy.get("replicas") if isinstance(deploy, dict) else one.get("scale")
    return int(str(wanted)) if str(wanted).isdecimal() else 1


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


def _list(value: Plain) -> list[Plain]:
    return value if isinstance(value, list) else []
