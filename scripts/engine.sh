#!/usr/bin/env bash
# Installs what the tests of compose projects need: a container engine of theirs (Debian's docker.io,
# docker-compose and debootstrap, through apt, without starting any of it). `make engine` calls it.
# Never asks anything; ends at once when an engine can be had, or where SEATRIAL_NO_DOCKER=1.
set -euo pipefail
exec </dev/null
cd "$(dirname "${BASH_SOURCE[0]}")/.."

packages=(docker.io docker-compose debootstrap)
python=.venv/bin/python

say() { printf 'engine: %s\n' "$*"; }

lacking() { # prints why there can be none
    $python -P -c 'import sys; sys.path.insert(0, "."); from tests.compose.engine import why_not; print(why_not() or "")'
}

if [ "${SEATRIAL_NO_DOCKER:-}" = 1 ]; then
    say "SEATRIAL_NO_DOCKER=1: nothing to do"
    exit
fi
reason=$(lacking)
if [ -n "$reason" ]; then
    say "$reason"
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        say "to do, as root: apt-get install --no-install-recommends ${packages[*]}" >&2
        exit 1
    fi
    # It stops when its standard input ends, so that must last as long as it does.
    coproc lifeline { cat; }
    $python -I -B src/seatrial/provision/as_root.py "${packages[@]}" <&"${lifeline[0]}"
    reason=$(lacking)
    [ -z "$reason" ] || { say "$reason" >&2 && exit 1; }
fi
say "an engine can be had"
