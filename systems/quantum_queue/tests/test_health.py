from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from quantum_queue.api.health import DatabaseSeen, Shared, judge
from quantum_queue.contracts.schema import EXPECTED_REVISION

WELL = DatabaseSeen(EXPECTED_REVISION)


@pytest.mark.parametrize(
    ("database", "queue", "status"),
    [
        (WELL, True, "healthy"),
        (WELL, False, "degraded"),
        (DatabaseSeen(None), True, "unhealthy"),
        (DatabaseSeen("9999"), True, "unhealthy"),
        (DatabaseSeen(None), False, "unhealthy"),
        (replace(WELL, read_only=True), True, "unhealthy"),
        (replace(WELL, lacks=("UPDATE on tasks",)), True, "unhealthy"),
        (None, True, "unhealthy"),
        (None, False, "unhealthy"),
    ],
)
def test_the_status_follows_from_the_parts(
    database: DatabaseSeen | None, queue: bool, status: str
) -> None:
    report = judge(database, queue)
    assert report.status == status
    assert report.is_healthy == (status == "healthy")
    assert report.database_status == ("disconnected" if database is None else "connected")
    assert report.queue_status == ("connected" if queue else "disconnected")
    found = None if database is None else database.revision
    assert report.schema_version == {"found": found, "expected": EXPECTED_REVISION}


@pytest.mark.parametrize(
    ("database", "says"),
    [
        (DatabaseSeen(None), "alembic upgrade head"),
        (replace(WELL, read_only=True), "transaction_read_only"),
        (replace(WELL, lacks=("UPDATE on tasks",)), "lacks UPDATE on tasks: GRANT it"),
    ],
)
def test_what_is_wrong_is_named_with_its_remedy(database: DatabaseSeen, says: str) -> None:
    assert says in judge(database, True).detail


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
