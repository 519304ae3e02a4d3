"""Secrets that programs are told where no name says so: `--password X` names one, `-a X` does not,
unless one knows the program."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise

#: What a shell has between one command and the next.
_BETWEEN = re.compile(r"[();|&]+")


def _each(names: str, options: str) -> dict[str, re.Pattern[str]]:
    return dict.fromkeys(names.split(), re.compile(options))


#: By program, options behind which a password stands: `joined` in the same word, or in the next.
PASSWORDS = {
    **_each("redis-cli valkey-cli keydb-cli", "-a"),
    **_each("redis-server valkey-server keydb-server", "--masterauth"),
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


def secrets(words: Sequence[str]) -> Iterator[str]:
    """`redis-cli -a X`, `mysql -pX`, `curl -u NAME:X`, `rabbitmqctl add_user NAME X`..."""
    for command in _commands(words):
        for at, word in enumerate(command):
            name, behind = word.rpartition("/")[2], command[at + 1 :]
            if name in PASSWORDS:
                yield from _values(PASSWORDS[name], behind)
            if name in LOGINS:
                yield from (one.partition(":")[2] for one in _values(LOGINS[name], behind))
            for verb, place in VERBS.get(name, {}).items():
                yield from (
                    value
                    for said, value in zip(behind, behind[place:], strict=False)
                    if said == verb
                )


def _commands(words: Sequence[str]) -> Iterator[list[str]]:
    return (list(some) for between, some in groupby(words, _BETWEEN.fullmatch) if not between)


def _values(option: re.Pattern[str], words: Sequence[str]) -> Iterator[str]:
    for word, following in pairwise([*words, "-"]):
        if found := option.fullmatch(word):
            if joined := found.groupdict().get("joined"):
                yield joined
            elif not following.startswith("-"):
                yield following
