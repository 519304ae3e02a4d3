"""A deployment's declaration as lines, so that a difference can be shown line by line."""

from __future__ import annotations

import difflib
import json

from seatrial.declaration.models import System


def describe(system: System) -> str:
    """One line a setting of a component. Holds secrets where the declaration does."""
    lines = []
    for component in system.components.values():
        settings = component.config.model_dump(mode="json")
        lines += [f"{component.name}.{key}: {json.dumps(value)}" for key, value in settings.items()]
    return "\n".join(lines)


def differences(running: str, wanted: str) -> list[str]:
    """The lines that differ, "-" as it runs, "+" as it is declared now."""
    compared = difflib.unified_diff(running.splitlines(), wanted.splitlines(), n=0, lineterm="")
    return [line for line in compared if line[:3] not in ("---", "+++") and line[:2] != "@@"]
