"""HTTP services: yours, or anything that answers HTTP/1.1."""

from __future__ import annotations

from seatrial.kinds.base import Kind
from seatrial.kinds.http.config import HttpConfig, HttpExpect
from seatrial.outcome import Cause

KIND = Kind(
    name="http",
    summary="a service that answers HTTP; probed at its health path",
    config=HttpConfig,
    endpoints=("http",),
    expect=HttpExpect,
    schemes={"http": 80, "https": 443},
    probe_at="seatrial.kinds.http.probe:probe",
    expectations_at="seatrial.kinds.http.expectations:check",
    launch_at="seatrial.kinds.http.launch:LAUNCH",
    client_at="seatrial.kinds.http.client:HttpClient",
    drills_at="seatrial.kinds.http.drills:drills",
    containers_at="seatrial.kinds.http.containers:CONTAINERS",
    provides=frozenset({Cause.QUEUE_MISSING}),
)
