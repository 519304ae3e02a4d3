"""What a declaration may say of an HTTP service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal
from urllib.parse import quote

from pydantic import AfterValidator, Field, JsonValue, model_validator

from seatrial.declaration.models import Model, ProgramConfig
from seatrial.kinds.versions import Requirement


def _absolute(path: str) -> str:
    if not path.startswith("/") or any(c.isspace() or c == "#" for c in path):
        raise ValueError('write a path that begins with "/", such as "/health"')
    if not path.isascii() or not path.isprintable():
        raise ValueError(f"write it percent-encoded: {quote(path, safe='/%?&=+:;@,')}")
    return path


Path = Annotated[str, AfterValidator(_absolute)]


class HttpConfig(ProgramConfig):
    """An HTTP service.

    Without `health`, any answer below 500 to GET / counts as healthy.
    """

    kind: Literal["http"] = "http"
    health: Path | None = Field(
        None, description="the path that answers 2xx when the service can do its work"
    )
    live: Path | None = Field(
        None, description="the path that answers 2xx as long as the process runs"
    )
    port: int | None = Field(
        None, ge=1, le=65535, description="a fixed port when started locally; default: a free one"
    )
    ready: Literal["probe", "notify"] = Field(
        "probe", description="ready when its probe succeeds, or when it notifies NOTIFY_SOCKET"
    )
    version: Requirement | None = Field(
        None, description='such as ">=1.4"; held against `version` in its health answer'
    )

    @model_validator(mode="after")
    def _one_port_each(self) -> HttpConfig:
        if self.port is not None and self.replicas > 1:
            raise ValueError(f"{self.replicas} replicas cannot share one port: leave `port` out")
        if self.version is not None and self.health is None:
            raise ValueError("`version` is read from the health answer: declare `health` too")
        return self


class HttpExpect(Model):
    """What the service must answer."""

    status: int | None = Field(
        None, ge=100, le=599, description="the status of the health answer, exactly"
    )
    answer: Mapping[str, JsonValue] | None = Field(
        None,
        alias="json",
        description="what the JSON health answer must contain, nested as there; more is allowed",
    )
    max_response_ms: float | None = Field(
        None, gt=0, description="milliseconds for the health answer, best of three (p2)"
    )
    openapi: Path | None = Field(
        None, description="the path of its OpenAPI document, which must be valid JSON (p2)"
    )

    @model_validator(mode="after")
    def _something(self) -> HttpExpect:
        chosen = (self.status, self.answer, self.max_response_ms, self.openapi)
        if all(value is None for value in chosen) or self.answer == {}:
            raise ValueError("nothing is expected: an empty expectation would always pass")
        return self
