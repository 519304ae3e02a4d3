"""What must be shown nowhere of what a compose file tells its services: in their environments, and
in the commands that they and their health checks run."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from seatrial.compose.attach import project_of
from seatrial.compose.files import ComposeFileError
from seatrial.declaration.models import System
from seatrial.evidence import keys
from seatrial.kinds.containers import Service
from seatrial.kinds.registry import KINDS
from seatrial.secrecy import logins_in, secrets_told, secrets_under


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
    for name, value in service.environment.items():
        yield from secrets_under(name, value)
        yield from logins_in(value)
        yield from _named_in(value)
    for command in service.commands:
        yield from _in_command(service, command)
        for word in command:
            if any(character.isspace() for character in word):  # a shell is to read it
                yield from _in_command(service, _as_a_shell(word))


def _in_command(service: Service, words: Sequence[str]) -> Iterator[str]:
    told = [*secrets_told(words), *(one for word in words for one in _named_in(word))]
    for kind in KINDS.values():
        if kind.containers is not None:
            told += kind.containers.secrets(words)
    for secret in told:
        if secret.strip("$") and "$(" not in secret:  # what that prints is not known
            yield service.filled(secret) or ""


def _named_in(text: str) -> Iterator[str]:
    """What stands in it behind a name that names a secret: `host=db password=X`, `?password=X`,
    `{"password": "X"}`, `Authorization: Bearer X`."""
    return (text[start:end] for start, end in keys.find(text))


def _as_a_shell(script: str) -> list[str]:
    reader = shlex.shlex(script, posix=True, punctuation_chars=True)
    reader.whitespace_split = True
    try:
        return list(reader)
    except ValueError:  # no closing quotation
        return script.split()
