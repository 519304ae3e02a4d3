"""What `docker compose up` is busy with while there are no containers yet, from what it prints.

Nothing depends on it but what people are told meanwhile: of lines that are not known nothing comes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from seatrial.kinds.containers import Service

BUILT, PULLED = "its image is being built", "its image is being pulled"

_PULLING = re.compile(r" ?(?P<v2>\S+) Pulling\s*|Pulling (?P<v1>\S+) \(.*")
_PULLED = re.compile(r" ?(\S+) Pulled\s*")
_BUILDING = re.compile(r"Building (\S+)")  # Compose 1, one after the other
_STEP = re.compile(r"#\d+ (?:\[(\S+) )?")  # BuildKit; where only one is built, without its name


def doing(said: Iterable[str], services: Mapping[str, Service]) -> dict[str, str]:
    """By service, what is done for it."""
    found: dict[str, str] = {}
    built = [name for name, service in services.items() if service.built]
    for line in said:
        if (pulling := _PULLING.fullmatch(line)) is not None:
            found[pulling["v2"] or pulling["v1"]] = PULLED
        elif (pulled := _PULLED.fullmatch(line)) is not None:
            found.pop(pulled[1], None)
        elif (building := _BUILDING.fullmatch(line)) is not None:
            found = {name: what for name, what in found.items() if what != BUILT}
            found[building[1]] = BUILT
        elif (step := _STEP.match(line)) is not None:
            name = step[1] if step[1] in built or len(built) != 1 else built[0]
            found[name] = BUILT
    return {name: what for name, what in found.items() if name in services}
