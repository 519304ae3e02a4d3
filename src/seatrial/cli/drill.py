"""`seatrial drill`"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import click
from pydantic import JsonValue

from seatrial.cli.options import env_option, json_option, load_system
from seatrial.cli.output import Progress, colour, print_json
from seatrial.cli.run import print_places
from seatrial.drills.own import read_own
from seatrial.evidence.records import DrillFinished
from seatrial.evidence.records.drills import score
from seatrial.evidence.redaction import Redactor
from seatrial.exercise import Tell, all_drills, chosen, exercise
from seatrial.kinds.drill import Drill
from seatrial.outcome import ExitCode


class _Lines(Tell):
    """Progress on standard error, so that standard output holds the result alone."""

    def __init__(self) -> None:
        self.event = Progress()  # type: ignore[method-assign]

    def scored(self, drill: DrillFinished, redactor: Redactor) -> None:
        _tell(drill, redactor)


@click.command()
@click.argument("words", nargs=-1, metavar="[SYSTEM] [NAME...]")
@env_option
@json_option
@click.option(
    "--report-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where report.json, report.html, junit.xml and summary.md go (default: the run's folder).",
)
@click.option("--list", "only_list", is_flag=True, help="Show the drills, and break nothing.")
def command(
    words: tuple[str, ...],
    environment: str | None,
    as_json: bool,
    report_dir: Path | None,
    only_list: bool,
) -> int:
    """Break the system one way at a time, and score what Seatrial says about it.

    It is done on a deployment of its own, which ends with it. NAME may be a pattern: 'api.*'. The
    first word is SYSTEM if there is a folder of that name.
    """
    system, names = _told_apart(words)
    own = read_own(load_system(system, environment).folder)
    for variable, value in own.variables.items():
        os.environ.setdefault(variable, value)  # the keeper reads the declaration with them too
    declared = load_system(system, environment)
    drills = chosen(all_drills(declared, own), names)
    if only_list:
        _list(drills, as_json)
        return int(ExitCode.GO)
    done = exercise(declared, drills, _Lines(), report_dir)
    if as_json:
        print_json(drill_json(done.drills))
    else:
        _print(done.drills)
        print_places(done.result)
    return int(done.result.exit_code)


def _told_apart(words: tuple[str, ...]) -> tuple[Path, tuple[str, ...]]:
    if words and Path(words[0]).exists():
        return Path(words[0]), words[1:]
    return Path(), words


def _list(drills: Sequence[Drill], as_json: bool) -> None:
    if as_json:
        print_json([{"name": d.name, "title": d.title, "by": _by(d)} for d in drills])
        return
    width = max((len(drill.name) for drill in drills), default=0)
    for drill in drills:
        click.echo(f"{drill.name:<{width}}  {drill.title}")


def _by(drill: Drill) -> str:
    return "trial" if drill.trials else "check"


def _tell(one: DrillFinished, redactor: Redactor) -> None:
    """A line on standard error for each drill."""
    if one.skipped:
        word, shade = "skipped", "yellow"
    elif one.good:
        word, shade = "named", "green"
    else:
        word, shade = ("detected" if one.detected else "missed"), "red"
    took = "" if one.seconds is None else f"{one.seconds:5.1f} s"
    said = one.skipped or one.cause or ""
    line = f"{colour(f'{word:<8}', shade, err=True)} {took:>7}  {one.name}  {said}"
    click.echo(redactor.redact(line), err=True)
    for left in one.left_behind:
        click.echo(redactor.redact(f"  left behind: {left}"), err=True)


def drill_json(drills: Sequence[DrillFinished]) -> dict[str, JsonValue]:
    """What `drill --json` promises."""
    return {"score": score(drills), "drills": [_one_json(one) for one in drills]}


def _one_json(one: DrillFinished) -> JsonValue:
    document: dict[str, JsonValue] = {
        "name": one.name,
        "detected": one.detected,
        "named": one.named,
        "cause": one.cause,
        "by": one.by,
        "seconds": None if one.seconds is None else round(one.seconds, 3),
    }
    if one.skipped:
        document["skipped"] = one.skipped
    if one.left_behind:
        document["left_behind"] = list(one.left_behind)
    return document


def _print(drills: Sequence[DrillFinished]) -> None:
    done = [one for one in drills if not one.skipped]
    times = [one.seconds for one in done if one.seconds is not None]
    good, total = sum(one.good for one in done), score(drills)
    click.echo(f"score {total if total is None else round(total, 3)}: {good} of {len(done)} named")
    if times:
        click.echo(f"median {median(times):.1f} s, longest {max(times):.1f} s")
