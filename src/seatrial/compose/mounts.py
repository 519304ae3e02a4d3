"""What the services of a project of Seatrial's own have mounted: nothing of the user's data.

An external volume, one that leads out of the engine, and a folder of the host that holds data: each
becomes a new volume of the own project, the same one for all services that have it mounted. A
single file becomes a copy. What is only read stays, and so does a folder that is no data, with
source code or settings; that it may be written is told.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

from seatrial.compose.copies import LONGEST, Copy
from seatrial.compose.data import databases_in, holds_data, is_sqlite
from seatrial.compose.merging import Tree
from seatrial.declaration.source import Plain
from seatrial.kinds.containers import Mount

Tell = Callable[[str], None]

_TOLD = 5  # databases of one folder


@dataclass(frozen=True)
class Mounted:
    volumes: Tree  # the section of the file
    services: dict[str, list[Plain]]  # the key of each service


@dataclass(frozen=True)
class _Instead:
    """What takes the place of the user's folders and files; the same for all who have them."""

    volumes: Mapping[str, str]  # folder of the host -> volume
    files: Collection[str]  # that some service may write
    copy: Copy


def mounted(tree: Tree, folder: str, tell: Tell, copy: Copy) -> Mounted:
    """Of a resolved project, whose file lies in `folder`; `tell` is told what is not the user's,
    and what of the user's may be written."""
    services = _tree(tree.get("services"))
    everything = [
        (name, mount)
        for name, one in services.items()
        for plain in _list(_tree(one).get("volumes"))
        if (mount := _mount(plain)) is not None
    ]
    written = {one.source for _, one in everything if not (one.bind or one.read_only)}
    volumes: Tree = {}
    for name, declared in _tree(tree.get("volumes")).items():
        volumes[name] = _volume(name, declared, name in written, tell)
    code = _code(services.values(), folder)
    new: dict[str, str] = {}  # folder of the host -> volume
    for name, one in everything:
        is_folder = one.bind and not (one.read_only or os.path.isfile(one.source))
        if is_folder and one.source not in new and holds_data(one, _tree(services[name]), code):
            new[one.source] = f"seatrial-{len(new) + 1}"
            volumes[new[one.source]] = {}
    files = {one.source for _, one in everything if one.bind and not one.read_only}
    instead = _Instead(new, frozenset(filter(os.path.isfile, files)), copy)
    made: dict[str, list[Plain]] = {
        name: [
            kept
            for plain in _list(_tree(one).get("volumes"))
            if (kept := _kept(name, plain, instead, tell)) is not None
        ]
        for name, one in services.items()
    }
    _tell_written(made, tell)
    return Mounted(volumes, made)


def _tell_written(made: Mapping[str, list[Plain]], tell: Tell) -> None:
    """Which folders of the user's may be written still, and by whom."""
    writers: dict[str, dict[str, None]] = {}
    for name, entries in made.items():
        for mount in filter(None, map(_mount, entries)):
            if mount.bind and not mount.read_only and os.path.isdir(mount.source):
                writers.setdefault(mount.source, {})[name] = None
    for source, names in writers.items():
        tell(
            f"{' and '.join(names)} may write into your {source}: it seems to be source code or "
            "settings (mount with :ro what is only read, from a volume what is written)"
        )


def _volume(name: str, declared: Plain, written: bool, tell: Tell) -> Plain:
    if not isinstance(declared, dict):
        return declared
    options = _tree(declared.get("driver_opts"))
    leads_out = bool(options) and options.get("type") != "tmpfs"
    leads_out = leads_out or declared.get("driver") not in (None, "local")
    if written and (declared.get("external") or leads_out):
        why = "external" if declared.get("external") else "no volume of the engine alone"
        tell(f"the volume {name} is a new, empty one: yours is {why}")
        return {}
    if declared.get("external"):
        return declared
    return {key: value for key, value in declared.items() if key != "name"}


def _kept(name: str, plain: Plain, instead: _Instead, tell: Tell) -> Plain:
    """The entry of a service's `volumes`, None where it is left out."""
    mount = _mount(plain)
    if mount is None or not mount.bind:
        return plain
    if _reaches_engine(mount.source):
        tell(f"{name} has no {mount.target}: through it your own containers could be changed")
        return None
    if (volume := instead.volumes.get(mount.source)) is not None:
        tell(f"{name} has a new, empty volume at {mount.target}, not your {mount.source}")
        return f"{volume}:{mount.target}{':ro' if mount.read_only else ''}"
    if not mount.read_only and os.path.isfile(mount.source) and is_sqlite(mount.source):
        tell(f"{name} has no {mount.target}: your {mount.source} is a database")
        return None
    if mount.source in instead.files:
        return _copied(name, plain, mount, tell, instead.copy)
    for file in databases_in(mount.source)[:_TOLD] if not mount.read_only else ():
        tell(
            f"{name} writes into your {file}, a database among its source code: mount the folder "
            "of the database from a volume"
        )
    return plain


def _copied(name: str, plain: Plain, mount: Mount, tell: Tell, copy: Copy) -> Plain:
    """With a copy of a file; where there can be none, it is only read."""
    source, read_only = mount.source, mount.read_only
    try:
        if os.path.getsize(source) > LONGEST:
            raise OSError(f"it is larger than {LONGEST // 1024**2} MiB")
        source = copy(source)
    except OSError as error:
        if not read_only:
            tell(f"{name} may only read your {source}: {error.strerror or error}")
        read_only = True
    if isinstance(plain, dict):
        return {**plain, "source": source, **({"read_only": True} if read_only else {})}
    given = str(plain).partition(":")[2].partition(":")[2].split(",")
    mode = [one for one in given if one not in ("", "ro", "rw")]
    mode += ["ro"] if read_only else []
    return ":".join(filter(None, (source, mount.target, ",".join(mode))))


def inherited(name: str, one: Tree, containers: Mapping[str, str], tell: Tell) -> Tree:
    """The service's key `volumes_from`; by the fixed names of containers, their services."""
    if "volumes_from" not in one:
        return {}
    kept: list[Plain] = []
    for text in map(str, _list(one["volumes_from"])):
        if not text.startswith("container:"):
            kept.append(text)
            continue
        container, given, mode = text.removeprefix("container:").partition(":")
        if container in containers:
            kept.append(f"{containers[container]}{given}{mode}")
        else:
            tell(f"{name} is without the volumes of the container {container}, which is not ours")
    return {"volumes_from": kept}


def _reaches_engine(source: str) -> bool:
    """It is the socket of a container engine, or the folder in which that lies."""
    names = ("docker.sock", "podman.sock", "containerd.sock")
    return source.endswith(names) or any(os.path.exists(os.path.join(source, n)) for n in names)


def _code(services: Collection[Plain], folder: str) -> list[str]:
    """Folders that are no data, whatever they hold."""
    builds = [_tree(one).get("build") for one in services]
    contexts = [one.get("context") if isinstance(one, dict) else one for one in builds]
    return [os.path.realpath(one) for one in (folder, *contexts) if isinstance(one, str)]


def _mount(plain: Plain) -> Mount | None:
    """None for what is of no source: anonymous volumes, memory."""
    if isinstance(plain, dict):
        bind, source = plain.get("type") == "bind", plain.get("source")
        if not isinstance(source, str) or plain.get("type") not in ("bind", "volume"):
            return None
        found = Mount(source, str(plain.get("target")), bind, plain.get("read_only") is True)
    else:
        source, given, rest = str(plain).partition(":")
        if not given:
            return None
        target, _, mode = rest.partition(":")
        found = Mount(source, target, source.startswith(("/", ".", "~")), "ro" in mode.split(","))
    target = os.path.normpath(found.target)
    if not found.bind:
        return replace(found, target=target)
    return replace(found, source=os.path.realpath(os.path.expanduser(found.source)), target=target)


def _tree(value: Plain) -> Tree:
    return value if isinstance(value, dict) else {}


def _list(value: Plain) -> list[Plain]:
    return value if isinstance(value, list) else []
