"""What the helper with root's rights does to a machine, and that it always takes back its guard."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import time

import pytest

from seatrial.provision import as_root
from tests.unit.provision.conftest import Helper

#: It takes its time: until something stops it, or a minute is over should the test have failed.
WORK = "touch $ROOT/began; while ((SECONDS < 60)); do sleep 0.05; done"
#: It takes its time until the test says "go".
WORK_UNTIL_GO = "touch $ROOT/began; until [ -e $ROOT/go ] || ((SECONDS > 60)); do sleep 0.05; done"


def test_nothing_may_start_while_packages_are_installed(helper: Helper) -> None:
    helper.apt_get(install="cp -p $ROOT/usr/sbin/policy-rc.d $ROOT/policy-seen")

    done = helper.run("thing")

    assert done.returncode == 0, done.stdout
    seen = helper.root / "policy-seen"
    assert seen.read_text().splitlines()[-1] == "exit 101"
    assert stat.S_IMODE(seen.stat().st_mode) == 0o755
    assert not helper.policy.exists()


def test_steps_are_plain_lines(helper: Helper) -> None:
    helper.apt_get(install="echo 'Unpacking thing'; echo 'Setting up thing (1.0) ...'")

    assert helper.run("thing").stdout.splitlines() == [
        "apt-get install --no-install-recommends thing",
        "Setting up thing (1.0)",
    ]


@pytest.mark.parametrize("content", ["#!/bin/sh\nexit 0\n", "#!/bin/sh\nexit 101\n", ""])
def test_the_machines_own_policy_stays(helper: Helper, content: str) -> None:
    helper.policy.write_text(content)
    helper.policy.chmod(0o700)

    done = helper.run("thing")

    assert done.returncode == 0
    assert helper.policy.read_text() == content
    assert stat.S_IMODE(helper.policy.stat().st_mode) == 0o700
    assert "is there already" in done.stdout


def test_a_dangling_policy_link_stays(helper: Helper) -> None:
    helper.policy.symlink_to(helper.root / "nowhere")

    assert helper.run("thing").returncode == 0
    assert helper.policy.is_symlink()
    assert not (helper.root / "nowhere").exists()


def test_a_policy_that_a_killed_run_left_is_removed(helper: Helper) -> None:
    helper.policy.write_text(as_root.POLICY)

    assert helper.run("thing").returncode == 0
    assert not helper.policy.exists()


def test_failure_shows_apts_last_words_and_removes_the_guard(helper: Helper) -> None:
    helper.apt_get(install="echo 'E: no space left'; exit 100", update="exit 0")

    done = helper.run("thing")

    assert done.returncode == 1
    assert "E: no space left" in done.stdout
    assert not helper.policy.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_lets_apt_end_and_removes_the_guard(helper: Helper, number: int) -> None:
    helper.apt_get(install=f"trap 'touch $ROOT/apt-stopped; exit 0' INT; {WORK}")

    with helper.started("thing") as process:
        helper.wait_for("began")
        assert helper.policy.exists()
        process.send_signal(number)
        assert process.wait(20) == 130

    assert (helper.root / "apt-stopped").exists()
    assert not helper.policy.exists()


def test_the_end_of_the_lifeline_stops_it(helper: Helper) -> None:
    helper.apt_get(install=f"trap 'exit 0' INT; {WORK}")

    with helper.started("thing") as process:
        helper.wait_for("began")
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(20) == 130
        process.stdin = None

    assert not helper.policy.exists()


def test_what_apt_left_running_may_finish(helper: Helper) -> None:
    """apt ends at once, dpkg goes on: killing it would leave a package half configured."""
    dpkg = "(trap '' INT; sleep 1; touch $ROOT/configured) & touch $ROOT/began; wait"
    helper.apt_get(install=f"trap 'exit 0' INT; {dpkg}")

    with helper.started("thing") as process:
        helper.wait_for("began")
        process.terminate()
        assert process.wait(20) == 130

    assert (helper.root / "configured").exists()


def test_apt_that_does_not_stop_is_ended(helper: Helper) -> None:
    helper.apt_get(install=f"trap '' INT; {WORK}")

    with helper.started("thing", patience=0.3) as process:
        helper.wait_for("began")
        process.terminate()
        assert process.wait(20) == 130

    assert not helper.policy.exists()


def test_apt_that_hangs_does_not_hang_the_helper(helper: Helper) -> None:
    helper.apt_get(install="echo 'Configuring'; exec sleep 60")

    done = helper.run("thing", patience=0.3, limit=1)

    assert done.returncode == 1
    assert "did not end within 1 s" in done.stdout
    assert "Configuring" in done.stdout
    assert not helper.policy.exists()


def test_a_daemon_that_holds_the_pipe_does_not_hang_the_helper(helper: Helper) -> None:
    helper.apt_get(install="(sleep 30 & echo $! >$ROOT/daemon); echo done")

    began = time.monotonic()
    done = helper.run("thing")

    os.kill(int((helper.root / "daemon").read_text()), signal.SIGKILL)
    assert done.returncode == 0
    assert time.monotonic() - began < 15


def test_lists_are_renewed_only_for_unknown_packages(helper: Helper) -> None:
    assert helper.run("thing").returncode == 0
    assert helper.calls == ["install"]

    helper.tool("apt-cache", 'echo "  Candidate: (none)"')
    assert helper.run("thing").returncode == 0
    assert helper.calls == ["install", "update", "install"]


def test_lists_are_renewed_after_a_failure(helper: Helper) -> None:
    helper.apt_get(install="[ -e $ROOT/updated ]", update="touch $ROOT/updated")

    assert helper.run("thing").returncode == 0
    assert helper.calls == ["install", "update", "install"]


def test_an_interrupted_dpkg_is_completed(helper: Helper) -> None:
    helper.apt_get(
        install="[ -e $ROOT/dpkg-calls ] && exit 0; echo \"run 'dpkg --configure -a'\"; exit 100"
    )

    assert helper.run("thing").returncode == 0
    assert "--configure -a" in (helper.root / "dpkg-calls").read_text()


def test_postgresql_comes_without_a_cluster(helper: Helper) -> None:
    helper.apt_get(install="cp $ROOT/etc/postgresql-common/createcluster.d/* $ROOT/seen.conf")

    done = helper.run("postgresql")

    assert done.returncode == 0
    assert "create_main_cluster = false" in (helper.root / "seen.conf").read_text()
    assert str(helper.no_cluster) in done.stdout, "what stays on the machine is said"
    for path in (helper.no_cluster, helper.no_cluster.parent, helper.no_cluster.parent.parent):
        assert path.stat().st_mode & 0o044 == 0o044, f"PostgreSQL's tools can read {path}"


def test_other_packages_leave_postgresql_alone(helper: Helper) -> None:
    assert helper.run("rabbitmq-server").returncode == 0
    assert not helper.no_cluster.exists()


def test_a_cluster_setting_of_the_machine_stays(helper: Helper) -> None:
    helper.no_cluster.parent.mkdir(parents=True)
    helper.no_cluster.write_text("create_main_cluster = true\n")

    assert helper.run("postgresql").returncode == 0
    assert helper.no_cluster.read_text() == "create_main_cluster = true\n"


def test_a_new_service_does_not_start_at_boot(helper: Helper) -> None:
    (helper.root / "etc/init.d").mkdir(parents=True)
    (helper.root / "etc/init.d/thing").touch()
    helper.tool("update-rc.d", "echo $* >$ROOT/boot")

    assert "will not start at boot" in helper.run("thing").stdout
    assert (helper.root / "boot").read_text() == "thing disable\n"


def test_a_service_that_was_there_keeps_its_boot(helper: Helper) -> None:
    (helper.root / "etc/init.d").mkdir(parents=True)
    (helper.root / "etc/init.d/thing").touch()
    helper.tool("update-rc.d", "echo $* >$ROOT/boot")
    helper.tool("dpkg-query", "echo -n 'install ok installed'")

    assert helper.run("thing").returncode == 0
    assert not (helper.root / "boot").exists()


def test_a_second_one_waits_for_the_first(helper: Helper) -> None:
    helper.apt_get(install=WORK_UNTIL_GO)

    with helper.started("thing") as first:
        helper.wait_for("began")
        with helper.started("thing") as second:
            with pytest.raises(subprocess.TimeoutExpired):
                second.wait(1.5)
            assert helper.calls == ["install"]
            (helper.root / "go").touch()
            assert first.wait(20) == 0
            assert second.wait(20) == 0
    assert helper.calls == ["install", "install"]
    assert not helper.policy.exists()


def test_the_guard_left_by_a_killed_run_is_noticed(
    helper: Helper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(as_root, "ROOT", helper.root)
    assert not as_root.policy_left_behind()

    helper.apt_get(install=WORK_UNTIL_GO)
    with helper.started("thing") as process:
        helper.wait_for("began")
        assert not as_root.policy_left_behind(), "a run is at work"
        process.kill()
        process.wait()
        (helper.root / "go").touch()
    assert as_root.policy_left_behind()
