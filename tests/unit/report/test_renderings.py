"""JUnit, Markdown and HTML say what the report says, and nothing can break out of them."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.evidence import records as r
from seatrial.outcome import Health, Outcome
from seatrial.report.html import as_html
from seatrial.report.junit import as_junit
from seatrial.report.markdown import as_markdown, text
from tests.unit.evidence import builder as b
from tests.unit.report.sample import HOSTILE, everything, report_of

any_text = st.text(max_size=80) | st.text("<>&|`*_[]()#\n\r\t\\@!-\x00\x1b \"'", max_size=40)


# JUnit


def suites(run: object) -> dict[str, ET.Element]:
    root = ET.fromstring(as_junit(report_of(run)))  # type: ignore[arg-type]  # noqa: S314
    return {suite.attrib["name"]: suite for suite in root}


def outcome(case: ET.Element) -> tuple[str, str | None]:
    for name in ("failure", "error", "skipped"):
        if (element := case.find(name)) is not None:
            return name, element.get("type")
    return "passed", None


def test_junit_has_a_suite_for_each_session_with_right_counts() -> None:
    found = suites(everything())
    assert list(found) == ["p1", "p2-p3", "drills", "components", "expectations", "verdict"]
    keys = ("tests", "failures", "errors", "skipped")
    assert [found["p1"].attrib[key] for key in keys] == ["8", "2", "1", "2"]
    for suite in found.values():
        cases = suite.findall("testcase")
        results = [outcome(case)[0] for case in cases]
        assert suite.attrib["tests"] == str(len(cases))
        assert suite.attrib["failures"] == str(results.count("failure"))
        assert suite.attrib["errors"] == str(results.count("error"))
        assert suite.attrib["skipped"] == str(results.count("skipped"))
    root = ET.fromstring(as_junit(report_of(everything())))  # noqa: S314
    assert root.attrib["tests"] == str(sum(int(s.attrib["tests"]) for s in found.values()))


def test_junit_says_what_became_of_each_trial() -> None:
    cases = {
        case.attrib["name"]: case for case in suites(everything("boom"))["p1"].iter("testcase")
    }
    assert {name: outcome(case) for name, case in cases.items()} == {
        "test_api": ("passed", None),
        "test_flow": ("passed", None),
        "test_failed": ("failure", "failed"),
        "test_errored": ("error", "errored"),
        "test_blocked": ("failure", "blocked"),
        "test_skipped": ("skipped", "skipped"),
        "test_flaky": ("passed", None),
        "test_lost": ("skipped", "not_measured"),
    }
    failed = cases["test_failed"]
    assert failed.attrib["classname"] == "trials.test_p1_flow.TestFlow"
    assert failed.attrib["file"] == "trials/test_p1_flow.py"
    assert failed.attrib["time"] == "0.750"
    failure = failed.find("failure")
    assert failure is not None
    assert failure.attrib["message"] == "boom"
    assert failure.text == "def t():\nE   boom"
    properties = {
        (one.attrib["name"], one.attrib["value"]) for one in cases["test_flaky"].iter("property")
    }
    assert {
        ("outcome", "passed"),
        ("priority", "p1"),
        ("flaky", "true"),
        ("criterion", "C-7"),
        ("assertions_checked", "5"),
        ("exercises", "status tracking"),
    } <= properties


@pytest.mark.parametrize(
    ("run", "result"),
    [
        (b.run_with(), ("passed", None)),
        (b.run_without(r.TrialFinished, r.Collected), ("failure", "failed")),
        (b.run_of(b.health(b.API, Health.UNHEALTHY)), ("failure", "failed")),
        (b.run_with(r.Interrupted(signal="SIGINT")), ("error", "errored")),
    ],
)
def test_junit_is_red_whenever_the_verdict_is(run: object, result: tuple[str, str]) -> None:
    [case] = suites(run)["verdict"].iter("testcase")
    assert outcome(case) == result


@given(value=any_text)
@settings(max_examples=60, deadline=None)
def test_junit_is_valid_xml_whatever_a_trial_prints(value: str) -> None:
    assert len(suites(everything(value))) == 6


def test_junit_keeps_what_xml_can_hold() -> None:
    value = "tab\t <é> 😀 \x1b[31mred\x1b[0m \x00 \ud800"
    found = suites(everything(value))["p1"]
    [failure] = [f for f in found.iter("failure") if f.get("type") == "failed"]
    assert failure.text == "def t():\nE   tab\t <é> 😀 red \\x00 \\ud800"


# Drills

DRILLS = {
    "db.away": ("passed", "db.stopped: boom"),
    "db.lies": ("failed", "not named, but api.unhealthy: boom"),
    "db.unseen": ("failed", "nothing was said"),
    "db.none": ("skipped", "skipped: boom"),
    "db.stays": ("failed", "left behind: boom"),
}


def test_every_report_says_of_each_drill_what_was_said() -> None:
    report = report_of(everything("boom"))
    assert report.drill_score == 0.5
    assert {one.name: (one.status, one.line) for one in report.drills} == DRILLS
    html, markdown = Page(as_html(report)).text, as_markdown(report)
    assert "0.5 (2 of 4 named)" in html
    assert "## Drills: score 0.5 (2 of 4 named)" in markdown
    for name, (status, line) in DRILLS.items():
        assert re.search(f"{status}{name}{name} on purpose{line}", html)
        assert re.search(rf"\| {name} \| {status} \| {line} \|", markdown)
    assert "| db.away | passed | db.stopped: boom | check | 0.2 s |" in markdown
    cases = {
        one.attrib["name"]: one for one in suites(everything("boom"))["drills"].iter("testcase")
    }
    words = {"passed": None, "failed": "failed", "skipped": "skipped"}
    assert {name: outcome(case)[1] for name, case in cases.items()} == {
        name: words[status] for name, (status, _) in DRILLS.items()
    }
    assert cases["db.away"].attrib["time"] == "0.250"


def test_no_report_of_a_run_speaks_of_drills() -> None:
    report = report_of(b.run_with())
    assert (report.drills, report.drill_score) == ((), None)
    for shown in (as_html(report), as_markdown(report), as_junit(report)):
        assert "rill" not in shown


# Markdown


def test_markdown_says_the_verdict_first_and_why() -> None:
    lines = as_markdown(report_of(b.run_with())).splitlines()
    assert lines[0] == "# ✅ go: shop"
    assert "Exit code 0" in lines[2]
    assert lines[4] == "## Why"
    assert lines[6] == "- 2 p1 trials passed"


def test_markdown_of_a_bad_run_names_finding_fix_trial_and_budget() -> None:
    shown = as_markdown(report_of(everything("boom")))
    assert shown.startswith("# 🚫 invalid: shop")
    for wanted in (
        "### p1 postgres.refused",
        "- to do: boom",
        "| p1 | failed | trials/test_p1_flow.py::TestFlow::test_failed | boom |",
        "| postgres | http | unhealthy | disconnected | 3.2 ms | boom | boom |",
        "| never | p3 | 0.5 s |  | not measured |",
        "- activities: status tracking",
        "| p1 | 3 | 1 | 1 | 1 | 1 | 1 |",
        f"| postgres | postgres:15 | {b.IMAGE_ID} | {b.DIGEST.replace('@', '&#64;')} |",
    ):
        assert wanted in shown.splitlines(), wanted


def columns(row: str) -> int:
    return len(re.findall(r"(?<!\\)(?:\\\\)*\|", row))


@given(value=any_text)
@settings(max_examples=60, deadline=None)
def test_no_text_breaks_a_table_or_becomes_markup(value: str) -> None:
    plain = as_markdown(report_of(everything("boom"))).splitlines()
    shown = as_markdown(report_of(everything(value))).splitlines()
    assert len(shown) <= len(plain)  # a text without a visible character leaves its line out
    assert not [line for line in shown if re.search(r"<|(?<!\\)(?:\\\\)*`", line)]
    width = 0
    for line in shown:
        if line.startswith("|"):
            width = width or columns(line)
            assert columns(line) == width, line
        else:
            width = 0


@given(value=any_text)
def test_escaped_text_stays_text(value: str) -> None:
    shown = text(value)
    assert "\n" not in shown
    assert not re.search(r"(?<!\\)(?:\\\\)*[`*\[\]|~$]", shown)
    assert not re.search(r"[<>@]", shown)
    assert not re.match(r"[-+#=]|\d+[.)]", shown)


def test_escaped_text_reads_as_it_was() -> None:
    assert text("a_b is 1.5 s (99 %), at-least http://h:1/x#y") == (
        "a_b is 1.5 s (99 %), at-least http://h:1/x#y"
    )
    assert text("_x_ a|b <b> & @me") == "\\_x\\_ a\\|b &lt;b&gt; &amp; &#64;me"
    assert text("1. one") == "1\\. one"
    assert text("x" * 1000) == "x" * 497 + "..."


def test_markdown_stays_short_when_much_went_wrong() -> None:
    trials = [b.trial(f"t::{n}", Outcome.FAILED, error="E " + "x" * 900) for n in range(2000)]
    shown = as_markdown(report_of(b.run_with(*trials)))
    assert len(shown.encode()) < 200_000
    assert "and 1950 more" in shown


# HTML


class Page(HTMLParser):
    """What a browser would make of the page: tags, texts, and whatever it would load or run."""

    VOID = ("meta", "br")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


ELEMENTS = {
    *("html", "head", "meta", "title", "style", "body", "main", "header", "section", "div"),
    *("h1", "h2", "h3", "p", "strong", "ul", "li", "dl", "dt", "dd", "pre", "details", "summary"),
    *("table", "caption", "thead", "tbody", "tr", "th", "td", "span", "br"),
}


@given(value=any_text)
@settings(max_examples=40, deadline=None)
def test_html_holds_no_element_but_its_own_whatever_a_trial_prints(value: str) -> None:
    page = Page(as_html(report_of(everything(value))))
    assert page.tags <= ELEMENTS
    names = {name for name, _ in page.attributes}
    assert names <= {"lang", "charset", "http-equiv", "content", "name", "class", "scope"}


def test_html_of_hostile_text_shows_it_and_does_not_run_it() -> None:
    page = Page(as_html(report_of(everything(HOSTILE))))
    assert "script" not in page.tags
    assert "<script>alert(1)</script>" in page.text
    assert "red \\x00\\x07\\u202e\\ufffe end" in page.text


def test_html_needs_nothing_from_elsewhere() -> None:
    html = as_html(report_of(b.run_with()))
    assert "default-src 'none'" in html
    assert not re.search(r"url\(|@import|\ssrc=|\shref=", html)
    assert "color-scheme: light dark" in html


def test_html_says_everything_that_matters() -> None:
    shown = Page(as_html(report_of(everything("boom")))).text
    for wanted in (
        "invalid",
        "postgres.refused",
        "trials/test_p1_flow.py::TestFlow::test_failed",
        "(flaky)",
        "status tracking",
        "postgresql://shop:***@127.0.0.1:5432/shop",
        "paused (replica 1), by a fault",
        "postgres:15",
        b.IMAGE_ID,
        b.DIGEST,
    ):
        assert wanted in shown, wanted


def test_html_tables_are_named_and_headed() -> None:
    html = as_html(report_of(everything()))
    assert html.count("<table>") == html.count("<caption>") == 10
    rows = html.count("<tr>")
    assert html.count('scope="row"') == rows - html.count("<thead>")
