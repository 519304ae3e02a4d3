"""What every record has in common."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

#: Raised with every change that a reader of old runs must know about.
EVIDENCE_VERSION = 1


def now() -> datetime:
    return datetime.now(UTC)


class Record(BaseModel):
    """One line of evidence. `type` tells the records apart; `at` is UTC wall-clock time."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    at: AwareDatetime = Field(default_factory=now)
