"""What a declaration may say of a process without a port."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, field_validator

from seatrial.declaration.models import ComponentName, ProgramConfig


class ProcessConfig(ProgramConfig):
    """A program that listens nowhere.

    Ready when it notifies (`ready: notify`), once it has run for a moment (`ready: started`), or by
    default when every queue that it `consumes` has a consumer; where it names none, as `started`.
    """

    kind: Literal["process"] = "process"
    ready: Literal["notify", "started"] | None = Field(
        None, description="how it is known to be ready; by default, by what it consumes"
    )
    consumes: Mapping[ComponentName, str | tuple[str, ...]] = Field(
        {}, description="by broker component: the queue, or the queues, that it consumes"
    )

    @field_validator("consumes")
    @classmethod
    def _named(
        cls, value: Mapping[str, str | tuple[str, ...]]
    ) -> Mapping[str, str | tuple[str, ...]]:
        for component, queues in value.items():
            if not queues or not all(queues):
                raise ValueError(f"name a queue of {component}, or leave {component} out")
        return value

    @property
    def consumed(self) -> tuple[tuple[str, str], ...]:
        """All (component, queue) that it consumes."""
        return tuple(
            (component, queue)
            for component, names in self.consumes.items()
            for queue in ((names,) if isinstance(names, str) else names)
        )
