"""Addresses that are no URLs: of PostgreSQL `host=db user=shop`, as libpq has them, and
`Host=db;Username=shop`, as .NET has them; of Redis `redis:6379,password=X`, as .NET has them; and
what URLs say in their query.

https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING
https://stackexchange.github.io/StackExchange.Redis/Configuration
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import lru_cache
from urllib.parse import parse_qsl, quote, urlencode

from seatrial.kinds.base import Endpoint
from seatrial.kinds.containers import port_of

_LIBPQ = re.compile(r"(?:^|\s)([a-z_]+)\s*=\s*('(?:[^'\\]|\\.)*'|[^\s']\S*)(?!\S)")
_NET = re.compile(
    r"""(?:^|;)\s*([A-Za-z]\w*(?:\ +\w+)*)\s*=\s*
    ("[^"]*"(?=\s*(?:;|$))|'[^']*'(?=\s*(?:;|$))|[^;]*)""",
    re.VERBOSE,
)
_OF_REDIS = re.compile(r"([\w.-]+)(?::(\d{1,5}))?((?:,\s*[A-Za-z]+\s*=[^,]*)+)")
#: Of its options, those that are nobody else's.
_OPTIONS_OF_REDIS = {"password", "ssl", "defaultdatabase", "abortconnect", "allowadmin"}
_ESCAPED = re.compile(r"\\(.)")
_HOST = re.compile(r"[\w.-]+")
_HOSTS = ("host", "server")  # .NET's servers of other kinds say the latter, too
_USER, _PASSWORD = ("user", "username", "user id", "userid"), ("password", "pwd")
_PLACE, _PORT = ("dbname", "database"), ("port",)


def endpoint_of(text: str, of: Collection[str] = ()) -> Endpoint | None:
    """None for what is none, or has no single host. Its port is 0 where it names none. `of` are
    hosts that are known, whatever the string calls them."""
    told = _read(text)
    return told[0] if told is not None and (told[1] or told[0].host in of) else None


@lru_cache(maxsize=8192)  # each service is held against each other one
def _read(text: str) -> tuple[Endpoint, bool] | None:
    """With whether it is one of such a server for certain, and not of a mail server, say."""
    if (redis := _OF_REDIS.fullmatch(text.strip())) is not None:
        return _read_of_redis(*redis.groups())
    pairs = _pairs(text)
    place, user = _first(pairs, _PLACE), _first(pairs, _USER)
    host, told = _first(pairs, _HOSTS) or "", _first(pairs, _PORT)
    port = port_of(told) if told else 0
    if port is None or not _HOST.fullmatch(host):
        return None
    path = f"/{quote(place, safe='')}" if place else ""
    mode = (_first(pairs, ("sslmode", "ssl mode")) or "").lower()
    path += f"?{urlencode({'sslmode': mode})}" if mode else ""
    certain = "host" in pairs and (bool(place) or "sslmode" in pairs)
    return Endpoint("postgresql", host, port, path, user, _first(pairs, _PASSWORD)), certain


def _read_of_redis(host: str, port: str | None, options: str) -> tuple[Endpoint, bool] | None:
    said = (one.partition("=") for one in options.split(",")[1:])
    pairs = {key.strip().lower(): value.strip() for key, _, value in said}
    number = port_of(port) if port else 0
    if number is None or not _OPTIONS_OF_REDIS & pairs.keys():
        return None
    scheme = "rediss" if pairs.get("ssl", "").lower() == "true" else "redis"
    place = pairs.get("defaultdatabase", "")
    user, password = pairs.get("user"), pairs.get("password")
    return Endpoint(scheme, host, number, f"/{place}" if place else "", user, password), True


def _pairs(text: str) -> Mapping[str, str]:
    """As .NET has them, where semicolons divide them; in what libpq can read they are of values."""
    said = _LIBPQ.findall(text)
    found = {key: _ESCAPED.sub(r"\1", _unquoted(value, "'")) for key, value in said}
    divide = _LIBPQ.sub("", text).strip() or any(value.endswith(";") for _, value in said)
    if ";" in text and (divide or not _HOST.fullmatch(found.get("host", ""))):
        return {key.lower(): _unquoted(value.strip()) for key, value in _NET.findall(text)}
    return found


def _unquoted(value: str, quotes: str = "'\"") -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] in quotes else value


def _first(pairs: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((pairs[name] for name in names if pairs.get(name)), None)


def with_login_of_query(endpoint: Endpoint) -> Endpoint:
    """Of `jdbc:postgresql://db/shop?user=me&password=X`, and of Redis's `?password=X`."""
    path, _, query = endpoint.path.partition("?")
    if endpoint.user is not None or endpoint.password is not None or "password=" not in query:
        return endpoint
    pairs = dict(parse_qsl(query))
    user, password = _first(pairs, _USER), _first(pairs, ("password",))
    rest = {name: value for name, value in pairs.items() if name not in (*_USER, "password")}
    path += f"?{urlencode(rest)}" if rest else ""
    return replace(endpoint, path=path, user=user, password=password)
