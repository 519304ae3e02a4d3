"""What a declaration expects of an HTTP service, held against its answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from time import perf_counter
from typing import cast

from seatrial.declaration.models import Model
from seatrial.kinds.base import CheckResult, Context, Endpoint, Target
from seatrial.kinds.http import answers
from seatrial.kinds.http.config import HttpConfig, HttpExpect
from seatrial.kinds.http.probe import path_at
from seatrial.kinds.http.wire import BODY_LIMIT, Answer, get
from seatrial.kinds.trouble import Trouble
from seatrial.outcome import Cause, Outcome, Priority
from seatrial.waiting import Deadline

_DOCUMENT_LIMIT = 16 * 1024 * 1024  # bytes of an OpenAPI document
_TRIES = 3  # of which the best one counts against max_response_ms


async def check(
    target: Target, expect: Model | None, context: Context, deadline: Deadline
) -> Sequence[CheckResult]:
    """Everything at once; a declared liveness path is held to answer 2xx without being asked."""
    look = _Look(target, deadline)
    wanted = cast(HttpExpect | None, expect)
    jobs = []
    if look.config.live is not None:
        jobs.append(look.live(look.config.live))
    if wanted is not None:
        jobs.append(look.health(wanted))
        if wanted.openapi is not None:
            jobs.append(look.openapi(wanted.openapi))
    return [result for results in await asyncio.gather(*jobs) for result in results]


class _Look:
    def __init__(self, target: Target, deadline: Deadline) -> None:
        self.name = target.name
        self.endpoint: Endpoint = target.endpoint("http")
        self.config = cast(HttpConfig, target.config)
        self.deadline = deadline

    def _result(
        self,
        what: str,
        title: str,
        priority: Priority,
        cause: Cause,
        *,
        expected: str,
        found: str,
        met: bool | None,
        fix: str = "",
    ) -> CheckResult:
        """`met` None: it could not be looked at."""
        outcome = Outcome.PASSED if met else Outcome.FAILED
        if met is None:
            outcome, cause = Outcome.NOT_MEASURED, Cause.NOT_MEASURED
        return CheckResult(
            id=f"{self.name}.{what}",
            component=self.name,
            title=title,
            priority=priority,
            outcome=outcome,
            cause=None if met else cause,
            expected=expected,
            found=found,
            fix="" if met else fix or f"ask it: curl -i {self._url}; read the log of {self.name}",
        )

    @property
    def _url(self) -> str:
        path = path_at(self.endpoint, self.config.health or "/")
        return f"{self.endpoint.scheme}://{self.endpoint.address}{path}"

    async def _get(self, path: str, limit: int = BODY_LIMIT) -> Answer | Trouble:
        deadline = self.deadline.within(self.config.patience)
        try:
            return await get(self.endpoint, path_at(self.endpoint, path), deadline, limit=limit)
        except Trouble as trouble:
            return trouble

    async def live(self, path: str) -> list[CheckResult]:
        answer = await self._get(path)
        status = answer.status if isinstance(answer, Answer) else None
        result = self._result(
            "live",
            f"{self.name} answers {path}",
            Priority.P1,
            Cause.WRONG_ANSWER,
            expected=f"GET {path} answers 2xx",
            found=str(answer) if isinstance(answer, Trouble) else f"{status}",
            met=None if status is None else 200 <= status < 300,
            fix=f"correct `live` of {self.name}, or the route {path}",
        )
        return [result]

    async def health(self, expect: HttpExpect) -> list[CheckResult]:
        """One answer for status and content; more only where a duration is asked for."""
        tries = _TRIES if expect.max_response_ms is not None else 1
        best, answer = float("inf"), cast("Answer | Trouble | None", None)
        for _ in range(tries):
            began = perf_counter()
            answer = await self._get(self.config.health or "/")
            best = min(best, (perf_counter() - began) * 1000)
            if expect.max_response_ms is None or best <= expect.max_response_ms:
                break
        assert answer is not None
        results = []
        if expect.status is not None:
            results.append(self._status(answer, expect.status))
        if expect.answer is not None:
            results += self._content(answer, expect.answer)
        if expect.max_response_ms is not None:
            results.append(self._duration(answer, expect.max_response_ms, best))
        return results

    def _status(self, answer: Answer | Trouble, wanted: int) -> CheckResult:
        return self._result(
            "health.status",
            f"the status of {self.name}'s health answer",
            Priority.P1,
            Cause.WRONG_ANSWER,
            expected=f"{wanted}",
            found=f"{answer.status}" if isinstance(answer, Answer) else str(answer),
            met=answer.status == wanted if isinstance(answer, Answer) else None,
        )

    def _content(
        self, answer: Answer | Trouble, wanted: Mapping[str, object]
    ) -> Iterator[CheckResult]:
        content, problem = _json_of(answer)
        for key, value in wanted.items():
            differs = list(_differences({key: value}, content, "")) if problem is None else []
            yield self._result(
                f"health.json.{key}",
                f"{key} in {self.name}'s health answer",
                Priority.P1,
                Cause.WRONG_ANSWER,
                expected=f"{key}: {json.dumps(value)}",
                found=problem or "; ".join(differs) or f"{key}: {json.dumps(value)}",
                met=None if isinstance(answer, Trouble) else problem is None and not differs,
            )

    def _duration(self, answer: Answer | Trouble, limit: float, best: float) -> CheckResult:
        seen = isinstance(answer, Answer)
        return self._result(
            "health.max_response_ms",
            f"the time that {self.name} takes for its health answer",
            Priority.P2,
            Cause.SLOW,
            expected=f"at most {limit:g} ms",
            found=f"{best:.0f} ms" if seen else str(answer),
            met=best <= limit if seen else None,
            fix=f"look at the load of {self.name} and of what its health path asks",
        )

    async def openapi(self, path: str) -> list[CheckResult]:
        answer = await self._get(path, _DOCUMENT_LIMIT)
        problem = str(answer) if isinstance(answer, Trouble) else _openapi_problem(answer)
        result = self._result(
            "openapi",
            f"{self.name} serves its OpenAPI document",
            Priority.P2,
            Cause.WRONG_ANSWER,
            expected=f"GET {path} answers an OpenAPI document in JSON",
            found=problem or "it does",
            met=None if isinstance(answer, Trouble) else problem is None,
            fix=f"correct `openapi` in expect.{self.name}, or serve the document at {path}",
        )
        return [result]


def _json_of(answer: Answer | Trouble) -> tuple[object, str | None]:
    """The document, or why there is none."""
    if isinstance(answer, Trouble):
        return None, str(answer)
    if answer.lacking:
        return None, f"{answer.status}, but {answer.lacking}"
    try:
        return json.loads(answer.body), None
    except (ValueError, RecursionError):
        kind = answer.content_type or "no content type"
        return None, f"{answer.status} ({kind}), no JSON: {answers.quote(answer.text) or 'empty'}"


def _differences(wanted: object, content: object, path: str) -> Iterator[str]:
    """What `content` lacks or says otherwise; of an object, more than is wanted is allowed."""
    if not isinstance(wanted, dict) or not isinstance(content, dict):
        if not _same(wanted, content):
            yield f"{path or 'the answer'}: {answers.quote(json.dumps(content))}"
        return
    for key, value in wanted.items():
        inner = f"{path}.{key}" if path else key
        if key in content:
            yield from _differences(value, content[key], inner)
        else:
            yield f"{inner} is missing"


def _same(one: object, other: object) -> bool:
    """Equal as JSON is: true is not 1, nor is it within a list."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return isinstance(one, bool) is isinstance(other, bool) and one == other


def _openapi_problem(answer: Answer) -> str | None:
    if not 200 <= answer.status < 300:
        return f"{answer.status}"
    document, problem = _json_of(answer)
    if problem is not None:
        return problem
    if not isinstance(document, dict) or not {"openapi", "swagger"} & document.keys():
        return "JSON, but no key `openapi`"
    return None if document.get("paths") else "it describes no paths"
