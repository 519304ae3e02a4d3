"""What users may do with resources of a virtual host. Only an administrator may ask."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from seatrial.kinds.base import CheckResult
from seatrial.kinds.rabbitmq.config import PermissionsExpect, RabbitmqExpect
from seatrial.kinds.rabbitmq.diagnosis import Doctor
from seatrial.kinds.rabbitmq.judge import Judge
from seatrial.kinds.rabbitmq.management import Management, NotThere, quoted
from seatrial.kinds.rabbitmq.place import Place
from seatrial.kinds.trouble import Trouble
from seatrial.outcome import Cause, Priority
from seatrial.waiting import Deadline


@dataclass(frozen=True)
class Granted:
    """The patterns of one user on one virtual host, by permission."""

    patterns: Mapping[str, str]


@dataclass(frozen=True)
class Unknown:
    why: str
    fix: str


#: By user; None where the virtual host holds no permissions of that user.
Seen: TypeAlias = Mapping[str, Granted | Unknown | None]


async def read_permissions(place: Place, expect: RabbitmqExpect, deadline: Deadline) -> Seen:
    """Ask the management API about all users that are declared."""
    users = tuple(expect.permissions)
    if place.management is None:
        fix = f"declare endpoints.{place.component}.management: {{url, user, password}}"
        return dict.fromkeys(users, Unknown("there is no management endpoint here", fix))
    api = Management(place.management, deadline.within(place.patience))
    read = await asyncio.gather(*(_read(api, place, user) for user in users))
    return dict(zip(users, read, strict=True))


async def _read(api: Management, place: Place, user: str) -> Granted | Unknown | None:
    try:
        found = await api.one(f"permissions/{quoted(place.vhost)}/{quoted(user)}")
    except NotThere:
        return None
    except Trouble as trouble:
        fix = Doctor(place.component, "management", api.endpoint, place.vhost).explain(trouble).fix
        if trouble.cause is Cause.NOT_AUTHORISED:
            fix = "let an administrator ask: rabbitmqctl set_user_tags "
            fix += f"{api.endpoint.user} administrator"
        return Unknown(f"the management API: {trouble.found}", fix)
    return Granted({name: str(found.get(name, "")) for name in ("configure", "write", "read")})


def judge_permissions(
    judge: Judge, expect: Mapping[str, PermissionsExpect], seen: Seen
) -> Iterator[CheckResult]:
    """One result a user, permission and resource. What cannot be asked is of p2 at most."""
    for user, wanted in expect.items():
        granted = seen[user]
        for permission, names in wanted.by_permission.items():
            for name in names:
                what = f"permission.{user}.{permission}.{name}"
                title = f"{user} has the {permission} permission on {name}"
                pattern = _pattern(granted, permission)
                if isinstance(pattern, Unknown):
                    priority = max(wanted.priority, Priority.P2)
                    yield judge.unseen(what, title, priority, pattern.why, pattern.fix)
                    continue
                found = f"its {permission} pattern is {pattern.pattern!r}"
                if granted is None:
                    found = f"it has no permissions on virtual host {judge.vhost!r}"
                yield judge.result(
                    what,
                    title,
                    wanted.priority,
                    Cause.NOT_AUTHORISED,
                    met=pattern.search(name) is not None,
                    expected=title,
                    found=found,
                    fix=f"rabbitmqctl set_permissions -p {judge.vhost} {user} CONFIGURE WRITE READ"
                    f"   (with a pattern for {permission} that matches {name})",
                )


def _pattern(granted: Granted | Unknown | None, permission: str) -> re.Pattern[str] | Unknown:
    if isinstance(granted, Unknown):
        return granted
    # To the broker an empty pattern permits nothing.
    text = (granted.patterns[permission] if granted is not None else "") or "^$"
    try:
        return re.compile(text)
    except re.error:
        why = f"the pattern {text!r} is of a kind that only the broker understands"
        fix = "rewrite it without what only the broker understands (rabbitmqctl set_permissions), "
        return Unknown(why, fix + "or take what it is about out of `permissions` in expect")
