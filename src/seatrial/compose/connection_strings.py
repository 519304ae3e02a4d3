"""Addresses of PostgreSQL that are no URLs: `host=db user=shop`, as libpq has them, and
`Host=db;Username=shop`, as .NET has them; and what URLs say in their query.

https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from urllib.parse import parse_qsl, quote, urlencode

from seatrial.kinds.base import Endpoint

_LIBPQ = re.compile(r"(?:^|\s)([a-z_]+)\s*=\s*('(?:[^'\\]|\\.)*'|[^\s']\S*)(?!\S)")
_NET = re.compile(r"""(?:^|;)\s*([A-Za-z][\w ]*?)\s*=\s*("[^"]*"|'[^']*'|[^;]*?)\s*(?=;|$)""")
_ESCAPED = re.compile(r"\\(.)")
_HOST = re.compile(r"[\w.-]+")
_HOSTS = ("host", "server")  # .NET's servers of other kinds say the latter, too
_USER, _PASSWORD = ("user", "username", "user id", "userid"), ("password", "pwd")
_PLACE, _PORT = ("dbname", "database"), ("port",)


def endpoint_of(text: str, of: Collection[str] = ()) -> Endpoint | None:
    """None for what is none, or has no single host. Its port is 0 where it names none. `of` are
    hosts that are known for PostgreSQL, whatever the string calls them."""
    pairs = _pairs(text)
    place, user = _first(pairs, _PLACE), _first(pairs, _USER)
    host, port = _first(pairs, _HOSTS) or "", _first(pairs, _PORT) or "0"
    certain = host in of or ("host" in pairs and (place or "sslmode" in pairs))
    if not (_HOST.fullmatch(host) and port.isdecimal() and certain):
        return None  # of a mail server, say
    path = f"/{quote(place, safe='')}" if place else ""
    mode = pairs.get("sslmode", "")
    path += f"?{urlencode({'sslmode': mode})}" if mode else ""
    return Endpoint("postgresql", host, int(port), path, user, _first(pairs, _PASSWORD))


def _pairs(text: str) -> dict[str, str]:
    if ";" in text:
        return {key.lower(): value.strip("'\"") for key, value in _NET.findall(text)}
    return {key: _plain(value) for key, value in _LIBPQ.findall(text)}


def _plain(value: str) -> str:
    return _ESCAPED.sub(r"\1", value.strip("'") if value.startswith("'") else value)


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
