"""The encodings that a secret may have on its way, and where in a text one stands.

An encoding is a list of units, one regular expression a character. To try all of them everywhere
would take a second for each megabyte, so `Net` looks for places first where one may begin, in ways
that are quick and leave out none: plain ones and hex by their first characters as they are, escapes
around each character that begins one, and base64 by what no neighbour can change of it.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from seatrial.evidence.rests import SHORTEST

_HEAD = 3  # units that a place is tried with first

#: Where a text was cut: its end or dots, behind what may be left of an escape sequence.
_CUT = re.compile(r"(?P<escape>[%\\&][\w%\\#]{0,24})?(?:\Z|\.{3}|…)")
#: A line break inside wrapped base64, escaped or not.
_WRAP = r"(?:\s|\\+[rn])*"

#: One way to write a unit: the characters that it can begin with, and a pattern for what follows.
Way = tuple[str, str]
Unit = tuple[Way, ...]


@dataclass(frozen=True)
class Form:
    """One encoding of one secret, unit by unit; `between` is a pattern for what may part them."""

    units: tuple[Unit, ...]
    enough: int  # so many units at the end of a text are a secret that was cut
    sign: str  # what is looked for, as it is: how it begins, of base64 what is always in it
    between: str = ""

    def heads(self) -> Iterator[tuple[str, str]]:
        """(first character, pattern for the next few units), for every way of beginning."""
        rest = "".join(self.between + _pattern(unit) for unit in self.units[1:_HEAD])
        for first, follow in self.units[0]:
            for char in first:
                yield char, follow + rest

    @cached_property
    def _whole(self) -> re.Pattern[str]:
        return re.compile(self.between.join(map(_pattern, self.units)))

    def end(self, text: str, start: int) -> int | None:
        """Where this form, begun at `start`, ends in the text; None if it does not stand there."""
        whole = self._whole.match(text, start)
        return whole.end() if whole else self._cut(text, start)

    def _cut(self, text: str, start: int) -> int | None:
        """Where the beginning of this form ends, if the text was cut there."""
        ends = [start]
        for unit in self.units:
            between = self.between if len(ends) > 1 else ""
            found = _compiled(between + _pattern(unit)).match(text, ends[-1])
            if found is None:
                break
            ends.append(found.end())
        # Backwards, as the start of a cut escape (\\u00) can pass for a unit (a backslash).
        for end in reversed(ends[self.enough :]):
            if cut := _CUT.match(text, end):
                return cut.end("escape") if cut["escape"] else end
        return None


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


@lru_cache(maxsize=4096)
def _pattern(unit: Unit) -> str:
    return "(?:" + "|".join(_one_of(first) + follow for first, follow in unit) + ")"


def _one_of(chars: str) -> str:
    escaped = "".join(map(re.escape, chars))
    return escaped if len(chars) == 1 else f"[{escaped}]"


def _any_case(digits: str) -> str:
    return "".join(f"[{d}{d.upper()}]" if d.isalpha() else d for d in digits)


_SLASHES = r"\\{0,7}"  # after a first backslash: text that was escaped, escaped again
_PERCENT = "(?:25){0,3}"  # after the percent sign: likewise
_SHORT_ESCAPES = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f", "\v": "v", "\a": "a"}
_ENTITIES = {"&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "apos"}


@lru_cache(maxsize=4096)
def _character(char: str) -> Unit:
    """A unit for one character: itself, or any escape of it."""
    code = ord(char)
    octets = [_any_case(f"{octet:02x}") for octet in char.encode("utf-8", "surrogatepass")]
    utf16 = char.encode("utf-16-be", "surrogatepass").hex()
    words = [_any_case(utf16[i : i + 4]) for i in range(0, len(utf16), 4)]
    ways: list[Way] = [
        ("%", _PERCENT + f"%{_PERCENT}".join(octets)),
        ("\\", _SLASHES + "u" + r"\\{1,8}u".join(words)),
        ("\\", _SLASHES + "x" + r"\\{1,8}x".join(octets)),
        ("&", rf"\#(?:0{{0,6}}{code}|[xX]0{{0,6}}{_any_case(f'{code:x}')});?"),
    ]
    if char in "\"'/`$":
        ways.append(("\\", _SLASHES + char.replace("$", r"\$")))
    if 0x80 <= code < 0x100:
        ways.append(("\\", f"{_SLASHES}x{_any_case(f'{code:02x}')}"))
    if code > 0xFFFF:
        ways.append(("\\", f"{_SLASHES}U{_any_case(f'{code:08x}')}"))
    if char == " ":
        ways.append(("+", ""))
    if char in _SHORT_ESCAPES:
        ways.append(("\\", _SLASHES + _SHORT_ESCAPES[char]))
    if char in _ENTITIES:
        ways.append(("&", f"(?:amp;)?{_ENTITIES[char]};"))
    return (*ways, (char, ""))  # itself last: it can be the first character of its escape


def _backslashes(count: int) -> Unit:
    """A unit for a run of backslashes: how often each was doubled cannot be told apart."""
    more = rf"{{{count - 1}}}"
    return (
        ("%", rf"{_PERCENT}5[cC](?:%{_PERCENT}5[cC]){more}"),
        ("\\", rf"{_SLASHES}u005[cC](?:\\{{1,8}}u005[cC]){more}"),
        ("\\", rf"{_SLASHES}x5[cC](?:\\{{1,8}}x5[cC]){more}"),
        ("&", rf"\#(?:92|[xX]5[cC]);?(?:&\#(?:92|[xX]5[cC]);?){more}"),
        ("\\", rf"\\{{{count - 1},{8 * count - 1}}}"),
    )


_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


@lru_cache(maxsize=4096)
def _sextet(chars: str) -> Unit:
    """A unit for one base64 character, one of `chars`, in either alphabet and escaped or not."""
    ways: list[Way] = [(chars.replace("+", "+-").replace("/", "/_"), "")]
    for char, code in (("+", "2[bB]"), ("/", "2[fF]")):
        if char in chars:
            ways += [("%", _PERCENT + code), ("\\", f"{_SLASHES}u00{code}")]
    if "/" in chars:
        ways.append(("\\", _SLASHES + "/"))
    return tuple(ways)


def _base64(secret: bytes, offset: int) -> Form:
    """The secret inside base64 text, where it begins at `offset` (0, 1, 2) of a group of three.

    The characters at either end hold bits of neighbouring bytes, which can be anything.
    """
    encoded = base64.b64encode(b"\0" * offset + secret).decode().rstrip("=")
    first_bit, last_bit = offset * 8, (offset + len(secret)) * 8
    units = []
    for place in range(first_bit // 6, len(encoded)):
        bits = range(place * 6, place * 6 + 6)
        known = sum(32 >> n for n, bit in enumerate(bits) if first_bit <= bit < last_bit)
        value = _ALPHABET.index(encoded[place])
        fits = (c for n, c in enumerate(_ALPHABET) if n & known == value & known)
        units.append(_sextet("".join(fits)))
    # The first of eight may be any of several, and the seven behind it are known in each case.
    sign = encoded[first_bit // 6 + 1 :][:7]
    return Form(tuple(units), enough=8, sign=sign, between=_WRAP)


def _plain(secret: str) -> Form:
    runs = re.findall(r"\\+|[^\\]", secret, re.DOTALL)
    units = (_backslashes(len(run)) if run[0] == "\\" else _character(run) for run in runs)
    return Form(tuple(units), enough=SHORTEST, sign=secret[:_HEAD])


def _hex(secret: bytes) -> Form:
    units = tuple(
        ((digit + digit.upper() if digit.isalpha() else digit, ""),) for digit in secret.hex()
    )
    return Form(units, enough=2 * SHORTEST, sign=secret.hex()[: 2 * SHORTEST])


class Net:
    """All encodings of some secrets."""

    def __init__(self, secrets: Iterable[str]) -> None:
        plain = sorted(secrets)
        octets = [secret.encode("utf-8", "surrogatepass") for secret in plain]
        self._plain = [_plain(secret) for secret in plain]
        self._hex = [_hex(secret) for secret in octets]
        self.base64 = [_base64(secret, offset) for secret in octets for offset in range(3)]
        self._heads = _heads_of(self._plain)
        self._escape = re.compile(r"[%\\&+]" if any(" " in one for one in plain) else r"[%\\&]")

    @property
    def forms(self) -> tuple[Form, ...]:
        return (*self._plain, *self._hex, *self.base64)

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where secrets stand, by their beginnings; of several that begin together, the longest."""
        found: dict[int, int] = {}
        for form, start in self._places(text):
            end = form.end(text, start)
            if end is not None:
                found[start] = max(end, found.get(start, 0))
        return sorted(found.items())

    def _places(self, text: str) -> Iterator[tuple[Form, int]]:
        """Where which form may begin; all places where one does are among them."""
        for form in self._plain:
            for start in _all(text, form.sign):
                yield form, start
        for start in self._beside_escapes(text):
            for form in self._plain:
                yield form, start
        lower = text.replace("\u0130", "i").lower()  # the one letter that is two in lower case
        for form in self._hex:
            for start in _all(lower, form.sign):
                yield form, start
        squeezed = _squeezed(text)
        for form in self.base64:
            if form.sign in squeezed:
                heads, at = _heads_of([form]), 0
                while hit := heads.search(text, at):
                    at = hit.start() + 1
                    yield form, hit.start()

    def _beside_escapes(self, text: str) -> Iterator[int]:
        """Where a plain form may begin of whose first units one is an escape."""
        after = 0
        for escape in self._escape.finditer(text):
            for start in range(max(after, escape.start() - _HEAD + 1), escape.start() + 1):
                if self._heads.match(text, start):
                    yield start
            after = escape.start() + 1


def _all(text: str, part: str) -> Iterator[int]:
    at = text.find(part)
    while at >= 0:
        yield at
        at = text.find(part, at + 1)


_ESCAPED = re.compile(r"%(?:25){0,3}2([bBfF])|(?<!\\)\\++(?:u002([bBfF])|(/)|[rn])")


def _squeezed(text: str) -> str:
    """Base64 in it without line breaks and escapes, and in the one alphabet."""

    def plain(escape: re.Match[str]) -> str:
        code = (escape[1] or escape[2] or "").lower()
        return "+" if code == "b" else "/" if code or escape[3] else ""

    if "%" in text or "\\" in text:
        text = _ESCAPED.sub(plain, text)
    return "".join(text.split()).replace("-", "+").replace("_", "/")


def _heads_of(forms: Sequence[Form]) -> re.Pattern[str]:
    """One pattern for the heads of all these forms, by their first characters."""
    by_first: dict[str, dict[str, None]] = {}
    for form in forms:
        for first, rest in form.heads():
            by_first.setdefault(first, {})[rest] = None
    branches = (f"{re.escape(first)}(?:{'|'.join(rests)})" for first, rests in by_first.items())
    return re.compile("|".join(branches))
