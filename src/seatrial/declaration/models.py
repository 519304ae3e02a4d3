"""The frozen models that a declaration becomes.

A kind derives its own configuration from `ComponentConfig`, or from `ProgramConfig` when Seatrial
may start it as a program of the user's. Strings in a component may hold references such as
`{postgres.url}`; they stay text here and are resolved per viewer (see `references`).
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from seatrial.outcome import Priority


class Model(BaseModel):
    """Base of everything read from outside: frozen, and unknown keys are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class NamesComponent:
    """Marks a type of a kind's own models: such text must be the name of a declared component."""


#: For keys, values or entries that name another component: `consumes: Mapping[ComponentName, str]`.
ComponentName = Annotated[str, NamesComponent()]


class ComponentConfig(Model):
    """The keys that every kind of component accepts."""

    kind: str
    needs: tuple[ComponentName, ...] = Field(
        (), description="components that must be ready before it starts"
    )
    service: str | None = Field(None, description="the name of its service in the compose file")
    priority: Priority = Field(Priority.P1, description="what it means when this one is down")
    time_limit: float = Field(2.0, gt=0, le=60, description="seconds a probe may take (cause slow)")

    @property
    def consumed(self) -> tuple[tuple[str, str], ...]:
        """All (component, queue) that it consumes."""
        return ()

    @property
    def patience(self) -> float:
        """Seconds after which a probe gives up: over `time_limit`, to tell slow from silent."""
        return self.time_limit * 1.5


def _can_be_split(command: str | tuple[str, ...]) -> str | tuple[str, ...]:
    try:
        if isinstance(command, str):
            shlex.split(command)
    except ValueError as error:  # "No closing quotation"
        raise ValueError(f"it cannot be split into words: {str(error).lower()}") from None
    return command


def _can_be_set(env: Mapping[str, str]) -> Mapping[str, str]:
    for name in env:
        if "=" in name:  # behind it may stand what should be the value: not quoted
            raise ValueError(f"{name.partition('=')[0]}: a name holds no =; write NAME: value")
    return env


#: A list of words, or a string that is split as a shell splits.
Command = Annotated[str | tuple[str, ...], AfterValidator(_can_be_split)]
Environ = Annotated[Mapping[str, str], AfterValidator(_can_be_set)]


class ProgramConfig(ComponentConfig):
    """The keys of a component that runs a program of the user's."""

    run: Command | None = Field(
        None, description="the command: a list, or a string split as a shell splits; no shell"
    )
    env: Environ = Field({}, description="its environment; values may hold references")
    replicas: int = Field(1, ge=1, le=64)
    grace: float = Field(10.0, gt=0, le=300, description="seconds from SIGTERM to SIGKILL")
    start_timeout: float = Field(60.0, gt=0, le=3600, description="seconds until it must be ready")


class RemoteEndpoint(Model):
    """Where a component of a remote environment is reached; each value may be a ${VAR}."""

    url: str
    user: str | None = None
    password: str | None = None


class EnvironmentConfig(Model):
    provider: Literal["local", "compose", "remote"]
    protected: bool = Field(False, description="refuse everything that writes or breaks")
    file: str | None = Field(None, description="the compose file")
    proxies: bool = Field(
        True, description="components reach each other through proxies, for network faults (local)"
    )
    endpoints: Mapping[str, str | tuple[str, ...] | Mapping[str, str | RemoteEndpoint]] = Field(
        {}, description="by component: a URL, a list (replicas), or {endpoint name: url or object}"
    )


class CleanUp(Model):
    """How what a trial created in one component is found again and removed.

    A kind that can clean up has a model of its own for it, in its own terms.
    """


@dataclass(frozen=True)
class Location:
    file: Path
    line: int  # 1-based
    column: int  # 1-based


@dataclass(frozen=True)
class Reference:
    """`{owner.endpoint.field}` in a string of `viewer`: an edge of the dependency graph."""

    viewer: str  # the component whose string holds it
    owner: str  # the component that is meant
    endpoint: str  # name of one of the owner's endpoints
    field: str  # url, urls, host, port, user, password or path
    where: str  # dotted path of the string, such as "env.DATABASE_URL"


@dataclass(frozen=True)
class Component:
    name: str
    kind: str
    config: ComponentConfig
    expect: Model | None  # the kind's own model of expectations, None where nothing is declared
    references: tuple[Reference, ...]
    location: Location


@dataclass(frozen=True)
class System:
    """A bound declaration for one environment."""

    name: str
    folder: Path
    file: Path
    components: Mapping[str, Component]
    environment: str  # name of the chosen environment
    environments: Mapping[str, EnvironmentConfig]  # only the chosen one has its ${VAR} filled in
    python: str | None
    trials: str = "trials"  # folder of the trials, relative to `folder`
    spec: str | None = None
    compose: str | None = None
    clean_up: Mapping[str, CleanUp] = field(default_factory=dict)
    #: For each remote environment: {component: {endpoint: {field: variable name}}}, for dotenv.
    #: `field` is url, user or password; of further replicas it is url.1, url.2...
    variables: Mapping[str, Mapping[str, Mapping[str, Mapping[str, str]]]] = field(
        default_factory=dict
    )
    digest: str = ""  # sha256 of the resolved components; equal digests may share a deployment
    secrets: tuple[str, ...] = field(default=(), repr=False)  # that the declaration itself holds

    @property
    def config(self) -> EnvironmentConfig:
        return self.environments[self.environment]

    @property
    def compose_file(self) -> Path | None:
        """The compose file of the chosen environment, None for another provider."""
        name = self.config.file or self.compose
        return self.folder / name if self.config.provider == "compose" and name else None
