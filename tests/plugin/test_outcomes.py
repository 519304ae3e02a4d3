"""What trials are called in evidence, while pytest's own outcomes and exit status stay."""

from __future__ import annotations

import os
import re
import signal
import xml.etree.ElementTree as ET

import pytest

from seatrial.environment.deployment import Deployment
from seatrial.keeper.protocol import Action

from .conftest import TINY, Yard

pytest_plugins = ("pytester",)

EVERYTHING = """
    import pytest

    def test_passes(component):
        answer = component("web").get("/")
        assert answer.status_code == 200
        assert answer.json()["status"] == "healthy"

    def test_fails():
        assert 1 == 1
        assert 1 == 2

    @pytest.fixture
    def broken():
        raise RuntimeError("set-up is broken")

    def test_errs(broken):
        pass

    @pytest.fixture
    def leaky():
        yield
        raise RuntimeError("tear-down is broken")

    def test_errs_afterwards(leaky):
        pass

    @pytest.mark.skip(reason="not today")
    def test_skips():
        pass

    @pytest.mark.xfail(reason="known", strict=True)
    def test_expected_to_fail():
        assert False

    @pytest.mark.xfail(reason="known", strict=False)
    def test_passes_unexpectedly():
        pass

    @pytest.mark.xfail(reason="known", strict=True)
    def test_passes_against_its_word():
        pass
"""

EXPECTED = {
    "test_passes": "passed",
    "test_fails": "failed",
    "test_errs": "errored",
    "test_errs_afterwards": "errored",
    "test_skips": "skipped",
    "test_expected_to_fail": "skipped",
    "test_passes_unexpectedly": "passed",
    "test_passes_against_its_word": "failed",
}


def test_every_outcome_and_its_record(yard: Yard) -> None:
    yard.ini("enable_assertion_pass_hook = true")
    yard.trials("test_p1_all.py", EVERYTHING)
    told = yard.run("--junitxml=junit.xml")
    assert told.outcomes == EXPECTED
    assert told.exit == pytest.ExitCode.TESTS_FAILED
    # pytest counts as it would without us.
    assert "2 failed, 2 passed, 1 skipped, 1 xfailed, 1 xpassed, 2 errors" in told.text

    passed = told.trial("test_passes")
    assert (passed["assertions_checked"], passed["assertions_passed"]) == (2, 2)
    assert passed["needs"] == ["web"]
    failed = told.trial("test_fails")
    assert (failed["assertions_checked"], failed["assertions_passed"]) == (2, 1)
    assert "assert 1 == 2" in failed["error"]
    assert failed["needs"] == ["web", "worker"]
    assert "set-up is broken" in told.trial("test_errs")["error"]
    assert "tear-down is broken" in told.trial("test_errs_afterwards")["error"]
    assert told.trial("test_skips")["reason"] == "not today"
    assert told.trial("test_expected_to_fail")["reason"] == "xfailed: known"

    cases = ET.parse(yard.folder / "junit.xml").iter("testcase")  # noqa: S314  (our own)
    junit = {
        case.get("name"): prop.get("value")
        for case in cases
        for prop in case.iter("property")
        if prop.get("name") == "seatrial_outcome"
    }
    assert junit == EXPECTED

    collected = told.all("collected")
    assert [node.rpartition("::")[2] for node, _ in collected[0]["trials"]] == list(EXPECTED)
    requests = told.all("request_made")
    assert [(r["request"], r["status"]) for r in requests] == [("GET /", 200)]
    assert requests[0]["node"].endswith("test_passes")
    ended = told.all("session_finished")
    assert [(r["worker"], r["pytest_exit"]) for r in ended] == [("main", 1)]


def test_a_private_instance_ends_before_pytest_does(yard: Yard) -> None:
    yard.trials("test_p1_fine.py", "def test_fine(): assert True")
    yard.pytester.makeconftest(
        """
        import pathlib
        from seatrial.keeper import processes

        def pytest_unconfigure():
            (started,) = pathlib.Path("started").iterdir()
            left = processes.marked(processes.DEPLOYMENT, started.name)
            pathlib.Path("left").write_text(str(left))
        """
    )
    told = yard.run(evidence=False)
    assert told.exit == pytest.ExitCode.OK, "the exit status of passing trials is untouched"
    assert (yard.folder / "left").read_text() == "[]"
    assert not (yard.folder / "run").exists()


def test_assertions_are_unknown_where_the_hook_is_off(yard: Yard) -> None:
    yard.trials("test_p1_fine.py", "def test_fine(): assert True")
    record = yard.run().trial("test_fine")
    assert record["assertions_checked"] is None
    assert record["assertions_passed"] is None


def test_blocked_by_what_was_down_before(yard: Yard, up: Deployment) -> None:
    yard.trials(
        "test_p1_down.py",
        """
        import pytest

        @pytest.mark.needs("worker")
        def test_by_dependency(): pass

        def test_by_client(component): component("web")

        @pytest.fixture(scope="session")
        def website(component): return component("web")

        def test_by_fixture(website): pass

        def test_again_by_fixture(website): pass

        def test_that_needs_everything(): pass

        @pytest.mark.skip(reason="not today")
        def test_skipped_anyway(): pass
        """,
    )
    up.act(Action.STOP, "web")
    told = yard.run()
    assert told.exit == pytest.ExitCode.TESTS_FAILED
    assert told.outcomes == {
        "test_by_dependency": "blocked",
        "test_by_client": "blocked",
        "test_by_fixture": "blocked",
        "test_again_by_fixture": "blocked",
        "test_that_needs_everything": "blocked",
        "test_skipped_anyway": "skipped",
    }
    # One root cause, however many it blocks: the worker needs web, so web it is.
    findings = told.all("finding")
    assert [f["finding"]["id"] for f in findings] == ["web.stopped"]
    assert findings[0]["finding"]["blocks"] == ["worker"]
    blocked = told.trial("test_by_dependency")
    assert blocked["finding"] == "web.stopped"
    assert "web is stopped" in blocked["reason"]
    assert told.text.count("5 trials blocked: web is stopped (on request) [web.stopped]") == 1
    assert "seatrial restart web" in told.text


def test_not_blocked_by_what_it_does_not_need(yard: Yard, up: Deployment) -> None:
    yard.trials(
        "test_p1_web.py",
        """
        import pytest

        def test_by_client(component):
            assert component("web").get("/").status_code == 200

        @pytest.mark.needs("web")
        def test_by_marker(): pass

        @pytest.fixture
        def web(): pass

        def test_by_name(web): pass
        """,
    )
    up.act(Action.STOP, "worker")
    told = yard.run()
    assert set(told.outcomes.values()) == {"passed"}
    assert told.exit == pytest.ExitCode.OK


def test_failed_by_what_went_down_meanwhile(yard: Yard, up: Deployment) -> None:
    yard.trials(
        "test_p1_lost.py",
        """
        import pathlib, pytest

        @pytest.mark.needs("web")
        def test_before(): pass

        @pytest.mark.needs("worker")
        def test_that_loses_its_worker(deployment, eventually):
            pathlib.Path("END").touch()
            eventually(lambda: False, timeout=30, what="never")

        @pytest.mark.needs("worker")
        def test_after(): pass

        @pytest.mark.needs("web")
        def test_with_the_rest(): pass
        """,
    )
    told = yard.run()
    assert told.outcomes == {
        "test_before": "passed",
        "test_that_loses_its_worker": "failed",
        "test_after": "blocked",
        "test_with_the_rest": "passed",
    }
    lost = told.trial("test_that_loses_its_worker")
    assert lost["finding"] == "worker.exited"
    assert lost["duration_s"] < 10, "eventually waits on although the worker is dead"
    assert "worker is exited" in lost["reason"]
    assert "worker: found END" in told.text, "its last log lines are shown"
    assert told.trial("test_after")["finding"] == "worker.exited"
    findings = told.all("finding")
    assert [(f["finding"]["id"], f["source"]) for f in findings] == [("worker.exited", "trial")]


def test_a_pass_beside_a_dead_component_is_no_pass(yard: Yard, up: Deployment) -> None:
    """The classification says failed; pytest's own outcome stays what it is."""
    yard.trials(
        "test_p1_quiet.py",
        """
        import os, pytest, signal

        @pytest.mark.needs("worker")
        def test_that_does_not_notice(deployment):
            os.kill(deployment.statuses()["worker"].pids[0], signal.SIGKILL)
            last = deployment.status().last_event
            assert deployment.timeline(last, wait=10) or True
        """,
    )
    told = yard.run()
    assert told.exit == pytest.ExitCode.OK
    assert told.outcomes == {"test_that_does_not_notice": "failed"}
    assert "1 trial failed: during the trial, worker is exited" in told.text


def test_a_password_that_is_a_part_of_a_trials_name(yard: Yard) -> None:
    """Else nobody could tell its outcome from those of others."""
    yard.declare(TINY.replace("env: {{PORT:", "env: {{WEB_PASSWORD: answers, PORT:"))
    yard.trials("test_p1_web.py", "def test_it_answers(): assert 'answers-not' == ''")
    told = yard.run()
    node = "trials/test_p1_web.py::test_it_answers"
    assert [one for one, _ in told.all("collected")[0]["trials"]] == [node]
    assert told.trial("test_it_answers")["node"] == node


def test_interrupted_midway_is_collected_and_never_finished(yard: Yard, up: Deployment) -> None:
    yard.trials(
        "test_p1_stop.py",
        """
        import os, signal

        def test_first(): pass

        def test_interrupted(): os.kill(os.getpid(), signal.SIGINT)

        def test_never_begun(): pass
        """,
    )
    told = yard.run()
    assert told.exit == pytest.ExitCode.INTERRUPTED
    assert len(told.all("collected")[0]["trials"]) == 3
    assert told.outcomes == {"test_first": "passed"}
    assert told.all("session_finished")[0]["pytest_exit"] == 2


def test_the_keeper_is_gone(yard: Yard, up: Deployment) -> None:
    """Trials err, one after the other; pytest itself does not crash."""
    yard.trials(
        "test_p1_gone.py",
        """
        import json, os, pathlib, signal

        def test_that_kills_the_keeper(deployment):
            state = json.loads(deployment.place.state_file.read_text())
            os.kill(state["keeper"], signal.SIGKILL)

        def test_next(): pass
        """,
    )
    told = yard.run()
    assert told.exit == pytest.ExitCode.TESTS_FAILED
    assert told.outcomes == {"test_that_kills_the_keeper": "errored", "test_next": "errored"}
    assert "INTERNALERROR" not in told.text


def test_retries_are_recorded_one_by_one(yard: Yard, up: Deployment) -> None:
    yard.pytester.makeconftest(
        """
        from _pytest.runner import runtestprotocol

        def pytest_runtest_protocol(item, nextitem):
            for attempt in range(2):
                item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
                reports = runtestprotocol(item, nextitem=nextitem, log=False)
                if all(report.passed for report in reports):
                    break
                item._initrequest()
            for report in reports:
                item.ihook.pytest_runtest_logreport(report=report)
            return True
        """
    )
    yard.trials(
        "test_p1_flaky.py",
        """
        tries = []

        def test_flaky():
            tries.append(1)
            assert len(tries) == 2
        """,
    )
    told = yard.run()
    assert told.exit == pytest.ExitCode.OK
    attempts = [(r["attempt"], r["outcome"]) for r in told.all("trial_finished")]
    assert attempts == [(1, "failed"), (2, "passed")]


def test_a_deployment_that_does_not_come_up(yard: Yard) -> None:
    yard.declare(
        "system: tiny\npython: {python}\ncomponents:\n"
        "  worker: {{kind: process, run: [python, -c, 'raise SystemExit(7)'], ready: notify}}\n"
    )
    yard.trials("test_p1_any.py", "def test_any(): pass")
    told = yard.run()
    assert told.exit == pytest.ExitCode.TESTS_FAILED
    assert "worker" in told.text
    assert "exit code 7" in told.text
    assert "INTERNALERROR" not in told.text
    assert told.outcomes == {}
    assert len(told.all("collected")[0]["trials"]) == 1


def test_a_differing_declaration_that_runs_is_refused(yard: Yard, up: Deployment) -> None:
    yard.declare(TINY.replace("ready: started", "ready: started\n    grace: 3"))
    yard.trials("test_p1_any.py", "def test_any(): pass")
    told = yard.run()
    assert told.exit == pytest.ExitCode.USAGE_ERROR
    assert "worker.grace" in told.text
    assert told.outcomes == {}


def test_sigterm_ends_a_private_deployment(yard: Yard) -> None:
    """Nothing is left: `yard` looks for that. pytest does not handle SIGTERM, so the keeper must
    notice that its client has gone."""
    yard.trials(
        "test_p1_term.py",
        "import os, signal\ndef test_term(): os.kill(os.getpid(), signal.SIGTERM)\n",
    )
    told = yard.run()
    assert told.exit == -signal.SIGTERM
    assert os.listdir(yard.folder / "run" / "evidence")


def test_what_is_taken_down_meanwhile_is_told_in_one_sentence(yard: Yard, up: Deployment) -> None:
    yard.trials(
        "test_p1_taken.py",
        """
        from seatrial.environment import deployment as environment
        def test_takes_it_down(deployment):
            assert environment.end(deployment.system)
        def test_after(component):
            component("web")
        """,
    )
    told = yard.run()
    assert told.outcomes == {"test_takes_it_down": "errored", "test_after": "errored"}
    (shown,) = re.findall(r"ERROR at .*test_after _+\n((?:.*\n)*?)=", told.text)
    taken = "the deployment was taken down by `seatrial down`"
    assert shown == f"{taken}\n  to do: seatrial up, then again\n"
    assert "KeyError" not in told.text
