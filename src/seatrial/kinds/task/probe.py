"""Has a task ended well? Only a keeper that ran it knows; elsewhere it is no part of health."""

from __future__ import annotations

import dataclasses

from seatrial.kinds.base import Context, ProbeResult, Target
from seatrial.kinds.programs import down_by_states, waiting_by_states, watched
from seatrial.outcome import Cause, Connection, Health
from seatrial.waiting import Deadline


async def probe(target: Target, context: Context, deadline: Deadline) -> ProbeResult:
    expected = f"{target.name} has ended with exit code 0"
    if not watched(target):
        return ProbeResult(
            Health.UNKNOWN,
            Connection.DISCONNECTED,
            0.0,
            expected=expected,
            skipped="a task that has run leaves no trace here; it can be judged only where "
            "Seatrial runs it itself",
        )
    if (known := down_by_states(target) or waiting_by_states(target)) is not None:
        return dataclasses.replace(known, expected=expected)
    if all(state.up for state in target.states):
        return ProbeResult(Health.HEALTHY, Connection.CONNECTED, 0.0)
    return ProbeResult(
        Health.UNKNOWN,
        Connection.DISCONNECTED,
        0.0,
        Cause.NOT_MEASURED,
        expected=expected,
        found="it still runs",
        fix=f"wait until it has ended; its log says how far it is: {target.logs}",
    )
