"""Redaction: no password, token or cookie reaches evidence, whatever it is encoded as.

Three nets, laid over the same text:

by value   each secret of 6 characters or more, and each such line of it, in every encoding that
           it may have on its way: plain, percent-encoded, JSON and Python escapes, HTML entities
           (mixed as they come), hex, base64 and base64url at all three offsets, and each of these
           cut off by the end of the text after 6 characters or more; and plain, cut off by dots
           before 6 characters or more. Shorter values are redacted by key only, or everything
           turns to stars.
by key     whatever stands after `password=`, `"token":`, `Authorization:` and the like, and the
           password in `scheme://user:password@host`.
by shape   private keys, and tokens that say themselves what they are: see `shapes`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator

from pydantic import JsonValue

from seatrial.declaration.models import System
from seatrial.evidence import shapes
from seatrial.evidence.forms import Net
from seatrial.evidence.rests import SHORTEST, Rests
from seatrial.secrecy import LOGIN, keys, names_secret

MASK = "***"

#: Values that are a plain word or a technology's name before they are a password (`DB_PASSWORD:
#: postgres`). Redacting them by value would hide nothing and make every report unreadable.
PUBLIC = frozenset(
    ("password", "secret", "postgres", "postgresql", "rabbitmq", "mariadb", "mongodb", "localhost")
)

Span = tuple[int, int]


def _and_lines(secrets: Iterable[str]) -> Iterator[str]:
    """Each, and of one of several lines (a PEM key) each line: logs are read and redacted line by
    line, and pytest puts its own words before lines. What only says where a key begins is none."""
    for secret in secrets:
        yield secret
        lines = [line.strip() for line in secret.splitlines()]
        if len(lines) > 1:
            yield from (line for line in lines if not line.startswith("-----"))


class Redactor:
    """Replaces secrets in texts by `***`. Thread-safe; secrets can be added at any time.

    `public` are names that stand in every report, such as those of the components. A value that is
    a part of one is never redacted by value although somebody chose it as a password: that would
    hide nothing. It is still redacted by key.
    """

    def __init__(self, secrets: Iterable[str] = (), *, public: Iterable[str] = ()) -> None:
        self._public = PUBLIC
        self._lock = threading.Lock()
        self._secrets: set[str] = set()
        self._net: tuple[Net, Rests] | None = None
        self.publish(public)
        self.add(secrets)

    def add(self, secrets: Iterable[str]) -> None:
        """Redact these values too, from now on."""
        secrets = [secrets] if isinstance(secrets, str) else secrets
        with self._lock:
            new = {
                value
                for value in _and_lines(secrets)
                if len(value) >= SHORTEST and not self._is_public(value) and value.strip("*")
            } - self._secrets
            self._know(self._secrets | new)

    def publish(self, names: Iterable[str]) -> None:
        """Names that stand in every report from now on, of trials say."""
        with self._lock:
            self._public = self._public | set(names)
            self._know({one for one in self._secrets if not self._is_public(one)})

    def _know(self, secrets: set[str]) -> None:
        if secrets != self._secrets:
            self._secrets = secrets
            self._net = (Net(secrets), Rests(secrets)) if secrets else None

    def _is_public(self, value: str) -> bool:
        return value in PUBLIC or any(value in name for name in self._public - PUBLIC)

    def redact(self, text: str) -> str:
        """The text without secrets. Redacting it again changes nothing."""
        return _masked(text, [*self._by_value(text), *keys.find(text), *shapes.find(text)])

    def redact_lines(self, lines: Iterable[str]) -> list[str]:
        """Lines that stand below each other, without secrets: a private key of several becomes one.
        All else is looked for line by line, so that one that is cut at its line's end is known."""
        text = "\n".join(lines)
        whole = _masked(text, list(shapes.private_keys(text)))
        return [self.redact(line) for line in whole.split("\n")] if text else []

    def redact_item(self, key: str, value: str) -> str:
        """A value that belongs to a key: masked as a whole if the key names a secret."""
        return MASK if value and names_secret(key) else self.redact(value)

    def redact_json(self, value: JsonValue) -> JsonValue:
        """Every string in a JSON value redacted, by its key too; the keys stay."""
        if isinstance(value, dict):
            return {
                key: self.redact_item(key, item)
                if isinstance(item, str)
                else self.redact_json(item)
                for key, item in value.items()
            }
        if isinstance(value, list):
            return [self.redact_json(item) for item in value]
        return self.redact(value) if isinstance(value, str) else value

    def _by_value(self, text: str) -> list[Span]:
        if self._net is None:
            return []
        net, rests = self._net
        spans = [*net.spans(text), *rests.find(text)]
        return [(start, end) for start, end in spans if text[start:end] not in self._public]


def redactor_of(system: System) -> Redactor:
    """For everything that is told of a system; a deployment adds the secrets of its endpoints."""
    services = [one.config.service or one.name for one in system.components.values()]
    return Redactor(system.secrets, public=[system.name, *system.components, *services])


def mask_urls(text: str) -> str:
    """The text with the password of every `scheme://user:password@host` masked."""
    return LOGIN.sub(lambda m: m[0].replace(f":{m['value']}@", f":{MASK}@"), text)


def cap(text: str, limit: int, beyond: int = 0) -> str:
    """At most about `limit` bytes of UTF-8, with a note of how much was left out.

    `beyond`: so much more there was behind the text. Redact first: a secret that the cap cuts in
    two is harder to recognise.
    """
    octets = text.encode(errors="backslashreplace")
    if len(octets) <= limit and not beyond:
        return text
    kept = octets[:limit].decode(errors="ignore")
    return f"{kept}... ({max(len(octets) - limit, 0) + beyond} bytes more)"


def _masked(text: str, spans: list[Span]) -> str:
    kept, at = [], 0
    for start, end in _merged(spans):
        kept += [text[at:start], MASK]
        at = end
    return "".join([*kept, text[at:]])


def _merged(spans: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
