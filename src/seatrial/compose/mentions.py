"""What services are told of a server: where it is, and as whom they log in to which place of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from urllib.parse import quote, unquote, urlencode

from seatrial.compose.connection_strings import endpoint_of, with_login_of_query
from seatrial.compose.project import Project
from seatrial.kinds.base import Endpoint, Kind
from seatrial.kinds.containers import Service, says_something

#: Tried once for each word, and not for each letter of one.
_URL = re.compile(r"(?<![a-z0-9+.-])[0-9+.-]*([a-z][a-z0-9+.-]*://[^\s'\",]+)")
_AT = re.compile(r"(?:(?!://)[^@])*@")  # before another URL begins
_FOR_CELERY = re.compile(r"^(db|sqla)\+")  # before the scheme of a database
_ALIASES = {"ecto": "postgresql", "pyamqp": "amqp"}  # Phoenix' and Celery's
_IN_WORDS = re.compile(r"(?i)(?:^|[\s;])host\s*=\s*([\w.-]+)")  # as libpq and .NET have it
_HOST = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]*)(:\d+)?")
#: Variables whose value may be a host alone: in others such a word is a user, or a database.
_NAMES_HOST = re.compile(r"(?i)(host|host_?name|addr|address|server|node)s?$")
_NAMES_URL = re.compile(r"(?i)(url|uri|dsn|addr|address|endpoint)$")
#: What goes with DB_HOST or DB_URL, in the same case.
_USERS = ("USER", "USERNAME", "LOGIN")
_PASSWORDS = ("PASSWORD", "PASS", "PWD", "PASSWD")
_TLS = ("TLS", "SSL", "USE_TLS", "USE_SSL", "TLS_ENABLED", "SSL_ENABLED")
_SSL_MODES = ("SSLMODE", "SSL_MODE")  # of PostgreSQL, as libpq calls them
_YES, _NO = ("true", "1", "yes", "on"), ("false", "0", "no", "off")
_PLACES = {
    "database": ("NAME", "DB", "DATABASE", "DBNAME", "DB_NAME"),
    "vhost": ("VHOST", "VIRTUAL_HOST"),
}
_OF_DB = re.compile(r"(?i)(db|database|sql|postgres)_*$")  # else its name is that of something
#: Before _HOST: of what it is, with a scheme of its URLs. Others may be there or not, as a mail
#: server for developers.
OF_SERVERS = re.compile(
    r"(?i)(?<![a-z])((?P<postgresql>db|database|pg|postgres|postgresql)|(?P<redis>redis)"
    r"|(?P<amqp>rabbit|rabbitmq|amqp))_*$"
)
#: In names of variables: what the running system is not meant to use.
NOT_IN_USE = re.compile(
    r"(?i)(^|_)(tests?|testing|shadow|examples?|templates?|samples?|pattern|ci|legacy|old)(_|$)"
)
#: What a program puts something else in for: ${DB_PASSWORD}, {password}, ENC(...), vault:...
_FILLED_IN = re.compile(
    r"\$\{.*|\$\(.*|\$[A-Z_][A-Z0-9_]*|\{\{?\s*[\w.]+\s*\}\}?|<[\w -]+>|%[({].*|ENC\(.*\)"
    r"|(?:vault|op|ssm|awssm|secretsmanager|arn|gcp|azure\w*|keyring|bao|sops|env|file)(?::|\+).*",
    re.DOTALL,
)


@dataclass(frozen=True)
class Mention:
    """In the environment of another service: a URL, or what goes with the variable of a host."""

    service: str
    variables: str  # "DATABASE_URL", "DB_HOST with DB_USER, DB_PASSWORD"
    endpoint: Endpoint
    in_parts: bool = False  # no URL, which would always name a place, if only the usual one


def mentions(project: Project, of: Service, kind: Kind) -> list[Mention]:
    """URLs of the kind's schemes, and logins in parts, that lead to this service; the most told
    login and path first, for a single one may be wrong. Else by the names of variables, since a
    container does not keep their order."""
    names = of.names
    found = [
        mention
        for service in project.services.values()
        if service.name != of.name
        for mention in (
            *_by_url(service, names, kind),
            *_by_string(service, names, kind),
            *_in_parts(service, of, kind),
        )
        if not (NOT_IN_USE.search(mention.variables) or _is_filled_in(mention.endpoint))
    ]
    times = Counter(_said(one) for one in found)
    return sorted(found, key=lambda one: -times[_said(one)])


def _is_filled_in(told: Endpoint) -> bool:
    parts = (told.user, told.password, unquote(told.path.strip("/").partition("?")[0]))
    return any(_FILLED_IN.fullmatch(one) for one in parts if one)


def hosts(variable: str, value: str) -> set[str]:
    """The hosts that a variable's value names: it is a host's name, NAME:PORT, or holds URLs."""
    if (whole := _HOST.fullmatch(value)) is not None:
        return {whole[1]} if whole[2] or _NAMES_HOST.search(variable) else set()
    string = endpoint_of(value)
    named = {endpoint.host for endpoint in urls(value)} | set(_IN_WORDS.findall(value))
    return named | ({string.host} if string is not None else set())


def names_host(variable: str) -> str:
    """What stands before HOST in the name of a variable; "" where it names no host."""
    called = _NAMES_HOST.search(variable)
    return variable[: called.start()] if called is not None else ""


def _said(one: Mention) -> tuple[str | None, str | None, str]:
    return one.endpoint.user, one.endpoint.password, one.endpoint.path


def _by_url(service: Service, names: frozenset[str], kind: Kind) -> Iterator[Mention]:
    for variable, value in sorted(service.environment.items()):
        for endpoint in urls(value):
            if endpoint.host in names and endpoint.scheme in kind.schemes:
                told = replace(endpoint, path=_path_of_place(endpoint, kind))
                yield _with_login_beside(Mention(service.name, variable, told), service, kind)


def _path_of_place(told: Endpoint, kind: Kind) -> str:
    """Without what only its client understands: Symfony's exchange or stream, Rails' prefix."""
    path, mark, query = told.path.partition("?")
    first, _, rest = path.removeprefix("/").partition("/")
    if kind.default_place.isdecimal() and not first.isdecimal():
        path = ""
    elif first and rest and kind.place and not told.scheme.startswith("http"):
        path = f"/{first}"
    return path + mark + query


def _by_string(service: Service, names: frozenset[str], kind: Kind) -> Iterator[Mention]:
    for variable, value in sorted(service.environment.items()):
        told = endpoint_of(value, names)
        if told is not None and told.host in names and told.scheme in kind.schemes:
            yield Mention(service.name, variable, told, in_parts=True)


def _with_login_beside(one: Mention, service: Service, kind: Kind) -> Mention:
    """A URL without a login may have it, and its place, in variables of their own, as JDBC's do."""
    called = _NAMES_URL.search(one.variables)
    before = one.variables[: called.start()] if called is not None else ""
    if not before or one.endpoint.user is not None or one.endpoint.password is not None:
        return one
    beside = [_first(service, before, _USERS), _for_password(service, before, kind)]
    user, password = _values(service, beside)
    if password is None:
        return one
    told = replace(one.endpoint, user=user, password=password)
    variable, place = _place(service, before, kind)
    if place and len(told.path.partition("?")[0]) <= 1:
        told = replace(told, path=f"{_path(place)}{told.path.lstrip('/')}")
        beside.append(variable)
    return replace(one, variables=_listed(one.variables, beside), endpoint=told)


def _place(service: Service, before: str, kind: Kind) -> tuple[str, str]:
    """The variable that names its place, and which; that is "" where several contradict each other,
    where it names all, or what is none: the name of a cache, where places are numbers."""
    names = [
        name for name in _PLACES.get(kind.place, ()) if name != "NAME" or _OF_DB.search(before)
    ]
    told = {
        name: value
        for one in names
        if (name := _first(service, before, (one,))) and (value := service.value(name))
    }
    if not told:
        return "", ""
    single = next(iter(told.values())).split(",")[0].strip()
    unknown = len(set(told.values())) > 1 or single in ("*", "all") or "%" in single
    no_number = kind.default_place.isdecimal() and not single.isdecimal()
    return next(iter(told)), "" if unknown or no_number else single


def _path(place: str) -> str:
    """A virtual host may be called / itself."""
    return f"/{quote(place.strip('/') or place, safe='')}"


def _listed(variable: str, beside: Sequence[str | None]) -> str:
    return f"{variable} with {', '.join(filter(None, beside))}"


@lru_cache(maxsize=8192)  # each service is held against each other one
def urls(value: str) -> tuple[Endpoint, ...]:
    """Those that can be read of all in a variable's value."""
    found = []
    for url in _URL.finditer(value):
        if _AT.match(value, url.end()):
            continue  # its password holds what ends URLs elsewhere: its host is unsure
        with suppress(ValueError):
            told = Endpoint.parse(_FOR_CELERY.sub("", url[1]))
            told = replace(told, scheme=_ALIASES.get(told.scheme, told.scheme))
            found.append(with_login_of_query(told))
    return tuple(found)


def _in_parts(service: Service, of: Service, kind: Kind) -> Iterator[Mention]:
    if not kind.place:
        return
    for variable, value in sorted(service.environment.items()):
        before = names_host(variable)
        if not before or not of.names & hosts(variable, value) or "://" in value:
            continue
        shared = _shared(before, service)
        beside = [
            _first(service, before, _USERS) or _first(service, shared, _USERS),
            _for_password(service, before, kind) or _for_password(service, shared, kind),
        ]
        user, password = _values(service, beside)
        named, place = _place(service, before, kind)
        if not named:
            named, place = _place(service, shared, kind)
        beside += [named] if place else []
        plain = next(iter(kind.schemes))
        tls = _switched_on(service, before) if f"{plain}s" in kind.schemes else ""
        mode = _first(service, before, _SSL_MODES) if plain == "postgresql" else None
        if password or place or tls or mode:
            path = _path(place) if place else ""
            path += f"?{urlencode({'sslmode': service.value(mode) or ''})}" if mode else ""
            beside += [mode]
            scheme, beside = (f"{plain}s", [*beside, tls]) if tls else (plain, beside)
            told = Endpoint(scheme, of.name, 0, path, user, password)
            yield Mention(service.name, _listed(variable, beside), told, in_parts=True)


def _shared(before: str, service: Service) -> str:
    """Whose login a second server has: DB_RO_HOST, where there is DB_HOST too, that of DB_."""
    shorter = before.rstrip("_").rpartition("_")[0]
    variables = {f"{shorter}_{word}" for word in ("HOST", "host")}
    return f"{shorter}_" if shorter and variables & service.environment.keys() else ""


def _for_password(service: Service, before: str, kind: Kind) -> str | None:
    """REDIS_AUTH is one, as Redis calls it, where it does not say whether there is one."""
    name = _first(service, before, _PASSWORDS)
    if name is not None or "redis" not in kind.schemes:
        return name
    name = _first(service, before, ("AUTH",))
    return None if name and (service.value(name) or "").lower() in (*_YES, *_NO) else name


def _switched_on(service: Service, before: str) -> str:
    """The variable that says that TLS is to be used; "" for none."""
    name = _first(service, before, _TLS)
    return name if name and (service.value(name) or "").lower() in _YES else ""


def _first(service: Service, before: str, names: tuple[str, ...]) -> str | None:
    """The first of the variables that is set, itself or as a file; None for none."""
    if not before:
        return None
    spelled = (before + one for name in names for one in _spelled(name, before))
    return next((one for one in spelled if says_something(service.value(one))), None)


def _spelled(name: str, before: str) -> tuple[str, ...]:
    """As what stands before it; LISTMONK_db__password and RabbitMQ__VirtualHost are usual, too."""
    if before.islower():
        return (name.lower(),)
    nested = "".join(word.capitalize() for word in name.split("_"))
    return (name,) if before.isupper() else (name, name.lower(), nested)


def _values(service: Service, variables: Sequence[str | None]) -> Iterator[str | None]:
    return (None if one is None else service.value(one) for one in variables)
