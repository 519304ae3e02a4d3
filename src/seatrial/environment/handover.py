"""What a run tells the pytest process that it starts: one variable, read once by the plugin.

It stands below `run` and `plugin`, because both import it, and is light, because every pytest
process of a system does. No secret is in it: the plugin reads those from the deployment it joins.

    env = {**os.environ, **Handover(...).variables()}
    subprocess.run([python, "-m", "pytest", trials], env=env)
"""

from __future__ import annotations

import json
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path

from seatrial.outcome import Priority

#: The variable that carries it, as JSON.
VARIABLE = "SEATRIAL_HANDOVER"


@dataclass(frozen=True)
class Handover:
    """One pytest session of a run."""

    deployment: str  # id of the deployment to join
    file: Path  # the declaration
    environment: str
    run: str  # id of the run
    session: str  # "p1", or "p2-p3"
    priorities: tuple[Priority, ...]  # the trials to select
    evidence: Path  # the run's folder
    #: What the checks found: component -> id of the finding that trials which need it cite.
    findings: Mapping[str, str] = field(default_factory=dict)
    name: str = ""  # of the deployment, where it was given one
    here: Path | None = None  # where the run was called

    def variables(self) -> dict[str, str]:
        """The environment variables to start pytest with."""
        return {VARIABLE: self.text()}

    def text(self) -> str:
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        fields |= {name: str(fields[name]) for name in ("file", "evidence")}
        fields["here"] = None if self.here is None else str(self.here)
        return json.dumps({**fields, "findings": dict(self.findings)})

    @classmethod
    def parse(cls, text: str) -> Handover:
        fields = json.loads(text)
        fields["file"] = Path(fields["file"])
        fields["evidence"] = Path(fields["evidence"])
        fields["here"] = None if fields["here"] is None else Path(fields["here"])
        fields["priorities"] = tuple(Priority(p) for p in fields["priorities"])
        return cls(**fields)

    @classmethod
    def take(cls, environ: MutableMapping[str, str]) -> Handover | None:
        """Read it and remove it: a pytest that a trial itself starts is no part of the run."""
        text = environ.pop(VARIABLE, None)
        return None if text is None else cls.parse(text)
