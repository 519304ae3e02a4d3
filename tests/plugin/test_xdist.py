"""xdist: the controller starts and stops, the workers join."""

from __future__ import annotations

import pytest

from .conftest import TINY, Yard

pytest_plugins = ("pytester",)
pytestmark = pytest.mark.usefixtures("installed_plugins")


def test_workers_share_one_deployment(yard: Yard) -> None:
    yard.ini("enable_assertion_pass_hook = true")
    yard.trials(
        "test_p1_many.py",
        """
        import os, pathlib, pytest

        pytestmark = pytest.mark.budget(60, name="the file")

        @pytest.mark.parametrize("number", range(6))
        def test_number(deployment, component, number):
            worker = os.environ["PYTEST_XDIST_WORKER"]
            pathlib.Path(f"used-{worker}-{deployment.id}").touch()
            assert component("web").get("/").status_code == 200

        def test_failing():
            assert False
        """,
    )
    told = yard.run("-n2")
    assert told.exit == pytest.ExitCode.TESTS_FAILED
    assert "1 failed, 6 passed" in told.text
    used = [file.name.split("-")[1:] for file in yard.folder.glob("used-*")]
    assert {worker for worker, _ in used} == {"gw0", "gw1"}
    assert {identifier for _, identifier in used} == set(yard.deployments)
    assert len(yard.deployments) == 1

    assert len(told.all("trial_finished")) == 7
    assert {t["assertions_checked"] for t in told.all("trial_finished")} == {1}
    files = {path.name.split("-")[2] for path in yard.folder.glob("run/evidence/*")}
    assert files == {"main", "gw0", "gw1"}
    assert {r["worker"] for r in told.all("session_started")} == {"main", "gw0", "gw1"}
    ends = {r["worker"]: r["pytest_exit"] for r in told.all("session_finished")}
    assert ends["main"] == 1
    assert set(ends) == {"main", "gw0", "gw1"}
    budgets = told.all("budget_measured")
    assert [b["name"] for b in budgets] == ["the file"]
    durations = sum(t["duration_s"] for t in told.all("trial_finished"))
    assert budgets[0]["measured_s"] == pytest.approx(durations)


def test_a_trial_takes_its_worker_with_it(yard: Yard) -> None:
    """Its name stays, also where somebody chose a part of it as a password."""
    yard.declare(TINY.replace("env: {{PORT:", "env: {{WEB_PASSWORD: test_crash, PORT:"))
    yard.trials(
        "test_p1_crash.py",
        """
        import os

        def test_fine(): pass

        def test_crash(): os._exit(1)
        """,
    )
    told = yard.run("-n1")
    assert told.exit == pytest.ExitCode.TESTS_FAILED
    assert told.outcomes == {"test_fine": "passed", "test_crash": "errored"}
    assert "crashed while running" in told.trial("test_crash")["error"]


def test_a_file_that_cannot_be_collected_is_recorded_once(yard: Yard) -> None:
    yard.trials("test_p2_broken.py", "import nothing_of_this_name")
    yard.trials("test_p1_fine.py", "def test_fine(): pass")
    told = yard.run("-n2")
    assert told.exit != pytest.ExitCode.OK
    failed = told.all("collection_failed")
    assert [(f["node"], f["priority"]) for f in failed] == [("trials/test_p2_broken.py", "p2")]


def test_blocked_trials_are_summed_up_once(yard: Yard) -> None:
    yard.trials(
        "test_p1_down.py",
        """
        import pytest
        from seatrial.keeper.protocol import Action

        @pytest.fixture(scope="session", autouse=True)
        def down(deployment):
            deployment.act(Action.STOP, "web")

        @pytest.mark.needs("worker")
        @pytest.mark.parametrize("number", range(6))
        def test_number(number): pass
        """,
    )
    told = yard.run("-n2")
    blocked = list(told.outcomes.values()).count("blocked")
    # The very first ones stop it themselves.
    assert blocked >= 4
    assert f"{blocked} trials blocked: web is stopped (on request) [web.stopped]" in told.text
