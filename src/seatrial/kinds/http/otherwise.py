"""What is not well as Seatrial asks, and may be to whoever asks otherwise.

Its own health check may ask with a login or another method, and a gateway may answer only by names
of its own. What came back decides, never the words that tell of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

from seatrial.kinds.base import ProbeResult, Target
from seatrial.kinds.http.config import HttpConfig
from seatrial.kinds.http.wire import Answer, HungUp
from seatrial.kinds.programs import as_it_says_itself
from seatrial.kinds.trouble import Trouble
from seatrial.outcome import Cause, Health

#: What may lie in how it was asked.
_OF_THE_ASKING = (Cause.AUTH, Cause.NOT_AUTHORISED, Cause.TLS, Cause.WRONG_PROGRAM)


@dataclass(frozen=True)
class Seen:
    """One look at one replica."""

    result: ProbeResult
    got: Answer | Trouble  # that it is made of
    to_https: bool = False  # it redirects elsewhere, by https, as most clients take for well

    @property
    def status(self) -> int:
        """Of its answer; 0 for none."""
        return self.got.status if isinstance(self.got, Answer) else 0

    @property
    def ours(self) -> bool:
        """Whether it may lie in how it was asked."""
        return self.result.cause in _OF_THE_ASKING or 400 <= self.status < 500


def as_it_is_asked(seen: Seen, target: Target) -> ProbeResult:
    """Its own health check, if it is well, may have asked otherwise, and then that counts."""
    result, said, config = seen.result, target.provider, cast(HttpConfig, target.config)
    if result.health is not Health.UNHEALTHY:
        return result
    hung_up = _hung_up(seen, target)
    if said.own_check.well and _lets_its_check_in(seen, target):
        return replace(result, health=Health.HEALTHY, cause=None, found="", fix="")
    if said.by_names and (hung_up or result.cause is Cause.TLS or _is_nobody(seen, target)):
        return _by_its_names(result, target)
    if hung_up and said.listening.heard and config.health is None:
        return _by_its_port(result, target)
    if result.cause is Cause.TIMEOUT and said.own_check.patience > config.patience:
        fix = f"raise components.{target.name}.time_limit: its own health check waits longer"
        return as_it_says_itself(result, target, ours=True, fix=fix)
    fix = f"set `health` of {target.name} to a path that answers whoever asks"
    return as_it_says_itself(result, target, ours=seen.ours, fix=fix)


def _hung_up(seen: Seen, target: Target) -> bool:
    """Whether it did so itself: where nothing listens in a container, its engine does."""
    return isinstance(seen.got, HungUp) and not target.provider.listening.unheard


def _lets_its_check_in(seen: Seen, target: Target) -> bool:
    """Whether it is there, and may answer what its own health check asks, though not us."""
    check, health = target.provider.own_check, cast(HttpConfig, target.config).health
    hung_up = _hung_up(seen, target)
    if not (hung_up or seen.result.cause is Cause.TLS or seen.status):
        return False
    same = seen.ours and check.path == (health or "/")  # whom it lets in, it has said
    # What is well by a check that asks no page, and hangs up on who does, may speak gRPC, say.
    no_page = hung_up and health is None and not check.path
    return no_page or check.aside or same or seen.to_https


def _is_nobody(seen: Seen, target: Target) -> bool:
    """What nginx-proxy answers whoever asks for a name that it does not know; others say 503 where
    all that is behind them is down."""
    proxy = any("nginx-proxy" in one.reference for one in target.provider.images)
    return proxy and cast(HttpConfig, target.config).health is None and seen.status == 503


def _by_its_names(result: ProbeResult, target: Target) -> ProbeResult:
    found = f"{result.found.partition(': ')[0]}: it may answer only who asks for a name of its own"
    fix = f"give {target.name} a health check of its own that asks by that name; that counts then"
    cause = Cause.NOT_MEASURED
    return replace(result, health=Health.HEALTHY, cause=cause, found=found, fix=fix)


def _by_its_port(result: ProbeResult, target: Target) -> ProbeResult:
    """What was taken for HTTP by its port, and hangs up though it listens."""
    fix = f"if it is no HTTP server, it is of `kind: process`; else see its log: {target.logs}"
    return replace(result, health=Health.HEALTHY, fix=fix)
