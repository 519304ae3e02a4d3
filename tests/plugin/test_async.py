"""Synchronous and asynchronous trials, under pytest-asyncio (strict and auto) and anyio."""

from __future__ import annotations

import pytest

from seatrial.environment.deployment import Deployment
from seatrial.outcome import State

from .conftest import Yard

pytest_plugins = ("pytester",)

#: Two loops use the session's handles one after the other; {mark} makes a coroutine a test.
SOURCE = """
    import asyncio, pytest

    def test_sync(component, eventually):
        assert component("web").get("/").status_code == 200
        assert eventually(lambda: 3, lambda value: value == 3) == 3

    {mark}
    async def test_client(component):
        assert (await component("web").aio.get("/")).status_code == 200

    {mark}
    async def test_client_on_another_loop(component):
        assert (await component("web").aio.get("/")).status_code == 200

    {mark}
    async def test_eventually(component, eventually):
        async def look():
            return (await component("web").aio.get("/")).status_code
        assert await eventually.aio(look, lambda status: status == 200) == 200

    {mark}
    async def test_fault(deployment, fault):
        async with fault.paused("worker"):
            assert deployment.statuses()["worker"].state.value == "paused"
        assert deployment.statuses()["worker"].state.value == "ready"

    {mark}
    async def test_fault_of_a_cancelled_task(deployment, fault):
        broken = asyncio.Event()

        async def work():
            async with fault.stopped("worker"):
                broken.set()
                await asyncio.sleep(60)

        task = asyncio.ensure_future(work())
        await broken.wait()
        assert deployment.statuses()["worker"].state.value == "stopped"
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()  # once more, while it mends
        await asyncio.wait([task])
        assert task.cancelled()
        assert deployment.statuses()["worker"].state.value == "ready"

    {mark}
    async def test_task_cancelled_while_it_breaks(deployment, fault):
        async def work():
            async with fault.stopped("worker"):
                await asyncio.sleep(60)

        task = asyncio.ensure_future(work())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert deployment.statuses()["worker"].state.value == "ready"

    def test_afterwards(deployment):
        assert deployment.statuses()["worker"].state.value == "ready"

    {mark}
    async def test_failing(fault):
        async with fault.stopped("worker"):
            raise ValueError("in the middle")
"""

ANYIO = """
    @pytest.fixture
    def anyio_backend(): return "asyncio"
"""

_STILL = ("-p", "asyncio", "-o", "asyncio_default_fixture_loop_scope=function")
WAYS = {
    "strict": ((*_STILL, "-o", "asyncio_mode=strict"), "@pytest.mark.asyncio", ""),
    "auto": ((*_STILL, "-o", "asyncio_mode=auto"), "", ""),
    "anyio": (("-p", "anyio"), "@pytest.mark.anyio", ANYIO),
}


@pytest.mark.parametrize("way", WAYS)
def test_asynchronous_trials(yard: Yard, up: Deployment, way: str) -> None:
    options, mark, more = WAYS[way]
    yard.trials("test_p1_async.py", SOURCE.format(mark=mark) + more)
    told = yard.run(*options, "-W", "error")
    outcomes = told.outcomes
    assert outcomes.pop("test_failing") == "failed"
    assert "in the middle" in told.trial("test_failing")["error"]
    assert len(outcomes) == 8
    assert set(outcomes.values()) == {"passed"}, told.text
    assert up.statuses()["worker"].state is State.READY


def test_neither_is_there(yard: Yard, up: Deployment) -> None:
    yard.trials(
        "test_p1_sync.py",
        """
        import sys

        def test_sync(component, fault, eventually):
            assert component("web").get("/").status_code == 200
            with fault.paused("worker"):
                pass
            assert "pytest_asyncio" not in sys.modules
        """,
    )
    told = yard.run()
    assert told.outcomes == {"test_sync": "passed"}, told.text


def test_the_pause_between_looks_is_capped(
    yard: Yard, up: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_POLL_INTERVAL", "0.01")
    yard.trials(
        "test_p1_poll.py",
        """
        import time

        def test_often(eventually):
            looks = []
            begin = time.monotonic()
            eventually(lambda: looks.append(1) or time.monotonic() - begin > 1.0)
            assert len(looks) > 20  # with the usual back-off it would be 8
        """,
    )
    assert yard.run().outcomes == {"test_often": "passed"}
    monkeypatch.setenv("TEST_POLL_INTERVAL", "often")
    told = yard.run(evidence=False)
    assert "TEST_POLL_INTERVAL=often" in told.text
    assert told.exit == pytest.ExitCode.TESTS_FAILED
