"""`seatrial init`"""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path

import click
from pydantic import JsonValue

from seatrial.cli.output import print_json
from seatrial.compose.draft import Draft, draft
from seatrial.compose.engine import Container, EngineError, containers
from seatrial.compose.files import NAMES, find
from seatrial.compose.project import Project, read_project
from seatrial.declaration.load import FILE_NAME, load
from seatrial.errors import UsageError
from seatrial.kinds.registry import KINDS

_TRIAL = Path("trials") / "test_p1_first.py"


@click.command()
@click.argument(
    "place", default=".", type=click.Path(exists=True, path_type=Path), metavar="[FOLDER]"
)
@click.option("--force", is_flag=True, help="Write over a seatrial.yaml that is there.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(place: Path, force: bool, as_json: bool) -> int:
    """Write a first seatrial.yaml from the compose file in FOLDER.

    FOLDER may also be the compose file itself. Where its project runs, a look is taken at it;
    nothing is written to it.
    """
    project = read_project(_compose_file(place), os.environ)
    file = project.folder / FILE_NAME
    if file.exists() and not force:
        raise UsageError(f"{file} is there already", hint="edit it, or write over it: --force")
    written, running = asyncio.run(_draft(project))
    file.write_text(written.text())
    load(file, KINDS, variables=os.environ)  # what we wrote must be what we read
    trial = _write_trial(project.folder, written)
    if as_json:
        print_json(init_json(written, file, trial, project, running))
    else:
        _print(written, project, trial, running)
    return 0


def _compose_file(place: Path) -> Path:
    if place.is_file():
        return place
    file = find(place)
    if file is None:
        raise UsageError(
            f"{place.resolve()} has no compose file ({', '.join(NAMES)})",
            hint="name the folder or the file; without Compose, write seatrial.yaml by hand: "
            "docs/declaration.md",
        )
    return file


async def _draft(project: Project) -> tuple[Draft, bool]:
    """The draft, and whether the project was there to be looked at."""
    found: list[Container] = []
    with contextlib.suppress(EngineError):  # without an engine, the files have to do
        found = await containers(project.name)
    return await draft(project, KINDS, found), bool(found)


def _write_trial(folder: Path, written: Draft) -> Path | None:
    """A first trial, where there are none yet."""
    if (folder / _TRIAL).parent.exists():
        return None
    (folder / _TRIAL).parent.mkdir()
    (folder / _TRIAL).write_text(written.trial())
    return _TRIAL


def init_json(
    written: Draft, file: Path, trial: Path | None, project: Project, running: bool
) -> dict[str, JsonValue]:
    """What `init --json` promises."""
    return {
        "file": str(file),
        "trial": None if trial is None else str(trial),
        "project": project.name,
        "running": running,
        "components": {
            part.name: {
                "service": part.service,
                "kind": part.kind,
                "because": part.because,
                "settings": dict(part.settings),
                "needs": list(part.needs),
                "unknown": list(part.unknown),
            }
            for part in written.parts
        },
        "left_out": dict(written.left_out),
        "unset_variables": list(project.unset),
    }


def _print(written: Draft, project: Project, trial: Path | None, running: bool) -> None:
    state = "running" if running else "not running: only its files were read"
    click.echo(f"{FILE_NAME}: {len(written.parts)} components of {written.compose}")
    click.echo(f"project {project.name}: {state}")
    click.echo("\nguessed:")
    width = max(len(part.name) for part in written.parts)
    for part in written.parts:
        health = f", health {part.settings['health']}" if "health" in part.settings else ""
        needs = f", needs {' '.join(part.needs)}" if part.needs else ""
        click.echo(f"  {part.name:<{width}}  {part.kind:<9} {part.because}{health}{needs}")
    unknown = [f"{part.name}: {what}" for part in written.parts for what in part.unknown]
    unknown += [f"{name}: left out, {why}" for name, why in written.left_out.items()]
    unknown += [f"${name}: not set, so it is empty" for name in project.unset]
    if unknown:
        click.echo("\nnot known:")
        for line in unknown:
            click.echo(f"  {line}")
    if trial is not None:
        click.echo(f"\n{trial}: a first trial; run it with pytest")
    click.echo(f"\nnext: {'' if running else project.compose() + ' up -d; '}seatrial check")
