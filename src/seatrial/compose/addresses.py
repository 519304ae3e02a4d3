"""At which place of a server a component is, and as whom it is reached; and who else is told so.

A place is what the path of a server's URL names: a database, a virtual host. A server may have
several that services are told of: the one that is declared counts, else the one most are told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from urllib.parse import unquote

from seatrial.compose.mentions import OF_SERVERS, Mention, names_host
from seatrial.compose.project import Project
from seatrial.declaration.models import ComponentConfig
from seatrial.kinds.base import Address, Endpoint, Kind, Target
from seatrial.secrecy import names_secret

#: Before _HOST: what a server is there for, whatever it is.
_OF_ITS_USE = re.compile(r"(?i)(cache|broker|queue|mq|sql|session|backend|lock)s?_*$")
_SECRET = re.compile(r"(?i)pass|auth|secret|--?a\b")


def place_named(endpoint: Endpoint) -> str:
    """Empty where its URL names none."""
    return unquote(endpoint.path.partition("?")[0].strip("/"))


def place_of(endpoint: Endpoint, kind: Kind) -> str:
    """Empty where nobody knows which."""
    return place_named(endpoint) or kind.default_place


def places(told: Sequence[Mention], kind: Kind) -> list[str]:
    """Those of a server that are used; first what counts where none is declared."""
    named = [
        place_named(one.endpoint)
        for one in told
        if kind.place and not _is_web(one.endpoint)
        if place_named(one.endpoint) or not one.in_parts
    ]
    unnamed = [kind.default_place for name in named if not name]
    return [place for place in dict.fromkeys((*named, *unnamed)) if place]


def meant(told: Sequence[Mention], kind: Kind, config: ComponentConfig) -> Sequence[Mention]:
    """Those of the declared place, where services are told of it; else all."""
    if kind.place not in config.model_fields_set:
        return told
    declared = str(getattr(config, kind.place))
    return [one for one in told if place_of(one.endpoint, kind) == declared] or told


def told_addresses(
    endpoints: Mapping[str, Sequence[Endpoint]],
    told: Sequence[Mention],
    kind: Kind,
    project: Project,
    names: Mapping[str, str],
    reached_by: Callable[[Endpoint], Endpoint | None],
) -> tuple[Address, ...]:
    """Who is told to log in how, and where; not of replicas, since nobody knows which is meant. A
    user without a password has that from elsewhere. `names`: service -> component; `reached_by`:
    where the server is for who is told this alone, with TLS or without."""
    one = next(iter(endpoints.values()), ())
    if not kind.place or len(one) != 1:
        return ()
    return tuple(
        Address(
            names[mention.service],
            project.told_at(mention.variables, project.services[mention.service]),
            _as_reached(
                _as_told(
                    one[0], mention, kind, knows_none=_knows_no_password(mention, project, one[0])
                ),
                reached_by(mention.endpoint),
            ),
            spare=_is_spare(mention),
        )
        for mention in told
        if mention.service in names and _is_login(mention.endpoint)
    )


def _is_spare(mention: Mention) -> bool:
    """RELYT_HOST with RELYT_PASSWORD: of one of many stores that a program may be told to use."""
    before = names_host(mention.variables.partition(" ")[0])
    says = OF_SERVERS.search(before) or _OF_ITS_USE.search(before)
    return bool(before) and says is None


def _as_reached(endpoint: Endpoint, there: Endpoint | None) -> Endpoint:
    if there is None:
        return endpoint
    path, (_, mark, how) = endpoint.path.partition("?")[0], there.path.partition("?")
    return replace(there, path=path + mark + how, user=endpoint.user, password=endpoint.password)


def made_with(
    own: Mapping[str, Sequence[Endpoint]], endpoints: Mapping[str, Sequence[Endpoint]], kind: Kind
) -> Iterator[Address]:
    """As whom it lets in whoever made it, with TLS or without, whatever others are told."""
    mine, told = (next(iter(some.values()), ()) for some in (own, endpoints))
    if not kind.place or len(mine) != 1:
        return
    if mine[0].password is not None or [_how(one) for one in mine] != [_how(one) for one in told]:
        yield Address("", "", mine[0])


def _how(endpoint: Endpoint) -> tuple[str, str]:
    """With TLS or without."""
    return endpoint.scheme, endpoint.path.partition("?")[2]


def each_at_one(targets: Sequence[Target], kind: Kind) -> Iterator[Target]:
    """Components that are places of one server: an address is held against the one whose place it
    names, else against the first."""
    places = [place_of(one.endpoint(), kind) for one in targets]
    for number, target in enumerate(targets):
        mine = tuple(
            one
            for one in target.addresses
            if (places.index(place) if (place := place_of(one.endpoint, kind)) in places else 0)
            == number
        )
        yield replace(target, addresses=mine)


def _is_login(told: Endpoint) -> bool:
    return not _is_web(told) and (told.user is None or told.password is not None)


def _is_web(told: Endpoint) -> bool:
    """A server's web page, whose path is none of its places."""
    return told.scheme.startswith("http")


def _as_told(
    endpoint: Endpoint, mention: Mention, kind: Kind, *, knows_none: bool = False
) -> Endpoint:
    """At the server's own place where nobody knows at which: what is told none may have it in its
    code, and to a client of PostgreSQL it is by default called as its user."""
    told = mention.endpoint
    own = endpoint.path.partition("?")[0]
    path = told.path.partition("?")[0]
    if len(path) <= 1:
        path = "" if kind.default_place and not mention.in_parts else own
    if mention.in_parts and unquote(path).strip("/") == unquote(own).strip("/"):
        path = own  # a virtual host may have a slash of its own
    user, password = told.user or endpoint.user, told.password or endpoint.password
    if told.user is None and told.password is None and knows_none:
        user = password = None
    return replace(endpoint, path=path, user=user, password=password)


def _knows_no_password(mention: Mention, project: Project, server: Endpoint) -> bool:
    """What is told a URL of Redis without one, and nothing else in which one could be: to others
    their code may say it, to clients of other servers their defaults."""
    service = project.services[mention.service]
    files = service.mounts or service.secrets or service.configs
    told = service.built or _SECRET.search(service.command)
    variables = service.environment
    named = any(map(names_secret, variables)) or server.password in variables.values()
    elsewhere = named or files or told
    return mention.endpoint.scheme.startswith("redis") and not elsewhere
