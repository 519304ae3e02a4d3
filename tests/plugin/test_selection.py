"""Markers, priorities, capabilities, budgets, and what a run hands over."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

import pytest

import seatrial.plugin
from seatrial.environment.deployment import Deployment
from seatrial.environment.handover import VARIABLE, Handover
from seatrial.keeper.protocol import Action
from seatrial.outcome import Priority

from .conftest import ALONE, TINY, Told, Yard

pytest_plugins = ("pytester",)

PRIORITIES = """
    import pytest

    def test_by_name(): pass

    @pytest.mark.p1
    def test_by_marker(): pass

    @pytest.mark.p3
    class TestClass:
        def test_by_class(self): pass

        @pytest.mark.p1
        def test_by_the_closest(self): pass
"""


@pytest.fixture
def handover(yard: Yard, up: Deployment) -> Handover:
    return Handover(
        deployment=up.id,
        file=yard.folder / "seatrial.yaml",
        environment="local",
        run="20250101T000000Z-abcdef",
        session="p1",
        priorities=(Priority.P1,),
        evidence=yard.folder / "run",
    )


def run(yard: Yard, monkeypatch: pytest.MonkeyPatch, handover: Handover, *options: str) -> Told:
    monkeypatch.setenv(VARIABLE, handover.text())
    return yard.run(*options, evidence=False)


def test_a_handover_survives_its_text(tmp_path: Path) -> None:
    given = Handover(
        deployment="abc",
        file=tmp_path / "seatrial.yaml",
        environment="local",
        run="r",
        session="p2-p3",
        priorities=(Priority.P2, Priority.P3),
        evidence=tmp_path,
        findings={"web": "web.stopped"},
        name="second",
        here=tmp_path,
    )
    environ = {"OTHER": "1", **given.variables()}
    assert Handover.take(environ) == given
    assert environ == {"OTHER": "1"}
    assert Handover.take(environ) is None
    assert seatrial.plugin.HANDOVER == VARIABLE


def test_a_run_selects_priorities_and_joins(
    yard: Yard,
    up: Deployment,
    home: Path,
    handover: Handover,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    yard.trials("test_p2_some.py", PRIORITIES)
    yard.trials(
        "test_some.py",
        f"""
        import os

        def test_without_any_priority(deployment):
            assert deployment.id == "{up.id}"
            assert "{VARIABLE}" not in os.environ
        """,
    )
    told = run(yard, monkeypatch, handover, "--strict-markers")
    assert told.exit == pytest.ExitCode.OK
    assert "2 deselected" in told.text
    chosen = ["test_by_marker", "test_by_the_closest", "test_without_any_priority"]
    assert list(told.outcomes) == chosen
    assert [p for _, p in told.all("collected")[0]["trials"]] == ["p1", "p1", "p1"]
    assert {r["session"] for r in told.records if "session" in r} == {"p1"}
    assert yard.deployments == [up.id], "it started one of its own"
    assert up.status().ready, "it ended what it had only joined"


def test_priorities_can_be_asked_for_by_hand(yard: Yard, up: Deployment) -> None:
    yard.trials("test_p2_some.py", PRIORITIES)
    assert list(yard.run("-m", "p2").outcomes) == ["test_by_name"]


def test_blocked_trials_cite_the_checks_finding(
    yard: Yard, up: Deployment, handover: Handover, monkeypatch: pytest.MonkeyPatch
) -> None:
    yard.trials("test_p1_down.py", "def test_any(): pass")
    up.act(Action.STOP, "web")
    handover = replace(handover, findings={"web": "web.refused"})
    told = run(yard, monkeypatch, handover)
    assert told.trial("test_any")["finding"] == "web.refused"
    assert told.all("finding") == []


def test_a_file_that_cannot_be_collected_keeps_no_other_from_running(
    yard: Yard, up: Deployment, handover: Handover, monkeypatch: pytest.MonkeyPatch
) -> None:
    yard.trials("test_p1_broken.py", "import nothing_of_this_name")
    yard.trials("test_p2_broken.py", "import nothing_of_this_name")
    yard.trials("test_p1_fine.py", "def test_fine(): pass")
    told = run(yard, monkeypatch, handover)
    assert told.outcomes == {"test_fine": "passed"}
    assert told.exit == pytest.ExitCode.TESTS_FAILED
    failed = told.all("collection_failed")
    assert [(f["node"], f["priority"]) for f in failed] == [("trials/test_p1_broken.py", "p1")]
    assert "nothing_of_this_name" in failed[0]["error"]


def test_the_deployment_of_a_handover_is_gone(
    yard: Yard, up: Deployment, handover: Handover, monkeypatch: pytest.MonkeyPatch
) -> None:
    yard.trials("test_p1_any.py", "def test_any(): pass")
    told = run(yard, monkeypatch, replace(handover, deployment="p000000000000"))
    assert told.exit == pytest.ExitCode.INTERNAL_ERROR, "to the run this is a crash"
    assert "is gone" in told.text
    assert told.outcomes == {}


@pytest.mark.parametrize(
    ("mark", "says"),
    [
        ('needs("wbe")', "did you mean web?"),
        ("needs()", "needs takes one name or more"),
        ('requires("puase")', "did you mean pause?"),
        ("criterion(7)", "not a name"),
        ("budget()", "seconds over 0"),
        ("budget(-1)", "seconds over 0"),
        ('budget(1, priority="p4")', "write p1, p2 or p3"),
        ('budget(1, nmae="x")', "not nmae"),
    ],
)
def test_wrong_markers_are_refused(yard: Yard, mark: str, says: str) -> None:
    yard.trials("test_p1_mark.py", f"import pytest\n\n@pytest.mark.{mark}\ndef test_any(): pass\n")
    result = yard.pytester.runpytest_inprocess(*ALONE, "trials")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert says in result.stderr.str()
    assert "test_p1_mark.py::test_any" in result.stderr.str()
    assert yard.deployments == []


def test_criteria_and_budgets_are_recorded(yard: Yard, up: Deployment) -> None:
    yard.trials(
        "test_p1_time.py",
        """
        import pytest, time

        pytestmark = pytest.mark.budget(30, priority="p1", name="the file")

        @pytest.mark.criterion("AC-07", "AC-08")
        @pytest.mark.budget(0.05)
        def test_slow(): time.sleep(0.1)

        @pytest.mark.budget(10, priority="p3", name="quick enough")
        def test_quick(): time.sleep(0.1)

        @pytest.mark.budget(10, name="never measured")
        def test_skipped(): pytest.skip("not today")
        """,
    )
    told = yard.run()
    assert told.exit == pytest.ExitCode.OK, "a missed budget is no failure of pytest's"
    assert told.trial("test_slow")["criteria"] == ["AC-07", "AC-08"]
    assert told.outcomes["test_slow"] == "passed"
    found = {b["name"]: b for b in told.all("budget_measured")}
    assert list(found) == ["test_slow within 0.05 s", "quick enough", "never measured", "the file"]
    slow = found["test_slow within 0.05 s"]
    assert (slow["priority"], slow["limit_s"]) == ("p2", 0.05)
    assert slow["node"] == "trials/test_p1_time.py::test_slow"
    assert 0.1 <= slow["measured_s"] < 5
    assert found["never measured"]["measured_s"] is None
    assert (found["the file"]["node"], found["the file"]["priority"]) == (
        "trials/test_p1_time.py",
        "p1",
    )
    assert found["the file"]["measured_s"] >= 0.2


REMOTE = (
    TINY
    + """
environments:
  local: {{provider: local}}
  far: {{provider: remote, endpoints: {{web: "{url}"}}}}
  holy: {{provider: remote, protected: true, endpoints: {{web: "{url}"}}}}
"""
)


def test_a_remote_lacks_capabilities(yard: Yard, up: Deployment) -> None:
    yard.declare(REMOTE.replace("{url}", up.targets()["web"].endpoint().url))
    yard.trials(
        "test_p1_far.py",
        """
        import pytest

        @pytest.mark.needs("web")
        def test_that_reads(component):
            assert component("web").get("/").status_code == 200

        @pytest.mark.needs("web")
        @pytest.mark.requires("pause")
        def test_that_requires(): pass

        @pytest.mark.needs("web")
        def test_with_a_fault(fault):
            with fault.stopped("web"): pass

        @pytest.mark.needs("web")
        def test_that_measures(deployment):
            assert deployment.usage("web").processes
        """,
    )
    told = yard.run("--seatrial-env", "far")
    assert told.outcomes == {
        "test_that_reads": "passed",
        "test_that_requires": "skipped",
        "test_with_a_fault": "skipped",
        "test_that_measures": "skipped",
    }
    assert "cannot tell what the processes" in str(told.trial("test_that_measures")["reason"])
    assert told.trial("test_that_requires")["reason"].startswith("needs the capability pause")
    assert told.trial("test_with_a_fault")["reason"].startswith("needs the capability stop")
    assert told.exit == pytest.ExitCode.OK


def test_a_remote_that_is_down_has_the_cause_that_a_check_names(yard: Yard) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # and does not listen
        yard.declare(REMOTE.replace("{url}", f"http://127.0.0.1:{held.getsockname()[1]}"))
        yard.trials("test_p1_far.py", "def test_that_reads(component): component('web')")
        told = yard.run("--seatrial-env", "far")
    assert told.outcomes == {"test_that_reads": "blocked"}
    assert [f["finding"]["id"] for f in told.all("finding")] == ["web.refused"]


def test_a_protected_environment_runs_what_only_reads(yard: Yard, up: Deployment) -> None:
    yard.declare(REMOTE.replace("{url}", up.targets()["web"].endpoint().url))
    yard.trials(
        "test_p1_holy.py",
        """
        import pathlib, pytest

        @pytest.mark.read_only
        @pytest.mark.needs("web")
        def test_that_reads(component):
            assert component("web").get("/").status_code == 200

        @pytest.fixture
        def trace(): pathlib.Path("trace").touch()

        def test_that_writes(trace): pass

        @pytest.mark.read_only
        def test_with_a_fault(fault): pass

        @pytest.mark.read_only
        def test_with_the_ledger(ledger): pass

        @pytest.mark.read_only
        def test_that_asks_later(request):
            request.getfixturevalue("ledger").key("thing")
        """,
    )
    told = yard.run("--seatrial-env", "holy")
    assert told.outcomes == {
        "test_that_asks_later": "failed",
        "test_that_reads": "passed",
        "test_that_writes": "skipped",
        "test_with_a_fault": "skipped",
        "test_with_the_ledger": "skipped",
    }
    assert "only trials marked read_only run" in told.trial("test_that_writes")["reason"]
    assert "faults are refused" in told.trial("test_with_a_fault")["reason"]
    assert "trials that write are refused" in told.trial("test_with_the_ledger")["reason"]
    assert "holy is protected: ledger refused" in str(told.trial("test_that_asks_later"))
    assert not (yard.folder / "trace").exists(), "it was skipped after it had begun"


#: Options, the paths on the command line, and a conftest.py that leave p1 trials out.
LEAVES_OUT: dict[str, tuple[tuple[str, ...], tuple[str, ...], str]] = {
    "--ignore": (("--ignore=trials/test_p1_other.py",), ("trials",), ""),
    "--ignore-glob": (("--ignore-glob=*_other.py",), ("trials",), ""),
    "a file": ((), ("trials/test_p1_some.py",), ""),
    "a node id": ((), ("trials/test_p1_some.py", "trials/test_p1_other.py::test_a"), ""),
    "collect_ignore": ((), ("trials",), "collect_ignore = ['test_p1_other.py']"),
    "a plugin": (
        (),
        ("trials",),
        "def pytest_ignore_collect(collection_path):\n"
        "    return 'other' in str(collection_path) or None",
    ),
}


@pytest.mark.parametrize("way", LEAVES_OUT)
def test_what_a_run_leaves_out_is_recorded(
    yard: Yard, handover: Handover, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    options, paths, conftest = LEAVES_OUT[way]
    yard.trials("conftest.py", conftest)
    yard.trials("test_p1_some.py", "def test_one(): pass")
    yard.trials("test_p1_other.py", "def test_a(): pass\ndef test_b(): pass")
    yard.trials("test_p2_more.py", "def test_more(): pass")
    yard.trials("lib/test_p1_vendored.py", "def test_not_ours(): pass")
    yard.ini("norecursedirs = lib")
    monkeypatch.setenv(VARIABLE, handover.text())
    told = yard.run(*options, paths=paths, evidence=False)
    skipped = {node for node, outcome in told.outcomes.items() if outcome == "skipped"}
    assert skipped == ({"test_b"} if way == "a node id" else {"test_p1_other.py"})
    assert len(told.all("collected")[0]["trials"]) == (3 if way == "a node id" else 2)
