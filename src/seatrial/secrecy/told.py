"""What of a setting, or of a command, must be shown nowhere, so that it is known by value even
where it is printed alone."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Sequence
from itertools import pairwise
from urllib.parse import unquote

from seatrial.secrecy import BARE_LOGIN, keys, logins_in, may_be_login, names_secret, programs
from seatrial.secrecy.options import BEFORE, is_negated, takes

_OTLP_HEADERS = re.compile(r"(?i)otlp\w*headers$")
#: `name=value`, or `name: value` by mistake; what else there is, is a value as a whole.
_PAIR = re.compile(r"\s*[\w.-]+\s*[=:](?!=*\s*$)(?P<value>.*)", re.DOTALL)
_SCHEME = re.compile(r"(?i)(?:bearer|basic|digest|token|negotiate)\s+")
#: `user:password`, and no URL; of several, each one ends where the next may begin.
_USER = r"[^\s:/,\"'{}\[\]]{1,64}"
_LOGIN = re.compile(rf"{_USER}:(?!//|\d{{1,5}}(?:/|$))(?P<value>.+)", re.DOTALL)  # and no address
_OF_SEVERAL = re.compile(rf"(?:^|(?<=[\s,])){_USER}:(?!//)(?P<value>[^\s,]+)")
#: Of such names, those whose value is told otherwise: a slash, or nothing but the password.
_NEO4J = re.compile(r"(?i)(?:^|[._-])neo4j[._-]?auth$")
_ALONE = re.compile(r"(?i)^(?:rediscli_auth|(?:vault[_-])?dev[_-]root[_-]token[_-]id)$")
#: A password's hash, as crypt and its like write it: `$apr1$`, `$2y$05$`, `$argon2id$v=19$`.
_HASH = re.compile(
    r"\$(?:1|2[abxy]?|5|6|7|y|gy|apr1|argon2(?:id?|d)|scrypt|pbkdf2[\w-]{0,16})"
    r"\$(?:[\w./$=+-]|,(?=[a-z]=)){20,}"
)
_READ = re.compile(r"(?:os\.(?:environ|getenv)|process\.env)\b")
#: An option; what has more in it is a value behind a letter: `-p$DB_PASSWORD`.
_OPTION = re.compile(r"--?[\w.-]+")
#: A bare value as a whole, where the first bracket or comma may be within it.
_BARE = re.compile(r"""[^\s&;"']{1,256}""")
_ESCAPED = re.compile(r"\\(.)")
_LONGEST = 65_536  # characters of a command; to read more as a shell does takes its time
_DEEPEST = 4  # shells within each other


def secrets_under(name: str, value: str) -> Iterator[str]:
    """What must be shown nowhere of the value under this key, or in this variable: all of it but a
    scheme before it, and each one of a list alone; of a login, what stands behind the user.
    Nothing where the name says nothing of the kind."""
    if _ALONE.search(name):
        yield value
    if may_be_login(name):
        yield from _of_logins(value.replace("/", ":", 1) if _NEO4J.search(name) else value)
    if names_secret(name):
        for one in _in_list(value) if _OTLP_HEADERS.search(name) else (value,):
            if secret := _SCHEME.sub("", one, count=1):
                yield secret


def _of_logins(text: str) -> Iterator[str]:
    text = text.strip()
    if text[:1] in ("'", '"'):
        text = text.strip(text[0])
    if whole := _LOGIN.match(text):
        yield whole["value"]
        yield from (one["value"] for one in _OF_SEVERAL.finditer(text))


def _in_list(text: str) -> Iterator[str]:
    for part in text.split(","):
        found = _PAIR.match(part)
        yield unquote(found["value"] if found else part).strip()


def in_setting(name: str, value: str) -> Iterator[str]:
    """Of the value under this key, whatever its name: what stands in it, too."""
    yield from secrets_under(name, value)
    yield from _known(_in_text(value, 0))


def in_command(words: Sequence[str]) -> Iterator[str]:
    """Of the words of a command, and of scripts among them. What a shell makes of a variable is
    not known here: it is told as it is written."""
    yield from _known(_in_command(words, 0))


def _known(secrets: Iterator[str]) -> Iterator[str]:
    """But for what only says where it is read, or is what a command within would print."""
    return (one for one in secrets if one.strip("$") and "$(" not in one and not _READ.match(one))


def _in_text(text: str, depth: int) -> Iterator[str]:
    """Passwords of URLs, and hashes of some; what stands behind names that name a secret
    (`host=db password=X`, `?password=X`, `{"password": "X"}`, `Authorization: Bearer X`); and what
    is told by options, in text that a shell or a program may split into words."""
    yield from logins_in(text)
    yield from _HASH.findall(text)
    yield from (login["value"] for login in BARE_LOGIN.finditer(text))
    for start, end in keys.named(text):
        wholes = [text[start:end]]
        if text[start - 1] not in "\"'" and (bare := _BARE.match(text, start)):
            wholes.append(bare[0].rstrip(","))
        for value in (one for whole in wholes for one in _as_meant(whole)):
            yield _SCHEME.sub("", value, count=1)
    may_be_read = depth < _DEEPEST and len(text) <= _LONGEST
    if may_be_read and any(character.isspace() for character in text):
        yield from _in_command(_as_a_shell(text), depth + 1)


def _as_meant(value: str) -> Iterator[str]:
    """As it is written, and what a reader of URLs, JSON, quoted text or a shell makes of that."""
    yield value
    if value.startswith("-"):  # ${DB_PASSWORD:-X}
        yield value[1:]
    if "%" in value:
        yield unquote(value)
    if "\\" in value:
        yield _ESCAPED.sub(r"\1", value)
        try:
            yield str(json.loads(f'"{value}"', strict=False))
        except ValueError:
            return


def _in_command(words: Sequence[str], depth: int) -> Iterator[str]:
    yield from _by_options(words)
    yield from programs.secrets(words)
    for word in words:
        yield from _in_text(word, depth)


def _by_options(words: Sequence[str]) -> Iterator[str]:
    """`--password X`, `--password=X`, `PASSWORD=X`"""
    before = ""
    for word, following in pairwise([*words, ""]):
        name, given, value = word.partition("=")
        option = name.lstrip("-")
        if len(name.split()) > 1:
            pass  # a script, of which it would be the rest
        elif given:
            yield from secrets_under(option, value)
        elif (
            _OPTION.fullmatch(name)
            and not (following.startswith("-") or is_negated(option))
            and takes(option, following, before)
        ):
            yield from secrets_under(option, following)
        before = f"{before} {word}"[-BEFORE:]


def _as_a_shell(script: str) -> list[str]:
    whole = script.replace("\\\n", " ")
    reader = shlex.shlex(whole, posix=True, punctuation_chars="();<>|&\n")
    reader.whitespace, reader.whitespace_split = " \t\r", True
    reader.commenters = ""  # within a word it begins none
    try:
        return list(reader)
    except ValueError:  # no closing quotation
        return script.split()
