"""What must be shown nowhere of what a compose file tells its services: as secrets, in their
environments and labels, with what they are built, and in the commands that they and their health
checks run."""

from __future__ import annotations

from collections.abc import Iterator

from seatrial.compose.attach import project_of
from seatrial.compose.files import ComposeFileError
from seatrial.compose.project import Project
from seatrial.declaration.models import System
from seatrial.kinds.containers import Service, content_of
from seatrial.secrecy import told


def secrets_of(system: System) -> tuple[str, ...]:
    """() for another provider than compose."""
    if system.compose_file is None:
        return ()
    try:
        project = project_of(system)
    except ComposeFileError:
        return ()  # whoever needs the file says what is wrong with it
    of_services = (one for service in project.services.values() for one in _of(service))
    return tuple(dict.fromkeys((*_of_its_own(project), *of_services)))


def _of_its_own(project: Project) -> Iterator[str]:
    """The secrets that it declares as such."""
    for text in (*project.secret_values, *map(content_of, project.secret_files)):
        yield from _lines_of(text or "")


def _lines_of(content: str) -> Iterator[str]:
    """Each line and what it tells; one long secret of many would take its time to find."""
    if "\ufffd" not in content:  # else it is no text
        for line in content.splitlines():
            if not line.startswith("-----"):
                yield from told.in_setting("secret", line.strip())


def _of(service: Service) -> Iterator[str]:
    for named in (service.environment, service.labels, service.arguments):
        for name, value in named.items():
            yield from told.in_setting(name, value)
    for command in service.commands:
        for secret in told.in_command(command):
            yield service.filled(secret) or ""
