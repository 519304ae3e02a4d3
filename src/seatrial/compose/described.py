"""One service, as the files of its project describe it."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from seatrial.compose.dockerfile import Stage, stage_in, stage_of
from seatrial.compose.files import env_file
from seatrial.compose.merging import Tree, by_name, items
from seatrial.declaration.source import Plain
from seatrial.kinds.containers import Mount, Port, Service, Written, port_of

_DURATION = re.compile(r"(?<!\d)(\d{1,9}(?:\.\d{1,9})?)(ms|us|h|m|s)")  # "1m30s"
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6}
_LONGEST_PATIENCE = 3600.0  # s
_COUNT = re.compile(r"\d{1,9}")
_LAST_PORT, _LARGEST_RANGE = 65_535, 100  # of ports written as a range
#: Characters of a command, over which many patterns go, some of them once for each of its words.
LONGEST_COMMAND = 8_192


@dataclass(frozen=True)
class Described:
    name: str
    tree: Tree
    variables: Mapping[str, str]
    secrets: Mapping[str, Path]  # by name, those that are files
    configs: Mapping[str, Path]  # likewise
    env_files: dict[str, dict[str, str]]  # of those that were read, which services may share
    links: Sequence[str]  # what other services call it by their `links`
    external: frozenset[str]  # networks that are not the project's own
    written: Mapping[str, Written]  # variable -> where its `environment` says it

    def service(self, awaited_end: bool) -> Service:
        tree = self.tree
        return Service(
            name=self.name,
            image=text(tree.get("image")),
            built=tree.get("build") is not None,
            base=self._base(),
            context=self._context(),
            dockerfile=text(self._build.get("dockerfile")) or "Dockerfile",
            command=self._command()[:LONGEST_COMMAND],
            environment=self._environment(),
            env_files=self._set_by_files(),
            written=self.written,
            labels=self._labels(),
            arguments=self._named(self._build.get("args")),
            ports=tuple(self._ports()),
            health_check=" ".join(self._health_check())[:LONGEST_COMMAND],
            health_patience=self._health_patience(),
            commands=(
                (*_split(tree.get("entrypoint")), *_split(tree.get("command"))),
                self._health_check(),
            ),
            mounts=(*self._mounts(), *self._configs()),
            built_in=tuple(self._built_in()),
            needs=self._needs(),
            awaited_end=awaited_end,
            restart=text(tree.get("restart")) or "no",
            replicas=self._replicas(),
            profiles=self._profiles(),
            container_name=text(tree.get("container_name")),
            aliases=tuple(dict.fromkeys(self._aliases())),
            network_mode=text(tree.get("network_mode")),
            networks=frozenset(self._networks),
            hosts=frozenset(self._hosts()),
            knows_others=self._knows_others(),
            secrets=self._secrets(),
            configs=bool(tree.get("configs")),
        )

    @property
    def _build(self) -> Tree:
        how = self.tree.get("build")
        return how if isinstance(how, dict) else {}

    def _context(self) -> Path | None:
        """None for one that is elsewhere, too, a repository, or in a folder that is closed."""
        context = self._build.get("context")
        return Path(context) if isinstance(context, str) and os.path.isdir(context) else None

    @cached_property
    def _stage(self) -> Stage:
        """Of its Dockerfile, that its image is made by."""
        how, context = self._build, self._context()
        target = text(how.get("target"))
        if within := text(how.get("dockerfile_inline")):
            return stage_in(within, target)
        if context is None:
            return Stage()
        return stage_of(context / (text(how.get("dockerfile")) or "Dockerfile"), target)

    def _base(self) -> str:
        """Where the file says no other program, by its Dockerfile."""
        says_other = self.tree.get("entrypoint") or self.tree.get("command")
        return "" if says_other else self._stage.base

    def _built_in(self) -> Iterator[Mount]:
        if (context := self._context()) is not None:
            for source, target in self._stage.copied:
                yield Mount(os.path.join(context, source.lstrip("/")), target, bind=True)

    def _command(self) -> str:
        return f"{_words(self.tree.get('entrypoint'))} {_words(self.tree.get('command'))}".strip()

    def _environment(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for file in self._env_files():
            found |= self._told_by(file)
        return found | self._named(self.tree.get("environment"))

    def _env_files(self) -> Iterator[str]:
        return map(str, items(self.tree.get("env_file")))

    def _told_by(self, file: str) -> dict[str, str]:
        if file not in self.env_files:
            self.env_files[file] = env_file(Path(file), self.variables)
        return self.env_files[file]

    def _set_by_files(self) -> dict[str, str]:
        """By variable, the last of its env_files that sets it; none of those set beside them."""
        beside = self._named(self.tree.get("environment"))
        found = {name: file for file in self._env_files() for name in self._told_by(file)}
        return {name: file for name, file in found.items() if name not in beside}

    def _labels(self) -> dict[str, str]:
        deploy = self.tree.get("deploy")
        deployed = self._named(deploy.get("labels")) if isinstance(deploy, dict) else {}
        return deployed | self._named(self.tree.get("labels"))

    def _named(self, pairs: Plain) -> dict[str, str]:
        found: dict[str, str] = {}
        for name, value in by_name(pairs, "=").items():
            if value is not None:
                found[name] = str(value).lower() if isinstance(value, bool) else str(value)
            elif name in self.variables:  # as the shell has it
                found[name] = self.variables[name]
        return found

    def _ports(self) -> Iterator[Port]:
        published = [port for one in items(self.tree.get("ports")) for port in _published(one)]
        yield from published
        known = {port.target for port in published}
        for one in items(self.tree.get("expose")):
            for target in _range(str(one).partition("/")[0]):
                if target not in known and not str(one).endswith("/udp"):
                    yield Port(target)

    def _health_check(self) -> tuple[str, ...]:
        declared = self.tree.get("healthcheck")
        test = declared.get("test") if isinstance(declared, dict) else None
        if isinstance(test, list):
            words = test[1:] if test[:1] in (["CMD"], ["CMD-SHELL"]) else test
            return () if test[:1] == ["NONE"] else tuple(map(str, words))
        return (text(test),)

    def _health_patience(self) -> float:
        declared = self.tree.get("healthcheck")
        told = text(declared.get("timeout")) if isinstance(declared, dict) else ""
        patience = sum(float(n) * _UNITS[unit] for n, unit in _DURATION.findall(told))
        return min(patience, _LONGEST_PATIENCE)

    def _mounts(self) -> Iterator[Mount]:
        for one in items(self.tree.get("volumes")):
            if isinstance(one, dict):
                source, target = text(one.get("source")), text(one.get("target"))
                bind, read_only = one.get("type") == "bind", one.get("read_only") is True
                yield Mount(source, target, bind, read_only)

    def _configs(self) -> Iterator[Mount]:
        for name, one in by_name(self.tree.get("configs"), "").items():
            target = text(one.get("target")) if isinstance(one, dict) else ""
            if name in self.configs:
                yield Mount(str(self.configs[name]), target or f"/{name}", True, True)

    def _needs(self) -> dict[str, str]:
        return {
            name: text(how.get("condition")) if isinstance(how, dict) else ""
            for name, how in by_name(self.tree.get("depends_on"), "").items()
        }

    def _replicas(self) -> int:
        deploy = self.tree.get("deploy")
        wanted = deploy.get("replicas") if isinstance(deploy, dict) else None
        number = wanted if wanted is not None else self.tree.get("scale")
        return int(str(number)) if _COUNT.fullmatch(str(number)) else 1

    def _profiles(self) -> tuple[str, ...]:
        """Those that would have to be asked for; none where COMPOSE_PROFILES asks for one."""
        declared = tuple(map(str, items(self.tree.get("profiles"))))
        asked = {one.strip() for one in self.variables.get("COMPOSE_PROFILES", "").split(",")}
        return () if asked & {"*", *declared} else declared

    def _aliases(self) -> Iterator[str]:
        yield from (*self.links, text(self.tree.get("hostname")))
        for one in by_name(self.tree.get("networks"), "").values():
            if isinstance(one, dict):
                yield from map(str, items(one.get("aliases")))

    @property
    def _networks(self) -> tuple[str, ...]:
        if self.tree.get("network_mode"):
            return ()
        return tuple(by_name(self.tree.get("networks"), "")) or ("default",)

    def _hosts(self) -> Iterator[str]:
        given = self.tree.get("extra_hosts")
        for one in given if isinstance(given, dict) else items(given):
            yield re.split("[:=]", str(one))[0].lower()

    def _knows_others(self) -> bool:
        keys = ("external_links", "extra_hosts", "network_mode", "dns", "dns_search")
        told = any(self.tree.get(key) for key in keys)
        return told or not self.external.isdisjoint(self._networks)

    def _secrets(self) -> dict[str, Path]:
        found = {}
        for name, one in by_name(self.tree.get("secrets"), "").items():
            target = text(one.get("target")) if isinstance(one, dict) else ""
            if name in self.secrets:
                found[os.path.join("/run/secrets", target or name)] = self.secrets[name]
        return found


def text(value: Plain) -> str:
    return "" if value is None or isinstance(value, dict | list) else str(value)


def _words(value: Plain) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else text(value)


def _split(value: Plain) -> tuple[str, ...]:
    """The words of a command, which Compose splits as a shell does."""
    if isinstance(value, list):
        return tuple(map(str, value))
    try:
        return tuple(shlex.split(text(value)))
    except ValueError:  # no closing quotation: Compose will say so
        return tuple(text(value).split())


def _published(one: Plain) -> Iterator[Port]:
    """The ports of one entry, in its short or long form; none for UDP."""
    if isinstance(one, dict):
        target, host = str(one.get("target")), text(one.get("host_ip"))
        published, protocol = text(one.get("published")), text(one.get("protocol"))
    else:
        short, _, protocol = str(one).partition("/")
        rest, _, target = short.rpartition(":")
        host, _, published = rest.rpartition(":")
    if protocol == "udp":
        return
    targets, outside = _range(target), _range(published)
    for number, inner in enumerate(targets):
        yield Port(inner, outside[number] if number < len(outside) else 0, host.strip("[]"))


def _range(text: str) -> list[int]:
    first, _, last = text.partition("-")
    start = port_of(first)
    if start is None or (last and not last.isdecimal()):
        return []
    end = port_of(last or first) or _LAST_PORT
    return list(range(start, min(end, start + _LARGEST_RANGE) + 1))
