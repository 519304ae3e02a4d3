"""junit.xml, for whatever reads test results: Jenkins, GitLab, GitHub actions, Azure.

One suite for each pytest session, one for drills, and three that make a red verdict red:
components, expectations and the verdict itself. JUnit knows failure, error and skip, so the words
of our own stand in `type` and in the properties of each case. A blocked trial is a failure, as it
is to pytest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from seatrial.outcome import Health, Outcome, Verdict
from seatrial.report.model import (
    ComponentPart,
    DrillPart,
    ExpectationPart,
    Report,
    TrialPart,
)
from seatrial.report.text import visible

_ELEMENTS = {
    Outcome.FAILED: "failure",
    Outcome.BLOCKED: "failure",
    Outcome.ERRORED: "error",
    Outcome.SKIPPED: "skipped",
    Outcome.NOT_MEASURED: "skipped",
}


@dataclass(frozen=True)
class _Case:
    classname: str
    name: str
    outcome: Outcome
    message: str = ""
    text: str = ""
    time: float = 0.0
    file: str = ""
    properties: tuple[tuple[str, str], ...] = ()


def as_junit(report: Report) -> str:
    """The XML document, with every character that XML forbids shown as \\xNN."""
    sessions = dict.fromkeys(trial.session for trial in report.trials)
    suites = {
        session: [_trial(t) for t in report.trials if t.session == session] for session in sessions
    }
    suites["drills"] = [_drill(d) for d in report.drills]
    suites["components"] = [_component(c) for c in report.components]
    suites["expectations"] = [_expectation(e) for e in report.expectations]
    suites["verdict"] = [_verdict(report)]
    root = ET.Element("testsuites", {"name": visible(report.system)})
    everything = [case for cases in suites.values() for case in cases]
    root.attrib.update(_counts(everything))
    for name, cases in suites.items():
        if cases:
            _suite(root, name, cases, report)
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _suite(root: ET.Element, name: str, cases: list[_Case], report: Report) -> None:
    suite = ET.SubElement(root, "testsuite", {"name": visible(name), **_counts(cases)})
    if report.started:
        suite.set("timestamp", report.started.strftime("%Y-%m-%dT%H:%M:%S"))
    _properties(
        suite,
        (
            ("run_id", report.run_id),
            ("environment", report.environment.name),
            ("verdict", report.verdict),
        ),
    )
    for case in cases:
        attributes = {"classname": case.classname, "name": case.name, "time": f"{case.time:.3f}"}
        if case.file:
            attributes["file"] = case.file
        element = ET.SubElement(
            suite, "testcase", {key: visible(value) for key, value in attributes.items()}
        )
        _properties(element, (("outcome", case.outcome), *case.properties))
        if case.outcome in _ELEMENTS:
            outcome = ET.SubElement(element, _ELEMENTS[case.outcome])
            outcome.set("type", case.outcome)
            outcome.set("message", visible(case.message))
            outcome.text = visible(case.text or case.message)


def _properties(parent: ET.Element, properties: Iterable[tuple[str, str]]) -> None:
    element = ET.SubElement(parent, "properties")
    for name, value in properties:
        ET.SubElement(element, "property", {"name": visible(name), "value": visible(value)})


def _counts(cases: list[_Case]) -> dict[str, str]:
    found = [_ELEMENTS.get(case.outcome) for case in cases]
    return {
        "tests": str(len(cases)),
        "failures": str(found.count("failure")),
        "errors": str(found.count("error")),
        "skipped": str(found.count("skipped")),
        "time": f"{sum(case.time for case in cases):.3f}",
    }


def _trial(trial: TrialPart) -> _Case:
    inside = trial.node.partition("::")[2].split("::")[:-1]
    module = trial.file.removesuffix(".py").replace("/", ".")
    return _Case(
        classname=".".join([module, *inside]),
        name=trial.name,
        outcome=trial.status,
        message=trial.gist,
        text=trial.error,
        time=trial.duration_s or 0.0,
        file=trial.file,
        properties=tuple(_trial_properties(trial)),
    )


def _trial_properties(trial: TrialPart) -> Iterator[tuple[str, str]]:
    yield "priority", trial.priority
    if trial.finding:
        yield "finding", trial.finding
    if trial.flaky:
        yield "flaky", "true"
    if trial.attempts > 1:
        yield "attempts", str(trial.attempts)
    if trial.assertions_checked is not None:
        yield "assertions_checked", str(trial.assertions_checked)
        yield "assertions_passed", str(trial.assertions_passed)
    for criterion in trial.criteria:
        yield "criterion", criterion
    yield from trial.properties


def _drill(drill: DrillPart) -> _Case:
    return _Case(
        classname="drills",
        name=drill.name,
        outcome=drill.status,
        message=drill.line,
        text=f"{drill.title}\n{drill.line}",
        time=drill.seconds or 0.0,
        properties=(("cause", drill.cause or ""), ("by", drill.by or "")),
    )


def _component(component: ComponentPart) -> _Case:
    outcomes = {Health.HEALTHY: Outcome.PASSED, Health.UNHEALTHY: Outcome.FAILED}
    return _Case(
        classname="components",
        name=component.name,
        outcome=outcomes.get(component.status, Outcome.NOT_MEASURED),
        message=component.error or component.note or component.status,
        time=(component.response_time_ms or 0.0) / 1000,
        properties=(("priority", component.priority), ("kind", component.kind)),
    )


def _expectation(one: ExpectationPart) -> _Case:
    return _Case(
        classname=f"expectations.{one.component}",
        name=one.id,
        outcome=one.status,
        message=one.found or one.title,
        text=f"{one.title}\nexpected: {one.expected}\nfound: {one.found}\nto do: {one.fix}",
        properties=(("priority", one.priority),),
    )


def _verdict(report: Report) -> _Case:
    outcomes = {
        Verdict.GO: Outcome.PASSED,
        Verdict.INVALID: Outcome.ERRORED,
        Verdict.INCONCLUSIVE: Outcome.FAILED,  # a skip would be green, and this is no go
        Verdict.NO_GO: Outcome.FAILED,
    }
    return _Case(
        classname="verdict",
        name="may traffic be let in",
        outcome=outcomes[report.verdict],
        message=f"{report.verdict} (exit {report.exit_code})",
        text="\n".join(reason.text for reason in report.reasons),
        time=0.0,
    )
