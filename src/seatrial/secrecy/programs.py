"""Secrets that programs are told where no name says so: `--password X` names one, `-a X` does not,
unless one knows the program."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

#: The option behind which a client of these servers is told its password.
_OPTIONS = dict.fromkeys(("redis-cli", "valkey-cli", "keydb-cli"), "-a")
#: Verbs with a name and a password behind them.
_VERBS = ("add_user", "change_password", "authenticate_user")


def secrets(words: Sequence[str]) -> Iterator[str]:
    """`redis-cli -a X`, `redis-server --masterauth X`, `rabbitmqctl add_user NAME X`"""
    options = {_OPTIONS.get(word.rpartition("/")[2], "--masterauth") for word in words}
    yield from (value for option, value in pairwise(words) if option in options)
    behind = zip(words, words[2:], strict=False)
    yield from (secret for verb, secret in behind if verb in _VERBS)
