"""Options of commands: behind which of them a secret stands, and what is none though it does."""

from __future__ import annotations

import re

from seatrial.secrecy import names_secret

_NEGATED = re.compile(r"(?i)(?:no|skip|without|with)-")
#: How a usage calls what an option takes, beside by the option's own name.
_METAVARS = frozenset({"pass", "passwd", "str", "string", "text", "value"})
_MARKS = "[](){}<>|.,:;"
#: What a sentence goes on with behind an option that it speaks of: `--token is missing`.
_GOES_ON = re.compile(
    r"is|are|was|were|be|must|may|can|cannot|should|will|has|have|had|not|nor|or|and|but|if|in|on"
    r"|to|of|for|from|with|without|as|at|by|the|an|when|which|that"
)

#: Clients of PostgreSQL ask for the password themselves where they are told `--password`: behind
#: it stands something else. Between may be only options, each with a value or none.
_PROMPTING = re.compile(
    r"""(?<![\w.-])(?:psql|pg_dump|pg_dumpall|pg_restore|pg_basebackup|pg_receivewal|pgbench
      |createdb|dropdb|createuser|dropuser|vacuumdb|reindexdb|clusterdb)
    (?:[ \t]++--?[A-Za-z][\w-]*+(?:(?:=|[ \t]++)[\w./:@][\w./:@-]*+)?+)*+[ \t]*\Z""",
    re.VERBOSE,
)
BEFORE = 256  # characters of a command before an option that are looked at


def tells_secret(option: str) -> bool:
    """Whether its name says that a secret stands behind this option of a command."""
    return names_secret(option) and not is_negated(option)


def is_negated(option: str) -> bool:
    """As `--no-password` is, behind which stands something else."""
    return _NEGATED.match(option) is not None


def takes(option: str, word: str, before: str) -> bool:
    """Whether this word is the value of the option: not in a usage (`--password PASSWORD`), not in
    a sentence, and not where the program `before` it takes none. In doubt it is."""
    return not (_is_spoken_of(option, word) or (option == "password" and _PROMPTING.search(before)))


def _is_spoken_of(option: str, word: str) -> bool:
    bare = word.strip(_MARKS)
    if _GOES_ON.fullmatch(bare) or bare == "string":
        return True
    parts = re.split(r"[-_]", option.casefold())
    own = {"_".join(parts[at:]) for at in range(len(parts))}
    called = bare.isupper() or word.lstrip("[").startswith("<")
    return called and bare.casefold().replace("-", "_") in own | _METAVARS
