"""Secrets by their shape: what nobody declared, and yet cannot be anything else.

Private keys, tokens that say themselves whose they are, and what stands behind an option such as
`--password`. Each pattern is looked for only where its sign is in the text, begins where no other
match of it can run on, and so takes time in proportion to the text, whatever that holds.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

from seatrial.secrecy.options import BEFORE, takes, tells_secret

Span = tuple[int, int]


@dataclass(frozen=True)
class Shape:
    what: str  # as the documents name it
    signs: tuple[str, ...]  # one of them is in every text that the pattern matches
    pattern: re.Pattern[str]


def _shape(what: str, signs: str, pattern: str) -> Shape:
    return Shape(what, tuple(signs.split()), re.compile(pattern))


_ALONE = r"(?<![A-Za-z0-9])"  # what begins in the middle of a word is something else
_UNTIL = r"(?![A-Za-z0-9])"

SHAPES = (
    _shape("AWS access key", "AKIA ASIA", rf"{_ALONE}(?:AKIA|ASIA)[A-Z0-9]{{16}}{_UNTIL}"),
    _shape(
        "GitHub token",
        "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_",
        rf"{_ALONE}(?:gh[pousr]_[A-Za-z0-9]{{30,}}+|github_pat_[A-Za-z0-9_]{{30,}}+)",
    ),
    _shape(
        "Stripe key",
        "sk_live_ sk_test_ rk_live_ rk_test_",
        rf"{_ALONE}[sr]k_(?:live|test)_[A-Za-z0-9]{{10,}}+",
    ),
    _shape("GitLab token", "glpat- gldt- glrt-", rf"{_ALONE}gl(?:pat|dt|rt)-[\w-]{{20,}}+"),
    _shape("SendGrid key", "SG.", rf"{_ALONE}SG\.[\w-]{{16,}}+\.[\w-]{{16,}}+"),
    _shape(
        "OpenAI or Anthropic key", "sk-proj- sk-ant-", rf"{_ALONE}sk-(?:proj|ant)-[\w-]{{20,}}+"
    ),
    _shape("Slack token", "xox", rf"{_ALONE}xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{{10,}}+"),
    _shape(
        "Webhook of Slack or Discord",
        "hooks.slack.com/ /api/webhooks/",
        r"(?:hooks\.slack\.com/(?:services|workflows|triggers)|/api/webhooks)/(?P<value>[\w/-]{8,}+)",
    ),
    _shape(
        "Token alone in a URL",
        "://",
        # with a digit: else it is somebody's name
        r"(?i)https?://(?P<value>(?=[a-z_.~%+-]{0,128}[0-9])[\w.~%+-]{12,256}+)@",
    ),
    _shape(
        "JWT",
        "eyJ",
        r"(?<![\w-])eyJ[\w-]{8,}+\.ey[\w-]{8,}+(?:\.[\w-]*+)?",
    ),
    _shape(
        "Bearer token",
        "earer EARER",
        # but a path of small letters
        r"(?i)(?<!\w)bearer[ \t]{1,4}(?!(?-i:(?:/[a-z0-9._-]++)++/?(?![\w~+/=])))"
        r"(?P<value>(?=[a-z._~+/-]{0,40}[0-9])[\w.~+/-]{16,}+=*+)",
    ),
)

_OPTION = re.compile(
    r"""(?<![\w-])--(?P<name>[A-Za-z][\w-]{0,60}+)(?:[ \t]{1,4}+(?:\\\n[ \t]{0,40}+)?+)
    (?: \\++["'](?P<escaped>[^"'\\\n]++)
    | "(?P<double>(?:\\.|[^"\\\n])++) | '(?P<single>[^'\n]++)
    | (?P<bare>(?!-)[^\s"'\\][^\s"']*+) )""",
    re.VERBOSE,
)

_EDGE = re.compile(r"-----(?P<which>BEGIN|END) [A-Z0-9 ]{0,32}PRIVATE KEY(?: BLOCK)?-----")
_LONGEST_KEY = 16_384  # characters from its first line to its last one
#: Lines of it, one below the other or in one string, of which only the last one may be short; and
#: the same read backwards.
_FORWARDS = re.compile(
    r"(?:(?:(?:\s|\\++[rn])*+[A-Za-z0-9+/=]{16,}+)++(?:\s|\\++[rn])*+[A-Za-z0-9+/=]*+)?+"
)
_BACKWARDS = re.compile(
    r"(?:(?:\s|[rn]\\++)*+(?:[A-Za-z0-9+/=]++(?:[\s\\]++[A-Za-z0-9+/=]{16,}+)++"
    r"|[A-Za-z0-9+/=]{16,}+))?+"
)


def find(text: str) -> list[Span]:
    """Where such secrets stand."""
    spans = [*_options(text), *private_keys(text)]
    for shape in SHAPES:
        if any(sign in text for sign in shape.signs):
            group = "value" if "value" in shape.pattern.groupindex else 0
            spans += [found.span(group) for found in shape.pattern.finditer(text)]
    return [(start, end) for start, end in spans if end > start]


def _options(text: str) -> Iterator[Span]:
    if "--" not in text:
        return
    for found in _OPTION.finditer(text):
        name, word = found["name"], found["bare"]
        if not tells_secret(name):
            continue
        at = found.start()
        if word is None or takes(name, word, text[max(at - BEFORE, 0) : at]):
            assert found.lastgroup is not None
            yield found.span(found.lastgroup)


def private_keys(text: str) -> Iterator[Span]:
    """What stands between the first line of a key and its last; where one of the two was cut off,
    as many of its lines as are there."""
    if "PRIVATE KEY" not in text:
        return
    edges = list(_EDGE.finditer(text))
    ends = [edge.start() for edge in edges if edge["which"] == "END"]
    after = 0
    for edge in edges:
        if edge.start() < after:
            continue
        if edge["which"] == "BEGIN":
            at = bisect_left(ends, edge.end())
            end = ends[at] if at < len(ends) else len(text)
            if at == len(ends) or end - edge.end() > _LONGEST_KEY:
                there = _FORWARDS.match(text, edge.end(), edge.end() + _LONGEST_KEY)
                assert there is not None
                end = there.end()
            yield edge.end(), end
            after = end
        else:
            window = text[max(after, edge.start() - _LONGEST_KEY) : edge.start()]
            there = _BACKWARDS.match(window[::-1])
            assert there is not None
            yield edge.start() - there.end(), edge.start()
        after = max(after, edge.end())
