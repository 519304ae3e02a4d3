"""The floor of a submission: an endpoint that does the API's own statement, and nothing else."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import AsyncIterator

import asyncpg
import uvicorn
from quantum_queue.api.tasks import _INSERT
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route


async def submit(request: Request) -> JSONResponse:
    task = await request.json()
    async with request.app.state.pool.acquire() as connection:
        row = await connection.fetchrow(
            _INSERT, uuid.uuid4(), task["circuit"], task["shots"], str(uuid.uuid4()), None, None
        )
    return JSONResponse(
        {
            "task_id": str(row["task_id"]),
            "message": "Task submitted successfully.",
            "submitted_at": row["submitted_at"].isoformat(),
        }
    )


async def alive(request: Request) -> PlainTextResponse:
    return PlainTextResponse("ok")


@contextlib.asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    async with asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=10, max_size=10) as pool:
        app.state.pool = pool
        yield


app = Starlette(
    routes=[Route("/tasks", submit, methods=["POST"]), Route("/", alive)], lifespan=lifespan
)

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_config=None)
