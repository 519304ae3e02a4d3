"""What a fault is: a frozen model of its parameters, which knows how to begin and to end.

    Fault
    ├── ProcessFault    a component is stopped, killed, paused...     faults/processes.py
    └── NetworkFault    what passes between two components is late,
                        cut off, in pieces...                         faults/network.py

Each fault is a file of its own with one class, and a line in `faults.registry`. Where the
deployment ends before `end` was called (its client is killed, say), the keeper does that.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, ClassVar, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from seatrial import units
from seatrial.declaration.problems import nearest
from seatrial.environment.capability import Capability
from seatrial.environment.deployment import Deployment
from seatrial.errors import UsageError

#: Of a parameter: seconds, up to a minute, written as `200ms` or 0.2.
Duration = Annotated[float, BeforeValidator(units.seconds), Field(gt=0, le=60)]
#: Of a parameter: bytes, written as `64KB` or 64000.
Octets = Annotated[float, BeforeValidator(units.octets), Field(ge=1, le=1e12)]
#: Of a parameter: a part of the whole, written as `25%` or 0.25.
Share = Annotated[float, BeforeValidator(units.share), Field(gt=0, le=1)]


class Fault(BaseModel, ABC):
    """One way of breaking something. The fields are its parameters, each with a description."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]  # on the command line
    in_trials: ClassVar[str]  # the method of the fixture `fault`
    summary: ClassVar[str]  # what happens while it lasts
    capability: ClassVar[Capability]  # that the environment must have
    subjects: ClassVar[tuple[str, ...]]  # the parameters that are given without their name
    lasts: ClassVar[bool] = True  # rather than being over once it has begun

    @classmethod
    def of(cls, *subjects: object, **parameters: object) -> Self:
        """Validated from outside. Raises UsageError, which names the parameter."""
        if len(subjects) > len(cls.subjects):
            raise UsageError(
                f"{cls.name} takes {len(cls.subjects)} names, and {len(subjects)} were given",
                hint=f"seatrial fault {cls.usage()}",
            )
        given = dict(zip(cls.subjects, subjects, strict=False)) | parameters
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise _refused(cls, error) from None

    @classmethod
    def usage(cls) -> str:
        """How it is called on the command line, in a line."""
        options = [
            f"--{key} ..." if field.is_required() else f"[--{key} ...]"
            for key, field in cls.model_fields.items()
            if key not in cls.subjects
        ]
        return " ".join((cls.name, *map(str.upper, cls.subjects), *options))

    @property
    @abstractmethod
    def components(self) -> tuple[str, ...]:
        """Those that it concerns."""

    def check(self, deployment: Deployment) -> None:
        """Whether it can be done there. Raises UsageError, CapabilityMissing or Refused."""
        known = deployment.system.components
        for name in self.components:
            if name not in known:
                raise UsageError(f"there is no component {name!r}", hint=nearest(name, known))
        deployment.require(self.capability)

    @abstractmethod
    def begin(self, deployment: Deployment, key: str) -> None:
        """Break it; returns when that has taken effect. `key` is unique to this use of it."""

    @abstractmethod
    def end(self, deployment: Deployment, key: str) -> None:
        """Mend it; returns when that has taken effect. Also where it never began."""

    @abstractmethod
    def __str__(self) -> str: ...


def _refused(fault: type[Fault], error: ValidationError) -> UsageError:
    said_of = error.errors()
    unknown = (
        one for one in said_of if one["type"] == "extra_forbidden"
    )  # rather than what it hides
    first = next(unknown, said_of[0])
    key = str(first["loc"][0]) if first["loc"] else ""
    field = fault.model_fields.get(key)
    if field is None:
        has = ", ".join(fault.model_fields)
        return UsageError(f"{fault.name} has no parameter {key}", hint=f"it has {has}")
    said = first["msg"].removeprefix("Value error, ")
    message = f"{key} is missing" if first["type"] == "missing" else f"{key}: {said}"
    return UsageError(f"{fault.name}: {message}", hint=f"{key}: {field.description}")
