"""What must be shown nowhere of what a compose file tells its services: in their environments,
labels and files of secrets, with what they are built, and in the commands that they and their
health checks run."""

from __future__ import annotations

from collections.abc import Iterator

from seatrial.compose.attach import project_of
from seatrial.compose.files import ComposeFileError
from seatrial.declaration.models import System
from seatrial.kinds.containers import Service, content_of
from seatrial.secrecy import told


def secrets_of(system: System) -> tuple[str, ...]:
    """() for another provider than compose."""
    if system.compose_file is None:
        return ()
    try:
        services = project_of(system).services.values()
    except ComposeFileError:
        return ()  # whoever needs the file says what is wrong with it
    return tuple(dict.fromkeys(one for service in services for one in _of(service)))


def _of(service: Service) -> Iterator[str]:
    for named in (service.environment, service.labels, service.arguments):
        for name, value in named.items():
            yield from told.in_setting(name, value)
    for file in service.secrets.values():
        yield from _in_file(content_of(file) or "")
    for command in service.commands:
        for secret in told.in_command(command):
            yield service.filled(secret) or ""


def _in_file(content: str) -> Iterator[str]:
    """Each line and what it tells; one long secret of many would take its time to find."""
    if "\ufffd" not in content:  # else it is no text
        for line in content.splitlines():
            if not line.startswith("-----"):
                yield from told.in_setting("secret", line.strip())
