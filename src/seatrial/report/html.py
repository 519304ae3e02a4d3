"""report.html: one file that needs nothing else; no script, no network, any colour scheme.

Everything that comes from outside is escaped, and the page's own policy forbids the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape as escape_html

from seatrial.outcome import Outcome, Priority
from seatrial.report.model import FindingPart, ReasonPart, Report, TrialPart
from seatrial.report.text import at_second, visible

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881;
  --good: light-dark(#176f2c, #5fd37c); --bad: light-dark(#b3261e, #ff8a80);
  --warn: light-dark(#7a5200, #ffca5c) }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 72rem; padding: 1rem }
h1 { font-size: 1.6rem } h2 { font-size: 1.2rem; margin-top: 2rem }
h3 { font-size: 1rem; margin-bottom: 0 }
.verdict { border-left: .5rem solid; padding: .25rem 1rem; background: var(--soft) }
.go, .passed, .healthy, .kept { color: var(--good) }
.no_go, .invalid, .failed, .errored, .blocked, .unhealthy, .missed { color: var(--bad) }
.inconclusive, .skipped, .not_measured, .unknown { color: var(--warn) }
.wide { overflow-x: auto } table { border-collapse: collapse; width: 100% }
caption { text-align: left; font-weight: bold; padding: .5rem 0 }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .6rem; text-align: left;
  vertical-align: top; overflow-wrap: break-word } tbody th { font-weight: inherit }
tbody th, td:last-child { overflow-wrap: anywhere; min-width: 9rem }
pre { background: var(--soft); padding: .75rem; overflow-x: auto; white-space: pre-wrap;
  overflow-wrap: anywhere }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: .25rem 0 }
dd { margin: 0; overflow-wrap: anywhere }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


class Markup(str):
    """A string that is HTML already; any other string is text."""

    __slots__ = ()


def as_html(report: Report) -> str:
    title = f"{report.verdict.replace('_', '-')}: {report.system}"
    return "\n".join(
        (
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title>",
            f"<style>{_STYLE}</style>",
            "</head>",
            "<body>",
            "<main>",
            *_sections(report),
            "</main>",
            "</body>",
            "</html>",
            "",
        )
    )


def escape(value: str) -> Markup:
    """Text as HTML; what is HTML already stays."""
    return value if isinstance(value, Markup) else Markup(escape_html(visible(value)))


def _sections(report: Report) -> Iterator[str]:
    yield from _head(report)
    yield from _findings(report.findings)
    yield from _drills(report)
    yield from _trials(report)
    yield from _components(report)
    yield from _expectations(report)
    yield from _budgets(report)
    yield from _steady(report)
    yield from _exercised(report)
    yield from _reasons("Warnings", report.warnings)
    yield from _environment(report)
    yield from _timeline(report)


def _head(report: Report) -> Iterator[str]:
    verdict = escape(report.verdict.replace("_", "-"))
    yield "<header>"
    yield f"<h1>{escape(report.system)}</h1>"
    yield f'<p class="verdict {report.verdict}"><strong>{verdict}</strong></p>'
    took = "unknown" if report.duration_s is None else f"{report.duration_s:.1f} s"
    yield _facts(
        ("Exit code", str(report.exit_code)),
        ("Environment", report.environment.name),
        ("Started", at_second(report.started) if report.started else "unknown"),
        ("Took", took),
        ("Run", report.run_id),
    )
    yield "</header>"
    yield from _reasons("Why", report.reasons)


def _reasons(title: str, reasons: Sequence[ReasonPart]) -> Iterator[str]:
    if reasons:
        yield f"<section><h2>{title}</h2><ul>"
        for reason in reasons:
            yield f"<li>{escape(reason.text)}</li>"
        yield "</ul></section>"


def _findings(findings: Sequence[FindingPart]) -> Iterator[str]:
    if not findings:
        return
    yield "<section><h2>Findings</h2>"
    for finding in findings:
        yield f"<h3>{escape(finding.priority)} {escape(finding.id)}</h3>"
        yield _facts(
            ("Expected", finding.expected),
            ("Found", finding.found),
            ("To do", finding.fix),
            ("Blocks", ", ".join(finding.blocks)),
        )
    yield "</section>"


def _trials(report: Report) -> Iterator[str]:
    if report.drills and not report.trials:
        return
    counts = [
        (priority, *(str(report.counts[priority][outcome]) for outcome in Outcome))
        for priority in Priority
        if any(report.counts[priority].values())
    ]
    head = ("Priority", *(outcome.replace("_", " ") for outcome in Outcome))
    yield "<section><h2>Trials</h2>"
    yield from _table("How many", head, counts)
    rows = [
        (trial.priority, _status(trial.status), _named(trial), _seconds(trial.duration_s))
        for trial in report.trials
    ]
    yield from _table("Each of them", ("Priority", "Outcome", "Trial", "Took"), rows, named=2)
    yield "</section>"


def _named(trial: TrialPart) -> Markup:
    parts = [escape(trial.node), " (flaky)" if trial.flaky else ""]
    if trial.gist:
        parts.append(f"<br>{escape(trial.gist)}")
    if trial.error:
        parts.append(
            f"<details><summary>The whole failure</summary><pre>{escape(trial.error)}</pre>"
            "</details>"
        )
    return Markup("".join(parts))


def _components(report: Report) -> Iterator[str]:
    rows = [
        (
            one.name,
            one.kind,
            _status(one.status),
            one.connection or "",
            "" if one.response_time_ms is None else f"{one.response_time_ms:.1f} ms",
            one.version or "",
            one.error or one.note or "",
        )
        for one in report.components
    ]
    head = ("Component", "Kind", "Health", "Connection", "Response", "Version", "Error")
    yield from _table("Components", head, rows)


def _expectations(report: Report) -> Iterator[str]:
    rows = [
        (one.priority, _status(one.status), one.id, one.expected, one.found, one.fix)
        for one in report.expectations
    ]
    head = ("Priority", "Outcome", "Expectation", "Expected", "Found", "To do")
    yield from _table("Expectations", head, rows, named=2)


def _budgets(report: Report) -> Iterator[str]:
    words = {True: "kept", False: "missed", None: "not_measured"}
    rows = [
        (
            one.priority,
            _status(words[one.kept]),
            one.name,
            f"{one.limit_s:g} s",
            _seconds(one.measured_s),
        )
        for one in report.budgets
    ]
    yield from _table(
        "Budgets", ("Priority", "Outcome", "Budget", "Limit", "Measured"), rows, named=2
    )


def _steady(report: Report) -> Iterator[str]:
    rows = [
        (
            _status(one.status),
            Markup(f"{escape(one.what)}<br>{escape(one.node)}"),
            one.allowed or "never broken",
            f"{one.samples} in {one.duration_s:.1f} s",
            Markup("<br>".join(escape(line) for line in one.lines)),
        )
        for one in report.steady
    ]
    head = ("Outcome", "Steady state", "Allowed", "Looks", "When it did not hold")
    yield from _table("Steady states", head, rows, named=1)


def _drills(report: Report) -> Iterator[str]:
    if not report.drills:
        return
    rows = [
        (
            _status(one.status),
            Markup(f"{escape(one.name)}<br>{escape(one.title)}"),
            one.line,
            one.by or "",
            _seconds(one.seconds),
        )
        for one in report.drills
    ]
    head = ("Outcome", "Drill", "What was said", "By", "Named after")
    yield "<section><h2>Drills</h2>"
    yield _facts(("Score", report.score))
    yield from _table("Each of them", head, rows, named=1)
    yield "</section>"


def _exercised(report: Report) -> Iterator[str]:
    shown = report.exercised
    requests = "\n".join(f"{one.count} x {one.component} {one.request}" for one in shown.requests)
    facts = (
        ("Activities", ", ".join(shown.activities)),
        ("Components", ", ".join(shown.components)),
        ("Criteria", ", ".join(shown.criteria)),
        ("Requests", Markup(escape(requests).replace("\n", "<br>"))),
    )
    if any(value for _, value in facts):
        yield f"<section><h2>What was exercised</h2>{_facts(*facts)}</section>"


def _environment(report: Report) -> Iterator[str]:
    where = report.environment
    rows = [
        (component, endpoint, ", ".join(urls))
        for component, endpoints in where.endpoints.items()
        for endpoint, urls in endpoints.items()
    ]
    yield "<section><h2>Environment</h2>"
    yield _facts(
        ("Provider", where.provider),
        ("Capabilities", ", ".join(where.capabilities)),
        ("Seatrial", where.seatrial_version),
        ("Python", where.python_version),
        ("Platform", where.platform),
    )
    yield from _table("Endpoints", ("Component", "Endpoint", "Address"), rows)
    images = [
        (component, one.reference, one.id, ", ".join(one.digests))
        for component, some in where.images.items()
        for one in some
    ]
    yield from _table("Images", ("Component", "Image", "Id", "Digests"), images)
    yield "</section>"


def _timeline(report: Report) -> Iterator[str]:
    rows = [(f"{one.offset_s:+.3f} s", one.component or "", one.text) for one in report.timeline]
    yield from _table("Time line", ("After", "Component", "What"), rows)


def _facts(*facts: tuple[str, str]) -> Markup:
    items = (f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts if value)
    return Markup(f"<dl>{''.join(items)}</dl>")


def _table(
    caption: str, head: Sequence[str], rows: Sequence[Sequence[str]], named: int = 0
) -> Iterator[str]:
    """`named`: the column that names a row, read out before its cells by a screen reader."""
    if not rows:
        return
    yield f'<div class="wide"><table><caption>{escape(caption)}</caption>'
    cells = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    yield f"<thead><tr>{cells}</tr></thead><tbody>"
    for row in rows:
        cells = "".join(
            f'<th scope="row">{escape(cell)}</th>' if n == named else f"<td>{escape(cell)}</td>"
            for n, cell in enumerate(row)
        )
        yield f"<tr>{cells}</tr>"
    yield "</tbody></table></div>"


def _status(word: str) -> Markup:
    return Markup(f'<span class="{word}">{escape(word.replace("_", " "))}</span>')


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.3f} s"
