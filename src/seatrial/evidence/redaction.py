"""Redaction: no password, token or cookie reaches evidence, whatever it is encoded as.

Two nets, laid over the same text:

by value   each secret of 6 characters or more, and each such line of it, in every encoding that
           it may have on its way: plain, percent-encoded, JSON and Python escapes, HTML entities
           (mixed as they come), hex, base64 and base64url at all three offsets, and each of these
           cut off by the end of the text after 6 characters or more; and plain, cut off by dots
           before 6 characters or more. Shorter values are redacted by key only, or everything
           turns to stars.
by key     whatever stands after `password=`, `"token":`, `Authorization:` and the like, and the
           password in `scheme://user:password@host`.

How by value stays quick: an encoding is a list of units, one regular expression a character. One
compiled pattern looks for the first few units of all encodings of all secrets at once; only where
it hits are the units tried one after the other.
"""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

from pydantic import JsonValue

from seatrial.declaration.models import System
from seatrial.evidence.rests import SHORTEST, Rests
from seatrial.secrecy import LISTS, LOGIN, NAMES, names_secret

MASK = "***"
_HEAD = 3  # units that the combined pattern looks for

#: Values that are a technology's name before they are anybody's password (`POSTGRES_PASSWORD:
#: postgres`). Redacting them by value would hide nothing and make every report unreadable.
PUBLIC = frozenset({"postgres", "postgresql", "rabbitmq", "mariadb", "mongodb", "localhost"})

_KEYS = re.compile(
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
_KEY_VALUES = ("escaped", "double", "single", "line", "bare")

#: Where a text was cut: its end or dots, behind what may be left of an escape sequence.
_CUT = re.compile(r"(?P<escape>[%\\&][\w%\\#]{0,24})?(?:\Z|\.{3}|…)")
#: A line break inside wrapped base64, escaped or not.
_WRAP = r"(?:\s|\\+[rn])*"

Span = tuple[int, int]
#: One way to write a unit: the characters that it can begin with, and a pattern for what follows.
Way = tuple[str, str]
Unit = tuple[Way, ...]


@dataclass(frozen=True)
class _Form:
    """One encoding of one secret, unit by unit; `between` is a pattern for what may part them."""

    units: tuple[Unit, ...]
    enough: int  # so many units at the end of a text are a secret that was cut
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


def _base64(secret: bytes, offset: int) -> _Form:
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
    return _Form(tuple(units), enough=8, between=_WRAP)


def _forms(secret: str) -> list[_Form]:
    octets = secret.encode("utf-8", "surrogatepass")
    runs = re.findall(r"\\+|[^\\]", secret, re.DOTALL)
    plain = (_backslashes(len(run)) if run[0] == "\\" else _character(run) for run in runs)
    hexadecimal = ((digit + digit.upper() if digit.isalpha() else digit) for digit in octets.hex())
    return [
        _Form(tuple(plain), enough=SHORTEST),
        _Form(tuple(((digit, ""),) for digit in hexadecimal), enough=2 * SHORTEST),
        *(_base64(octets, offset) for offset in range(3)),
    ]


def _heads_of(forms: Iterable[_Form]) -> re.Pattern[str]:
    """One pattern for the heads of all forms, by first character: `re` then skips at full speed."""
    by_first: dict[str, dict[str, None]] = {}
    for form in forms:
        for first, rest in form.heads():
            by_first.setdefault(first, {})[rest] = None
    branches = (f"{re.escape(first)}(?:{'|'.join(rests)})" for first, rests in by_first.items())
    return re.compile("|".join(branches))


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

    `public` are values never to be redacted by value although somebody chose one as a password,
    such as the names of the components; they are still redacted by key.
    """

    def __init__(self, secrets: Iterable[str] = (), *, public: Iterable[str] = ()) -> None:
        self._public = PUBLIC | set(public)
        self._lock = threading.Lock()
        self._secrets: set[str] = set()
        self._net: tuple[re.Pattern[str], tuple[_Form, ...], Rests] | None = None
        self.add(secrets)

    def add(self, secrets: Iterable[str]) -> None:
        """Redact these values too, from now on."""
        secrets = [secrets] if isinstance(secrets, str) else secrets
        with self._lock:
            new = {
                value
                for value in _and_lines(secrets)
                if len(value) >= SHORTEST and value not in self._public and value.strip("*")
            } - self._secrets
            if not new:
                return
            self._secrets |= new
            forms = tuple(form for secret in sorted(self._secrets) for form in _forms(secret))
            self._net = (_heads_of(forms), forms, Rests(self._secrets))

    def redact(self, text: str) -> str:
        """The text without secrets. Redacting it again changes nothing."""
        spans = _merged([*self._by_value(text), *_by_key(text)])
        if not spans:
            return text
        kept, at = [], 0
        for start, end in spans:
            kept += [text[at:start], MASK]
            at = end
        return "".join([*kept, text[at:]])

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
        (heads, forms, rests), at = self._net, 0
        spans = [(a, b) for a, b in rests.find(text) if text[a:b] not in self._public]
        while hit := heads.search(text, at):
            start = hit.start()
            ends = [end for form in forms if (end := form.end(text, start)) is not None]
            if ends and text[start : max(ends)] not in self._public:
                spans.append((start, max(ends)))
            at = start + 1
        return spans


def redactor_of(system: System) -> Redactor:
    """For everything that is told of a system; a deployment adds the secrets of its endpoints."""
    return Redactor(system.secrets, public=[*system.components, system.name])


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


def _by_key(text: str) -> list[Span]:
    spans = []
    for found in _KEYS.finditer(text):
        group = next(name for name in _KEY_VALUES if found[name] is not None)
        spans.append(found.span(group))
    spans += [found.span("value") for found in LOGIN.finditer(text)]
    return [(start, end) for start, end in spans if end > start]


def _merged(spans: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
