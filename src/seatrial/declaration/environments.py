"""The `environments` of a declaration: which one is in use, and what each of them says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from seatrial.declaration import interpolate
from seatrial.declaration.bind import Declared, KindModels, bind_model
from seatrial.declaration.models import EnvironmentConfig
from seatrial.declaration.problems import Path_, Problems, nearest
from seatrial.declaration.source import (
    Entry,
    ListNode,
    MapNode,
    Node,
    Scalar,
    locate,
    scalars,
    step,
)

DEFAULT = "local"
COMPOSE = "compose"
_KEY = "environments"

#: component -> endpoint -> field -> variable; the second replica's field is "url.1", and so on.
Variables = dict[str, dict[str, dict[str, str]]]


def choose(root: Entry, wanted: str | None, problems: Problems) -> str | None:
    """The environment in use: the one asked for, else `local`, else the only one.

    Where none is declared there is one: `compose` beside a compose file, else `local`.
    """
    named = step(root.node, _KEY)
    implied = DEFAULT if step(root.node, COMPOSE) is None else COMPOSE
    names = list(named.entries) if isinstance(named, MapNode) else [implied]
    at = locate(root, (_KEY,))
    if wanted is not None:
        if wanted in names:
            return wanted
        hint = nearest(wanted, names)
        problems.add(at, (_KEY, wanted), "there is no environment with this name", hint)
        return None
    if DEFAULT in names or len(names) == 1:
        return DEFAULT if DEFAULT in names else names[0]
    if names:
        message = f"none of {', '.join(names)} is the default one"
        problems.add(at, (_KEY,), message, "say which with --env, or call one of them local")
    return None


def bind(
    section: Entry | None,
    components: Mapping[str, Declared],
    compose: str | None,
    problems: Problems,
) -> dict[str, EnvironmentConfig]:
    """All environments that are without mistakes."""
    if section is None:
        implied = DEFAULT if compose is None else COMPOSE
        return {implied: EnvironmentConfig.model_validate({"provider": implied})}
    named = section.node
    if not isinstance(named, MapNode) or not named.entries:
        problems.add(section.at, (_KEY,), "must name at least one environment")
        return {}
    bound: dict[str, EnvironmentConfig] = {}
    for name, entry in named.entries.items():
        path: Path_ = (_KEY, name)
        _refuse_variables(entry, path, problems)
        problems.settle()
        config = bind_model(EnvironmentConfig, entry, path, problems)
        _check_endpoints(entry, components, path, problems)
        if config:
            _check_provider(config, entry, path, compose, problems)
            bound[name] = config
    return bound


def _refuse_variables(entry: Entry, path: Path_, problems: Problems) -> None:
    """What an environment is, and whether it is protected, must not hang on who calls."""
    for key in ("provider", "protected"):
        if interpolate.has_variable(step(entry.node, key)):
            at = locate(entry, (key,))
            problems.add(at, (*path, key), "cannot be a variable", "write it out")


def _check_provider(
    config: EnvironmentConfig,
    entry: Entry,
    path: Path_,
    compose: str | None,
    problems: Problems,
) -> None:
    """Refuse keys that the provider has no use for, and ask for those that it cannot do without."""
    fitting = {"endpoints": "remote", "file": "compose", "proxies": "local"}
    for key, provider in fitting.items():
        if step(entry.node, key) is not None and config.provider != provider:
            message = f"only fits provider {provider}, and this one is {config.provider}"
            problems.add(locate(entry, (key,)), (*path, key), message, "remove it")
    if config.provider == "remote" and not config.endpoints:
        message = "a remote environment must say where its components are reached"
        hint = "endpoints: {api: http://...}"
        problems.add(locate(entry, ("endpoints",)), (*path, "endpoints"), message, hint)
    if config.provider == "compose" and not (config.file or compose):
        message = "a compose environment must name its compose file"
        problems.add(entry.at, (*path, "file"), message, "file: compose.yaml")


def _check_endpoints(
    section: Entry, components: Mapping[str, Declared], path: Path_, problems: Problems
) -> None:
    named = step(section.node, "endpoints")
    if not isinstance(named, MapNode):
        return
    for name, entry in named.entries.items():
        where: Path_ = (*path, "endpoints", name)
        declared = components.get(name)
        if declared is None:
            problems.add(entry.at, where, "unknown component", nearest(name, components))
        elif declared.kind is not None and not declared.kind.endpoints:
            message = f"a component of kind {declared.kind.name} has no endpoint"
            problems.add(entry.at, where, message, "remove it")
        elif declared.kind is not None:
            _check_names(entry.node, declared.kind.endpoints, where, problems)
            problems.settle()
            _check_urls(entry.node, declared.kind, where, problems)


def _check_urls(node: Node, kind: KindModels, path: Path_, problems: Problems) -> None:
    """Refuse an address that is empty, as `${VAR:-}` is where the variable is not set, or that
    cannot be read. Nothing of it is quoted: it may be a part of a password."""
    for where, value in scalars(node):
        if where[-1:] in (("user",), ("password",)) or _to_be_filled(value):
            continue
        variables = ", ".join(re.findall(r"\$\{(\w+)", value.written or ""))
        if not value.text.strip():
            hint = f"set {variables}" if variables else "write scheme://host:port"
            problems.add(value.at, (*path, *where), "the address is empty", hint)
            continue
        try:
            kind.read(value.text)
        except ValueError as error:
            message = f"cannot be read as a URL of a {kind.name}: {error}"
            hint = f"correct {variables}, which it is made of" if variables else "correct it here"
            problems.add(value.at, (*path, *where), message, hint)


def _to_be_filled(value: Scalar) -> bool:
    """Whether it holds variables: it is of an environment that is not in use."""
    return value.written is None and interpolate.has_variable(value)


def _check_names(node: Node, valid: tuple[str, ...], path: Path_, problems: Problems) -> None:
    if isinstance(node, ListNode) and not node.items:
        problems.add(node.at, path, "must have at least one address, found an empty list")
    if not isinstance(node, MapNode):
        return
    if not node.entries:
        problems.add(node.at, path, "must have at least one address, found an empty mapping")
    for name, entry in node.entries.items():
        if name not in valid:
            hint = nearest(name, valid)
            if name in ("url", "user", "password"):
                hint = f"write {{{valid[0]}: {{url: ..., user: ..., password: ...}}}}"
            problems.add(entry.at, (*path, name), "unknown endpoint", hint)


def variables(node: Node | None, components: Mapping[str, Declared]) -> Variables:
    """Which variable is the whole value of which field, in one environment as it is written."""
    named = step(node, "endpoints") if node else None
    found: Variables = {}
    for name, entry in named.entries.items() if isinstance(named, MapNode) else ():
        declared = components.get(name)
        default = declared.kind.endpoints[:1] if declared and declared.kind else ()
        for endpoint, field, value in _fields(entry.node, default):
            variable = interpolate.whole_variable(value)
            if variable:
                found.setdefault(name, {}).setdefault(endpoint, {})[field] = variable
    return found


def _fields(node: Node, default: tuple[str, ...]) -> Iterator[tuple[str, str, Node]]:
    """(endpoint, field, its node) of what stands under one component."""
    if isinstance(node, MapNode):
        for endpoint, entry in node.entries.items():
            if isinstance(entry.node, MapNode):
                for field, value in entry.node.entries.items():
                    yield endpoint, field, value.node
            else:
                yield endpoint, "url", entry.node
    elif default and isinstance(node, ListNode):
        for index, item in enumerate(node.items):
            yield default[0], f"url.{index}" if index else "url", item
    elif default:
        yield default[0], "url", node
