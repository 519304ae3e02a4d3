"""Secrets by their keys: what stands after `password=` and the like, and passwords in URLs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from seatrial.secrecy import BARE_LOGIN, LISTS, LOGIN, NAMES

PATTERN = re.compile(
    r"""(?ix)
    (?: """
    + NAMES
    + r""" | authorization | (?P<list> """
    + LISTS
    + r""") )
    (?: \\*["'] )? \s{0,20}
    (?: (?<![=!<>]) [:=] (?!=) >? | (?<=["']) , (?=\s{0,20}b?\\*["']) )
    \s{0,20} (?: b (?=\\*["']) )?
    (?:
        (?P<escape>\\+)["']                (?P<escaped>[^"'\\\n]*)
      | "                                  (?P<double>(?:[^"\\\n]|\\.)*)
      | '                                  (?P<single>(?:[^'\\\n]|\\.)*)
      | (?(list)                           (?P<line>[^\r\n"']+)
        | (?: (?:bearer|basic|digest|token|negotiate)\s+ )?
                                           (?P<bare>[^\s,;&"'<>(){}\[\]]+) )
    )
    """
)
Span = tuple[int, int]
_KEY_VALUES = ("escaped", "double", "single", "line", "bare")

#: One of these is in every name that the pattern knows, at most so many characters behind where
#: it begins, and with only letters, 64 at most, from the last one to where its value is announced.
#: To look for them first takes a tenth of the time.
_CORES = [
    *("pass", "pwd", "pw", "secret", "token", "credential", "key", "signing", "authorization"),
    *("cookie", "otlp"),
]
_BEFORE = len("azure_storage_")
_ANNOUNCED = re.compile(r"""[^\W\d]{0,64}+(?:\\*+["'])?\s{0,20}+[:=,]""")
#: Letters that a pattern takes for another one where it ignores case, and `lower` does not.
_ALIKE = str.maketrans({"\u0130": "i", "\u0131": "i", "\u017f": "s"})


def find(text: str) -> list[Span]:
    """Where such values stand."""
    both = (*LOGIN.finditer(text), *BARE_LOGIN.finditer(text))
    logins = (found.span("value") for found in both)
    return [(start, end) for start, end in (*named(text), *logins) if end > start]


def named(text: str) -> Iterator[Span]:
    """Where what stands behind a name that names a secret does."""
    for found in matches(text):
        yield found.span(next(name for name in _KEY_VALUES if found[name] is not None))


def matches(text: str) -> Iterator[re.Match[str]]:
    """All that the pattern matches, from the left, none in another."""
    after = 0
    for core in _cores(text):
        for start in range(max(after, core - _BEFORE), core + 1):
            if found := PATTERN.match(text, start):
                yield found
                after = found.end()
                break


def _cores(text: str) -> list[int]:
    lower = (text if text.isascii() else text.translate(_ALIKE)).lower()
    places = []
    for core in _CORES:
        at = lower.find(core)
        while at >= 0:
            if _ANNOUNCED.match(text, at):
                places.append(at)
            at = lower.find(core, at + 1)
    return sorted(places)
