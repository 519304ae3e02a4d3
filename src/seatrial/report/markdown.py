"""summary.md, for a CI's job summary: the verdict first, then why, then what to do.

Whatever comes from outside (errors, names, bodies) is escaped: it can neither break a table nor
become markup, a link, a picture or a mention.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from seatrial.outcome import Outcome, Priority, Verdict
from seatrial.report.model import (
    BudgetPart,
    ComponentPart,
    EnvironmentPart,
    FindingPart,
    Report,
    SteadyPart,
    TrialPart,
)
from seatrial.report.text import at_second, visible

_SIGNS = {
    Verdict.GO: "✅",
    Verdict.NO_GO: "❌",
    Verdict.INCONCLUSIVE: "⚠️",
    Verdict.INVALID: "🚫",
}
_MOST = 50  # entries of a list; a CI cuts a summary at 1 MiB
_LONGEST = 500  # characters of one text

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "&#64;"}
#: What Markdown acts on anywhere; an underscore only at the edge of a word.
_PUNCTUATION = re.compile(r"[\\`*\[\]|~$]|(?<!\w)_|_(?!\w)")
#: What it acts on at the beginning of a line.
_LEADING = re.compile(r"^([-+#=]|\d+[.)])")


def as_markdown(report: Report) -> str:
    return "\n".join(_blocks(report)) + "\n"


def text(value: str) -> str:
    """A text on one line, with nothing in it that Markdown or HTML would act on."""
    flat = " ".join(visible(value).split())
    flat = flat if len(flat) <= _LONGEST else flat[: _LONGEST - 3] + "..."
    flat = _PUNCTUATION.sub(r"\\\g<0>", flat)
    for plain, entity in _ENTITIES.items():
        flat = flat.replace(plain, entity)
    return _LEADING.sub(lambda found: f"{found[0][:-1]}\\{found[0][-1]}", flat)


def _blocks(report: Report) -> Iterator[str]:
    verdict = report.verdict.replace("_", "-")
    yield f"# {_SIGNS[report.verdict]} {verdict}: {text(report.system)}"
    yield ""
    yield from _facts(report)
    yield from _listed("## Why", [text(reason.text) for reason in report.reasons])
    yield from _findings(report.findings)
    yield from _drills(report)
    yield from _bad_trials(report.trials)
    yield from _counts(report)
    yield from _components(report.components)
    yield from _images(report.environment)
    yield from _budgets(report.budgets)
    yield from _steady(report.steady)
    yield from _exercised(report)
    yield from _listed("## Warnings", [text(warning.text) for warning in report.warnings])


def _facts(report: Report) -> Iterator[str]:
    took = "unknown" if report.duration_s is None else f"{report.duration_s:.1f} s"
    started = at_second(report.started) if report.started else "unknown"
    yield (
        f"Exit code {report.exit_code} · environment {text(report.environment.name)} · "
        f"started {started} · took {took} · run {text(report.run_id)}"
    )
    yield ""


def _listed(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield title
        yield ""
        yield from (f"- {line}" for line in lines[:_MOST])
        if len(lines) > _MOST:
            yield f"- and {len(lines) - _MOST} more"
        yield ""


def _table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    lines = [f"| {' | '.join(row)} |" for row in rows]
    if lines:
        yield title
        yield ""
        yield f"| {' | '.join(head)} |"
        yield f"|{' --- |' * len(head)}"
        yield from lines[:_MOST]
        if len(lines) > _MOST:
            yield f"| and {len(lines) - _MOST} more |{' |' * (len(head) - 1)}"
        yield ""


def _findings(findings: Sequence[FindingPart]) -> Iterator[str]:
    if not findings:
        return
    yield "## Findings"
    yield ""
    for finding in findings[:_MOST]:
        yield f"### {finding.priority} {text(finding.id)}"
        yield ""
        yield f"- expected: {text(finding.expected)}"
        yield f"- found: {text(finding.found)}"
        if finding.fix:
            yield f"- to do: {text(finding.fix)}"
        if finding.blocks:
            yield f"- blocks: {text(', '.join(finding.blocks))}"
        yield ""
    if len(findings) > _MOST:
        yield f"and {len(findings) - _MOST} more"
        yield ""


def _bad_trials(trials: Sequence[TrialPart]) -> Iterator[str]:
    bad = [trial for trial in trials if trial.status is not Outcome.PASSED]
    rows = (
        (trial.priority, trial.status, text(trial.node), text(trial.gist))
        for trial in sorted(bad, key=lambda trial: trial.priority)
    )
    head = ("Priority", "Outcome", "Trial", "Why")
    yield from _table("## Trials that did not pass", head, rows)


def _counts(report: Report) -> Iterator[str]:
    rows = [
        (priority, *(str(report.counts[priority][outcome]) for outcome in Outcome))
        for priority in Priority
        if any(report.counts[priority].values())
    ]
    head = ("Priority", *(outcome.replace("_", " ") for outcome in Outcome))
    yield from _table("## Trials", head, rows)


def _components(components: Sequence[ComponentPart]) -> Iterator[str]:
    rows = (
        (
            text(one.name),
            text(one.kind),
            one.status,
            one.connection or "",
            "" if one.response_time_ms is None else f"{one.response_time_ms:.1f} ms",
            text(one.version or ""),
            text(one.error or one.note or ""),
        )
        for one in components
    )
    head = ("Component", "Kind", "Health", "Connection", "Response", "Version", "Error")
    yield from _table("## Components", head, rows)


def _images(where: EnvironmentPart) -> Iterator[str]:
    rows = (
        (text(component), text(one.reference), text(one.id), text(", ".join(one.digests)))
        for component, some in where.images.items()
        for one in some
    )
    yield from _table("## Images", ("Component", "Image", "Id", "Digests"), rows)


def _budgets(budgets: Sequence[BudgetPart]) -> Iterator[str]:
    words = {True: "kept", False: "missed", None: "not measured"}
    rows = (
        (
            text(one.name),
            one.priority,
            f"{one.limit_s:g} s",
            "" if one.measured_s is None else f"{one.measured_s:.3f} s",
            words[one.kept],
        )
        for one in budgets
    )
    yield from _table("## Budgets", ("Budget", "Priority", "Limit", "Measured", "Outcome"), rows)


def _steady(watched: Sequence[SteadyPart]) -> Iterator[str]:
    rows = (
        (
            text(one.what),
            one.status.replace("_", " "),
            text(one.allowed or "never broken"),
            f"{one.samples} in {one.duration_s:.1f} s",
            text("; ".join(one.lines)),
        )
        for one in watched
    )
    head = ("Steady state", "Outcome", "Allowed", "Looks", "When it did not hold")
    yield from _table("## Steady states", head, rows)


def _drills(report: Report) -> Iterator[str]:
    rows = (
        (
            text(one.name),
            one.status,
            text(one.line),
            one.by or "",
            "" if one.seconds is None else f"{one.seconds:.1f} s",
        )
        for one in sorted(report.drills, key=lambda one: one.status is Outcome.PASSED)
    )
    head = ("Drill", "Outcome", "What was said", "By", "Named after")
    yield from _table(f"## Drills: score {report.score}", head, rows)


def _exercised(report: Report) -> Iterator[str]:
    shown = report.exercised
    lines = [
        f"{name}: {text(', '.join(values))}"
        for name, values in (
            ("activities", shown.activities),
            ("components", shown.components),
            ("criteria", shown.criteria),
            ("requests", [f"{one.component} {one.request}" for one in shown.requests]),
        )
        if values
    ]
    yield from _listed("## What was exercised", lines)
