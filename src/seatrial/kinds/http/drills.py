"""Drills of an HTTP service: something else at its address, its port taken, a slow answer."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from seatrial.declaration.models import Component
from seatrial.kinds.drill import Drill, Stage
from seatrial.kinds.http.config import HttpConfig
from seatrial.outcome import Cause


def drills(component: Component) -> Sequence[Drill]:
    config = component.config
    if not isinstance(config, HttpConfig) or config.run is None:
        return ()
    return tuple(_drills(component.name, config))


def _drills(name: str, config: HttpConfig) -> Iterator[Drill]:
    yield Drill(
        f"{name}.port-in-use",
        f"{name}: another program holds its port",
        {name: frozenset({Cause.PORT_IN_USE})},
        partial(_port_taken, name),
    )
    stand_in = (sys.executable, "-m", "seatrial.kinds.http.stand_in")
    where = (f"{{{name}.host}}", f"{{{name}.port}}")
    if config.health is not None:
        yield Drill(
            f"{name}.another-program",
            f"{name}: another program answers at its address",
            {name: frozenset({Cause.WRONG_PROGRAM})},
            lambda stage: stage.altered(name, run=(*stand_in, *where, "--status", "404")),
        )
    late = ("--after", f"{(config.time_limit + config.patience) / 2:g}")
    yield Drill(
        f"{name}.slow",
        f"{name}: right answers, but late",
        {name: frozenset({Cause.SLOW})},
        lambda stage: stage.altered(name, run=(*stand_in, *where, *late)),
    )
    yield Drill(
        f"{name}.silent",
        f"{name}: it takes connections and answers nothing",
        {name: frozenset({Cause.TIMEOUT})},
        lambda stage: stage.altered(name, run=(*stand_in, *where, "--after", "3600")),
    )


@contextmanager
def _port_taken(name: str, stage: Stage) -> Iterator[None]:
    with stage.stopped(name):
        address = stage.target(name).endpoint("http")
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind((address.host, address.port))
            other.listen()
            taken = stage.altered(name)
            taken.__enter__()
            try:
                yield
            finally:
                other.close()  # before it is started again
                taken.__exit__(None, None, None)
