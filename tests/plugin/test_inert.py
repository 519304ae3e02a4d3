"""Projects without a seatrial.yaml, and tests that are no trials, are left alone."""

from __future__ import annotations

import pytest

from .conftest import Yard

pytest_plugins = ("pytester",)


@pytest.mark.usefixtures("installed_plugins")
def test_without_a_declaration_nothing_is_loaded(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_plain(request):
            assert "seatrial.plugin" in sys.modules
            for heavy in ("seatrial.plugin.enlist", "seatrial.errors", "pydantic", "httpx"):
                assert heavy not in sys.modules
            assert request.config.pluginmanager.get_plugin("seatrial-trials") is None
        """
    )
    result = pytester.runpytest_subprocess("--strict-markers")
    result.assert_outcomes(passed=1)


def test_tests_outside_the_trials_start_nothing(yard: Yard) -> None:
    (yard.folder / "test_unit.py").write_text("def test_fast(): assert True\n")
    told = yard.run(paths=("test_unit.py",))
    assert told.exit == 0
    assert told.all("trial_finished") == []
    assert yard.deployments == []


@pytest.mark.usefixtures("installed_plugins")
@pytest.mark.parametrize("more", [(), ("-n2",)], ids=["alone", "xdist"])
def test_collect_only_starts_nothing(yard: Yard, more: tuple[str, ...]) -> None:
    yard.trials("test_p1_any.py", "def test_any(): pass")
    told = yard.run("--collect-only", *more)
    assert told.exit == 0
    assert "test_any" in told.text
    assert yard.deployments == []
    assert told.records == []


@pytest.mark.usefixtures("installed_plugins")
def test_xdist_starts_nothing_for_other_tests(yard: Yard) -> None:
    yard.trials("test_p1_any.py", "def test_any(): pass")
    (yard.folder / "unit").mkdir()
    (yard.folder / "unit" / "test_unit.py").write_text("def test_fast(): assert True\n")
    told = yard.run("-n2", paths=("unit",))
    assert told.exit == 0
    assert yard.deployments == []


def test_a_wrong_declaration_is_a_usage_error(yard: Yard) -> None:
    yard.trials("test_p1_any.py", "def test_any(): pass")
    (yard.folder / "seatrial.yaml").write_text("system: tiny\ncomponents: {web: {kind: htttp}}\n")
    told = yard.run()
    assert told.exit == pytest.ExitCode.USAGE_ERROR
    assert "seatrial.yaml:2" in told.text
    assert "Traceback" not in told.text


def test_arguments_of_two_systems_are_refused(yard: Yard) -> None:
    for name in ("one", "two"):
        (yard.folder / name / "trials").mkdir(parents=True)
        (yard.folder / name / "seatrial.yaml").write_text(f"system: {name}\n")
    told = yard.run(paths=("one/trials", "two/trials"))
    assert told.exit == pytest.ExitCode.USAGE_ERROR
    assert "several systems" in told.text
