"""The broker's management API: read-only questions, each with its own cause when it fails."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import quote

from seatrial.kinds.base import Endpoint
from seatrial.kinds.http.wire import Answer, get
from seatrial.kinds.trouble import Trouble
from seatrial.outcome import Cause
from seatrial.waiting import Deadline

_LIMIT = 32 * 1024 * 1024  # bytes of one answer

#: A JSON object as the API returns it. It does not leave this kind: `reading` makes models of it.
Json: TypeAlias = Mapping[str, object]


class NotThere(Exception):
    """The API knows no such object (404)."""


#: "Not management user", "Not monitor user"; later brokers spell some of their words otherwise.
_NO_TAG = re.compile(r"(?i)not \w+ user")
_NO_RIGHT = re.compile(r"(?i)user not authori[sz]ed")


def quoted(name: str) -> str:
    return quote(name, safe="")


@dataclass(frozen=True)
class Management:
    endpoint: Endpoint
    deadline: Deadline

    async def one(self, path: str) -> Json:
        """One object. Raises Trouble, NotThere."""
        found = await self._get(path)
        if not isinstance(found, dict):
            raise self._strange("an object", found)
        return found

    async def many(self, path: str) -> list[Json]:
        """A list of objects. Raises Trouble, NotThere."""
        found = await self._get(path)
        if not isinstance(found, list):
            raise self._strange("a list", found)
        return [one for one in found if isinstance(one, dict)]

    async def _get(self, path: str) -> object:
        prefix = self.endpoint.path.partition("?")[0].rstrip("/")
        answer = await get(self.endpoint, f"{prefix}/api/{path}", self.deadline, limit=_LIMIT)
        return self._read(answer)

    def _read(self, answer: Answer) -> object:
        if answer.timed_out:
            raise Trouble(Cause.TIMEOUT, "the management API's answer did not come in time")
        if not answer.complete:
            raise Trouble(Cause.REFUSED, "the management API's answer broke off or is too long")
        try:
            found = json.loads(answer.body)
        except (ValueError, RecursionError):  # RecursionError: nested as no API's answer is
            found = None
        if answer.status in (401, 403):
            raise self._refused(found)
        if answer.status == 404 and isinstance(found, dict) and "error" in found:
            raise NotThere
        if answer.status in (500, 502, 503, 504):
            raise Trouble(
                Cause.UNHEALTHY, f"the management API answers with status {answer.status}"
            )
        if answer.status != 200 or found is None:
            kind = answer.content_type or "no content type"
            raise Trouble(
                Cause.WRONG_PROGRAM,
                f"{self.endpoint.address} answers with status {answer.status} and {kind}: "
                "that is not RabbitMQ's management API",
            )
        return found

    def _refused(self, found: object) -> Trouble:
        """RabbitMQ says in its own words whether the login failed or a tag is missing."""
        if not isinstance(found, dict) or "error" not in found:
            return Trouble(
                Cause.WRONG_PROGRAM,
                f"{self.endpoint.address} refuses the login, but not as RabbitMQ does",
            )
        reason = str(found.get("reason", found["error"]))
        user = self.endpoint.user or "(no user)"
        if _NO_TAG.fullmatch(reason):
            return Trouble(
                Cause.NOT_AUTHORISED, f"user {user} lacks a tag; the broker says: {reason}"
            )
        if _NO_RIGHT.match(reason):
            return Trouble(Cause.NOT_AUTHORISED, f"user {user}: the broker says: {reason}")
        return Trouble(Cause.AUTH, f"the login of {user} is refused: {reason}")

    def _strange(self, wanted: str, found: object) -> Trouble:
        return Trouble(
            Cause.WRONG_PROGRAM,
            f"{self.endpoint.address} answers with {type(found).__name__} where RabbitMQ's "
            f"management API has {wanted}",
        )
