"""Which names name a secret, and the logins in URLs: the one place that says so.

Two meanings, on purpose. `names_secret` is careful: what stands under such a name is masked
wherever it appears, and a word too many (`routing_key: orders`) would turn reports to stars.
`may_name_secret` is greedy: such a value is merely not quoted when the declaration is mistaken.
"""

from __future__ import annotations

import re

#: The end of a name that names a secret, for a verbose pattern that ignores case. `PWD` alone is a
#: folder, `pass` alone a count, and a key is a secret only where a word before it says so.
NAMES = r"""(?:
    passwo?r?ds? | passphrase | [_-]pass | (?<=[a-z0-9_-])(?<!old)pwd
  | (?:pg|my|db|sql|admin|root|user|login|smtp|mail|redis|mongo|rabbit|mq|amqp|ssh|ldap
      |key|store)pass
  | secrets? | token | (?:api|auth|access|refresh|bearer)[_-]?tokens | credentials?
  | (?:api|private|secret|signing|encryption|access|auth|session|master|account|shared|hmac|jwt
      |deploy|service|license)[_-]?keys?
)"""

_CAREFUL = re.compile(rf"(?ix)(?:^pass|{NAMES}|authorization|cookie)$")
_GREEDY = re.compile(r"(?i)pass|pwd|secret|token|key|credential|authorization|cookie")

#: `scheme://user:password@`, slashes escaped or not. A user may be missing, a password not.
LOGIN = re.compile(r""":(?:\\*/){2}[^\s/?\#:@"'<>]*:(?P<value>[^\s/?\#"'<>]+)@""")


def names_secret(name: str) -> bool:
    """Whether what stands under this key, or in this variable, is a secret."""
    return _CAREFUL.search(name) is not None


def may_name_secret(name: str) -> bool:
    """Whether it may be one, so that an error does not quote it."""
    return _GREEDY.search(name) is not None
