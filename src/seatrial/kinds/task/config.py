"""What a declaration may say of a task."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from seatrial.declaration.models import ProgramConfig


class TaskConfig(ProgramConfig):
    """A program that runs once; what needs it waits until it has ended with exit code 0."""

    kind: Literal["task"] = "task"
    replicas: Literal[1] = Field(1, description="a task runs once")
