"""The fixtures that trials are given. All are synchronous; asynchronous twins are at `.aio`.

Those of session scope are handles that any event loop may use.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from seatrial.environment.deployment import Deployment
from seatrial.plugin.always import Always
from seatrial.plugin.clients import Clients
from seatrial.plugin.faults import Faults
from seatrial.plugin.ledger import Ledger
from seatrial.plugin.session import TrialSession
from seatrial.plugin.waits import Eventually

SESSION = pytest.StashKey[TrialSession]()


def _session(request: pytest.FixtureRequest) -> TrialSession:
    return request.config.stash[SESSION]


@pytest.fixture(scope="session")
def deployment(request: pytest.FixtureRequest) -> Deployment:
    """The deployment under trial: its components, their states, and their logs."""
    return _session(request).deployment


@pytest.fixture(scope="session")
def component(request: pytest.FixtureRequest) -> Clients:
    """`component("api")` is the typed client of that component, which the trial then needs."""
    return _session(request).clients


@pytest.fixture(scope="session")
def eventually(request: pytest.FixtureRequest) -> Eventually:
    """Waits until a condition holds; stops early when a component that is needed is down."""
    return Eventually(_session(request).running.watch)


@pytest.fixture(scope="session")
def always(request: pytest.FixtureRequest) -> Always:
    """`with always(look, until):` holds a condition for as long as the block lasts."""
    return Always(_session(request).watched)


@pytest.fixture
def fault(request: pytest.FixtureRequest) -> Iterator[Faults]:
    """`with fault.stopped("worker"):`, `with fault.latency("api", "db", by="200ms"):`, and more,
    also with `async with`."""
    faults = _session(request).running.faults()
    yield faults
    faults.mend()


@pytest.fixture(scope="session")
def ledger(request: pytest.FixtureRequest) -> Ledger:
    """`ledger.key("task")` names what the trial is about to create, so that it is removed."""
    return _session(request).ledger
