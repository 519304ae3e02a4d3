"""`seatrial init`"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

import click
from pydantic import JsonValue

from seatrial.cli.options import load_system
from seatrial.cli.output import print_json
from seatrial.compose.draft import Draft, draft
from seatrial.compose.earshot import with_listeners
from seatrial.compose.engine import EngineError
from seatrial.compose.files import NAMES, find
from seatrial.compose.ignore import Unignored, unignored
from seatrial.compose.project import Project, read_project
from seatrial.compose.running import (
    Amiss,
    Running,
    Seen,
    amiss,
    compose_file,
    look_for,
    running_projects,
)
from seatrial.compose.workflow import GITHUB, PROMOTE, ROLLBACK, Workflow, root_of
from seatrial.declaration.load import FILE_NAME, load
from seatrial.declaration.models import System
from seatrial.errors import UsageError
from seatrial.kinds.registry import KINDS
from seatrial.writable import writable

_TRIAL = Path("trials") / "test_p1_first.py"
_WRITTEN = (".seatrial", "reports")  # by runs: their evidence, and reports where docs/ci.md says
_RIGHTS = "see to the rights of its folder, and to free space"


@click.command()
@click.argument(
    "place", default=".", type=click.Path(exists=True, path_type=Path), metavar="[FOLDER]"
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@click.option("--ci", type=click.Choice(["github"]), help="Write a CI workflow instead.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(place: Path, force: bool, ci: str | None, as_json: bool) -> int:
    """Write a first seatrial.yaml from the compose file in FOLDER.

    FOLDER may also be the compose file itself. Where its project runs, a look is taken at it;
    nothing is written to it. In a folder without a compose file, that of a project counts which
    was started from one below it. With --ci, a workflow for the system of the seatrial.yaml in
    FOLDER is written instead, into the repository that it is in.
    """
    if ci is not None:
        return _write_workflow(place, force, as_json)
    project = _project(place)
    file = project.folder / FILE_NAME
    _spare(file, force)
    written, running, why = asyncio.run(_draft(project))
    _write(file, written.text())
    load(file, KINDS, variables=os.environ)  # what we wrote must be what we read
    trial = _write_trial(project.folder, written)
    taken_up = unignored(project, _WRITTEN)
    if as_json:
        print_json(init_json(written, file, trial, project, running, taken_up, why))
    else:
        _print(written, project, trial, running, taken_up, why)
    return 0


def _spare(file: Path, force: bool) -> None:
    """Raise UsageError for a file that is there, and for a link, wherever that leads."""
    if file.is_symlink():
        raise UsageError(f"{file} is a link, which init does not follow", hint="remove it first")
    if file.exists() and not force:
        raise UsageError(f"{file} is there already", hint="edit it, or write over it: --force")


def _write(file: Path, text: str) -> None:
    """No link is followed, should one have come meanwhile. Raises UsageError."""
    how = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    with writable(file, _RIGHTS), open(os.open(file, how, 0o666), "w") as stream:
        stream.write(text)


def _write_workflow(place: Path, force: bool, as_json: bool) -> int:
    system = _in_containers(place)
    folder, compose = system.folder.resolve(), system.compose_file
    assert compose is not None
    root = root_of(folder)
    workflow = Workflow(
        environment=system.environment,
        folder=folder.relative_to(root).as_posix(),
        compose_folder=os.path.relpath(compose.parent, system.folder),
        compose=read_project(compose, os.environ).compose("docker compose"),
    )
    file = root / GITHUB
    _spare(file, force)
    if not file.parent.resolve().is_relative_to(root.resolve()):
        raise UsageError(f"{file.parent} leads out of {root}", hint="remove the link")
    with writable(file, _RIGHTS):
        file.parent.mkdir(parents=True, exist_ok=True)
    _write(file, workflow.github())
    if as_json:
        print_json({"workflow": str(file), "environment": system.environment})
        return 0
    click.echo(f"{file}: builds, runs the environment {system.environment}, keeps the reports")
    click.echo("\nyours to say:")
    click.echo("  what pip installs Seatrial from: the repository's variable SEATRIAL")
    click.echo(f"  what follows a go: {folder / PROMOTE}; a no_go: {folder / ROLLBACK}")
    if (folder / ".env").exists():
        click.echo("  what .env says here, in the workflow's `env`, where it is not checked in")
    return 0


def _in_containers(place: Path) -> System:
    """The system in its environment of provider compose. Raises UsageError where it has none."""
    system = load_system(place, None)
    if system.compose_file is not None:
        return system
    provided = system.environments.items()
    name = next((name for name, config in provided if config.provider == "compose"), None)
    if name is None:
        raise UsageError(
            f"{system.file}: no environment of it runs in containers, as CI would run it",
            hint="add one: environments: {compose: {provider: compose, file: compose.yaml}}",
        )
    return load_system(place, name)


def _project(place: Path) -> Project:
    """By a file, else by what runs. Raises UsageError."""
    file = place if place.is_file() else find(place, os.environ)
    if file is not None:
        return read_project(file, os.environ)
    runs = _running_in(place.resolve())
    first = runs.files[0]
    if not first.is_file():
        raise UsageError(
            f"the project {runs.name} was started from {first}, which is not there any more",
            hint="get its file back: it says what the services are",
        )
    project = read_project(first, os.environ)
    if more := [str(file) for file in runs.files if file not in project.files]:
        raise UsageError(
            f"the project {runs.name} was started from {first} and {', '.join(more)}",
            hint=compose_file(project, runs.files),
        )
    if project.name != runs.name:
        raise UsageError(
            f"the project runs as {runs.name}, and by {first} it is {project.name}",
            hint=f"put COMPOSE_PROJECT_NAME={runs.name} into {first.parent / '.env'}",
        )
    return project


def _running_in(folder: Path) -> Running:
    """The one project that was started from a file in the folder. Raises UsageError."""
    projects: list[Running] = []
    with contextlib.suppress(EngineError):  # without an engine nothing runs that could be seen
        projects = asyncio.run(running_projects())
    here = [one for one in projects if one.lies_in(folder)]
    if len(here) == 1:
        return here[0]
    if here:
        files = ", ".join(str(one.files[0]) for one in here)
        raise UsageError(
            f"several projects run from files in {folder}: {', '.join(one.name for one in here)}",
            hint=f"name the file of one: {files}",
        )
    raise UsageError(
        f"{folder} has no compose file ({', '.join(NAMES)}), and no project runs from one in it",
        hint="name the folder or the file; without Compose, write seatrial.yaml by hand "
        "(seatrial schema)",
    )


async def _draft(project: Project) -> tuple[Draft, bool, Amiss | None]:
    """The draft, whether the project was there to be looked at, and whether it is another one."""
    seen, why = Seen([], []), None
    with contextlib.suppress(EngineError):  # without an engine, the files have to do
        seen = await look_for(project)
        why = await amiss(project, seen)
    return await draft(project, KINDS, with_listeners(seen.ours)), bool(seen.ours), why


def _write_trial(folder: Path, written: Draft) -> Path | None:
    """A first trial, where there are none yet."""
    file = folder / _TRIAL
    if os.path.lexists(file.parent):
        return None
    with writable(file, _RIGHTS):
        file.parent.mkdir()
    _write(file, written.trial())
    return _TRIAL


def init_json(
    written: Draft,
    file: Path,
    trial: Path | None,
    project: Project,
    running: bool,
    taken_up: Sequence[Unignored],
    why: Amiss | None,
) -> dict[str, JsonValue]:
    """What `init --json` promises."""
    return {
        "file": str(file),
        "trial": None if trial is None else str(trial),
        "project": project.name,
        "running": running,
        "amiss": None if why is None else f"{why.found}: {why.fix}",
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
        "dockerignore": {str(one.file): list(one.missing) for one in taken_up},
    }


def _print(
    written: Draft,
    project: Project,
    trial: Path | None,
    running: bool,
    taken_up: Sequence[Unignored],
    other: Amiss | None,
) -> None:
    state = "running" if running else "not running: only its files were read"
    files = ", ".join(os.path.relpath(one, project.folder) for one in project.layers)
    click.echo(f"{FILE_NAME}: {len(written.parts)} components of {files}")
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
    if other is not None:
        unknown.append(f"project {project.name}: {other.found}; {other.fix}")
    if unknown:
        click.echo("\nnot known:")
        for line in unknown:
            click.echo(f"  {line}")
    if trial is not None:
        click.echo(f"\n{trial}: a first trial; run it with pytest")
    for one in taken_up:
        file = os.path.relpath(one.file, project.folder)
        click.echo(
            f"\n{file}: put {' and '.join(one.missing)} there; else every run changes what "
            f"{', '.join(one.services)} {'is' if len(one.services) == 1 else 'are'} built from"
        )
    start = "" if running or other is not None else f"{project.compose()} up -d; "
    click.echo(f"\nnext: {start}seatrial check")
