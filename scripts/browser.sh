#!/usr/bin/env bash
# Installs what the trials of web pages need: a browser (Debian's chromium, through apt) and, into
# .venv, what drives it. `make browser` calls it; nothing else asks for a browser. Never asks
# anything; ends at once when everything is there.
set -euo pipefail
exec </dev/null
cd "$(dirname "${BASH_SOURCE[0]}")/.."

pins=requirements/optional/browser.txt
python=.venv/bin/python
programs=(chromium chromium-browser google-chrome google-chrome-stable)

say() { printf 'browser: %s\n' "$*"; }
fail() {
    printf 'browser: %s\n' "$@" >&2
    exit 1
}

found_browser() { # prints the first that is there; the trials look for the same ones
    local name
    [ -z "${TEST_BROWSER:-}" ] || { echo "$TEST_BROWSER" && return; }
    for name in "${programs[@]}"; do
        command -v "$name" && return
    done
    return 1
}

apt_get() { # as root, or through sudo; never waits for a person, nor for ever for another apt
    local -a with=(env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=120)
    [ "$(id -u)" = 0 ] || with=(sudo -n "${with[@]}")
    "${with[@]}" "$@" >/dev/null
}

install_browser() {
    command -v apt-get >/dev/null || fail "no browser, and no apt-get to install chromium with" \
        "to do: install Chromium or Chrome, or name one in TEST_BROWSER, then call make browser again"
    [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null || fail "no browser, and no rights to install one" \
        "to do, as root: apt-get install --no-install-recommends chromium"
    say "installing chromium through apt"
    apt_get install -y --no-install-recommends chromium ||
        { apt_get update && apt_get install -y --no-install-recommends chromium; } ||
        fail "apt could not install chromium; its messages are above"
}

pinned() { # is every pinned package in .venv at its version?
    $python - "$pins" <<'EOF'
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

for line in Path(sys.argv[1]).read_text().splitlines():
    name, found, wanted = line.partition(";")[0].strip().partition("==")
    if found:
        try:
            if version(name) != wanted:
                sys.exit(1)
        except PackageNotFoundError:
            sys.exit(1)
EOF
}

found_browser >/dev/null || install_browser
if ! pinned; then
    say "installing the packages of $pins into .venv"
    PIP_USER=0 $python -m pip install --no-input -qq --disable-pip-version-check \
        --progress-bar off -r $pins || fail "pip could not install them; its messages are above"
fi
say "ready: $(found_browser)"
