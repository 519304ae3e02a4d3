"""What results quote of servers can be shown to people: what answers may be anything."""

from __future__ import annotations

import re

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def make_printable(result: object, *fields: str) -> None:
    """Escape in these texts of a frozen result what would act on a terminal, and what cannot be
    encoded at all."""
    for name in fields:
        text = getattr(result, name)
        if text and _UNPRINTABLE.search(text):
            escaped = _UNPRINTABLE.sub(lambda found: ascii(found[0])[1:-1], text)
            object.__setattr__(result, name, escaped)
