"""Is an HTTP service there, and well? If not, why.

The rules, in an order that raises no false alarm. With a declared health path:

    no HTTP answer          refused, dns, timeout, tls or wrong_program, as `wire` found it
    401, 403                auth, not_authorised
    404, 405, 410, 501      wrong_program: what answers has no such path
    a redirect elsewhere    wrong_program; one within the same address is followed
    any other 3xx, 4xx, 5xx unhealthy, with what the answer complains of
    2xx, says it is not     unhealthy
    2xx, says degraded      healthy with a warning; so too when only a part complains and the
                            answer says nothing of the whole
    2xx, an HTML page       healthy, unless a path that cannot exist gets the very same page:
                            a catch-all answers, not a health check (wrong_program)

Without one: any status below 500 is healthy. In a container, its own health check may ask otherwise
than this, or be let in where we are not: where that is well, see `otherwise`.
"""

from __future__ import annotations

import asyncio
import dataclasses
import re
import secrets
from time import perf_counter
from typing import cast
from urllib.parse import urljoin, urlsplit

from seatrial.kinds.base import Context, Endpoint, ProbeResult, Target
from seatrial.kinds.http import answers
from seatrial.kinds.http.answers import Said, Word
from seatrial.kinds.http.config import HttpConfig
from seatrial.kinds.http.otherwise import Seen, as_it_is_asked
from seatrial.kinds.http.wire import Answer, SpeaksTls, get
from seatrial.kinds.programs import down_by_states, waiting_by_states
from seatrial.kinds.trouble import Trouble
from seatrial.kinds.versions import satisfies
from seatrial.outcome import Cause, Connection, Health, State
from seatrial.waiting import Deadline

_REDIRECTS = 3
_NO_SUCH_PATH = (404, 405, 410, 501)
# What nginx and Go say to an unencrypted request on a port for TLS.
_WANTS_TLS = re.compile(r"http request (was sent )?to (an )?https (port|server)", re.IGNORECASE)
_SEVERITY = (Health.UNHEALTHY, Health.UNKNOWN, Health.HEALTHY)


async def probe(target: Target, context: Context, deadline: Deadline) -> ProbeResult:
    """Probe all replicas at once; the worst one is the result."""
    if (waiting := waiting_by_states(target)) is not None:
        return waiting
    # A failed one may say why, and so is asked as if it were still starting; not so if it ended.
    if (down := down_by_states(_asked(target))) is not None:
        return down
    endpoints = target.endpoints["http"]
    results = await asyncio.gather(*(_one(target, each, deadline) for each in endpoints))
    worst = min(
        range(len(results)),
        key=lambda i: (_SEVERITY.index(results[i].health), results[i].cause is None),
    )
    result = results[worst]
    failed = down_by_states(target) if State.FAILED in target.states else None
    if failed is not None and result.cause is Cause.REFUSED:
        return failed  # it has been ended since, and has no more to say than its keeper
    if len(results) > 1 and result.cause is not None:
        who = f"replica {worst} of {target.name} ({endpoints[worst].address})"
        result = dataclasses.replace(result, found=f"{who}: {result.found}")
    slowest = max(each.response_time_ms for each in results)
    return dataclasses.replace(result, response_time_ms=slowest)


def _asked(target: Target) -> Target:
    """With replicas that never became ready, yet did not end, as starting."""
    causes = target.causes or (None,) * len(target.states)
    states = (
        State.STARTING if state is State.FAILED and cause is not Cause.EXITED else state
        for state, cause in zip(target.states, causes, strict=True)
    )
    return dataclasses.replace(target, states=tuple(states))


def path_at(endpoint: Endpoint, path: str) -> str:
    """A path of the service, below the path of its endpoint's URL."""
    return endpoint.path.partition("?")[0].rstrip("/") + path


async def _one(target: Target, endpoint: Endpoint, deadline: Deadline) -> ProbeResult:
    config = cast(HttpConfig, target.config)
    deadline = deadline.within(config.patience)
    seen = await _Look(target, endpoint, config, deadline).run()
    if isinstance(seen.got, SpeaksTls) and target.provider.in_containers:
        # Its project says nowhere which of both it speaks.
        secure = dataclasses.replace(endpoint, scheme="https", verified=False)
        seen = await _Look(target, secure, config, deadline).run()
    return as_it_is_asked(seen, target)


class _Look:
    """One look at one replica."""

    def __init__(
        self, target: Target, endpoint: Endpoint, config: HttpConfig, deadline: Deadline
    ) -> None:
        self.target = target
        self.endpoint = endpoint
        self.config = config
        self.deadline = deadline
        self.path = path_at(endpoint, config.health or "/")
        self.began = perf_counter()
        self.took = 0.0  # ms, until the first answer

    async def run(self) -> Seen:
        try:
            answer = await self._last_answer()
        except Trouble as trouble:
            bad = self.bad(trouble.cause, trouble.found, Connection.DISCONNECTED)
            return Seen(bad, trouble)
        return Seen(await self._judge_whole(answer), answer, self._sends_to_https(answer))

    async def _last_answer(self) -> Answer:
        answer = await self._get(self.path)
        for _ in range(_REDIRECTS if self.config.health is not None else 0):
            if (onward := self._same_address(answer)) is None:
                break
            self.path = onward
            answer = await self._get(onward)
        return answer

    async def _get(self, path: str) -> Answer:
        try:
            return await get(self.endpoint, path, self.deadline)
        finally:
            self.took = (perf_counter() - self.began) * 1000

    # -- results -------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        where = dataclasses.replace(self.endpoint, path=self.path, user=None, password=None)
        return where.url

    def good(self, said: Said | None = None) -> ProbeResult:
        version = said.version if said is not None else None
        return ProbeResult(Health.HEALTHY, Connection.CONNECTED, self.took, version=version)

    def bad(
        self,
        cause: Cause,
        found: str,
        connection: Connection = Connection.CONNECTED,
        said: Said | None = None,
        *,
        warning: bool = False,
    ) -> ProbeResult:
        wanted = "a status below 500" if self.config.health is None else "2xx"
        return ProbeResult(
            Health.HEALTHY if warning else Health.UNHEALTHY,
            connection,
            self.took,
            cause,
            expected=f"GET {self.url} answers {wanted}",
            found=found,
            fix=self._fix(cause),
            version=said.version if said is not None else None,
            complaints=tuple(c.part for c in said.complaints) if said is not None else (),
        )

    def _fix(self, cause: Cause) -> str:
        name, endpoint = self.target.name, self.endpoint
        setting = f"the endpoint of {name}"
        log = f"read its log: {self.target.logs}" if self.target.states else "read its log"
        start = self.target.start if self.target.states else f"start {name}"
        return {
            Cause.REFUSED: f"{start}, or correct {setting}",
            Cause.DNS: f"correct the host name in {setting}",
            Cause.TIMEOUT: f"{log}; is it overloaded, stopped, or behind a firewall? "
            f"curl -m 5 -i {self.url}",
            Cause.TLS: f"correct its certificate (an authority of your own goes into "
            f"SSL_CERT_FILE), or correct http or https in {setting}",
            Cause.AUTH: self._fix_login(setting),
            Cause.NOT_AUTHORISED: f"allow {endpoint.user or 'everybody'} to read {self.path}",
            Cause.WRONG_PROGRAM: f"see what listens at {endpoint.address}: curl -i {self.url}; "
            f"correct `health` of {name}, or correct {setting}",
            Cause.WRONG_VERSION: f"deploy a version {self.config.version} of {name}, or correct "
            "`version` in seatrial.yaml",
            Cause.UNHEALTHY: f"ask it: curl -i {self.url}; {log}",
            Cause.NOT_MEASURED: f"let {self.path} of {name} tell it (a key `version`), or take "
            f"`version` of {name} out of seatrial.yaml",
        }.get(cause, log)

    def _fix_login(self, setting: str) -> str:
        if self.endpoint.user:
            return f"correct user and password in {setting}"
        fix = f"open {self.path} to everybody"
        if self.target.states:  # one that is started here has no login that could be given
            return fix
        return f"{fix}, or give {setting} a user and a password"

    # -- judging -------------------------------------------------------------------------------

    async def _judge_whole(self, answer: Answer) -> ProbeResult:
        if self.config.health is None:
            return self._judge_any(answer)
        result = self._judge(answer)
        if result.health is Health.HEALTHY and answer.content_type == "text/html":
            return await self._doubt(answer, result)
        return result

    def _judge_any(self, answer: Answer) -> ProbeResult:
        if answer.status < 500:
            return self.good(answers.read(answer.body))
        return self.bad(Cause.UNHEALTHY, _quoted(answer, None))

    def _judge(self, answer: Answer) -> ProbeResult:
        status = answer.status
        failed = not 200 <= status < 300
        said = answers.read(answer.body, failed=failed) if answer.complete else None
        if status == 401:
            return self.bad(Cause.AUTH, _quoted(answer, said))
        if status == 403:
            return self.bad(Cause.NOT_AUTHORISED, _quoted(answer, said))
        if status in _NO_SUCH_PATH:
            found = f"the health path {self.path} answers {status}"
            return self.bad(Cause.WRONG_PROGRAM, found)
        if status == 400 and _WANTS_TLS.search(answer.text):
            return self.bad(Cause.TLS, _quoted(answer, said), Connection.DISCONNECTED)
        if 300 <= status < 400:
            return self._judge_redirect(answer)
        if failed:
            return self.bad(Cause.UNHEALTHY, _quoted(answer, said), said=said)
        if answer.lacking:
            return self._judge_part(answer)
        return self._judge_word(answer, said)

    def _judge_part(self, answer: Answer) -> ProbeResult:
        """2xx, but who knows what the rest of it would have said."""
        found = f"it answers {answer.status}, but {answer.lacking}"
        if answer.timed_out:
            return self.bad(Cause.TIMEOUT, found)
        if not answer.too_long:
            return self.bad(Cause.UNHEALTHY, found)
        if answer.content_type == "text/html":
            return self.good()  # a page says nothing of its health but that it comes
        fix = f"let {self.path} of {self.target.name} say less"
        result = dataclasses.replace(self.bad(Cause.NOT_MEASURED, found), fix=fix)
        return dataclasses.replace(result, health=Health.UNKNOWN)

    def _judge_redirect(self, answer: Answer) -> ProbeResult:
        where = answers.quote(answer.headers.get("location", ""))
        if not where:
            return self.bad(Cause.UNHEALTHY, _quoted(answer, None))
        kind = "in circles" if self._same_address(answer) is not None else "elsewhere"
        return self.bad(Cause.WRONG_PROGRAM, f"{answer.status}: it redirects {kind}, to {where}")

    def _judge_word(self, answer: Answer, said: Said | None) -> ProbeResult:
        if said is None:
            return self._judge_version(None)
        if said.overall is Word.BAD:
            return self.bad(Cause.UNHEALTHY, _quoted(answer, said), said=said)
        result = self._judge_version(said)
        silent = said.overall is Word.UNKNOWN and said.complaints
        if result.cause is None and (said.overall is Word.DOUBTFUL or silent):
            return self.bad(Cause.UNHEALTHY, _quoted(answer, said), said=said, warning=True)
        return result

    def _judge_version(self, said: Said | None) -> ProbeResult:
        wanted = self.config.version
        if wanted is None:
            return self.good(said)
        version = said.version if said is not None else None
        met = satisfies(version, wanted) if version is not None else None
        if met:
            return self.good(said)
        if met is None:
            found = "its health answer names no version"
            result = self.bad(Cause.NOT_MEASURED, found, said=said, warning=True)
        else:
            result = self.bad(Cause.WRONG_VERSION, f"version {version}", said=said)
        return dataclasses.replace(result, expected=f"version {wanted}")

    def _sends_to_https(self, answer: Answer) -> bool:
        there = answer.headers.get("location", "") if 300 <= answer.status < 400 else ""
        return there.startswith("https:") and self._same_address(answer) is None

    def _same_address(self, answer: Answer) -> str | None:
        """The path that a redirect within the same address leads to."""
        location = answer.headers.get("location")
        if not 300 <= answer.status < 400 or not location:
            return None
        try:
            there = urlsplit(urljoin(self.url, location))
            port = there.port or {"http": 80, "https": 443}.get(there.scheme)
        except ValueError:
            return None
        here = self.endpoint
        if (there.scheme, port) != (here.scheme, here.port):
            return None
        if there.hostname not in (here.host, here.called):
            return None
        return (there.path or "/") + (f"?{there.query}" if there.query else "")

    async def _doubt(self, answer: Answer, result: ProbeResult) -> ProbeResult:
        """A page for a health answer: does a path that cannot exist get it as well?"""
        path = self.path.partition("?")[0]
        if path.endswith(("/", ".html")):
            return result  # a page was asked for
        try:
            other = await get(self.endpoint, f"{path}-{secrets.token_hex(8)}", self.deadline)
        except Trouble:
            return result
        if other.status != answer.status or other.body != answer.body or not answer.body:
            return result
        found = f"{answer.status}, an HTML page that it also answers for paths that do not exist"
        return self.bad(Cause.WRONG_PROGRAM, found)


def _quoted(answer: Answer, said: Said | None) -> str:
    words = str(said) if said is not None else ""
    if not words and answer.content_type != "text/html":
        words = answers.quote(answer.text)
    server = answer.headers.get("server", "")
    if not words and answer.status in (502, 503, 504) and server:
        words = f"from {answers.quote(server)}, a gateway that cannot reach the service behind it"
    return f"{answer.status}: {words}" if words else f"{answer.status}"
