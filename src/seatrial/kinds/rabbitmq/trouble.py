"""What can be wrong with a broker, as the modules that talk to it raise it."""

from __future__ import annotations

from seatrial.outcome import Cause


class BrokerTrouble(Exception):
    """The broker could not be asked, or refused. `found` continues "found: ..."; no passwords."""

    def __init__(self, cause: Cause, found: str) -> None:
        super().__init__(found)
        self.cause = cause
        self.found = found


class ChannelClosed(Exception):
    """The broker closed the channel: what was asked is not there, not allowed, or differs."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code} {text}")
        self.code = code
        self.text = text


NOT_FOUND = 404
RESOURCE_LOCKED = 405
