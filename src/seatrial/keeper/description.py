"""A deployment's declaration as lines, so that a difference can be shown line by line."""

from __future__ import annotations

import difflib
import json

from seatrial.declaration.models import System
from seatrial.evidence.redaction import redactor_of


def describe(system: System) -> str:
    """One line a setting of a component; secrets are redacted."""
    redact, lines = redactor_of(system).redact, []
    for component in system.components.values():
        settings = component.config.model_dump(mode="json")
        for key, value in settings.items():
            lines.append(redact(f"{component.name}.{key}: {json.dumps(value)}"))
    return "\n".join(lines)


def differences(running: str, wanted: str) -> list[str]:
    """The lines that differ, "-" as it runs, "+" as it is declared now."""
    compared = difflib.unified_diff(running.splitlines(), wanted.splitlines(), n=0, lineterm="")
    return [line for line in compared if line[:3] not in ("---", "+++") and line[:2] != "@@"]
