"""All faults. The next one is a file beside these, and a line here: see CONTRIBUTING.md."""

from __future__ import annotations

from collections.abc import Mapping

from seatrial.faults.bandwidth import Bandwidth
from seatrial.faults.black_hole import BlackHole
from seatrial.faults.cut import Cut
from seatrial.faults.disconnect import Disconnect
from seatrial.faults.fault import Fault
from seatrial.faults.kill import Kill
from seatrial.faults.latency import Latency
from seatrial.faults.pause import Pause
from seatrial.faults.reset import Reset
from seatrial.faults.restart import Restart
from seatrial.faults.slicing import Slicing
from seatrial.faults.stop import Stop

#: By the name on the command line.
FAULTS: dict[str, type[Fault]] = {
    fault.name: fault
    for fault in (
        *(Stop, Kill, Pause, Restart, Disconnect),
        *(Latency, Cut, Reset, BlackHole, Bandwidth, Slicing),
    )
}


def in_trials() -> Mapping[str, type[Fault]]:
    """By the method of the fixture `fault`."""
    return {fault.in_trials: fault for fault in FAULTS.values()}
