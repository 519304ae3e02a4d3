"""Several questions at once, none of which outlives the first that fails."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


async def together(questions: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Their answers in order. Raises what the first that fails raises, and cancels the others."""
    asking = [asyncio.ensure_future(one) for one in questions]
    try:
        return await asyncio.gather(*asking)
    finally:
        for one in asking:
            one.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
