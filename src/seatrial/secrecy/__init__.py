"""What tells a secret: the one place that says so. Here, which names name one, and the logins in
URLs; in `keys`, what stands behind such a name within a text; in `told`, what of settings and
commands is known by value; in `options`, behind which options of a command a
secret stands; in `programs`, options and verbs of which only who knows the program can tell; in
`plain`, lines of logs without what could hide one.

Two meanings, on purpose. `names_secret` is careful: what stands under such a name is masked
wherever it appears, and a word too many (`routing_key: orders`) would turn reports to stars.
`may_name_secret` is greedy: such a value is merely not quoted when the declaration is mistaken.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

from seatrial.secrecy.plain import plain

#: The end of a name that names a secret, for a verbose pattern that ignores case. `PWD` alone is a
#: folder, `pass` alone a count, and a key is a secret only where a word before it says so.
NAMES = r"""(?:
    passwo?r?ds? | passphrase | [_-]pass | [_-]pw | (?<=[a-z0-9_-])(?<!old)pwd
  | (?:pg|my|db|sql|admin|root|user|login|smtp|mail|redis|mongo|rabbit|mq|amqp|ssh|ldap
      |key|store|require)pass
  | secrets? | token | (?:api|auth|access|refresh|bearer)[_-]?tokens | credentials?
  | (?:api|private|secret|signing|encryption|access|auth|session|master|account|shared|hmac|jwt
      |deploy|service|license|fernet|app)[_-]?keys?
  | secret[_-]?key[_-]?base | azure[_-]storage[_-]key | jwt[_-]signing
)"""

#: Likewise, where it is a list of `name=value`, and so all of its line: cookies, and the headers
#: that an exporter of OpenTelemetry sends (OTEL_EXPORTER_OTLP_HEADERS, ..._TRACES_HEADERS).
LISTS = r"(?: cookie | otlp(?:_[a-z]+)?_headers )"

#: Of settings alone: in text such a word says other things, too.
_SETTINGS = r"""(?:
    ^pass | [_-]pat | [_-]salt | authorization | (?:^|[_-])bearer | fernet
  | (?:npm|redis|valkey|sentinel)(?:[_-]\w+)?[_-]auth
  | (?:vapid|rsa|key)[_-]private | webhook[_-]signing | rails[_-]master
)"""
_CAREFUL = re.compile(rf"(?ix)(?:{_SETTINGS}|{NAMES}|{LISTS})$")
_GREEDY = re.compile(
    r"(?i)pass|pwd|secret|token|key|credential|authorization|cookie|otlp\w*headers|[_-](?:pat|salt)$"
)
#: Names of what may be a user's login as a whole, or several: BASIC_AUTH, ...basicauth.users.
_LOGINS = re.compile(
    r"""(?ix)(?:
        (?:(?<![a-z])|basic|digest|http|proxy|rpc)auth(?:[._-]?(?:basic|users?))?
      | (?:http|proxy)[._-]?basic
      | htpasswd | login | credentials? | user[._-]?(?:pass|pwd|password)
    )$"""
)

#: `scheme://user:password@`, slashes escaped or not. A user may be missing, a password not.
LOGIN = re.compile(r""":(?:\\*/){2}[^\s/?\#:@"'<>]*:(?P<value>[^\s/?\#"'<>]+)@""")

#: A login without a scheme: `user:X@tcp(db:3306)/shop`, as Go has it, `key:X@minio:9000`. No port
#: has more digits; the digest of an image does: `redis:7@sha256:1...`.
BARE_LOGIN = re.compile(
    r"(?<![\w/:@.+-])[\w.+-]{1,64}:(?P<value>[^\s/:@\"']{1,256})@(?:\w+\(|[\w.-]+:\d{1,5}(?!\w))"
)


def names_secret(name: str) -> bool:
    """Whether what stands under this key, or in this variable, is a secret."""
    return _CAREFUL.search(name) is not None


def logins_in(text: str) -> Iterator[str]:
    """The passwords of all URLs in it."""
    return (unquote(login["value"]) for login in LOGIN.finditer(text))


def may_be_login(name: str) -> bool:
    """Whether what stands under this key may be `user:password`."""
    return _LOGINS.search(name) is not None


def may_name_secret(name: str) -> bool:
    """Whether it may be one, so that an error does not quote it."""
    return _GREEDY.search(name) is not None or may_be_login(name)


def ending(text: str, most: int) -> str:
    """The last characters of a text that is not redacted yet, behind dots where it was cut: so the
    rest of a secret is recognised."""
    return text if len(text) <= most else f"...{text[-most:]}"


#: In a log, in the place of what is not shown of it.
LEFT_OUT = "[seatrial: what was printed here is left out]"
_REST = 8_192  # characters that the rest of a cut secret may have


def last_lines(text: str, lines: int, *, cut: bool) -> tuple[str, ...]:
    """The last lines of a log that is not redacted yet, as text alone. `cut`: its beginning is not
    there. What it then begins with may be the rest of a secret, which nobody could recognise."""
    first, _, rest = text.partition("\n") if cut else ("", "", text)
    said = ((LEFT_OUT,) if cut else ()) + tuple((rest or first[_REST:]).splitlines())
    return tuple(map(plain, said[-lines:]))
