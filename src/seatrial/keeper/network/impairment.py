"""What may be done to the connections of an edge, and what several of these come to together.

Every network fault is made of these few parts. They combine without an order (delays add up, the
lowest rate holds), so that faults can end in any order.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from math import ceil

from pydantic import BaseModel, ConfigDict, Field


class Direction(StrEnum):
    """Which way the bytes go."""

    UPSTREAM = "upstream"  # from the viewer to the target: what it asks
    DOWNSTREAM = "downstream"  # from the target to the viewer: what it is answered
    BOTH = "both"


class NetworkEdge(BaseModel):
    """The viewer reaches this endpoint of the target through a proxy."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    viewer: str
    target: str
    endpoint: str

    def __str__(self) -> str:
        return f"{self.viewer} -> {self.target}.{self.endpoint}"


class Impairment(BaseModel):
    """Seconds, bytes, and bytes per second."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    share: float = Field(default=1.0, gt=0, le=1)  # of the connections, old and new
    refuse: bool = False  # existing connections are closed, new ones refused
    reset_after: float | None = Field(default=None, ge=0, le=3600)  # of a connection, with RST
    direction: Direction = Direction.BOTH  # of what follows
    hold: bool = False  # nothing passes
    delay: float = Field(default=0.0, ge=0, le=60)
    jitter: float = Field(default=0.0, ge=0, le=60)  # the delay varies by so much, up and down
    rate: float | None = Field(default=None, ge=1)
    piece: int | None = Field(default=None, ge=1)  # at most so many at a time
    gap: float = Field(default=0.0, ge=0, le=60)  # between two pieces

    def goes(self, direction: Direction) -> bool:
        return self.direction in (direction, Direction.BOTH)


class Imposed:
    """An impairment that is on, and the connections that it was offered."""

    def __init__(self, impairment: Impairment, note: str) -> None:
        self.impairment, self.note = impairment, note
        self._offered = 0

    def hits(self) -> bool:
        """Whether it takes the connection that it is offered now.

        Evenly spread rather than drawn, so that a trial can be repeated; always the first one.
        """
        before = self._taken
        self._offered += 1
        return self._taken > before

    @property
    def _taken(self) -> int:
        return ceil(self._offered * self.impairment.share - 1e-9)


@dataclass(frozen=True)
class Effect:
    """What one direction of one connection suffers."""

    hold: bool = False
    delay: float = 0.0
    jitters: tuple[float, ...] = ()
    rate: float | None = None
    piece: int | None = None
    gap: float = 0.0

    @classmethod
    def of(cls, impairments: Iterable[Impairment], direction: Direction) -> Effect:
        these = [one for one in impairments if one.goes(direction)]
        return cls(
            hold=any(one.hold for one in these),
            delay=sum(one.delay for one in these),
            jitters=tuple(one.jitter for one in these if one.jitter),
            rate=min((one.rate for one in these if one.rate is not None), default=None),
            piece=min((one.piece for one in these if one.piece is not None), default=None),
            gap=sum(one.gap for one in these),
        )

    def wait(self) -> float:
        """Seconds that the next bytes are late."""
        jitter = sum(random.uniform(-most, most) for most in self.jitters)  # noqa: S311
        return max(0.0, self.delay + jitter)


NEUTRAL = Effect()
