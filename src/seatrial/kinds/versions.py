"""Version requirements such as ">=15", ">=3.10,<4" or "15" (which means 15 and all 15.x)."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Annotated

from pydantic import AfterValidator

_PART = re.compile(r"(>=|<=|==|!=|>|<)?\s*v?(\d+(?:\.\d+)*)$")
_NUMBER = re.compile(r"\d+(?:\.\d+)*")
_OPERATORS: dict[str, Callable[[tuple[int, ...], tuple[int, ...]], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "==": operator.eq,
    "!=": operator.ne,
}


def _parse(wanted: str) -> list[tuple[str, tuple[int, ...]]]:
    parts = []
    for part in wanted.split(","):
        match = _PART.fullmatch(part.strip())
        if match is None:
            raise ValueError(f'{part.strip()!r} is no version requirement; write ">=15" or "15"')
        parts.append((match[1] or "", tuple(map(int, match[2].split(".")))))
    return parts


def _checked(wanted: str) -> str:
    _parse(wanted)
    return wanted


#: A requirement in a declaration; what cannot be read is refused there.
Requirement = Annotated[str, AfterValidator(_checked)]


def satisfies(found: str, wanted: str) -> bool | None:
    """Whether version `found` meets `wanted`; None when `found` holds no version number.

    Only the leading numbers count: "15.18 (Debian 15.18-0)" is 15.18, "1.2.0-rc1" is 1.2.0.
    """
    match = _NUMBER.search(found)
    if match is None:
        return None
    version = tuple(map(int, match[0].split(".")))
    return all(_meets(version, sign, limit) for sign, limit in _parse(wanted))


def _meets(version: tuple[int, ...], sign: str, limit: tuple[int, ...]) -> bool:
    if not sign:
        return version[: len(limit)] == limit
    width = max(len(version), len(limit))
    pad = [numbers + (0,) * (width - len(numbers)) for numbers in (version, limit)]
    return _OPERATORS[sign](pad[0], pad[1])
