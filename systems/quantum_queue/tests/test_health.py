from __future__ import annotations

import asyncio

import pytest

from quantum_queue.api.health import Shared, judge
from quantum_queue.contracts.schema import EXPECTED_REVISION


@pytest.mark.parametrize(
    ("database", "revision", "queue", "status"),
    [
        (True, EXPECTED_REVISION, True, "healthy"),
        (True, EXPECTED_REVISION, False, "degraded"),
        (True, None, True, "unhealthy"),
        (True, "9999", True, "unhealthy"),
        (True, None, False, "unhealthy"),
        (False, None, True, "unhealthy"),
        (False, None, False, "unhealthy"),
    ],
)
def test_the_status_follows_from_the_parts(
    database: bool, revision: str | None, queue: bool, status: str
) -> None:
    report = judge(database, revision, queue)
    assert report.status == status
    assert report.is_healthy == (status == "healthy")
    assert report.database_status == ("connected" if database else "disconnected")
    assert report.queue_status == ("connected" if queue else "disconnected")
    assert report.schema_version == {"found": revision, "expected": EXPECTED_REVISION}


def test_a_missing_migration_is_named_with_its_remedy() -> None:
    assert "alembic upgrade head" in judge(True, None, True).detail


def test_one_probe_serves_all_who_ask_meanwhile() -> None:
    async def scenario() -> None:
        begun = 0
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def probe() -> int:
            nonlocal begun
            begun += 1
            return await answer

        shared = Shared(probe)
        asked = [asyncio.create_task(shared.ask(5)) for _ in range(50)]
        waiting = asyncio.create_task(shared.ask(0.001))
        with pytest.raises(TimeoutError):
            await waiting
        answer.set_result(7)
        assert await asyncio.gather(*asked) == [7] * 50
        assert begun == 1
        assert await shared.ask(1) == 7
        assert begun == 2

    asyncio.run(scenario())


def test_an_error_reaches_everyone_who_asked() -> None:
    async def scenario() -> None:
        async def probe() -> int:
            raise LookupError

        shared = Shared(probe)
        results = await asyncio.gather(*(shared.ask(1) for _ in range(3)), return_exceptions=True)
        assert [type(result) for result in results] == [LookupError] * 3

    asyncio.run(scenario())
