"""What a broker says of one channel: the connection goes on."""

from __future__ import annotations


class ChannelClosed(Exception):
    """The broker closed the channel: what was asked is not there, not allowed, or differs."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code} {text}")
        self.code = code
        self.text = text


NOT_FOUND = 404
RESOURCE_LOCKED = 405
