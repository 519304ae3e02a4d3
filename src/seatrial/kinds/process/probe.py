"""Does a process without a port do its work? By its keeper's states, and by what its broker says.

A keeper's word that it is down (exited, stopped, paused) stands by itself. That it runs is not
enough where it names the queues that it consumes: each must have a consumer. Where no keeper
watches (a remote), the broker alone tells, and with no queues named nothing can be known.
When the broker cannot be asked, the process is unknown: the fault is the broker's.
"""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import cast

from seatrial.kinds.base import Context, ProbeResult, Target
from seatrial.kinds.process.config import ProcessConfig
from seatrial.kinds.programs import down_by_states, waiting_by_states, watched
from seatrial.kinds.trouble import Trouble
from seatrial.outcome import Cause, Connection, Health, State
from seatrial.waiting import Deadline


async def probe(target: Target, context: Context, deadline: Deadline) -> ProbeResult:
    if (known := down_by_states(target) or waiting_by_states(target)) is not None:
        return known
    config = cast(ProcessConfig, target.config)
    if config.consumed:
        return await _by_queues(target, config, context, deadline.within(config.patience))
    if watched(target):
        return _by_state(target)
    return _unknown(
        target,
        "nothing tells of it: no keeper watches it here, and it names no queue that it consumes",
        f"name the queues under components.{target.name}.consumes, if it consumes any",
    )


def _by_state(target: Target) -> ProbeResult:
    if all(state.up for state in target.states):
        return ProbeResult(Health.HEALTHY, Connection.CONNECTED, 0.0)
    state = next(state for state in target.states if not state.up)
    if state is State.UNREACHABLE:
        fix = f"see how it is where it runs, and why that cannot be seen from here: {target.logs}"
        return _unknown(target, "it could not be observed", fix)
    fix = f"wait until it is ready; its log says how far it is: {target.logs}"
    return _unknown(target, target.provider.found or "it is still starting", fix)


async def _by_queues(
    target: Target, config: ProcessConfig, context: Context, deadline: Deadline
) -> ProbeResult:
    began = perf_counter()
    counts = await asyncio.gather(
        *(_count(component, queue, context, deadline) for component, queue in config.consumed)
    )
    took = (perf_counter() - began) * 1000
    missing = [where for where, count in zip(config.consumed, counts, strict=True) if count == 0]
    if missing:
        names = ", ".join(f"{queue} on {component}" for component, queue in missing)
        runs = "it runs, but " if watched(target) else ""
        lately = f"; {target.provider.found}" if target.provider.found else ""
        return ProbeResult(
            Health.UNHEALTHY,
            Connection.DISCONNECTED,
            took,
            Cause.NO_CONSUMER,
            expected=f"{target.name} consumes {names}",
            found=f"{runs}no consumer on {names}{lately}",
            fix=_fix(target),
        )
    for (component, _), count in zip(config.consumed, counts, strict=True):
        if isinstance(count, str):
            return _unknown(target, count, _fix_broker(component, context), took)
    return ProbeResult(Health.HEALTHY, Connection.CONNECTED, took)


async def _count(component: str, queue: str, context: Context, deadline: Deadline) -> int | str:
    """The consumers of a queue, or why they could not be counted."""
    broker = context.targets.get(component)
    if broker is None or not broker.endpoints:
        return f"{component} has no endpoint here, so its consumers cannot be counted"
    try:
        async with asyncio.timeout(deadline.remaining()):
            return await context.consumers(component, queue, deadline)
    except TimeoutError:
        return f"{component} did not say in time how many consume {queue}"
    except Exception as error:
        if type(error) is LookupError:  # there is no such queue, so nobody consumes it
            return 0
        why = error.found if isinstance(error, Trouble) else type(error).__name__
        return f"{component} could not be asked who consumes {queue}: {why}"


def _fix(target: Target) -> str:
    if watched(target):
        return f"{target.logs}   (why does it not consume?), then: {target.start}"
    return f"start {target.name} where it runs, and read its log"


def _fix_broker(component: str, context: Context) -> str:
    broker = context.targets.get(component)
    if broker is None or not broker.endpoints:
        return f"say where {component} is reached: the endpoint of {component}"
    return f"repair {component} first; its log: {broker.logs}"


def _unknown(target: Target, found: str, fix: str, took: float = 0.0) -> ProbeResult:
    return ProbeResult(
        Health.UNKNOWN,
        Connection.DISCONNECTED,
        took,
        Cause.NOT_MEASURED,
        expected=f"{target.name} runs and does its work",
        found=found,
        fix=fix,
    )
