#!/usr/bin/env bash
# Makes .venv, with Seatrial and the systems in it. `make setup` calls it.
#
# Needs Python 3.11 to 3.13 with venv; installs it through apt where there is none and the rights
# are there (root, or sudo without a password). Never asks anything. When nothing has changed since
# the last time it ends at once; a set-up that was interrupted is made anew by the next call.
#
#   PYTHON=/path/to/python make setup     uses that interpreter
set -euo pipefail
exec </dev/null
cd "$(dirname "${BASH_SOURCE[0]}")/.."

venv=.venv
stamp=$venv/.seatrial-setup        # holds the key of the last complete set-up
unfinished=$venv/.seatrial-unfinished
place=$venv/.seatrial-place        # where it was made: its scripts hold that path
systems=(systems/quantum_queue)    # installed beside Seatrial: their trials and services run here
apt_packages=(python3 python3-venv)
server_packages=(postgresql rabbitmq-server redis-server)

say() { printf 'setup: %s\n' "$*"; }
fail() {
    printf 'setup: %s\n' "$@" >&2
    exit 1
}

# A pip that the user's configuration points at ~/.local, or another checkout's modules on the
# path, would leave .venv half empty.
export PIP_USER=0 PIP_DISABLE_PIP_VERSION_CHECK=1
unset PYTHONHOME PYTHONPATH

# ---------------------------------------------------------------------------------------------
# Which Python

suitable() { # INTERPRETER: is it 3.11 to 3.13, and can it make a virtual environment?
    "$1" -c 'import sys, venv, ensurepip
sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1
}

find_python() { # prints the path of the first suitable interpreter
    local candidate
    for candidate in ${PYTHON:-python3.13 python3.12 python3.11 python3 /usr/bin/python3}; do
        if suitable "$candidate"; then
            "$candidate" -c 'import sys; print(sys.executable)'
            return
        fi
    done
    return 1
}

describe_pythons() { # why none of those that are there will do
    local candidate found=0 version
    for candidate in ${PYTHON:-python3.13 python3.12 python3.11 python3}; do
        version=$("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) ||
            continue
        found=1
        case $version in
            3.11 | 3.12 | 3.13) echo "found: $candidate ($version), without venv and ensurepip" ;;
            *) echo "found: $candidate ($version), which is not 3.11, 3.12 or 3.13" ;;
        esac
    done
    [ $found = 1 ] || echo "found: no Python at all"
}

# ---------------------------------------------------------------------------------------------
# Installing it

apt_get() { # as root, or through sudo; never waits for a person, nor for ever for another apt
    local -a with=(env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=120)
    [ "$(id -u)" = 0 ] || with=(sudo -n "${with[@]}")
    "${with[@]}" "$@"
}

what_to_do() { # the list for those who cannot, or may not, install
    echo "Python 3.11, 3.12 or 3.13 with venv is needed, and $1"
    describe_pythons
    echo "to do, as root:"
    echo "    apt-get install --no-install-recommends ${apt_packages[*]}"
    echo "make demo and make test start real servers and need these too:"
    echo "    apt-get install --no-install-recommends ${server_packages[*]}"
    echo "then call make again"
}

install_python() {
    local -a lines
    if ! command -v apt-get >/dev/null; then
        mapfile -t lines < <(what_to_do "there is no apt-get here to install it with")
        fail "${lines[@]}"
    fi
    if [ "$(id -u)" != 0 ] && ! sudo -n true >/dev/null 2>&1; then
        mapfile -t lines < <(what_to_do "you are not root and have no sudo without a password")
        fail "${lines[@]}"
    fi
    say "no suitable Python; installing ${apt_packages[*]} through apt"
    apt-cache show "${apt_packages[@]}" >/dev/null 2>&1 || apt_get update
    apt_get install -y --no-install-recommends "${apt_packages[@]}" ||
        { apt_get update && apt_get install -y --no-install-recommends "${apt_packages[@]}"; } ||
        fail "apt could not install ${apt_packages[*]}; its messages are above"
}

# ---------------------------------------------------------------------------------------------
# The virtual environment

key() { # changes with everything that decides what is in .venv, and with where the checkout stands
    {
        pwd -P
        cat scripts/setup.sh pyproject.toml requirements/*.txt
        local system
        for system in "${systems[@]}"; do
            cat "$system/pyproject.toml" "$system/requirements.txt"
        done
    } | sha256sum | cut -d ' ' -f 1
}

complete() { # KEY: is .venv what that key asks for, and does it still run?
    [ -x $venv/bin/seatrial ] && [ "$(cat $stamp 2>/dev/null)" = "$1" ] && suitable $venv/bin/python
}

make_venv() {
    local python
    if [ -e $unfinished ]; then
        say "an earlier set-up was interrupted; making $venv anew"
    elif [ -e $place ] && [ "$(cat $place)" != "$(pwd -P)" ]; then
        say "this checkout was moved; making $venv anew"
    elif suitable $venv/bin/python && $venv/bin/python -m pip --version >/dev/null 2>&1; then
        return
    fi
    python=$(find_python) || {
        install_python
        python=$(find_python) || fail "still no suitable Python after installing it" \
            "$(describe_pythons)"
    }
    say "making $venv with $python"
    "$python" -m venv --clear $venv
    pwd -P >$place
}

fill_venv() {
    local -a pip=($venv/bin/python -m pip install --no-input -qq --progress-bar off)
    local -a files=() editable=()
    local file system
    : >$unfinished
    rm -f $stamp
    for file in requirements/*.txt; do files+=(-r "$file"); done
    for system in "${systems[@]}"; do
        files+=(-r "$system/requirements.txt")
        editable+=(-e "./$system")
    done
    say "installing the pinned packages of requirements/ and ${systems[*]} into $venv"
    "${pip[@]}" "${files[@]}" ||
        give_up "pip could not install the packages; its messages are above"
    # The build tools are pinned too and already in .venv, so nothing more is fetched.
    say "installing seatrial and ${systems[*]} as editable packages"
    "${pip[@]}" --no-deps --no-build-isolation -e . "${editable[@]}" ||
        give_up "pip could not install this checkout into $venv; its messages are above"
}

give_up() { # pip refused and left nothing half done, so that the next call can go on from here
    rm -f $unfinished
    fail "$@"
}

# ---------------------------------------------------------------------------------------------

if [ -e $venv ] && [ ! -w $venv ]; then
    fail "$venv belongs to another user ($(stat -c %U $venv))" "to do: remove it, then call make again"
fi

# One at a time: the lock is on this file, and gone with the process.
if command -v flock >/dev/null; then
    exec 9<scripts/setup.sh
    flock -n 9 || {
        say "another set-up is at work in this checkout; waiting for it"
        flock -w 1800 9 || fail "it did not end within 30 minutes"
    }
fi

# pip that is interrupted ends like pip that refuses; what it left must not be built upon.
trap 'exit 130' INT TERM HUP

wanted=$(key)
complete "$wanted" && [ ! -e $unfinished ] && exit 0
make_venv
fill_venv
rm -f $unfinished
echo "$wanted" >$stamp
say "done: $venv/bin/seatrial"
