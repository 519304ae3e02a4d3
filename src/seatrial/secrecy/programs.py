"""Secrets that programs are told where no name says so: `--password X` names one, `-a X` does not,
unless one knows the program."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

#: What a shell has between one command and the next.
_BETWEEN = re.compile(r"[();|&\n]+")


def _each(names: str, options: str) -> dict[str, re.Pattern[str]]:
    return dict.fromkeys(names.split(), re.compile(options))


#: By program, options behind which a password stands: `joined` in the same word, or in the next.
PASSWORDS = {
    **_each("redis-cli valkey-cli keydb-cli", "-a|>(?P<joined>.+)"),  # ACL SETUSER NAME on >X
    **_each("redis-server valkey-server keydb-server", "--masterauth|>(?P<joined>.+)"),
    **_each(
        "mysql mysqladmin mysqldump mysqlcheck mysqlimport mysqlshow mysqlslap"
        " mariadb mariadb-admin mariadb-dump mariadb-check mariadb-import mariadb-show",
        "-p(?P<joined>.+)",
    ),
    **_each("mongo mongosh mongodump mongorestore mongoimport mongoexport", "-p(?P<joined>.*)"),
    **_each("sshpass cqlsh cypher-shell rabbitmqadmin", "-p(?P<joined>.*)"),
    **_each("sqlcmd bcp mosquitto_pub mosquitto_sub mosquitto_rr", "-P(?P<joined>.*)"),
    **_each("ldapsearch ldapwhoami ldapadd ldapmodify", "-w(?P<joined>.*)"),
    **_each("curl", "--oauth2-bearer"),
}
#: Likewise, where it is a user's name, a colon and the password; curl lets flags stand before it.
LOGINS = {
    **_each("curl", "-[#0-46aBfgGiIjJkLlMnNOpqRsSvZ]*[uU](?P<joined>.*)|--(?:proxy-)?user"),
    **_each("http https xh xhs", "-a(?P<joined>.*)|--auth"),
    **_each("etcdctl", "--user(?:=(?P<joined>.*))?"),
    **_each("ab", "-[AP](?P<joined>.*)"),
}
#: By program, verbs, and the how manieth word behind them is a password.
VERBS = {
    "rabbitmqctl": {"add_user": 2, "change_password": 2, "authenticate_user": 2},
    # mc alias set NAME URL KEY X, mc config host add NAME URL KEY X, mc admin user add NAME KEY X
    "mc": {"set": 4, "host": 5, "user": 4},
}

_KNOWN = PASSWORDS.keys() | LOGINS.keys() | VERBS.keys()


def secrets(words: Sequence[str]) -> Iterator[str]:
    """`redis-cli -a X`, `mysql -pX`, `curl -u NAME:X`, `rabbitmqctl add_user NAME X`..."""
    for command in _commands(words):
        yield from _in_command(command)


def _commands(words: Sequence[str]) -> Iterator[list[str]]:
    return (list(some) for between, some in groupby(words, _BETWEEN.fullmatch) if not between)


def _in_command(words: Sequence[str]) -> Iterator[str]:
    """What is told to any of the programs that were named before it."""
    called: dict[str, None] = {}
    for at, word in enumerate(words):
        following = words[at + 1] if at + 1 < len(words) else "-"
        for program in called:
            if program in PASSWORDS:
                yield from _value(PASSWORDS[program], word, following)
            if program in LOGINS:
                told = _value(LOGINS[program], word, following)
                yield from (one.partition(":")[2] for one in told)
            place = VERBS.get(program, {}).get(word)
            if place is not None and at + place < len(words):
                yield words[at + place]
        if (name := word.rpartition("/")[2]) in _KNOWN:
            called[name] = None


def _value(option: re.Pattern[str], word: str, following: str) -> Iterator[str]:
    if found := option.fullmatch(word):
        if joined := found.groupdict().get("joined"):
            yield joined
        elif not following.startswith("-"):
            yield following
