"""Commands of Seatrial in what is told, made whole: for the system and environment they mean."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from seatrial.declaration.models import System
from seatrial.kinds.base import Target
from seatrial.kinds.programs import MEND

#: A command on one component, or on the system, with the options that were added to it.
_OPTIONS = r"(?: --(?:system|env|name) (?:'[^']*'|[^\s,;)]+))*"
ON_COMPONENT = re.compile(rf"seatrial (restart|logs) (?!--)([\w-]+){_OPTIONS}")
_ON_SYSTEM = re.compile(r"seatrial (up|down|status|check)\b(?! [\w./-])")
#: How kinds call what says where a component is reached, and as whom.
_SETTING = re.compile(r"the (?:[a-z]+ )?endpoint of ([\w-]+)")
#: What might be done to it, beside something else. Nobody can where Seatrial allots it.
_ALTERNATIVE = re.compile(
    rf"(?:,? or|;) correct (?:[^;,]* )?{_SETTING.pattern}"
    rf"|^correct (?:[^;,]* )?{_SETTING.pattern}, or "
)


def workable(fix: str, system: System, targets: Mapping[str, Target], name: str = "") -> str:
    """What a kind says to do, which speaks of any environment, for the one where it runs; `name` is
    that of the deployment."""

    def beside(setting: re.Match[str]) -> str:
        target = targets.get(setting[1] or setting[2])
        return "" if target is not None and not target.provider.setting else setting[0]

    def own_setting(setting: re.Match[str]) -> str:
        target = targets.get(setting[1])
        return (target.provider.setting if target is not None else "") or setting[0]

    def own_words(command: re.Match[str]) -> str:
        target = targets.get(command[2])
        if target is None:
            return command[0]
        return target.start if command[1] == "restart" else target.logs

    fix = _SETTING.sub(own_setting, _ALTERNATIVE.sub(beside, fix))
    return whole(ON_COMPONENT.sub(own_words, fix), system, name)


def whole(text: str, system: System, name: str = "", here: Path | None = None) -> str:
    """The text with its commands such that they work from `here`: where this command was called."""
    options = _options(system, name)
    is_here = system.folder == (here or Path.cwd()).resolve()
    there = "" if is_here else shlex.quote(str(system.folder))
    text = ON_COMPONENT.sub(
        lambda found: " ".join(
            ("seatrial", found[1], found[2], *(("--system", there) if there else ()), *options)
        ),
        text,
    )
    return _ON_SYSTEM.sub(
        lambda found: " ".join(("seatrial", found[1], *((there,) if there else ()), *options)),
        text,
    )


def instead_of_restart(text: str, again: str) -> str:
    """For what has been ended: it can only be started `again`, all of it; its logs stay. That it is
    to be corrected first need not be said twice."""
    return ON_COMPONENT.sub(
        lambda found: found[0] if found[1] == "logs" else f"correct {found[2]}, then {again}",
        text.replace(MEND, ""),
    )


def _options(system: System, name: str) -> tuple[str, ...]:
    env = ("--env", system.environment) if len(system.environments) > 1 else ()
    return (*env, *(("--name", shlex.quote(name)) if name else ()))
