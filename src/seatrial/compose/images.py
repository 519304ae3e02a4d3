"""Images as the engine knows them: by the digests that registries know them by."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from seatrial.compose.engine import EngineError, call


class _Inspected(BaseModel):
    """Part of what `docker image inspect` prints."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str = Field(alias="Id")
    digests: tuple[str, ...] | None = Field(None, alias="RepoDigests")


_ANSWER = TypeAdapter(tuple[_Inspected, ...])


async def digests_of(ids: Collection[str]) -> Mapping[str, tuple[str, ...]]:
    """By the id of an image, "NAME@sha256:..." of each repository that it was pulled from or pushed
    to. One that the engine has no more is left out, and all are where it does not answer: they are
    told beside a verdict, and decide nothing."""
    if not ids:
        return {}
    try:
        ended = await call(("docker", "image", "inspect", *sorted(ids)))
        found = _ANSWER.validate_python(json.loads(ended.out or "[]"))
    except (EngineError, ValueError):
        return {}
    return {one.id: one.digests or () for one in found}
