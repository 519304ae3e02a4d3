"""Read typed values from environment variables, and say exactly what is wrong with one.

Light on purpose: a wrong variable is reported before anything heavy is imported.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

_PASSWORD = re.compile(r"(?P<user>//[^:/@]*):(?P<password>.*)(?=@)")
_CREDENTIALS = re.compile(r"^.*@")
_NEAR_MISS = 0.8


@dataclass(frozen=True)
class Problem:
    """One variable that cannot be used."""

    variable: str
    expected: str
    found: str
    remedy: str

    def __str__(self) -> str:
        return (
            f"{self.variable}: expected {self.expected}; found {self.found}; "
            f"to fix it, {self.remedy}"
        )


class SettingsError(Exception):
    """One or more variables are missing, misspelt or malformed."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = problems


def mask(url: str) -> str:
    """Return `url` with its password replaced, even when the URL is malformed."""
    if "//" not in url:
        return _CREDENTIALS.sub("***@", url)
    return _PASSWORD.sub(r"\g<user>:***", url)


def password_of(url: str) -> str | None:
    """Return the password inside `url`, decoded, if there is one."""
    try:
        raw = urlsplit(url).password
    except ValueError:
        return None
    return unquote(raw) if raw else None


def is_headers(name: str) -> bool:
    """Tell whether the variable holds headers for a collector of OpenTelemetry."""
    return name.startswith("OTEL_EXPORTER_OTLP_") and name.endswith("HEADERS")


def secrets_of_headers(environ: Mapping[str, str]) -> frozenset[str]:
    """Return the values of headers for a collector, in every form in which they may be printed.

    Also of what is none (`authorization: Bearer ...`, say): the SDK quotes it when it complains.
    """
    parts = [
        part.strip()
        for name, text in environ.items()
        if is_headers(name)
        for part in text.split(",")
    ]
    values = {part.partition("=")[2].strip() for part in parts} | set(parts)
    decoded = values | {unquote(value) for value in values}
    # Without `Bearer` or `Basic` before it, too.
    return frozenset(decoded | {value.split()[-1] for value in decoded if value.strip()}) - {""}


@dataclass
class Reader:
    """Reads variables one by one and collects what is wrong with them."""

    environ: Mapping[str, str]
    problems: list[Problem] = field(default_factory=list)

    def url(self, name: str, schemes: tuple[str, ...], example: str, *, path: bool) -> str:
        """Return the required URL in `name`; with `path`, it must name something after the /."""
        value = self.environ.get(name, "").strip()
        expected = f"a URL like {example}"
        if not value:
            self._missing(name, expected, example)
            return ""
        flaw = _flaw_of_url(value, schemes, path=path)
        if flaw is not None:
            remedy = f"correct it: {flaw}"
            self.problems.append(Problem(name, expected, repr(mask(value)), remedy))
        return value

    def integer(self, name: str, default: int, low: int, high: int) -> int:
        """Return the whole number in `name`, or `default` when it is unset."""
        value = self.environ.get(name, "").strip()
        if not value:
            return default
        if re.fullmatch(r"[+-]?[0-9]{1,18}", value) and low <= int(value) <= high:
            return int(value)
        self._malformed(name, f"a whole number from {low} to {high}", value, str(default))
        return default

    def optional_integer(self, name: str, low: int, high: int) -> int | None:
        """Return the whole number in `name`, or None when it is unset."""
        if not self.environ.get(name, "").strip():
            return None
        return self.integer(name, low, low, high)

    def seconds(self, name: str, default: float, low: float, high: float) -> float:
        """Return the number of seconds in `name`, or `default` when it is unset."""
        value = self.environ.get(name, "").strip()
        if not value:
            return default
        if re.fullmatch(r"[0-9]+(\.[0-9]+)?", value) and low <= float(value) <= high:
            return float(value)
        self._malformed(name, f"seconds from {low:g} to {high:g}", value, f"{default:g}")
        return default

    def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        """Return the word in `name`, in upper case, or `default` when it is unset."""
        value = self.environ.get(name, "").strip()
        if not value:
            return default
        if value.upper() in choices:
            return value.upper()
        self._malformed(name, f"one of {', '.join(choices)}", value, default)
        return default

    def word(self, name: str, default: str, pattern: str, expected: str) -> str:
        """Return the text in `name` if all of it matches `pattern`."""
        value = self.environ.get(name, "").strip()
        if not value:
            return default
        if re.fullmatch(pattern, value):
            return value
        self._malformed(name, expected, value, default)
        return default

    def near_miss(self, name: str) -> str | None:
        """Return a variable that is set and looks like a misspelt `name`."""
        others = [other for other in self.environ if other != name and self.environ[other]]
        folded = {other.upper(): other for other in others}
        close = difflib.get_close_matches(name, folded, n=1, cutoff=_NEAR_MISS)
        return folded[close[0]] if close else None

    def _missing(self, name: str, expected: str, example: str) -> None:
        found = "an empty value" if name in self.environ else "nothing (it is not set)"
        remedy = f"set {name}={example}"
        if (other := self.near_miss(name)) is not None:
            found = f"nothing, but {other} is set"
            remedy = f"did you mean {name}? rename {other} to {name}"
        self.problems.append(Problem(name, expected, found, remedy))

    def _malformed(self, name: str, expected: str, value: str, default: str) -> None:
        found = repr(mask(value))
        remedy = f"correct it, or unset it to use {default}"
        self.problems.append(Problem(name, expected, found, remedy))


def _flaw_of_url(value: str, schemes: tuple[str, ...], *, path: bool) -> str | None:
    """Say what is wrong with a URL, or None."""
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        return "the host or port is not valid (a password with @ / : # ? must be percent-encoded)"
    wanted = " or ".join(f"{scheme}://" for scheme in schemes)
    if "://" not in value or parts.scheme not in schemes:
        return f"it must start with {wanted}"
    if re.search(r"\s|[\x00-\x1f]", value):
        return "it must not contain white space"
    if port == 0:
        return "port 0 is not an address"
    if parts.fragment:
        return "it must not contain # (percent-encode it in a password as %23)"
    return _flaw_of_place(parts, path=path)


def _flaw_of_place(parts: SplitResult, *, path: bool) -> str | None:
    """Say what is wrong with the host or the name after it, or None."""
    if "@" in parts.path:
        return "a password with @ / : # ? must be percent-encoded"
    if not parts.hostname and "host=" not in parts.query:
        return "it names no host"
    if path and not parts.path.strip("/"):
        return "it names no database after the host"
    if path and "/" in parts.path.strip("/"):
        return "the database name must not contain /"
    return None
