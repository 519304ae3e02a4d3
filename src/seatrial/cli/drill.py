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
from seatrial.drills.own import read_own
from seatrial.drills.run import NotGreen
from seatrial.drills.score import Scored, total
from seatrial.errors import DeploymentError
from seatrial.evidence.redaction import Redactor
from seatrial.exercise import Tell, all_drills, chosen, exercise
from seatrial.kinds.drill import Drill
from seatrial.outcome import ExitCode


@click.command()
@click.argument("words", nargs=-1, metavar="[SYSTEM] [NAME...]")
@env_option
@json_option
@click.option("--list", "only_list", is_flag=True, help="Show the drills, and break nothing.")
def command(words: tuple[str, ...], environment: str | None, as_json: bool, only_list: bool) -> int:
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
    progress = Progress()
    try:
        result = exercise(declared, drills, Tell(progress, _tell))
    except NotGreen as error:
        raise DeploymentError(
            f"{declared.name} is not well before anything is broken: {error}",
            hint="seatrial up, then seatrial check: it says what to do",
        ) from error
    if as_json:
        print_json(drill_json(result.drills))
    else:
        _print(result.drills)
        click.echo(f"evidence: {result.folder}")
    return int(exit_code(result.drills))


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


def _tell(one: Scored, redactor: Redactor) -> None:
    """A line on standard error for each drill."""
    if one.skipped:
        word, shade = "skipped", "yellow"
    elif one.good:
        word, shade = "named", "green"
    else:
        word, shade = ("detected" if one.noticed.detected else "missed"), "red"
    took = "" if one.seconds is None else f"{one.seconds:5.1f} s"
    said = one.skipped or one.noticed.cause or ""
    line = f"{colour(f'{word:<8}', shade, err=True)} {took:>7}  {one.name}  {said}"
    click.echo(redactor.redact(line), err=True)
    for left in one.not_mended:
        click.echo(redactor.redact(f"  left behind: {left}"), err=True)


def drill_json(scored: Sequence[Scored]) -> dict[str, JsonValue]:
    """What `drill --json` promises."""
    return {"score": total(scored), "drills": [_one_json(one) for one in scored]}


def _one_json(one: Scored) -> JsonValue:
    document: dict[str, JsonValue] = {
        "name": one.name,
        "detected": one.noticed.detected,
        "named": one.noticed.named,
        "cause": one.noticed.cause,
        "by": one.noticed.by,
        "seconds": None if one.seconds is None else round(one.seconds, 3),
    }
    if one.skipped:
        document["skipped"] = one.skipped
    if one.not_mended:
        document["left_behind"] = list(one.not_mended)
    return document


def _print(scored: Sequence[Scored]) -> None:
    done = [one for one in scored if not one.skipped]
    times = [one.seconds for one in done if one.seconds is not None]
    good = sum(one.good for one in done)
    score = total(scored)
    click.echo(f"score {score if score is None else round(score, 3)}: {good} of {len(done)} named")
    if times:
        click.echo(f"median {median(times):.1f} s, longest {max(times):.1f} s")


def exit_code(scored: Sequence[Scored]) -> ExitCode:
    """What is left behind comes first; a drill that was skipped shows nothing."""
    if any(one.not_mended for one in scored):
        return ExitCode.DOWN
    if any(not one.good and not one.skipped for one in scored):
        return ExitCode.FAILED
    if not scored or any(one.skipped for one in scored):
        return ExitCode.INCONCLUSIVE
    return ExitCode.GO
