"""What must be shown nowhere of what a compose file tells its services: as secrets, in their
environments and labels, with what they are built, and in the commands that they and their health
checks run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from seatrial.compose.attach import project_of
from seatrial.compose.files import ComposeFileError
from seatrial.compose.project import Project
from seatrial.declaration.models import System
from seatrial.kinds.containers import Service
from seatrial.secrecy import told

_LARGEST = 65_536  # characters of a file that are read
_SHORTEST = 8  # characters of a line that could be nothing else


def secrets_of(system: System) -> tuple[str, ...]:
    """() for another provider than compose."""
    if system.compose_file is None:
        return ()
    try:
        project = project_of(system)
    except ComposeFileError:
        return ()  # whoever needs the file says what is wrong with it
    of_services = (one for service in project.services.values() for one in _of(service))
    return tuple(dict.fromkeys((*of_services, *_of_its_own(project))))


def _of_its_own(project: Project) -> Iterator[str]:
    """The secrets that it declares as such, and each line of those that have several."""
    texts = [text for text in project.secret_values if text]
    for file in filter(Path.is_file, project.secret_files):  # a pipe would be waited for
        with contextlib.suppress(OSError), file.open(encoding="utf-8", errors="replace") as stream:
            texts.append(stream.read(_LARGEST))
    for text in map(str.strip, texts):
        yield text
        yield from (line.strip() for line in text.splitlines() if len(line.strip()) >= _SHORTEST)


def _of(service: Service) -> Iterator[str]:
    for named in (service.environment, service.labels, service.arguments):
        for name, value in named.items():
            yield from told.in_setting(name, value)
    for command in service.commands:
        for secret in told.in_command(command):
            yield service.filled(secret) or ""
